"""Scripted misfortune: which request meets it, and what happens to that request."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from random import Random
from typing import Any, Literal, Self

from deployer.simulator.settings import checked

Action = Literal[
    "refuse",  # answer `status` with the error envelope
    "html",  # answer `status` with a proxy's page
    "lose",  # close the connection without an answer
    "reset",  # the same with a TCP reset
    "stall",  # say nothing for `seconds`, then close
    "late",  # lose the answer now, apply the request after `seconds`
    "cut",  # apply, then close in the middle of the body
    "garble",  # apply, then answer with `text`, or with bytes that are not JSON
    "half",  # a clone that copies the parts, makes no flow and answers 500
    "kill",  # SIGKILL the client
    "lag",  # lists leave out what is younger than `seconds`
    "edit",  # somebody sets `fields` of the flow
    "start",  # the scheduler starts the flow
    "remove",  # somebody deletes the flow
]
BYSTANDERS = frozenset({"edit", "start", "remove"})
"""Actions of somebody else, which leave the request and its answer alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Say which calls an action befalls: all that match, or only the `nth`, the first `times`, or some by `chance`."""

    action: Action
    route: str = "*"
    """A route's name or a pattern: `flows.clone`, `flows.*`."""
    id: str = ""
    """Only calls that concern this flow, integration or other id."""
    nth: int = 0
    times: int = 0
    chance: float = 1.0
    applied: bool = False
    """The request takes effect before the action; `cut` and `garble` imply it."""
    status: int = 502
    code: str = "internal_error"
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 3_600.0
    text: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    flow: str = ""
    """The flow that somebody edits, starts or removes, where it is not the request's own."""

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> Self:
        """Read a rule from its JSON form; ValueError says what does not fit, TypeError that there is no action."""
        return cls(**checked(values, against=cls))


@dataclass(slots=True)
class _Armed:
    rule: Rule
    seed: str
    seen: int = 0
    fired: int = 0
    met: Counter[str] = field(default_factory=Counter)

    def fires(self, whose: str) -> bool:
        """Count a matching call and decide whether the rule befalls it."""
        rule = self.rule
        self.seen += 1
        self.met[whose] += 1
        spent = rule.times and self.fired >= rule.times
        if spent or (rule.nth and self.seen != rule.nth) or not self._is_drawn(whose):
            return False
        self.fired += 1
        return True

    def _is_drawn(self, whose: str) -> bool:
        """Draw for the n-th call about somebody, whatever the others do meanwhile."""
        return self.rule.chance >= 1 or Random(f"{self.seed}/{whose}/{self.met[whose]}").random() < self.rule.chance


class Faults:
    """Hold the installed rules and how often each one was met; a rule counts calls from when it was installed.

    Equal seeds and equal calls meet equal faults: by chance the n-th call about an integration meets what it meets in
    whatever order calls arrive.
    """

    def __init__(self, rules: Iterable[Rule] = (), *, seed: int = 0) -> None:
        self._seed = seed
        self._armed: list[_Armed] = []
        self.install(rules)

    def install(self, rules: Iterable[Rule]) -> None:
        """Add rules behind those that there are."""
        self._armed += [_Armed(rule, f"{self._seed}/{number}") for number, rule in enumerate(rules, len(self._armed))]

    def clear(self) -> None:
        """Remove all rules."""
        self._armed = []

    def due(self, route: str, ids: Collection[str], whose: str = "") -> list[Rule]:
        """Return the rules that befall this call, which is about the integration `whose`, or an id of its own."""
        return [
            armed.rule
            for armed in self._armed
            if fnmatchcase(route, armed.rule.route)
            and (not armed.rule.id or armed.rule.id in ids)
            and armed.fires(f"{route}/{whose}")
        ]
