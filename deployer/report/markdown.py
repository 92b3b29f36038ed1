"""A rollout as Markdown, for a pull request or the summary of a CI job."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TextIO

from deployer.report.causes import Cause, Causes
from deployer.report.text import counted, duration, plain

_NAMES = 10  # tenants named for a cause
_CAUSES = 50
_ROWS = 200  # tenants in trouble that are shown one by one
_MARKUP: Final = re.compile(r"""[^\w\s,.'-]|_|(?<=www)\.""", re.ASCII | re.IGNORECASE)

Tenant = Mapping[str, Any]


def write_markdown(stream: TextIO, head: Mapping[str, Any], tenants: Iterable[Tenant]) -> None:
    """Write how a rollout stands: the counts, every cause with its remedy, and the tenants in trouble."""
    causes, troubled = Causes(_NAMES), 0
    rows: list[str] = []
    for tenant in tenants:
        if causes.note(tenant):
            troubled += 1
            if len(rows) < _ROWS:
                rows.append(_row(tenant))
    lines = (*_headline(head), *_pace(head), *_waves(head), *_causes(causes), *_table(rows, more=troubled - len(rows)))
    stream.writelines(f"{line}\n" for line in lines)


def _headline(head: Mapping[str, Any]) -> Iterator[str]:
    yield f"## Rollout {code(head['name'])}: {head['outcome'].replace('_', ' ')}"
    yield ""
    yield f"{counted(head['counts'])}. Plan {code(head['plan'][:12])}, begun {code(head['started_at'])}."
    if head["reason"]:
        yield ""
        yield f"Stopped: {code(head['reason'])}"


def _pace(head: Mapping[str, Any]) -> Iterator[str]:
    """Yield how fast it went, of a rollout whose requests were counted."""
    requests, efficiency = head.get("requests"), head.get("efficiency")
    if not requests:
        return
    yield ""
    said = f"{requests['sent']} requests in {duration(requests['seconds'])}, {requests['per_second']:.1f} a second"
    refused = f"{requests['throttled']} refused with 429, {duration(requests['paused_seconds'])} paused"
    part = f"; efficiency {efficiency['efficiency']:.0%}" if efficiency and efficiency["efficiency"] else ""
    yield f"{said}; {refused}{part}."


def _waves(head: Mapping[str, Any]) -> Iterator[str]:
    waves = head["waves"]
    if not waves:
        return
    yield ""
    yield "| wave | stands | tenants |"
    yield "|---|---|---|"
    for wave in waves[:_ROWS]:
        yield f"| {code(wave['name'])} | {wave['state']} | {counted(wave['counts'])} |"
    if len(waves) > _ROWS:
        yield ""
        yield f"… and {len(waves) - _ROWS} more waves"


def _causes(causes: Causes) -> Iterator[str]:
    ordered = causes.ordered()
    if not ordered:
        return
    yield ""
    yield "### Causes"
    yield ""
    for cause in ordered[:_CAUSES]:
        yield from _cause(cause)
    if left := sum(cause.count for cause in ordered[_CAUSES:]) + causes.others:
        yield f"- … and {left} tenants for other causes"


def _cause(cause: Cause) -> Iterator[str]:
    yield f"- **{cause.count:,} {cause.outcome}**{f': {code(cause.said)}' if cause.said else ''}  "
    yield f"  {cause.who(_NAMES, code)}{'  ' if cause.remedy else ''}"
    if cause.remedy:
        yield f"  → {code(cause.remedy)}"


def _table(rows: Sequence[str], *, more: int) -> Iterator[str]:
    if not rows:
        return
    yield ""
    yield "### Tenants"
    yield ""
    yield "| tenant | account | outcome | error |"
    yield "|---|---|---|---|"
    yield from rows
    if more:
        yield ""
        yield f"… and {more} more tenants"


def _row(tenant: Tenant) -> str:
    error = tenant["error"] or {"message": ""}
    cells = code(tenant["tenant"]), code(tenant["account"]), tenant["outcome"], code(error["message"])
    return f"| {' | '.join(cells)} |"


def code(text: object) -> str:
    """Return text as code in which nothing is markup: no cell ends, no link begins, nobody is mentioned.

    Markdown has no escape that every reader knows; a character reference never has a meaning beyond its character.
    """
    inert = _MARKUP.sub(lambda found: f"&#{ord(found[0])};" if found[0] < "\x80" else found[0], plain(text).strip())
    return f"<code>{inert}</code>" if inert else ""
