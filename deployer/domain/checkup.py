"""What an examination finds: sound or not, about whom, and how to mend it; those alike are one finding."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

_NAMES: Final = 3  # who are named of a finding
_MOST: Final = 20  # different findings of one check; what is beyond is only counted
_REST: Final = ("has something else of this kind", "mend what is named, then ask again")


class Verdict(StrEnum):
    """How bad a finding is; the worst comes first."""

    PROBLEM = "problem"
    WARNING = "warning"
    OK = "ok"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found, by one check.

    It is about `count` of `noun`, such as accounts, of whom the first are named; without a noun, about this machine.
    `detail` is true of one alone, and left out where several are told together.
    """

    check: str
    verdict: Verdict
    what: str
    remedy: str = ""
    noun: str = ""
    names: tuple[str, ...] = ()
    count: int = 1
    detail: str = ""


@dataclass(slots=True)
class Checkup:
    """What was found so far, in bounded memory: however many tenants are looked at.

    `sound` tells whether any account can work, `damaged` whether the journal is broken.
    """

    sound: bool = False
    damaged: bool = False
    _found: dict[tuple[str, Verdict, str, str], Finding] = field(default_factory=dict)

    def note(self, found: Finding) -> None:
        """Take a finding in, together with those that say the same."""
        key = (found.check, found.verdict, found.what, found.remedy)
        if key not in self._found and self._of(found) >= _MOST:
            key = (found.check, found.verdict, *_REST)
        before = self._found.get(key)
        names, count = (before.names, before.count) if before else ((), 0)
        detail = "" if before else found.detail
        alike = (*names, *found.names)[:_NAMES]
        self._found[key] = Finding(*key, found.noun, alike, count + found.count, detail)

    def take(self, findings: Iterable[Finding]) -> None:
        """Take several in."""
        for found in findings:
            self.note(found)

    @property
    def findings(self) -> Sequence[Finding]:
        """Return the findings, the worst first."""
        order = list(Verdict)
        return sorted(self._found.values(), key=lambda found: order.index(found.verdict))

    @property
    def exit_code(self) -> int:
        """Return 4 where no account works, 1 where the journal is damaged, 3 for any other problem, else 0."""
        if not self.sound:
            return 4
        if self.damaged:
            return 1
        return 3 if any(found.verdict is Verdict.PROBLEM for found in self._found.values()) else 0

    def _of(self, found: Finding) -> int:
        return sum((check, verdict) == (found.check, found.verdict) for check, verdict, *_ in self._found)
