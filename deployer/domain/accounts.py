"""The accounts of a manifest, read from a spreadsheet where there are too many to write out."""

from collections.abc import Iterable, Mapping
from typing import Final

from pydantic import ValidationError

from deployer.domain.documents import Document, Json
from deployer.domain.manifest import Account, Manifest, Rate
from deployer.domain.manifest_rules import Complaint, account_rules, complaints, fill
from deployer.domain.scalars import account_name, identifier
from deployer.domain.source import Steps, plain
from deployer.domain.spreadsheet import Problems, Row, Table, read_rows
from deployer.domain.wording import legible
from deployer.errors import ManifestError, Problem

_TEXTS: Final = ("region", "url", "template", "token")
_RATES: Final = tuple(f"rate.{name}" for name in Rate.model_fields)
_TABLE: Final = Table(
    own={
        **dict.fromkeys((*_TEXTS, *_RATES), str.strip),
        "account": lambda cell: account_name(cell.strip()),
        "token": lambda cell: legible(cell.strip()),
    },
    required=("account", "token"),
    texts="connections.",
    texts_key=identifier,
    values="values.",
    example="account,region,token",
)


def with_accounts(manifest: Manifest, lines: Iterable[str], *, name: str, env: Mapping[str, str]) -> Manifest:
    """Return the manifest with the accounts of the file it names; raise ManifestError with every problem of it.

    `${env:…}` is filled in as in a manifest. A cell under `rate.` reads as it would in YAML, an empty one is absent.
    """
    problems, places = Problems(), dict[Steps, str]()
    accounts: dict[str, Account] = {}
    for row in read_rows(lines, _TABLE, name=name, complain=problems.complain):
        account = row.own["account"]
        first = places.setdefault(("accounts", account), row.where)
        if first != row.where:
            problems.complain(row.where, "account", f'{row.cell("account")}"{account}" is already at {first}')
        elif read := _account(account, row, env, problems):
            accounts[account] = read
    problems.judge()
    if not accounts:
        raise ManifestError([Problem(name, "", "there are no accounts")])
    return manifest.model_copy(update={"accounts": accounts}).placed(places)


def _account(name: str, row: Row, env: Mapping[str, str], problems: Problems) -> Account | None:
    filled, found = fill({"accounts": {name: _document(row)}}, env)
    stated = _part(filled["accounts"], name)
    found += account_rules(name, stated)
    try:
        account = Account.model_validate(stated)
    except ValidationError as error:
        found += (Complaint(("accounts", name, *each.steps), each.what) for each in complaints(error, {}))
    else:
        if not found:
            return account
    first = {complaint.steps: complaint.what for complaint in reversed(found)}
    for steps in dict.fromkeys(complaint.steps for complaint in found):
        title = ".".join(map(str, steps[2:]))
        problems.complain(row.where, title or name, f"{row.cell(title)}{first[steps]}")
    return None


def _part(document: Json, key: str) -> Json:
    return document[key] if isinstance(document, dict) else None


def _document(row: Row) -> Document:
    rate: Document = {title[5:]: plain(cell) for title, cell in row.own.items() if title in _RATES}
    parts: dict[str, Json] = {"rate": rate, "connections": dict[str, Json](row.texts), "values": row.values}
    texts: Document = {title: cell for title, cell in row.own.items() if title in _TEXTS}
    return {**texts, **{key: part for key, part in parts.items() if part}}
