"""The tenants of a manifest, read one by one from what people keep them in."""

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from pydantic import ValidationError

from deployer.domain.documents import Json
from deployer.domain.manifest import Manifest, TenantEntry
from deployer.domain.manifest_rules import complaints
from deployer.domain.scalars import identifier
from deployer.domain.seen import Seen
from deployer.domain.source import read_json, spoken
from deployer.domain.spreadsheet import Place, Problems, Record, Row, Table, read_rows, rows_of
from deployer.domain.wording import did_you_mean, legible
from deployer.errors import ManifestError, Problem

Format: TypeAlias = Literal["csv", "json", "jsonl"]

_TABLE: Final = Table(
    own={
        "tenant": lambda cell: legible(cell.strip()),
        "account": str.strip,
        "integration": lambda cell: identifier(legible(cell.strip())),
        "id": lambda cell: identifier(cell.strip()),
    },
    required=("tenant", "integration"),
    texts="label.",
    texts_key=legible,
    values="",
    example="tenant,account,integration",
    literal=frozenset({"tenant", "account", "integration", "id"}),
)


@dataclass(frozen=True, slots=True)
class Tenant:
    """A customer: an integration in an account. `flow` is what the `id` column names, `where` is file and line."""

    tenant: str
    account: str
    integration: str
    labels: Mapping[str, str]
    values: Mapping[str, Json]
    flow: str | None
    where: str


@dataclass(slots=True)
class _Census:
    """Who has been seen so far, and every problem with them; `place` turns the number of a tenant into words."""

    manifest: Manifest
    place: Callable[[int], str]
    problems: Problems = field(default_factory=Problems)
    tenants: Seen = field(default_factory=Seen)
    places: Seen = field(default_factory=Seen)

    def account(self, name: str | None, where: str) -> str:
        """Return the account meant by `name`: by nothing, the only one there is."""
        accounts = self.manifest.accounts
        if name in accounts:
            return name
        if not name and len(accounts) == 1:
            return next(iter(accounts))
        if not name:
            self.problems.complain(where, "account", f"is required with {len(accounts)} accounts")
        else:
            hint = did_you_mean(name, accounts) if self.problems.are_few else ""
            self.problems.complain(where, "account", f'unknown account "{name}"{hint}')
        return name or ""

    def admits(self, tenant: Tenant, number: int) -> bool:
        """Note a tenant, and tell whether it can be used; complain where its name or its place is taken."""
        name = unicodedata.normalize("NFC", tenant.tenant.casefold())
        namesake = self.tenants.first(name, number)
        if namesake != number:
            what = f'"{tenant.tenant}" is already at {self.place(namesake)}'
            self.problems.complain(tenant.where, "tenant", what)
        neighbour = self.places.first(f"{tenant.account}\n{tenant.integration}", number)
        if neighbour != number:
            what = f'"{tenant.integration}" already has a tenant at {self.place(neighbour)}'
            self.problems.complain(tenant.where, "integration", what)
        return namesake == neighbour == number and tenant.account in self.manifest.accounts


def read_tenants(lines: Iterable[str], *, name: str, kind: Format, manifest: Manifest) -> Iterator[Tenant]:
    """Yield the tenants of a file that can be used, as they are read; at its end raise ManifestError for the others."""
    census = _Census(manifest, (lambda index: f"{name}[{index}]") if kind == "json" else lambda line: f"{name}:{line}")
    match kind:
        case "csv":
            yield from _from_rows(read_rows(lines, _TABLE, name=name, complain=census.problems.complain), census)
        case "json":
            yield from _from_json(lines, name, census)
        case "jsonl":
            yield from _from_json_lines(lines, name, census)
    census.problems.judge()


def read_workbook(records: Iterable[Record], place: Place, manifest: Manifest) -> Iterator[Tenant]:
    """Yield the tenants of a workbook's sheet that can be used, as they are read; otherwise as `read_tenants` does."""
    census = _Census(manifest, place.row)
    yield from _from_rows(rows_of(records, _TABLE, place, census.problems.complain), census)
    census.problems.judge()


def inline_tenants(manifest: Manifest) -> Iterator[Tenant]:
    """Yield the tenants of the manifest itself that can be used; at the end raise ManifestError for the others."""
    entries = [entry for entry in manifest.tenants if isinstance(entry, TenantEntry)]
    census = _Census(manifest, lambda index: entries[index].where)
    for index, entry in enumerate(entries):
        if census.admits(tenant := _tenant(entry, entry.where, census), index):
            yield tenant
    census.problems.judge()


def _tenant(entry: TenantEntry, where: str, census: _Census) -> Tenant:
    account = census.account(entry.account, where)
    return Tenant(entry.tenant, account, entry.integration, entry.labels, entry.values, entry.id, where)


def _from_rows(rows: Iterable[Row], census: _Census) -> Iterator[Tenant]:
    for row in rows:
        own, account = row.own, census.account(row.own.get("account"), row.where)
        tenant = Tenant(own["tenant"], account, own["integration"], row.texts, row.values, own.get("id"), row.where)
        if census.admits(tenant, row.line):
            yield tenant


def _from_json(lines: Iterable[str], name: str, census: _Census) -> Iterator[Tenant]:
    rows = read_json("".join(lines), name)
    if not isinstance(rows, list):
        raise ManifestError([Problem(name, "", "must be a list of tenants")])
    for index, row in enumerate(rows):
        entry = _entry(row, name, f"[{index}]", census)
        if entry and census.admits(tenant := _tenant(entry, f"{name}[{index}]", census), index):
            yield tenant


def _from_json_lines(lines: Iterable[str], name: str, census: _Census) -> Iterator[Tenant]:
    for number, line in enumerate(lines, start=1):
        where = f"{name}:{number}"
        if line.strip("\ufeff \t\r\n"):
            try:
                row = read_json(line, name)
            except ManifestError as error:
                census.problems.complain(where, "", error.problems[0].what)
            else:
                entry = _entry(row, where, "", census)
                if entry and census.admits(tenant := _tenant(entry, where, census), number):
                    yield tenant


def _entry(row: Json, where: str, path: str, census: _Census) -> TenantEntry | None:
    try:
        return TenantEntry.model_validate(row)
    except ValidationError as error:
        for complaint in complaints(error, {(): TenantEntry.model_fields}):
            census.problems.complain(where, spoken((path, *complaint.steps)).lstrip("."), complaint.what)
    return None
