"""Annotations of GitHub Actions: workflow commands, which a runner reads from what a step prints."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Final, Literal, TypeAlias

from deployer.errors import Problem
from deployer.report.causes import Cause, Causes
from deployer.report.text import plain

Kind: TypeAlias = Literal["error", "warning", "notice"]

MOST: Final = 10  # GitHub shows so many of a step, and drops the others without a word
NAMES: Final = 5
_PLACE: Final = re.compile(r"(?P<file>.+?)(?::(?P<line>[0-9]+)(?::(?P<col>[0-9]+))?|: (?P<cell>sheet \".*))?")
_GRAVE: Final = frozenset({"failed", "unknown"})


def annotation(
    kind: Kind,
    message: str,
    *,
    file: str | None = None,
    line: int | None = None,
    col: int | None = None,
    title: str | None = None,
) -> str:
    """Return one workflow command, a line without its end; what is in the texts cannot end it or begin another."""
    given = {"file": file, "line": line, "col": col, "title": title}
    properties = ",".join(f"{key}={_property(str(value))}" for key, value in given.items() if value is not None)
    return f"::{kind}{' ' if properties else ''}{properties}::{_message(message)}"


def silence(token: str) -> tuple[str, str]:
    """Return the lines between which a runner obeys nothing that is printed: a tenant can be named like a command.

    `token` is what nobody can guess; whoever prints an annotation between them ends the silence first.
    """
    return f"::stop-commands::{token}", f"::{token}::"


def of_problems(problems: Sequence[Problem]) -> Iterator[str]:
    """Yield an error for each problem, where it stands; the last one that GitHub shows tells of those it does not."""
    shown = len(problems) if len(problems) <= MOST else MOST - 1
    for problem in islice(problems, shown):
        yield _of_problem(problem)
    if more := len(problems) - shown:
        yield annotation("error", f"and {more} more problems: see the log", title="deployer")


def of_causes(causes: Causes, *, rollout: str) -> Iterator[str]:
    """Yield one annotation a cause of trouble: an error where something failed, else a warning."""
    ordered = causes.ordered()
    shown = len(ordered) if len(ordered) <= MOST and not causes.others else MOST - 1
    for cause in islice(ordered, shown):
        yield _of_cause(cause, rollout)
    if more := sum(cause.count for cause in ordered[shown:]) + causes.others:
        yield annotation("error", f"and {more} more tenants for other causes: see the log", title=plain(rollout))


def _of_problem(problem: Problem) -> str:
    place: Mapping[str, str | None] = match.groupdict() if (match := _PLACE.fullmatch(plain(problem.where))) else {}
    line, col = (int(number) if (number := place.get(key)) else None for key in ("line", "col"))
    said = ": ".join(filter(None, [place.get("cell"), problem.path, problem.what]))
    return annotation("error", plain(said), file=place.get("file"), line=line, col=col)


def _of_cause(cause: Cause, rollout: str) -> str:
    lines = [plain(cause.said), cause.who(NAMES), plain(cause.remedy)]
    kind: Kind = "error" if cause.outcome in _GRAVE else "warning"
    title = f"{plain(rollout)}: {cause.count} {cause.outcome}"
    return annotation(kind, "\n".join(filter(None, lines)), title=title)


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")
