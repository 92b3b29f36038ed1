"""Read a manifest and the files it names: the only place where these are opened."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Final, NoReturn, TextIO, TypeVar

from deployer.domain.accounts import with_accounts
from deployer.domain.documents import Document, fingerprint
from deployer.domain.manifest import Manifest, parse_manifest
from deployer.domain.manifest_rules import PLANNED
from deployer.domain.source import read_json, read_yaml
from deployer.domain.tenants import Format, Tenant, inline_tenants, read_tenants
from deployer.errors import ManifestError, Problem

FORMATS: Final[Mapping[str, Format]] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Loaded:
    """A manifest with all that it names: `document` is the template, where that is a file."""

    path: Path
    manifest: Manifest
    manifest_digest: str
    tenants: tuple[Tenant, ...]
    tenants_digest: str
    document: Document | None


def load(path: Path, *, env: Mapping[str, str], stdin: TextIO) -> Loaded:
    """Load a manifest; raise ManifestError with every problem of the manifest, else of the files it names."""
    manifest = _with_accounts(parse_manifest(_decoded(path, _bytes(path, "")), str(path), env), path, env)
    problems: list[Problem] = []
    tenants = _attempt(lambda: _tenants(manifest, path, stdin), problems)
    document = _attempt(lambda: _document(manifest, path), problems)
    if problems or tenants is None:
        raise ManifestError(problems)
    return Loaded(
        path,
        manifest,
        manifest_digest=fingerprint(manifest.model_dump(mode="json")),
        tenants=tenants,
        tenants_digest=fingerprint([_content(tenant) for tenant in tenants]),
        document=document,
    )


def name_in(path: Path) -> str | None:
    """Return the rollout's name in a manifest, however wrong the rest of it is; None where it cannot be read."""
    try:
        value = read_yaml(_decoded(path, _bytes(path, "")), str(path)).value
    except ManifestError:
        return None
    name = value.get("name") if isinstance(value, dict) else None
    return name if isinstance(name, str) else None


def _attempt(read: Callable[[], T], problems: list[Problem]) -> T | None:
    try:
        return read()
    except ManifestError as error:
        problems += error.problems
        return None


def _content(tenant: Tenant) -> tuple[object, ...]:
    return (tenant.tenant, tenant.account, tenant.integration, tenant.labels, tenant.values, tenant.flow)


def _with_accounts(manifest: Manifest, path: Path, env: Mapping[str, str]) -> Manifest:
    """Fill in the accounts, before anything is read that refers to them."""
    if manifest.accounts_file is None:
        return manifest
    file = path.parent / manifest.accounts_file
    if FORMATS.get(file.suffix.lower()) != "csv":
        raise ManifestError([Problem(str(file), "", "accounts are read from .csv, .tsv, .txt")])
    text = _decoded(file, _bytes(file, f" (named by accounts in {path})"), spreadsheet=True)
    return with_accounts(manifest, StringIO(text, newline=""), name=str(file), env=env)


def _tenants(manifest: Manifest, path: Path, stdin: TextIO) -> tuple[Tenant, ...]:
    if not isinstance(manifest.tenants, str):
        name, tenants = f"{path}: tenants", tuple(inline_tenants(manifest))
    else:
        name, text, kind = _tenant_text(manifest.tenants, path, stdin)
        tenants = tuple(read_tenants(StringIO(text, newline=""), name=name, kind=kind, manifest=manifest))
    if not tenants:
        raise ManifestError([Problem(name, "", "there are no tenants")])
    return tenants


def _tenant_text(named: str, path: Path, stdin: TextIO) -> tuple[str, str, Format]:
    if named == "-":
        text = _stdin_text(stdin)
        return "stdin", text, _kind_of(text)
    file = path.parent / named
    if not (kind := FORMATS.get(file.suffix.lower())):
        planned = file.suffix.lower() in {".xlsx", ".yaml", ".yml"}
        what = f"{file.suffix} is {PLANNED}" if planned else "what kind of file is this?"
        raise ManifestError([Problem(str(file), "", f"{what}; tenants are read from {', '.join(FORMATS)}")])
    return str(file), _decoded(file, _bytes(file, f" (named by tenants in {path})"), spreadsheet=kind == "csv"), kind


def _stdin_text(stdin: TextIO) -> str:
    try:
        return stdin.read()
    except UnicodeDecodeError as error:
        raise ManifestError([Problem("stdin", "", f"is not {error.encoding} text")]) from None


def _kind_of(text: str) -> Format:
    match text.lstrip("\ufeff \t\r\n")[:1]:
        case "[":
            return "json"
        case "{":
            return "jsonl"
        case _:
            return "csv"


def _document(manifest: Manifest, path: Path) -> Document | None:
    if manifest.template.file is None:
        return None
    file = path.parent / manifest.template.file
    document = read_json(_decoded(file, _bytes(file, f" (named by template.file in {path})")), str(file))
    if not isinstance(document, dict):
        raise ManifestError([Problem(f"{file}:1:1", "", "must be an object: one flow")])
    return document


def _bytes(file: Path, reason: str) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        what = "there is no such file"
    except IsADirectoryError:
        what = "is a directory, not a file"
    except PermissionError:
        what = "may not be read: permission denied"
    except (OSError, ValueError) as error:
        what = f"cannot be read: {error}"
    raise ManifestError([Problem(str(file), "", what + reason)])


def _decoded(file: Path, content: bytes, *, spreadsheet: bool = False) -> str:
    try:
        return content.decode("utf-16" if content.startswith(_UTF16) else "utf-8")
    except UnicodeDecodeError as error:
        where = f"{file}:{len(content[: error.start].splitlines()) or 1}"
    try:
        return content.decode("cp1252") if spreadsheet else _refuse_text(where, "is not UTF-8 text")
    except UnicodeDecodeError:
        return _refuse_text(where, "is neither UTF-8 nor Windows-1252 text")


def _refuse_text(where: str, what: str) -> NoReturn:
    raise ManifestError([Problem(where, "", what)])
