import io
from pathlib import Path

import pytest

from deployer.engine.load import Loaded, load
from deployer.errors import ManifestError

MANIFEST = """\
name: order-sync
template: {flow: 5980e7fedd9939649f8a5d9a}
accounts: {main: {region: eu, token: "env:MAIN"}}
tenants: tenants.csv
"""
FROM_FILE = MANIFEST.replace("{flow: 5980e7fedd9939649f8a5d9a}", "{file: flow.json, id: orders}")
CSV = "tenant,integration,city\nacme,59800001,Köln\n"


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Return a manifest that is good, beside a good list of tenants."""
    (tmp_path / "tenants.csv").write_text(CSV, "utf-8")
    (tmp_path / "rollout.yaml").write_text(MANIFEST, "utf-8")
    return tmp_path / "rollout.yaml"


def loaded(manifest: Path, stdin: str = "") -> Loaded:
    return load(manifest, env={}, stdin=io.StringIO(stdin))


def lines(manifest: Path, stdin: str = "") -> list[str]:
    """Return the lines of the error, without the folder that the test runs in."""
    with pytest.raises(ManifestError) as caught:
        loaded(manifest, stdin)
    return [line.replace(f"{manifest.parent}/", "") for line in caught.value.lines()]


def test_a_manifest_is_loaded_with_its_tenants(manifest: Path) -> None:
    result = loaded(manifest)
    assert (result.path, result.manifest.name, result.document) == (manifest, "order-sync", None)
    assert [(tenant.tenant, tenant.values) for tenant in result.tenants] == [("acme", {"city": "Köln"})]
    assert result.tenants[0].where == f"{manifest.parent}/tenants.csv:2"


def test_digests_follow_the_content_and_nothing_else(manifest: Path, tmp_path: Path) -> None:
    before = loaded(manifest)
    manifest.write_text(f"# a comment\n\n{MANIFEST}")
    (tmp_path / "tenants.csv").write_text(CSV.replace("\n", "\r\n\r\n").replace(",", ";"), "utf-8")
    moved = loaded(manifest)
    assert (before.manifest_digest, before.tenants_digest) == (moved.manifest_digest, moved.tenants_digest)
    manifest.write_text(f"{MANIFEST}adopt: name\n")
    (tmp_path / "tenants.csv").write_text(CSV.replace("Köln", "Bonn"), "utf-8")
    changed = loaded(manifest)
    assert before.manifest_digest != changed.manifest_digest
    assert before.tenants_digest != changed.tenants_digest


def test_accounts_come_from_a_file_beside_the_manifest(manifest: Path, tmp_path: Path) -> None:
    manifest.write_text(MANIFEST.replace('{main: {region: eu, token: "env:MAIN"}}', "accounts.csv"))
    (tmp_path / "accounts.csv").write_text("account;region;token\nmain;eu;env:MAIN\n")
    before = loaded(manifest)
    assert [(name, account.region) for name, account in before.manifest.accounts.items()] == [("main", "eu")]
    assert [tenant.account for tenant in before.tenants] == ["main"]
    (tmp_path / "accounts.csv").write_text("account;region;token\nmain;us;env:MAIN\n")
    assert loaded(manifest).manifest_digest != before.manifest_digest


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("accounts.json", "accounts.json: accounts are read from .csv, .tsv, .txt"),
        ("accounts.csv", "accounts.csv: there is no such file (named by accounts in rollout.yaml)"),
    ],
)
def test_accounts_that_cannot_be_read_are_all_that_is_told(manifest: Path, name: str, problem: str) -> None:
    manifest.write_text(MANIFEST.replace('{main: {region: eu, token: "env:MAIN"}}', name))
    assert lines(manifest) == [f"error: {problem}"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1252", "utf-16"])
def test_a_spreadsheets_encoding_is_understood(manifest: Path, encoding: str) -> None:
    (manifest.parent / "tenants.csv").write_bytes(CSV.encode(encoding))
    assert loaded(manifest).tenants[0].values == {"city": "Köln"}


@pytest.mark.parametrize(
    "text",
    [
        CSV,
        '[{"tenant": "acme", "integration": "59800001", "values": {"city": "Köln"}}]',
        ' {"tenant": "acme", "integration": "59800001", "values": {"city": "Köln"}}\n',
    ],
)
def test_tenants_come_from_standard_input_in_whatever_form(manifest: Path, text: str) -> None:
    manifest.write_text(MANIFEST.replace("tenants.csv", '"-"'))
    assert [(tenant.tenant, tenant.values) for tenant in loaded(manifest, text).tenants] == [("acme", {"city": "Köln"})]


def test_standard_input_that_is_no_text_is_refused(manifest: Path) -> None:
    manifest.write_text(MANIFEST.replace("tenants.csv", '"-"'))
    with pytest.raises(ManifestError) as caught:
        load(manifest, env={}, stdin=io.TextIOWrapper(io.BytesIO(b"\xff\xfe\xfd"), "utf-8"))
    assert caught.value.lines() == ["error: stdin: is not utf-8 text"]


@pytest.mark.parametrize("name", ["tenants.jsonl", "tenants.NDJSON"])
def test_the_ending_says_how_tenants_are_written(manifest: Path, name: str) -> None:
    manifest.write_text(MANIFEST.replace("tenants.csv", name))
    (manifest.parent / name).write_text('{"tenant": "a", "integration": "59800001"}\n')
    assert loaded(manifest).tenants[0].tenant == "a"


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("tenants.yaml", ".yaml is not supported in this version"),
        ("tenants.doc", "is no kind of file that is known"),
    ],
)
def test_other_kinds_of_file_are_refused(manifest: Path, name: str, what: str) -> None:
    manifest.write_text(MANIFEST.replace("tenants.csv", name))
    kinds = "tenants are read from .csv, .tsv, .txt, .json, .jsonl, .ndjson, .xlsx"
    assert lines(manifest) == [f"error: {name}: {what}; {kinds}"]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"tenant,integration\n", "error: tenants.csv: there are no tenants"),
        (b"tenant,integration\na,\x81\xff", "error: tenants.csv:2: is neither UTF-8 nor Windows-1252 text"),
    ],
)
def test_a_list_that_cannot_be_used_is_refused(manifest: Path, content: bytes, line: str) -> None:
    (manifest.parent / "tenants.csv").write_bytes(content)
    assert lines(manifest) == [line]


def test_a_file_that_is_not_there_says_who_named_it(manifest: Path, tmp_path: Path) -> None:
    (tmp_path / "tenants.csv").unlink()
    manifest.write_text(FROM_FILE)
    assert lines(manifest) == [
        "error: tenants.csv: there is no such file (named by tenants in rollout.yaml)",
        "error: flow.json: there is no such file (named by template.file in rollout.yaml)",
    ]


def test_a_manifest_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"name: a\nx: \xe9\n")
    (tmp_path / "folder.yaml").mkdir()
    assert lines(tmp_path / "absent.yaml") == [
        "error: absent.yaml: there is no such file",
        "  name your manifest after the command, or write a first one: deployer init",
    ]
    assert lines(tmp_path / "folder.yaml") == ["error: folder.yaml: is a directory, not a file"]
    assert lines(tmp_path / "latin.yaml") == ["error: latin.yaml:2: is not UTF-8 text"]


def test_a_template_from_a_file_is_loaded_as_it_stands(manifest: Path, tmp_path: Path) -> None:
    manifest.write_text(FROM_FILE)
    (tmp_path / "flow.json").write_text('{"name": "${tenant.name}", "n": 1e5}')
    assert loaded(manifest).document == {"name": "${tenant.name}", "n": 100000.0}


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ('{"name": "a",\n "n" 5}', "error: flow.json:2:6: not JSON: expecting ':' delimiter"),
        ("[]", "error: flow.json:1:1: must be an object: one flow"),
    ],
)
def test_a_template_that_is_no_flow_is_refused_with_its_place(manifest: Path, content: str, line: str) -> None:
    manifest.write_text(FROM_FILE)
    (manifest.parent / "flow.json").write_text(content)
    assert lines(manifest) == [line]
