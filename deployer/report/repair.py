"""What mending came to, as a document for programs and as text for people."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from deployer.domain.command import typed
from deployer.domain.identity import InstanceKey
from deployer.domain.rebuilding import Finding, Sought
from deployer.journal.protocol import Rollout
from deployer.report.text import plain, some, wrapped

_FORMAT: Final = 1
_NAMES: Final = 10
_STEP: Final = 1000  # tenants between two lines of progress
_FINDINGS: Final[Mapping[Finding, tuple[str, str]]] = {
    "found": ("flow found again", "flows found again"),
    "kept": ("flow known already", "flows known already"),
    "absent": ("tenant without a flow", "tenants without a flow"),
    "unreadable": ("tenant whose flows cannot be read", "tenants whose flows cannot be read"),
    "stranger": (
        "flow in an integration that the manifest does not name",
        "flows in integrations that the manifest does not name",
    ),
}


@dataclass(slots=True)
class Rebuilt:
    """What rebuilding a journal comes to, watched while it goes. `say` prints a sentence for whoever waits.

    `undecided` are the calls that only a person can decide about; `refused` the accounts that could not be opened.
    """

    say: Callable[[str], None]
    rollouts: list[str] = field(default_factory=list)
    sought: list[Sought] = field(default_factory=list)
    waited: float = 0.0
    undecided: Mapping[InstanceKey, str] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)

    def waits(self, seconds: float) -> None:
        """Tell of the wait for whatever may still be on its way."""
        self.waited = seconds
        why = "making sure that nothing is still on its way that the journal may not know of"
        self.say(f"{why}, {seconds:.0f} s; Ctrl-C leaves all as it is")

    def left(self, rollout: Rollout) -> None:
        """Note a rollout that nobody goes on with."""
        self.rollouts.append(rollout.id)

    def sees(self, sought: Sought) -> None:
        """Note what was found of a tenant, and tell now and then how many there are."""
        self.sought.append(sought)
        if len(self.sought) % _STEP == 0:
            self.say(f"looked for {len(self.sought):,} flows")

    @property
    def head(self) -> dict[str, Any]:
        """Return what `--json` shows besides the tenants."""
        counts = self._counts()
        return {
            "format_version": _FORMAT,
            "waited": round(self.waited, 3),
            "left": self.rollouts,
            "counts": {finding: counts[finding] for finding in _FINDINGS},
            "undecided": [{**asdict(key), "reason": why} for key, why in self.undecided.items()],
            "refused": [{"account": account, "reason": why} for account, why in self.refused.items()],
        }

    @property
    def tenants(self) -> Sequence[dict[str, Any]]:
        """Return the tenants as `--json` shows them."""
        return [asdict(sought) for sought in self.sought]

    def text(self, *, width: int, manifest: str) -> str:
        """Return what people read: the counts, what waits for them, and what to type next."""
        path, counts = plain(manifest), self._counts()
        lines = [_counted(counts[finding], *words) for finding, words in _FINDINGS.items() if counts[finding]]
        if self.rollouts:
            lines.append(f"{_counted(len(self.rollouts), 'rollout', 'rollouts')} left: nothing of it is resumed or run")
        surplus = [f"{each.tenant}: flow {', '.join(each.surplus)}" for each in self.sought if each.surplus]
        unsure = [each.tenant for each in self.sought if each.ran is False]
        told = [
            *_told("surplus copies: ", surplus, f"; look at them: {typed('sweep', path)}", width),
            *_told(
                "perhaps never run since they were changed: ", unsure, f"; if they should: {typed('run', path)}", width
            ),
            *_each("waits for a person: ", self.undecided.values(), width),
            *_each("not rebuilt: account ", (": ".join(pair) for pair in self.refused.items()), width),
        ]
        return "\n".join([*lines, *told, "", f"Go on:  {typed('apply', path)}"])

    def _counts(self) -> Counter[str]:
        return Counter(each.finding for each in self.sought)


def _counted(count: int, one: str, several: str) -> str:
    return f"{count:,} {one if count == 1 else several}"


def _told(start: str, names: Sequence[str], end: str, width: int) -> list[str]:
    return wrapped(start, [some(names, _NAMES) + end], width=width, hang=2) if names else []


def _each(start: str, texts: Iterable[str], width: int) -> list[str]:
    return [line for text in texts for line in wrapped(start, [plain(text)], width=width, hang=2)]
