"""Secrets that read back masked: never compared, never sent back."""

import pytest

from deployer.domain.body import body_of, ignored, masked
from deployer.domain.chosen import Choice
from deployer.domain.documents import MISSING, Document, Json, Path, Value
from deployer.domain.masking import is_masked, mask_reason, masked_paths
from deployer.domain.merge3 import Change, Memory, Verdict, judge, merge, remember
from tests.factories import planned

MASK = "******"
KEY: Path = ("settings", "apiKey")
ZONE: Path = ("timezone",)
LIVE: Document = {"name": "x", "timezone": "a", "settings": {"apiKey": MASK}}
WRITTEN: dict[Path, Memory] = {KEY: Memory("secret", MASK, MISSING)}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("******", True),
        ("**********", True),
        ("*****", False),
        ("*", False),
        ("******a", False),
        ("", False),
        (6, False),
    ],
)
def test_a_mask_is_asterisks_and_nothing_else(value: Json, expected: bool) -> None:
    assert is_masked(value) is expected


def test_masks_are_found_wherever_they_are() -> None:
    body: Document = {"a": MASK, "b": [{"c": [MASK]}, "x"], "d": {"e": {"f": MASK}}, "g": None}
    assert list(masked_paths(body)) == [("a",), ("b", "0", "c", "0"), ("d", "e", "f")]
    assert list(masked_paths({"a": "x"})) == []


# sent, returned, desired, live; "*" is a mask
TABLE = """
    s  *  s  *  no_change   what was sent is still wanted
    s  *  d  *  update      another value is wanted
    s  s  s  *  no_change   the server has begun to mask it
    s  s  d  *  update
    s  *  s  s  no_change   the server has stopped to mask it
    s  *  s  x  drift       it has, and what it shows is another's
    s  *  d  x  conflict
    s  *  -  *  remove      dropped
"""


@pytest.mark.parametrize("row", TABLE.strip().splitlines())
def test_of_a_masked_value_only_what_was_sent_is_compared(row: str) -> None:
    sent, returned, desired, live, verdict, *_ = row.split()
    values: dict[str, Value] = {"*": MASK, "-": MISSING}
    memory = Memory(values.get(sent, sent), values.get(returned, returned), MISSING)
    assert judge(KEY, memory, values.get(desired, desired), values.get(live, live)) == verdict


def test_what_was_masked_before_us_cannot_be_put_back() -> None:
    assert judge(KEY, Memory("secret", MASK, first=MASK), MISSING, MASK) is Verdict.RELEASE


def test_a_body_holds_the_secret_that_is_ours_and_not_its_mask() -> None:
    changes = merge(LIVE, {KEY: "secret", ZONE: "b"}, {**WRITTEN, ZONE: Memory("a", "a", "a")})
    assert [change.verdict for change in changes] == [Verdict.NO_CHANGE, Verdict.UPDATE]
    assert masked(LIVE, changes) == []
    body = body_of(LIVE, changes, planned(), rollout=None, name="x")
    assert body["settings"] == {"apiKey": "secret"}


def test_a_list_of_ours_that_holds_a_mask_is_sent_as_we_want_it() -> None:
    path: Path = ("settings", "keys")
    live: Document = {"settings": {"keys": [{"key": MASK}]}}
    changes = merge(live, {path: [{"key": "secret"}]}, {path: Memory([{"key": "secret"}], [{"key": MASK}], MISSING)})
    assert [change.verdict for change in changes] == [Verdict.NO_CHANGE]
    assert body_of(live, changes, planned(), rollout=None, name="x") == {"settings": {"keys": [{"key": "secret"}]}}


def test_a_mask_that_is_not_ours_is_named() -> None:
    assert masked(LIVE, merge(LIVE, {ZONE: "b"}, {ZONE: Memory("a", "a", "a")})) == ["settings.apiKey"]
    assert mask_reason(["settings.apiKey"]) == (
        "settings.apiKey reads back masked: a PUT of the whole document would overwrite the secret"
    )
    assert mask_reason(["a", "b"]) == "a, b read back masked: a PUT of the whole document would overwrite the secrets"


def test_a_secret_that_we_never_wrote_is_a_conflict_that_only_ours_can_end() -> None:
    def verdict(choice: Choice) -> Verdict:
        (change,) = merge(LIVE, {KEY: "secret"}, {}, chosen={"": choice})
        return change.verdict

    assert [verdict(Choice.OURS), verdict(Choice.THEIRS)] == [Verdict.UPDATE, Verdict.ADOPT_CONFLICT]


def test_an_answer_that_is_masked_is_not_one_that_was_ignored_and_what_was_sent_is_remembered() -> None:
    changes = [Change(KEY, MASK, "secret", Verdict.UPDATE)]
    assert ignored(changes, LIVE) == []
    assert remember({}, changes, LIVE) == {KEY: Memory("secret", MASK, MASK)}
