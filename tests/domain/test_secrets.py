"""Where a secret may stand in a manifest, where it may be read from, and what a seal is."""

import pytest

from deployer.domain.desired import Desired, Resolver
from deployer.domain.documents import MISSING, Document, Json, Path, Value
from deployer.domain.identity import InstanceKey
from deployer.domain.manifest import Manifest, parse_manifest
from deployer.domain.masking import is_sealed
from deployer.domain.merge3 import Memory, Verdict, merge
from deployer.domain.sealing import Seal, opened, sealed, sealing, seals_at, secret_paths, without_secrets
from deployer.domain.tenants import Tenant
from deployer.errors import ManifestError

ENV = {"DIR": "/run/secrets"}
KEY = InstanceKey("12345678", "59800000")
SECRETS = "secrets: {key: 'env:KEY', values: {api: '%s'}}\n"


class Places:
    """Secrets that are the places they are read from."""

    def read(self, reference: str) -> str:
        return reference.removeprefix("env:API_") if len(reference) < len("env:API_12345") else f"at {reference}"

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


def test_what_is_too_short_to_be_told_from_other_text_is_refused() -> None:
    assert isinstance(resolved("1234"), Desired)
    assert "the secret at env:API_123 has fewer than 4 characters" in str(resolved("123"))


def test_a_value_that_reads_like_a_seal_is_refused() -> None:
    assert "reads like the seal of a secret" in str(resolved(value=f"sealed:{'0' * 64}"))


def test_seals_differ_by_value_and_tenant_and_key() -> None:
    other = InstanceKey("12345678", "59800001")
    marks = [sealing(b"a" * 32, KEY)("x"), sealing(b"a" * 32, other)("x"), sealing(b"b" * 32, KEY)("x")]
    assert len({*marks, sealing(b"a" * 32, KEY)("y")}) == 4
    assert sealing(b"a" * 32, KEY)("1") != sealing(b"a" * 32, KEY)(1)
    assert sealing(b"a" * 32, KEY)("x") == marks[0]


def test_what_was_read_is_sealed_once_and_a_mask_stays() -> None:
    seal, paths = sealing(b"a" * 32, KEY), [("a",), ("b", "c"), ("d",), ("e",)]
    first = sealed({"a": "x", "b": {"c": {"deep": 1}}, "d": "******", "f": "x"}, paths, seal)
    assert first.document == {"a": seal("x"), "b": {"c": seal({"deep": 1})}, "d": "******", "f": "x"}
    assert first.hidden == {seal("x"): "x", seal({"deep": 1}): {"deep": 1}}
    assert sealed(first.document, paths, seal).document == first.document


def test_a_secret_that_is_dropped_goes_unless_another_one_stood_there_before() -> None:
    mark, path = sealing(b"a" * 32, KEY)("x"), ("settings", "key")
    before: dict[str, Value] = {"none": MISSING, "plain": "a placeholder", "sealed": sealing(b"a" * 32, KEY)("theirs")}
    verdicts = {
        name: [change.verdict for change in merge({"settings": {"key": mark}}, {}, {path: Memory(mark, mark, first)})]
        for name, first in before.items()
    }
    assert verdicts == {"none": [Verdict.REMOVE], "plain": [Verdict.REMOVE], "sealed": [Verdict.RELEASE]}


def test_secrets_stand_where_they_are_wanted_or_were_and_nobody_wants_anything_else_there() -> None:
    mark = sealing(b"a" * 32, KEY)("x")
    kept = {"sent": Memory(mark, "x", "x"), "returned": Memory("x", mark, "x"), "first": Memory("x", "x", mark)}
    memory: dict[Path, Memory] = {(name,): known for name, known in kept.items()}
    memory["plain",] = Memory("x", "x", "x")
    assert secret_paths({("a",): mark, ("b",): "x"}, memory) == [("a",), ("sent",), ("returned",), ("first",)]
    assert secret_paths({("sent",): "x", ("first",): mark}, memory) == [("first",), ("returned",)]


def test_what_is_sent_has_the_values_in_the_place_of_the_seals() -> None:
    seal = sealing(b"a" * 32, KEY)
    body: Document = {"a": seal("x"), "b": {"c": seal({"deep": 1})}, "d": "plain"}
    seals = seals_at(body, [("a",), ("b", "c"), ("d",), ("nowhere",)])
    assert seals == {("a",): seal("x"), ("b", "c"): seal({"deep": 1})}
    hidden: Document = {seal("x"): "x", seal({"deep": 1}): {"deep": 1}}
    assert opened(body, seals, hidden) == {"a": "x", "b": {"c": {"deep": 1}}, "d": "plain"}


def test_what_a_template_has_where_a_secret_shall_stand_is_nobodys() -> None:
    mark = sealing(b"a" * 32, KEY)("x")
    template: Document = {"settings": {"key": "a placeholder", "size": 1}}
    wanted: dict[Path, Value] = {("settings", "key"): mark, ("settings", "size"): 2}
    assert without_secrets(template, wanted) == {"settings": {"size": 1}}
