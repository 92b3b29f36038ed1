"""What a first rollout begins with, chosen from what an account holds: a template, tenants, their connections."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import chain, count
from typing import Final
from unicodedata import normalize

from deployer.domain.documents import Document
from deployer.domain.template import Template
from deployer.domain.wording import did_you_mean
from deployer.errors import UsageError

OPEN: Final = "?"
"""A cell that a person has to fill in; a plan blocks whose connection it is."""
EVERYBODY, NOBODY = "all", "none"
_NAMED: Final = 5  # flows that an error names
_NO_TENANT: Final = "0" * 24
_COLUMNS: Final = ("tenant", "account", "integration", "name", "timezone")
_LONGEST: Final = 40


@dataclass(frozen=True, slots=True)
class Holdings:
    """What an account holds: summaries of flows, and the names of integrations and connections by id."""

    flows: Sequence[Document]
    integrations: Mapping[str, str]
    connections: Mapping[str, str]

    @property
    def candidates(self) -> Sequence[Document]:
        """Return the flows that may be templates, by name: those that are no copies, if there are any."""
        originals = [flow for flow in self.flows if not flow.get("_sourceId")]
        return sorted(originals or self.flows, key=lambda flow: (name_of(flow).casefold(), str(flow["_id"])))


@dataclass(frozen=True, slots=True)
class Used:
    """A connection that the template uses, and the column in which each tenant's own stands."""

    id: str
    name: str
    column: str


@dataclass(frozen=True, slots=True)
class Row:
    """A tenant to begin with; `connections` are in the order of the columns."""

    tenant: str
    integration: str
    name: str
    connections: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Start:
    """A template, what it uses, and the tenants to begin with."""

    name: str
    flow: Document
    used: tuple[Used, ...]
    rows: tuple[Row, ...]

    @property
    def titles(self) -> tuple[str, ...]:
        """Return the titles of the tenants' columns."""
        return (*_COLUMNS, *(each.column for each in self.used))

    @property
    def timezone(self) -> str:
        """Return the template's zone."""
        return str(self.flow.get("timezone") or "UTC")

    @property
    def unfilled(self) -> int:
        """Return how many cells a person has to fill in."""
        return sum(row.connections.count(OPEN) for row in self.rows)


def name_of(document: Document) -> str:
    """Return the name that people know something by."""
    return str(document.get("name") or document["_id"])


def find_by_id(flows: Iterable[Document], wanted: str) -> Document:
    """Return the flow of an id; raise UsageError where there is none."""
    known = {str(flow["_id"]): flow for flow in flows}
    if wanted not in known:
        hint = did_you_mean(wanted, known)
        raise UsageError(f'the account has no flow with the id "{wanted}"{hint}', remedy=_choices(known.values()))
    return known[wanted]


def find_by_name(holdings: Holdings, wanted: str) -> Document:
    """Return the flow of a name, an original before its copies; raise UsageError where it is none, or several."""
    for flows in (holdings.candidates, holdings.flows):
        for same in (str.__eq__, lambda one, other: one.casefold() == other.casefold()):
            found = [flow for flow in flows if same(name_of(flow), wanted)]
            if len(found) > 1:
                ids = " or ".join(str(flow["_id"]) for flow in found[:_NAMED])
                raise UsageError(f'{len(found)} flows are called "{wanted}"', remedy=f"choose one: --template {ids}")
            if found:
                return found[0]
    hint = did_you_mean(wanted, map(name_of, holdings.flows))
    raise UsageError(f'the account has no flow "{wanted}"{hint}', remedy=_choices(holdings.candidates))


def _choices(flows: Iterable[Document]) -> str:
    known = [f'{flow["_id"]} "{name_of(flow)}"' for flow in flows]
    if not known:
        return "it has no flows: make one first, in integrator.io"
    more = [f"… and {len(known) - _NAMED} more"] if len(known) > _NAMED else []
    return "\n".join(["it has:", *known[:_NAMED], *more])


def demand_choice(holdings: Holdings) -> UsageError:
    """Return the error of who said of no flow that it is the template."""
    remedy = f"say --template ID or --template-name NAME; {_choices(holdings.candidates)}"
    return UsageError("which flow is the template?", remedy=remedy)


def choose_integrations(holdings: Holdings, flow: Document, patterns: Collection[str]) -> dict[str, str]:
    """Return the integrations that are to be tenants: never the one that holds the template.

    Raise UsageError where a pattern fits none of them.
    """
    others = {id_: name for id_, name in holdings.integrations.items() if id_ != flow.get("_integrationId")}
    if NOBODY in patterns:
        return {}
    if not others:
        remedy = "make one for each tenant first, or begin with an example: --tenants none"
        raise UsageError("the account has no integration besides the template's", remedy=remedy)
    for pattern in patterns:
        if not _fitting(others, pattern):
            hint = did_you_mean(pattern, others.values())
            raise UsageError(f'no integration is called "{pattern}"{hint}', remedy="* stands for any text: 'Acme *'")
    fitting = {id_ for pattern in patterns for id_ in _fitting(others, pattern)}
    chosen = ((id_, name) for id_, name in others.items() if id_ in fitting)
    return dict(sorted(chosen, key=lambda each: (each[1].casefold(), each[0])))


def _fitting(integrations: Mapping[str, str], pattern: str) -> set[str]:
    if pattern == EVERYBODY:
        return set(integrations)
    return {id_ for id_, name in integrations.items() if fnmatchcase(name.casefold(), pattern.casefold())}


def start(holdings: Holdings, template: Template, chosen: Mapping[str, str]) -> Start:
    """Return what a rollout of the template to the chosen integrations begins with; to none, with an example."""
    owner = holdings.integrations.get(str(template.document.get("_integrationId")), "")
    used = _used(template.connections, holdings.connections, owner)
    known: dict[str, list[str]] = {}
    for id_, name in holdings.connections.items():
        known.setdefault(_folded(name), []).append(id_)
    tenants = zip(_slugs(chosen), chosen.items(), strict=True)
    rows = [Row(slug, id_, name, _connections(used, owner, name, known)) for slug, (id_, name) in tenants]
    example = Row("example", _NO_TENANT, "Example", (OPEN,) * len(used))
    name = _slug(template.name) or "rollout"
    return Start(name, template.document, used, tuple(rows or [example]))


def _used(connections: Iterable[str], names: Mapping[str, str], owner: str) -> tuple[Used, ...]:
    found, taken = [], {*_COLUMNS, "id"}
    for name, id_ in sorted((names.get(id_, id_), id_) for id_ in connections):
        own = name[len(owner) :] if owner and name.startswith(owner) else name
        column = next(_free((_slug(own) or "connection").replace("-", "_"), taken, "_"))
        taken.add(column)
        found.append(Used(id_, name, column))
    return tuple(found)


def _connections(used: Iterable[Used], owner: str, tenant: str, known: Mapping[str, list[str]]) -> tuple[str, ...]:
    """Return a tenant's connections: those that are called as the template's are, with its name for the owner's."""

    def own(each: Used) -> str:
        found = known.get(_folded(each.name.replace(owner, tenant, 1)), []) if owner and owner in each.name else []
        return found[0] if len(found) == 1 else OPEN

    return tuple(map(own, used))


def _folded(name: str) -> str:
    return " ".join(name.casefold().split())


def _slugs(chosen: Mapping[str, str]) -> Iterator[str]:
    """Yield a name for each tenant that can be typed, no two alike."""
    taken: set[str] = set()
    for id_, name in chosen.items():
        slug = next(_free(_slug(name) or f"tenant-{id_[-6:].lower()}", taken, "-"))
        taken.add(slug)
        yield slug


def _slug(name: str) -> str:
    plain = normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain)[:_LONGEST].strip("-")


def _free(name: str, taken: Collection[str], joint: str) -> Iterator[str]:
    """Yield the name, then with a number, where that is not taken."""
    yield from (each for each in chain([name], (f"{name}{joint}{n}" for n in count(2))) if each not in taken)
