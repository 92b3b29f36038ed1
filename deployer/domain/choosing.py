"""What a person decided on the command line: for a tenant, or for one field of it."""

from collections.abc import Callable, Iterable

from deployer.domain.candidate import Choices
from deployer.domain.chosen import Choice, Chosen
from deployer.domain.merge3 import CONFLICTS, Change
from deployer.domain.wording import did_you_mean
from deployer.errors import UsageError


def choices_of(
    ours: Iterable[str],
    theirs: Iterable[str],
    is_tenant: Callable[[str], bool],
    *,
    recreate: Iterable[str] = (),
) -> Choices:
    """Read `TENANT` and `TENANT:FIELD`, where names may hold colons; who is nobody is left as a tenant.

    Raise UsageError for a tenant or a field that is to end in two ways.
    """
    whole: dict[str, Choice] = {}
    fields: dict[str, dict[str, Choice]] = {}
    for choice, words in ((Choice.OURS, ours), (Choice.THEIRS, theirs)):
        for word in words:
            tenant, name = _parts(word, is_tenant)
            known = fields.setdefault(tenant, {}) if name else whole
            if known.setdefault(name or tenant, choice) is not choice:
                raise UsageError(f'"{word}" is given to --ours and to --theirs', remedy="choose one")
    said = {choice: frozenset(name for name in whole if whole[name] is choice) for choice in Choice}
    return Choices(frozenset(recreate), said[Choice.OURS], said[Choice.THEIRS], fields)


def tenants_in(word: str) -> list[str]:
    """Return the tenants that a word may be about, the longest name first."""
    colons = (place for place, character in enumerate(word) if character == ":")
    return [word, *(word[:place] for place in sorted(colons, reverse=True))]


def _parts(word: str, is_tenant: Callable[[str], bool]) -> tuple[str, str]:
    """Return tenant and field; of nobody, the shortest name that may be one, so that a hint comes near."""
    names = tenants_in(word)
    tenant = next(filter(is_tenant, names), names[-1])
    field = word[len(tenant) + 1 :]
    return (tenant, field) if field else (word, "")


def demand_conflicts(tenant: str, chosen: Chosen, changes: Iterable[tuple[str, Change]]) -> None:
    """Raise UsageError for a field of a tenant that is chosen for and has no conflict; `changes` are by their names."""
    fought = [name for name, change in changes if change.verdict in CONFLICTS]
    around = {name for field in fought for name in _around(field, chosen)}
    for name in filter(None, chosen):
        if name not in around:
            what = f'"{name}" of {tenant} has no conflict{did_you_mean(name, fought)}'
            having = ", ".join(fought)
            raise UsageError(what, remedy=f"in conflict: {having}" if fought else "leave it out: there is none in it")


def _around(field: str, chosen: Chosen) -> Iterable[str]:
    return (name for name in chosen if field == name or field.startswith((f"{name}.", f"{name}[")))
