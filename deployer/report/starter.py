"""The files of a first rollout: a manifest with a comment at each key, and its tenants to fill in."""

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from typing import Final

from deployer.domain.manifest import Account
from deployer.domain.source import plain as unquoted
from deployer.domain.starting import OPEN, Start, name_of
from deployer.report.listing import FORMULA
from deployer.report.text import cut, numbered, plain

_COMMENT_AT: Final = 58
_LONGEST: Final = 80  # of a name: two make the name of a flow, of which the platform takes 255
_BARE: Final = re.compile(r"[A-Za-z]+:?[\w./-]+|[0-9A-Za-z]{8,64}", re.ASCII)
_NO_YAML: Final = re.compile("[^\\x20-\\x7e\\xa0-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")


def manifest_text(start: Start, *, account: str, entry: Account, tenants: str) -> str:
    """Return a manifest; what it holds of the account's texts is quoted, and can end neither a value nor a comment."""
    return "".join(f"{line}\n" for line in _manifest(start, account, entry, tenants))


def tenants_text(start: Start, *, account: str) -> str:
    """Return the tenants as CSV; no cell is one that a spreadsheet computes."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(start.titles)
    for row in start.rows:
        own = (row.tenant, account, row.integration, harmless(row.name), harmless(start.timezone))
        writer.writerow([*own, *row.connections])
    return stream.getvalue()


def harmless(name: str) -> str:
    """Return a name on one line that no spreadsheet takes for a formula, and nobody for nothing."""
    return _short(_legible(name).lstrip(f"{''.join(FORMULA)} \N{NO-BREAK SPACE}")) or "?"


def started_text(start: Start, *, account: str, entry: Account, files: Mapping[str, str]) -> str:
    """Return what was written, and what to type next; `files` are the manifest and the tenants as they are typed."""
    manifest, tenants = files["manifest"], files["tenants"]
    where = entry.url or entry.region or "us"
    count = len(start.rows)
    lines = [
        f'wrote {manifest}: template "{_named(start)}", account {account} ({where})',
        f"wrote {tenants}: {numbered(count, 'tenant')}",
    ]
    if start.unfilled:
        cells = "1 cell holds" if start.unfilled == 1 else f"{start.unfilled} cells hold"
        lines.append(f"  {cells} {OPEN}: put in the tenant's connection, its id or its name")
    lines += ["", "Next:", *(f"  deployer {verb} {manifest}" for verb in ("validate", "plan", "apply"))]
    return "\n".join(map(plain, lines))


def _manifest(start: Start, account: str, entry: Account, tenants: str) -> Iterator[str]:
    name = _named(start)
    yield f"# Rolls {json.dumps(name, ensure_ascii=False)} out: a clone of that flow for each tenant."
    yield "# deployer plan shows what would change, and changes nothing; deployer schema manifest tells of every key."
    yield f"name: {_quoted(start.name)}"
    yield f"template: {{flow: {_quoted(str(start.flow['_id']))}}}"
    yield ""
    yield "accounts:"
    yield f"  {account}:"
    yield f"    url: {_quoted(entry.url)}" if entry.url else f"    region: {entry.region or 'us'}"
    yield _remark(f"    token: {_quoted(entry.token)}", "where the token is, and never the token itself")
    yield from _connections(start)
    yield ""
    yield _remark(f"tenants: {_quoted(tenants)}", "a row each; more columns are values: ${tenant.values.TITLE}")
    yield ""
    yield _remark("flow:", "what each tenant's flow is to be; all else is left alone")
    escaped = name.replace("${", "$${")
    yield f"  name: {_quoted(escaped + ': ${tenant.values.name}')}"
    yield "  timezone: ${tenant.values.timezone}"
    yield _remark("  disabled: true", "the flows are made, and rest: false lets them work")
    yield _remark('  # schedule: "0 2 * * *"', "five fields, in the tenant's timezone")
    yield '  # settings: {region: "${tenant.values.region}"}'
    yield ""
    yield _remark('waves: {sizes: [1, 5, "20%"]}', "so many tenants at a time; a failure lets no further wave begin")


def _connections(start: Start) -> Iterator[str]:
    if start.used:
        yield _remark("    connections:", "what the template uses → what the tenant has: an id, a name, or keep")
    for each in start.used:
        reference = f'"${{tenant.values.{each.column}}}"'
        yield _remark(f"      {_quoted(each.id)}: {reference}", _short(each.name))


def _named(start: Start) -> str:
    return _short(name_of(start.flow))


def _remark(line: str, remark: str) -> str:
    return f"{line.ljust(_COMMENT_AT - 1)} # {remark}"


def _quoted(text: str | None) -> str:
    """Return an id, a path, a reference or a sentence as YAML: bare where that is read as the same text."""
    text = _legible(text or "")
    return text if _BARE.fullmatch(text) and unquoted(text) == text else json.dumps(text, ensure_ascii=False)


def _short(name: str) -> str:
    return cut(_legible(name)[:_LONGEST], _LONGEST)


def _legible(text: str) -> str:
    """Return a text on one line, of what YAML holds and people see."""
    return _NO_YAML.sub("", plain(text)).strip()
