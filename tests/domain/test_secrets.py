"""Where a secret may stand in a manifest, where it may be read from, and what a seal is."""

import pytest

from deployer.domain.desired import Desired, Resolver
from deployer.domain.documents import Json
from deployer.domain.identity import InstanceKey
from deployer.domain.manifest import Manifest, parse_manifest
from deployer.domain.masking import is_sealed
from deployer.domain.sealing import Seal, sealed, sealing
from deployer.domain.tenants import Tenant
from deployer.errors import ManifestError

ENV = {"DIR": "/run/secrets"}
KEY = InstanceKey("12345678", "59800000")
SECRETS = "secrets: {key: 'env:KEY', values: {api: '%s'}}\n"


class Places:
    """Secrets that are the places they are read from."""

    def read(self, reference: str) -> str:
        return f"what stands at {reference}"

    def seal(self, key: InstanceKey) -> Seal:
        return sealing(b"k" * 32, key)


def manifest(keys: str, where: str = "env:API_${tenant.name}") -> Manifest:
    text = "name: a\ntemplate: {flow: 12345678}\naccounts: {main: {region: us, token: env:TOKEN}}\ntenants: t.csv\n"
    return parse_manifest(text + SECRETS % where + keys, "r.yaml", ENV)


def complaint(keys: str, where: str = "env:API") -> str:
    with pytest.raises(ManifestError) as caught:
        manifest(keys, where)
    return "\n".join(map(str, caught.value.problems))


def resolved(name: str = "Acme", where: str = "env:API_${tenant.name}", value: Json = "x") -> Desired | str:
    stated = manifest("flow: {settings: {auth: {key: '${secret.api}'}, plain: '${tenant.values.plain}'}}", where)
    tenant = Tenant(name, "main", KEY.integration, {}, {"plain": value}, flow=None, where="t.csv:2")
    found = Resolver(stated, env=ENV, source=Places()).resolve(tenant)
    return found if isinstance(found, Desired) else str(found)


def test_a_secret_is_wanted_as_its_seal_and_read_where_the_tenant_has_it() -> None:
    found = resolved()
    assert isinstance(found, Desired)
    mark = found.fields["settings", "auth", "key"]
    assert is_sealed(mark)
    assert found.secrets == {mark: "env:API_Acme"}


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("flow: {name: '${secret.api}'}", "can stand only in settings, and in no list"),
        ("flow: {settings: {list: ['${secret.api}']}}", "can stand only in settings, and in no list"),
        ("flow: {settings: '${secret.api}'}", "can stand only in settings, and in no list"),
        ("values: {a: '${secret.api}'}", "can stand only under"),
        ("flow: {settings: {a: 'Bearer ${secret.api}'}}", "stands alone, without a default"),
        ("flow: {settings: {a: '${secret.api:-none}'}}", "stands alone, without a default"),
        ("flow: {settings: {a: '${secret.apl}'}}", 'unknown name ${secret.apl} (did you mean "secret.api"?)'),
        ("connections: {abcdefgh: '${secret.api}'}", "can stand only in settings, and in no list"),
    ],
)
def test_a_secret_stands_alone_as_a_setting(keys: str, said: str) -> None:
    assert said in complaint(keys)


@pytest.mark.parametrize("where", ["hunter2", "command:cat x", "keyring:x", "env:"])
def test_a_secret_itself_and_a_command_are_refused(where: str) -> None:
    assert "write where it is, as env:NAME or file:PATH" in complaint("", where)


@pytest.mark.parametrize("name", ["../../etc/shadow", "..", "a\\b", "a\0b"])
def test_no_tenant_leads_elsewhere(name: str) -> None:
    assert f'"{name}" cannot stand in the place of a secret' in str(resolved(name, "file:secrets/${tenant.name}"))


def test_the_environment_of_whoever_deploys_may_name_a_folder() -> None:
    found = resolved("Acme", "file:${env:DIR}/${tenant.name}.txt")
    assert isinstance(found, Desired)
    assert list(found.secrets.values()) == ["file:/run/secrets/Acme.txt"]


@pytest.mark.parametrize("name", ["TOKEN", "KEY"])
def test_no_flow_is_given_a_token_or_the_key(name: str) -> None:
    assert f"env:{name} is a token, or the key of the secrets" in str(resolved(name, "env:${tenant.name}"))


def test_a_value_that_reads_like_a_seal_is_refused() -> None:
    assert "reads like the seal of a secret" in str(resolved(value=f"sealed:{'0' * 64}"))


def test_seals_differ_by_value_and_tenant_and_key() -> None:
    other = InstanceKey("12345678", "59800001")
    marks = [sealing(b"a" * 32, KEY)("x"), sealing(b"a" * 32, other)("x"), sealing(b"b" * 32, KEY)("x")]
    assert len({*marks, sealing(b"a" * 32, KEY)("y")}) == 4
    assert sealing(b"a" * 32, KEY)("x") == marks[0]


def test_what_was_read_is_sealed_once_and_a_mask_stays() -> None:
    seal, paths = sealing(b"a" * 32, KEY), [("a",), ("b", "c"), ("d",), ("e",)]
    first = sealed({"a": "x", "b": {"c": {"deep": 1}}, "d": "******", "f": "x"}, paths, seal)
    assert first.document == {"a": seal("x"), "b": {"c": seal({"deep": 1})}, "d": "******", "f": "x"}
    assert first.hidden == {seal("x"): "x", seal({"deep": 1}): {"deep": 1}}
    assert sealed(first.document, paths, seal).document == first.document
