"""The tenants of a rollout by place: counted as they move, found by what is asked, in every order."""

import pytest

from deployer.api.board import Board, Order, Roster, Wanted
from deployer.domain.deployment import Status, count
from deployer.journal.watched import Placed

NAMES = ("cyan", "Ädam", "bert", "ZOE", "bertha")
STATUSES = (Status.DONE, Status.FAILED, Status.PENDING, Status.FAILED, Status.DONE)
WAVES = (1, 1, 2, 2, 0)


def new_board() -> Board:
    board = Board.of({place: Placed(*each) for place, each in enumerate(zip(WAVES, STATUSES, strict=True))})
    rows = [(name, f"account-{len(name)}", "update" if place % 2 else "create") for place, name in enumerate(NAMES)]
    board.roster = Roster.of(rows)
    return board


def found(board: Board, wanted: Wanted) -> list[str]:
    return [NAMES[place] for place in board.find(wanted)]


def test_tenants_are_counted_and_those_in_no_wave_in_none() -> None:
    board = new_board()
    assert board.counts == count(STATUSES)
    assert {wave: +counts[Status.FAILED] for wave, counts in board.by_wave.items()} == {1: 1, 2: 1}
    assert len(board) == 5


def test_whoever_moves_is_counted_where_they_stand_now_and_what_was_read_of_them_is_forgotten() -> None:
    board = new_board()
    board.troubled = {1: {"tenant": "Ädam"}, 3: {"tenant": "ZOE"}}
    board.move({1: Placed(1, Status.PENDING), 2: Placed(2, Status.RUNNING)})
    board.move({1: Placed(1, Status.DONE)})
    after = (Status.DONE, Status.DONE, Status.RUNNING, Status.FAILED, Status.DONE)
    assert board.counts == count(after)
    assert board.by_wave[1] == count([Status.DONE, Status.DONE])
    assert board.troubled.keys() == {3}
    assert list(board.places([Status.FAILED])) == [3]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("place", ["cyan", "Ädam", "bert", "ZOE", "bertha"]),
        ("tenant", ["bert", "bertha", "cyan", "ZOE", "Ädam"]),
        ("account", ["ZOE", "cyan", "Ädam", "bert", "bertha"]),
        ("action", ["cyan", "bert", "bertha", "Ädam", "ZOE"]),
        ("wave", ["bertha", "cyan", "Ädam", "bert", "ZOE"]),
        ("outcome", ["bert", "cyan", "bertha", "Ädam", "ZOE"]),
    ],
)
def test_tenants_come_in_every_order_and_the_other_way_round(order: Order, expected: list[str]) -> None:
    board = new_board()
    assert found(board, Wanted(order=order)) == expected
    assert found(board, Wanted(order=order, descending=True)) == expected[::-1]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Wanted(text="BERT"), ["bert", "bertha"]),
        (Wanted(text="ädam"), ["Ädam"]),
        (Wanted(text="nobody"), []),
        (Wanted(frozenset([Status.FAILED])), ["Ädam", "ZOE"]),
        (Wanted(frozenset([Status.FAILED]), text="z"), ["ZOE"]),
        (Wanted(frozenset([Status.FAILED, Status.PENDING]), order="tenant", descending=True), ["Ädam", "ZOE", "bert"]),
    ],
)
def test_tenants_are_found_by_outcome_and_by_what_their_names_hold(wanted: Wanted, expected: list[str]) -> None:
    assert found(new_board(), wanted) == expected


def test_an_order_by_outcome_follows_those_who_move() -> None:
    board = new_board()
    board.move({0: Placed(1, Status.FAILED)})
    assert found(board, Wanted(order="outcome")) == ["bert", "bertha", "cyan", "Ädam", "ZOE"]


def test_a_roster_that_was_forgotten_is_put_in_order_anew() -> None:
    board = new_board()
    before = found(board, Wanted(order="tenant"))
    board.forget_roster()
    board.roster = Roster.of([(name, "", "") for name in reversed(NAMES)])
    assert found(board, Wanted(order="tenant")) != before
