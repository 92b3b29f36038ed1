"""Choices of a person: for a tenant or one field of it, and never about nothing."""

import pytest

from deployer.domain.candidate import Choices
from deployer.domain.choosing import choices_of, demand_conflicts
from deployer.domain.chosen import Choice, Chosen, choice_for
from deployer.domain.documents import Path, dotted
from deployer.domain.merge3 import Change, Verdict
from deployer.errors import UsageError

OURS, THEIRS = Choice.OURS, Choice.THEIRS
KNOWN = {"acme", "acme:eu", "globex"}.__contains__
CHANGES = [
    Change(("settings", "batchSize"), 1, 2, Verdict.CONFLICT),
    Change(("settings", "stores", "[id=7]", "name"), 1, 2, Verdict.ADOPT_CONFLICT),
    Change(("timezone",), 1, 2, Verdict.UPDATE),
]
NAMED = [(dotted(change.path), change) for change in CHANGES]


def test_a_word_is_a_tenant_or_a_field_of_one_and_names_may_hold_colons() -> None:
    choices = choices_of(["acme:a.b", "globex", "acme:eu:c"], ["acme:eu", "acme"], KNOWN, recreate=["x"])
    assert choices == Choices(
        recreate=frozenset({"x"}),
        ours=frozenset({"globex"}),
        theirs=frozenset({"acme:eu", "acme"}),
        fields={"acme": {"a.b": OURS}, "acme:eu": {"c": OURS}},
    )
    assert choices.tenants == {"acme", "acme:eu", "globex", "x"}
    assert choices.conflict("acme") == {"": THEIRS, "a.b": OURS}
    assert choices.conflict("acme:eu") == {"": THEIRS, "c": OURS}


@pytest.mark.parametrize("word", ["nobody", "acme:", "nobody:"])
def test_who_is_nobody_is_left_as_typed(word: str) -> None:
    assert choices_of([word], [], KNOWN).ours == {word}


def test_a_field_of_nobody_is_nobodys() -> None:
    assert choices_of(["nobody:a:b"], [], KNOWN).tenants == {"nobody"}


@pytest.mark.parametrize("word", ["acme", "acme:eu", "acme:timezone"])
def test_what_is_to_end_in_two_ways_is_an_error(word: str) -> None:
    with pytest.raises(UsageError, match=f'"{word}" is given to --ours and to --theirs'):
        choices_of([word], [word], KNOWN)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (("settings", "a"), THEIRS),
        (("settings", "b"), OURS),
        (("settings", "stores", "[id=7]", "name"), THEIRS),
        (("settings", "stores", "[id=8]", "name"), OURS),
        (("timezone",), THEIRS),
    ],
)
def test_the_nearest_choice_wins(path: Path, expected: Choice) -> None:
    chosen: Chosen = {"": THEIRS, "settings": OURS, "settings.a": THEIRS, "settings.stores[id=7]": THEIRS}
    assert choice_for(chosen, path) is expected


def test_where_nobody_chose_nothing_is_chosen() -> None:
    assert choice_for({"settings.a": OURS}, ("settings", "ab")) is None
    assert choice_for({}, ("settings", "a")) is None


@pytest.mark.parametrize(
    "field", ["", "settings", "settings.batchSize", "settings.stores", "settings.stores[id=7].name"]
)
def test_a_choice_may_be_for_a_field_in_conflict_or_what_is_around_it(field: str) -> None:
    demand_conflicts("acme", {field: OURS}, NAMED)


@pytest.mark.parametrize(
    ("field", "what"),
    [
        ("settings.batchsize", '"settings.batchsize" of acme has no conflict (did you mean "settings.batchSize"?)'),
        ("timezone", '"timezone" of acme has no conflict'),
        ("settings.store", '"settings.store" of acme has no conflict'),
    ],
)
def test_a_choice_for_a_field_without_a_conflict_is_an_error(field: str, what: str) -> None:
    with pytest.raises(UsageError) as caught:
        demand_conflicts("acme", {"settings.batchSize": OURS, field: OURS}, NAMED)
    assert caught.value.what.startswith(what)
    assert caught.value.remedy == "in conflict: settings.batchSize, settings.stores[id=7].name"


def test_where_nothing_is_in_conflict_no_field_is_to_be_chosen_for() -> None:
    with pytest.raises(UsageError, match='"name" of acme has no conflict'):
        demand_conflicts("acme", {"name": THEIRS}, ())
