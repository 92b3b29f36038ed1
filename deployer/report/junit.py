"""A rollout as JUnit XML, which every CI shows: a suite with its counts, a case a tenant."""

import re
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any, Final, TextIO

from deployer.report.text import plain

_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # in XML 1.0
_VERDICTS: Final[Mapping[str, str]] = {
    "failed": "failure",
    "unknown": "error",
    "blocked": "skipped",
    "stale": "skipped",
    "skipped": "skipped",
    "cancelled": "skipped",
    "pending": "skipped",
    "running": "skipped",
}


def write_junit(stream: TextIO, head: Mapping[str, Any], tenants: Iterable[Mapping[str, Any]]) -> None:
    """Write a rollout as `--json` shows it, its tenants apart; what was not carried out is skipped, with the reason."""
    name, counts = _attribute(head["name"]), _counts(head["counts"])
    stream.write('<?xml version="1.0" encoding="UTF-8"?>\n')
    stream.write(f'<testsuites name="{name}" {counts}>\n')
    stream.write(f'  <testsuite name="{name}" {counts} timestamp="{_attribute(head["started_at"])}">\n')
    stream.write("    <properties>\n")
    properties = ("rollout", "plan", "outcome", "reason")
    stream.writelines(f'      <property name="{key}" value="{_attribute(head[key])}"/>\n' for key in properties)
    stream.write("    </properties>\n")
    stream.writelines(_case(name, tenant) for tenant in tenants)
    stream.write("  </testsuite>\n</testsuites>\n")


def _counts(counts: Mapping[str, int]) -> str:
    totals = {"failure": 0, "error": 0, "skipped": 0}
    for outcome, verdict in _VERDICTS.items():
        totals[verdict] += counts[outcome]
    numbers = (sum(counts.values()), *totals.values())
    return 'tests="{}" failures="{}" errors="{}" skipped="{}"'.format(*numbers)


def _case(suite: str, tenant: Mapping[str, Any]) -> str:
    case = f'    <testcase classname="{suite}.{_attribute(tenant["account"])}" name="{_attribute(tenant["tenant"])}"'
    outcome = tenant["outcome"]
    if outcome not in _VERDICTS:
        return f"{case}/>\n"
    error: Mapping[str, Any] = tenant["error"] or {"code": outcome, "message": outcome, "remedy": ""}
    element = _VERDICTS[outcome]
    opening = f'<{element} type="{_attribute(error["code"])}" message="{_attribute(error["message"])}"'
    return f"{case}>\n      {opening}>{_attribute(error['remedy'])}</{element}>\n    </testcase>\n"


def _attribute(value: object) -> str:
    """Return text that can stand in an attribute or an element, without what XML forbids."""
    return escape(_FORBIDDEN.sub("", plain(value)))
