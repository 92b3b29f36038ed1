"""Which tenants a command is about: by label, by name, and all but some."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Self, TypeAlias

from deployer.domain.wording import did_you_mean, legible
from deployer.errors import UsageError

Labels: TypeAlias = Mapping[str, frozenset[str]]

UNKNOWN, EMPTY = "unknown-name", "empty-selection"
_HINTS: Final = 100  # values of one label that are kept to guess what was meant


def label_selector(text: str) -> str:
    """Return `text` if it selects tenants by label, such as `ring=eu,tier=gold`, else raise ValueError."""
    labels(text.split(","))
    return text


def labels(terms: Iterable[str]) -> Labels:
    """Return the values that each key may have; raise ValueError for a term that is not `key=value`."""
    found: dict[str, set[str]] = {}
    for term in terms:
        key, equals, value = (part.strip() for part in term.partition("="))
        if not equals:
            raise ValueError(f'"{term}" is no label such as ring=eu')
        found.setdefault(legible(key), set()).add(legible(value))
    return {key: frozenset(values) for key, values in found.items()}


def have(wanted: Labels, carried: Mapping[str, str]) -> bool:
    """Tell whether labels carried are among those wanted: of one key any value will do, and every key counts."""
    return all(carried.get(key) in values for key, values in wanted.items())


@dataclass(frozen=True, slots=True)
class Selection:
    """Tenants with these labels and tenants of these names, but never the excluded; nothing said selects all."""

    labels: Labels = field(default_factory=dict)
    tenants: frozenset[str] = frozenset()
    excluded: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, labelled: Iterable[str], tenants: Iterable[str], excluded: Iterable[str]) -> Self:
        """Return what `--label`, `--tenant` and `--exclude` select; raise UsageError for a label that is none."""
        try:
            wanted = labels(labelled)
        except ValueError as error:
            raise UsageError(f"--label {error}", remedy="write it as --label KEY=VALUE") from None
        return cls(wanted, frozenset(tenants), frozenset(excluded))

    @property
    def is_all(self) -> bool:
        """Tell whether every tenant is selected."""
        return not (self.labels or self.tenants or self.excluded)

    def matches(self, tenant: str, carried: Mapping[str, str]) -> bool:
        """Tell whether a tenant of this name, with these labels, is selected."""
        if tenant in self.excluded:
            return False
        if tenant in self.tenants or not (self.labels or self.tenants):
            return True
        return bool(self.labels) and have(self.labels, carried)


class RollCall:
    """Calls up the tenants one by one, and at the end knows what a selection named in vain.

    It keeps what was met of the names and labels that the selection holds and what resembles them, never all tenants.
    """

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self._named = selection.tenants | selection.excluded
        self._met: set[str] = set()
        self._near = {variant: name for name in sorted(self._named) for variant in _variants(name)}
        self._resembling: dict[str, str] = {}
        self._keys: set[str] = set()
        self._carried: dict[str, set[str]] = {key: set() for key in selection.labels}
        self._others: dict[str, set[str]] = {key: set() for key in selection.labels}
        self._selected = 0

    def selects(self, tenant: str, carried: Mapping[str, str]) -> bool:
        """Note a tenant, and tell whether it is selected."""
        if self._named:
            self._note_name(tenant)
        if self._selection.labels:
            self._note_labels(carried)
        selected = self._selection.matches(tenant, carried)
        self._selected += selected
        return selected

    def violated(self) -> dict[str, str]:
        """Return the rules that the selection breaks after the last tenant, each with the sentence that says how."""
        found = {}
        if unknown := "; ".join([*self._unknown_names(), *self._unknown_labels()]):
            found[UNKNOWN] = unknown
        if not self._selected and not self._selection.is_all:
            found[EMPTY] = "no tenant is selected"
        return found

    def _note_name(self, tenant: str) -> None:
        if tenant in self._named:
            self._met.add(tenant)
        elif near := next((self._near[variant] for variant in _variants(tenant) if variant in self._near), None):
            self._resembling.setdefault(near, tenant)

    def _note_labels(self, carried: Mapping[str, str]) -> None:
        self._keys.update(carried)
        for key, values in self._selection.labels.items():
            value = carried.get(key)
            if value in values:
                self._carried[key].add(value)
            elif value is not None and len(self._others[key]) < _HINTS:
                self._others[key].add(value)

    def _unknown_names(self) -> Iterator[str]:
        for option, names in (("--tenant", self._selection.tenants), ("--exclude", self._selection.excluded)):
            for name in sorted(names - self._met):
                near = self._resembling.get(name)
                yield f"{option} {name}: no tenant has this name" + (f' (did you mean "{near}"?)' if near else "")

    def _unknown_labels(self) -> Iterator[str]:
        for key, values in self._selection.labels.items():
            for value in sorted(values - self._carried[key]):
                if key in self._keys:
                    known = self._others[key] | self._carried[key]
                    yield f'--label {key}={value}: no tenant has this "{key}"{did_you_mean(value, sorted(known))}'
                else:
                    hint = did_you_mean(key, sorted(self._keys))
                    yield f'--label {key}={value}: no tenant has a label "{key}"{hint}'


def _variants(name: str) -> set[str]:
    """Return what a name may be mistaken for: itself in small letters, and with any one letter left out."""
    folded = name.casefold()
    return {folded, *(folded[:index] + folded[index + 1 :] for index in range(len(folded)))}
