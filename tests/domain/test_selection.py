import tracemalloc

import pytest

from deployer.domain.selection import RollCall, Selection
from deployer.errors import UsageError

TENANTS = {
    "acme": {"ring": "early", "tier": "gold"},
    "globex": {"ring": "early", "tier": "tin"},
    "initech": {"ring": "late", "tier": "gold"},
    "umbrella": {},
}


def called(
    labels: tuple[str, ...] = (), tenants: tuple[str, ...] = (), excluded: tuple[str, ...] = ()
) -> tuple[list[str], dict[str, str]]:
    """Return who is selected of all tenants, and the rules that were broken."""
    call = RollCall(Selection.parse(labels, tenants, excluded))
    return [name for name, carried in TENANTS.items() if call.selects(name, carried)], call.violated()


@pytest.mark.parametrize(
    ("labels", "tenants", "excluded", "selected"),
    [
        ((), (), (), ["acme", "globex", "initech", "umbrella"]),
        (("ring=early",), (), (), ["acme", "globex"]),
        (("ring=early", "ring=late"), (), (), ["acme", "globex", "initech"]),
        (("ring=early", "tier=gold"), (), (), ["acme"]),
        ((" ring = early ",), (), (), ["acme", "globex"]),
        ((), ("umbrella",), (), ["umbrella"]),
        (("ring=late",), ("umbrella",), (), ["initech", "umbrella"]),
        ((), (), ("acme",), ["globex", "initech", "umbrella"]),
        (("ring=early",), ("umbrella",), ("umbrella", "acme"), ["globex"]),
    ],
)
def test_one_key_is_or_several_are_and_names_are_added_and_exclusion_wins(
    labels: tuple[str, ...], tenants: tuple[str, ...], excluded: tuple[str, ...], selected: list[str]
) -> None:
    assert called(labels, tenants, excluded) == (selected, {})


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"labels": ("rign=early",)}, '--label rign=early: no tenant has a label "rign" (did you mean "ring"?)'),
        ({"labels": ("ring=erly",)}, '--label ring=erly: no tenant has this "ring" (did you mean "early"?)'),
        ({"labels": ("zone=eu",)}, '--label zone=eu: no tenant has a label "zone"'),
        ({"tenants": ("acne", "globex")}, '--tenant acne: no tenant has this name (did you mean "acme"?)'),
        ({"tenants": ("ACME",)}, '--tenant ACME: no tenant has this name (did you mean "acme"?)'),
        ({"tenants": ("zzz",)}, "--tenant zzz: no tenant has this name"),
        ({"excluded": ("gloebx",)}, '--exclude gloebx: no tenant has this name (did you mean "globex"?)'),
        ({"tenants": ("y",), "excluded": ("x",)},
         "--tenant y: no tenant has this name; --exclude x: no tenant has this name"),
    ],
)  # fmt: skip
def test_a_name_that_nobody_has_breaks_a_rule(options: dict[str, tuple[str, ...]], sentence: str) -> None:
    assert called(**options)[1]["unknown-name"] == sentence


@pytest.mark.parametrize(
    "options",
    [
        {"labels": ("ring=late", "tier=tin")},
        {"tenants": ("acme",), "excluded": ("acme",)},
        {"excluded": tuple(TENANTS)},
    ],
)
def test_a_selection_that_leaves_nobody_breaks_a_rule_of_its_own(options: dict[str, tuple[str, ...]]) -> None:
    assert called(**options) == ([], {"empty-selection": "no tenant is selected"})


def test_what_selects_all_is_not_to_blame_for_an_empty_list() -> None:
    assert RollCall(Selection()).violated() == {}


@pytest.mark.parametrize("label", ["ring", "=eu", "ring=", "ri\u202eng=eu"])
def test_a_label_that_is_none_is_refused(label: str) -> None:
    with pytest.raises(UsageError, match="--label "):
        Selection.parse([label], [], [])


def test_it_keeps_no_more_of_thousands_of_tenants_than_of_a_hundred() -> None:
    kept = []
    for count in (100, 5_000):
        call = RollCall(Selection.parse(["customer=none"], ["none"], []))
        tracemalloc.start()
        assert not any(call.selects(f"tenant-{number}", {"customer": f"c{number}"}) for number in range(count))
        kept.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
    assert kept[1] < kept[0] + 10_000
