"""What is wrong with a manifest and its tenants: of what is wrong alike, the first, where it stands, and how often."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Final

from deployer.errors import DeployerError, ManifestError, Problem
from deployer.report.text import plain

_MOST: Final = 20  # problems that are told one by one, however alike they are
_FEW: Final = 3  # that are told of a kind where there are more
_KINDS: Final = 20
_NEAR: Final = re.compile(r" \(did you mean .*\)$")
_OWN: Final = re.compile(r"\"[^\"]*\"|\b[A-Z]{0,3}[0-9]+\b|\b[0-9a-f]{24}\b")  # what is quoted, cells, numbers, ids


@dataclass(slots=True)
class _Kind:
    """Problems that say the same but for names, places and ids."""

    first: list[Problem] = field(default_factory=list)
    count: int = 0

    def add(self, problem: Problem) -> None:
        self.count += 1
        if len(self.first) < _FEW:
            self.first.append(problem)


def error_lines(error: DeployerError) -> Iterator[str]:
    """Yield the lines that a person reads of an error."""
    match error:
        case ManifestError():
            yield from problem_lines(error.problems, start="error: ")
            if error.remedy:
                yield f"  {plain(error.remedy)}"
        case _:
            yield from map(plain, error.lines())


def problem_lines(problems: Collection[Problem], *, start: str, every: bool = False) -> Iterator[str]:
    """Yield a line for each problem, or for the first of each kind where there are more than people read."""
    if every or len(problems) <= _MOST:
        yield from (f"{start}{plain(problem)}" for problem in problems)
        return
    kinds: dict[str, _Kind] = {}
    for problem in problems:
        kinds.setdefault(_kind_of(problem), _Kind()).add(problem)
    for kind in [*kinds.values()][:_KINDS]:
        yield from (f"{start}{plain(problem)}" for problem in kind.first)
        if more := kind.count - len(kind.first):
            yield f"{start}… and {more:,} more like it"
    if more := sum(kind.count for kind in [*kinds.values()][_KINDS:]):
        yield f"{start}… and {more:,} more of {len(kinds) - _KINDS:,} other kinds"
    yield f"{len(problems):,} problems (deployer validate --all shows each)"


def _kind_of(problem: Problem) -> str:
    path, what = _OWN.sub("*", problem.path), _OWN.sub("*", _NEAR.sub("", problem.what))
    return f"{path}: {what}"
