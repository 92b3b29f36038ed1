"""Why tenants are in trouble, each cause once, gathered in one pass that holds a bounded number of them."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from deployer.domain.deployment import Status
from deployer.report.text import anonymous, brief, plain

Tenant: TypeAlias = Mapping[str, Any]

_TROUBLE: Final = frozenset({Status.FAILED, Status.UNKNOWN, Status.STALE, Status.BLOCKED, Status.CANCELLED})
_ID: Final = re.compile(r"(?<!\w)[0-9a-f]{24}(?!\w)")  # as integrator.io writes it
_MOST = 1000  # causes told apart; where nearly every tenant has one of its own, telling them apart says nothing


@dataclass(slots=True)
class Cause:
    """One thing that went wrong: what it made of its tenants, how it is said, and the first of their names."""

    outcome: str
    code: str
    message: str
    remedy: str
    count: int = 0
    names: list[str] = field(default_factory=list)

    def add(self, name: str, message: str, remedy: str, *, most: int) -> None:
        """Count one more tenant; what is said differently of each is said without names and ids."""
        self.message = message if message == self.message else _of_any(message, name)
        self.remedy = remedy if remedy == self.remedy else _of_any(remedy, name)
        self.count += 1
        if self.count <= most:
            self.names.append(name)

    def who(self, most: int, shown: Callable[[str], str] = brief) -> str:
        """Return the first names, each as `shown` writes it, and how many more there are."""
        more = self.count - min(most, len(self.names))
        return ", ".join([*map(shown, self.names[:most]), *([f"… and {more:,} more"] if more else [])])

    @property
    def said(self) -> str:
        """Return the cause as a phrase; no code where that is the outcome."""
        return ": ".join(word for word in (self.code, self.message) if word and word != self.outcome)


@dataclass(slots=True)
class Causes:
    """The causes so far, with at most `names` tenants named for each, and how many tenants had one beyond the last."""

    names: int
    others: int = 0
    _found: dict[tuple[str, str, str], Cause] = field(default_factory=dict)

    def note(self, tenant: Tenant) -> bool:
        """Count a tenant; tell whether it is in trouble."""
        if tenant["outcome"] not in _TROUBLE:
            return False
        error: Mapping[str, Any] = tenant["error"] or {}
        code, message, remedy = (str(error.get(key) or "") for key in ("code", "message", "remedy"))
        message += place_of(error)
        key = tenant["outcome"], code, _of_any(message, tenant["tenant"])
        if key not in self._found and len(self._found) >= _MOST:
            self.others += 1
        else:
            cause = self._found.setdefault(key, Cause(tenant["outcome"], code, message, remedy))
            cause.add(tenant["tenant"], message, remedy, most=self.names)
        return True

    def ordered(self) -> list[Cause]:
        """Return the causes, that of most tenants first."""
        return sorted(self._found.values(), key=lambda cause: (-cause.count, cause.outcome, cause.code, cause.message))


def gather(tenants: Iterable[Tenant], *, names: int) -> Causes:
    """Return the causes of trouble among tenants."""
    causes = Causes(names)
    for tenant in tenants:
        causes.note(tenant)
    return causes


def place_of(error: Mapping[str, Any]) -> str:
    """Return which field and which HTTP status an error is about, to be said after its message."""
    place = ", ".join(plain(error[key]) for key in ("field", "status") if error.get(key) is not None)
    return f" ({place})" if place else ""


def _of_any(text: str, name: str) -> str:
    """Return what can be said of several: without the tenant's name, and without any id."""
    unnamed = anonymous(text, name) if name in text else text  # the search by word is slow, and mostly needless
    return _ID.sub("ID", unnamed)
