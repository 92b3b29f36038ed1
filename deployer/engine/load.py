"""Read a manifest and the files it names: the only place where these are opened."""

from codecs import getincrementaldecoder
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import BinaryIO, Final, TextIO, TypeVar

from deployer.domain.accounts import with_accounts
from deployer.domain.documents import Document, fingerprint
from deployer.domain.guards import refuse_broken
from deployer.domain.manifest import Manifest, Workbook, parse_manifest
from deployer.domain.manifest_rules import PLANNED
from deployer.domain.selection import RollCall, Selection
from deployer.domain.source import read_json, read_yaml
from deployer.domain.tenants import Format, Tenant, inline_tenants, read_tenants, read_workbook
from deployer.domain.wording import is_broken
from deployer.engine.tenants import Tenants
from deployer.errors import ManifestError, Problem

FORMATS: Final[Mapping[str, Format]] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
WORKBOOK: Final = ".xlsx"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_WINDOWS: Final = "cp1252"
_CHUNK: Final = 1 << 20
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Loaded:
    """A manifest with all that it names: `document` is the template, where that is a file.

    Without its tenants, which a resume takes from the journal, `tenants` is empty and has no digest. `overrides` are
    what the command line sets.
    """

    path: Path
    manifest: Manifest
    manifest_digest: str
    tenants: Tenants
    tenants_digest: str
    document: Document | None
    overrides: Document


@dataclass(frozen=True, slots=True)
class Scope:
    """Which part of a manifest is meant, and what is set beside it.

    `allow` are the rules of a selection that may be broken; with `tenants` false their list is left alone.
    """

    selection: Selection = field(default_factory=Selection)
    overrides: Document = field(default_factory=dict)
    allow: frozenset[str] = frozenset()
    tenants: bool = True


def load(path: Path, *, env: Mapping[str, str], stdin: TextIO, scope: Scope | None = None) -> Loaded:
    """Load a manifest; raise ManifestError with every problem of the manifest, else of the files it names.

    Raise GuardError for a selection that names what nobody has, or selects nobody.
    """
    scope = scope or Scope()
    manifest = _with_accounts(parse_manifest(_decoded(path, _bytes(path, "")), str(path), env), path, env)
    problems: list[Problem] = []
    listed = _attempt(lambda: _tenants(manifest, path, stdin, scope) if scope.tenants else Tenants(), problems)
    document = _attempt(lambda: _document(manifest, path), problems)
    if problems or listed is None:
        raise ManifestError(problems)
    return Loaded(
        path,
        manifest,
        manifest_digest=_digest(manifest, scope.overrides),
        tenants=listed,
        tenants_digest=listed.digest if scope.tenants else "",
        document=document,
        overrides=scope.overrides,
    )


def _digest(manifest: Manifest, overrides: Document) -> str:
    dump = manifest.model_dump(mode="json")
    return fingerprint([dump, overrides] if overrides else dump)


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


def _with_accounts(manifest: Manifest, path: Path, env: Mapping[str, str]) -> Manifest:
    """Fill in the accounts, before anything is read that refers to them."""
    if manifest.accounts_file is None:
        return manifest
    file = path.parent / manifest.accounts_file
    if FORMATS.get(file.suffix.lower()) != "csv":
        raise ManifestError([Problem(str(file), "", "accounts are read from .csv, .tsv, .txt")])
    with _reading(file, f" (named by accounts in {path})"):
        encoding = _encoding(file, spreadsheet=True)
    return with_accounts(manifest, _lines(file, encoding), name=str(file), env=env)


def _tenants(manifest: Manifest, path: Path, stdin: TextIO, scope: Scope) -> Tenants:
    name, found = _listed(manifest, path, stdin)
    tenants, roll = Tenants(), RollCall(scope.selection)
    for tenant in found:
        selected = roll.selects(tenant.tenant, tenant.labels)
        (tenants.add if selected else tenants.pass_over)(tenant)
    if not (tenants or tenants.is_partial):
        raise ManifestError([Problem(name, "", "there are no tenants")])
    refuse_broken({rule: said for rule, said in roll.violated().items() if rule not in scope.allow})
    return tenants


def _listed(manifest: Manifest, path: Path, stdin: TextIO) -> tuple[str, Iterator[Tenant]]:
    """Return the tenants that are listed, and what lists them."""
    match manifest.tenants:
        case str() as named if Path(named).suffix.lower() != WORKBOOK:
            name, lines, kind = _tenant_lines(named, path, stdin)
            return name, read_tenants(lines, name=name, kind=kind, manifest=manifest)
        case str() as named:
            return _in_workbook(manifest, path.parent / named, None, path)
        case Workbook(file=named, sheet=sheet):
            return _in_workbook(manifest, path.parent / named, sheet, path)
        case _:
            return f"{path}: tenants", inline_tenants(manifest)


def _in_workbook(manifest: Manifest, file: Path, sheet: str | None, path: Path) -> tuple[str, Iterator[Tenant]]:
    if file.suffix.lower() != WORKBOOK:
        raise ManifestError([Problem(str(file), "", f"has no sheets: only a workbook has ({WORKBOOK})")])
    from deployer.engine.workbook import open_sheet  # noqa: PLC0415 - what reads archives, for who has one

    with _reading(file, f" (named by tenants in {path})"):
        place, records = open_sheet(file, sheet)
    return place.name, read_workbook(records, place, manifest)


def _tenant_lines(named: str, path: Path, stdin: TextIO) -> tuple[str, Iterable[str], Format]:
    if named == "-":
        text = _stdin_text(stdin)
        return "stdin", StringIO(text, newline=""), _kind_of(text)
    file = path.parent / named
    if not (kind := FORMATS.get(file.suffix.lower())):
        planned = file.suffix.lower() in {".yaml", ".yml"}
        what = f"{file.suffix} is {PLANNED}" if planned else "is no kind of file that is known"
        kinds = ", ".join([*FORMATS, WORKBOOK])
        raise ManifestError([Problem(str(file), "", f"{what}; tenants are read from {kinds}")])
    with _reading(file, f" (named by tenants in {path})"):
        encoding = _encoding(file, spreadsheet=kind == "csv")
    return str(file), _lines(file, encoding), kind


def _stdin_text(stdin: TextIO) -> str:
    try:
        text = stdin.read()
    except UnicodeDecodeError as error:
        raise ManifestError([Problem("stdin", "", f"is not {error.encoding} text")]) from None
    if is_broken(text):  # as Python lets it in where the locale is C
        raise ManifestError([Problem("stdin", "", "is not UTF-8 text")])
    return text


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
    with _reading(file, reason):
        return file.read_bytes()


@contextmanager
def _reading(file: Path, reason: str) -> Iterator[None]:
    """Say in a sentence why a file cannot be read; without a `reason` it is the manifest."""
    remedy = None
    try:
        yield
    except FileNotFoundError:
        what = "there is no such file"
        remedy = None if reason else "name your manifest after the command, or write a first one: deployer init"
    except IsADirectoryError:
        what = "is a directory, not a file"
    except PermissionError:
        what = "may not be read: permission denied"
    except OSError as error:
        what = f"cannot be read: {error.strerror}"
    except ValueError as error:
        what = f"cannot be read: {error}"
    else:
        return
    raise ManifestError([Problem(str(file), "", what + reason)], remedy=remedy)


def _decoded(file: Path, content: bytes) -> str:
    try:
        return content.decode("utf-16" if content.startswith(_UTF16) else "utf-8")
    except UnicodeDecodeError as error:
        where = f"{file}:{len(content[: error.start].splitlines()) or 1}"
        raise ManifestError([Problem(where, "", "is not UTF-8 text")]) from None


def _lines(file: Path, encoding: str) -> Iterator[str]:
    with file.open(encoding=encoding, newline="") as lines:
        yield from lines


def _encoding(file: Path, *, spreadsheet: bool) -> str:
    """Return what a file is written in, which may be too large to be decoded at once."""
    with file.open("rb") as content:
        first = "utf-16" if content.read(2) in _UTF16 else "utf-8"
        where = _undecodable(content, first)
        if where is None:
            return first
        if spreadsheet and _undecodable(content, _WINDOWS) is None:
            return _WINDOWS
    what = "is neither UTF-8 nor Windows-1252 text" if spreadsheet else "is not UTF-8 text"
    raise ManifestError([Problem(f"{file}:{where}", "", what)])


def _undecodable(content: BinaryIO, encoding: str) -> int | None:
    """Return the line of the first byte that cannot be decoded, or None."""
    decoder, line = getincrementaldecoder(encoding)(), 1
    content.seek(0)
    while chunk := content.read(_CHUNK):
        try:
            decoder.decode(chunk)
        except UnicodeDecodeError as error:
            return line + chunk.count(b"\n", 0, error.start)
        line += chunk.count(b"\n")
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return line
    return None
