"""Notices as webhooks take them."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import jsonschema
import pytest

from deployer.domain.firing import Firing, State
from deployer.domain.notice import Notice
from deployer.domain.notify import Occasion, is_news, occasion_of
from deployer.report.notices import notice_body, slack_message, teams_message
from deployer.report.shapes import schema
from tests.report.hostile import NAMES, is_inert

GOLDEN = Path(__file__).with_name("golden")
AT = "2026-03-01T10:00:00.000Z"
FIRING = Firing(
    "order-sync",
    "nightly",
    "2026-03-01T02:00 Europe/Paris",
    AT,
    State.ENDED,
    AT,
    reason="halted: acme-us: the API does not accept the token any more",
    rollout="order-sync-20260301T100000-00ff",
    who="jo@laptop",
    began_at=AT,
    ended_at=AT,
    code=6,
    counts={"done": 12, "pending": 28},
)
HALTED = Notice(
    Occasion.HALTED,
    AT,
    "order-sync",
    "halted",
    reason="acme-us: the API does not accept the token any more",
    rollout="order-sync-20260301T100000-00ff",
    kind="apply",
    plan="2f" * 32,
    who="jo@laptop",
    started_at=AT,
    counts={"done": 12, "no_change": 3, "failed": 0, "pending": 25},
    command="deployer resume rollout.yaml",
)
WAITING = replace(
    HALTED,
    occasion=Occasion.WAITING,
    outcome="waiting",
    reason="wave canary waits for approval",
    wave="canary",
    command="deployer approve rollout.yaml --plan 2f2f2f2f2f2f",
)
FINISHED = replace(HALTED, occasion=Occasion.FINISHED, outcome="succeeded_with_failures", reason="", command="")
NIGHT = Notice(
    Occasion.FAILED_NIGHT, AT, "order-sync", "failed", reason=FIRING.reason, counts=FIRING.counts, firing=FIRING
)
EVERY = {"halted": HALTED, "waiting": WAITING, "finished": FINISHED, "failed_night": NIGHT}


def texts(value: object) -> list[str]:
    match value:
        case dict():
            return [text for each in value.values() for text in texts(each)]
        case list():
            return [text for each in value for text in texts(each)]
        case str():
            return [value]
        case _:
            return []


def hostile(text: str, occasion: str) -> Notice:
    named = replace(EVERY[occasion], name=text, reason=text, wave=text and "w" + text, who=text, command=text)
    firing = replace(FIRING, schedule=text, reason=text) if named.firing else None
    return replace(named, firing=firing)


@pytest.mark.parametrize("occasion", EVERY)
@pytest.mark.parametrize("kind", ["json", "slack", "teams"])
def test_a_notice_is_as_it_was_looked_at(kind: Literal["json", "slack", "teams"], occasion: str) -> None:
    made = json.dumps(notice_body(EVERY[occasion], kind), indent=2) + "\n"
    assert made == (GOLDEN / f"notice-{kind}-{occasion}.json").read_text("utf-8")


@pytest.mark.parametrize("occasion", EVERY)
def test_a_document_is_as_its_schema_says(occasion: str) -> None:
    judge = jsonschema.Draft202012Validator(schema("notice"))
    judge.check_schema(judge.schema)
    judge.validate(json.loads(json.dumps(notice_body(EVERY[occasion], "json"))))
    judge.validate(json.loads(json.dumps(notice_body(hostile(NAMES["all"], occasion), "json"))))


@pytest.mark.parametrize("occasion", EVERY)
@pytest.mark.parametrize("name", NAMES)
def test_no_name_is_a_link_or_a_mention_in_slack(name: str, occasion: str) -> None:
    message = slack_message(hostile(NAMES[name], occasion))
    for text in texts(message):
        assert is_inert(text)
        assert "<" not in text
        assert ">" not in text
        assert len(text) <= 3000
    blocks: Any = message["blocks"]
    assert all(block["text"]["verbatim"] for block in blocks)


def test_what_slack_would_take_for_markup_is_read_as_it_was_written() -> None:
    assert slack_message(replace(HALTED, name="<!channel> & co"))["text"] == "&lt;!channel&gt; &amp; co halted"


@pytest.mark.parametrize("occasion", EVERY)
@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_a_run_of_text_in_teams_and_no_markdown(name: str, occasion: str) -> None:
    message: Any = teams_message(hostile(NAMES[name], occasion))
    [attachment] = message["attachments"]
    for block in attachment["content"]["body"]:
        assert block["type"] == "RichTextBlock"
        [run] = block["inlines"]
        assert run["type"] == "TextRun"
        assert is_inert(run["text"])
    assert len(json.dumps(message)) < 28_000  # what Teams takes


def test_a_notice_that_is_told_again_has_its_id_and_no_other_has() -> None:
    later = replace(HALTED, at="2026-03-02T10:00:00.000Z")
    assert later.id == HALTED.id
    others = [WAITING, FINISHED, NIGHT, replace(HALTED, counts={"done": 13}), replace(HALTED, reason="another")]
    others += [replace(NIGHT, firing=replace(FIRING, local="2026-03-02T02:00 Europe/Paris"))]
    assert len({HALTED.id, *(other.id for other in others)}) == 1 + len(others)


@pytest.mark.parametrize(
    ("outcome", "occasion"),
    [
        ("succeeded", Occasion.FINISHED),
        ("succeeded_with_failures", Occasion.FINISHED),
        ("failed", Occasion.FINISHED),
        ("halted", Occasion.HALTED),
        ("waiting", Occasion.WAITING),
        ("aborted", Occasion.FINISHED),
        ("superseded", Occasion.FINISHED),
        *((outcome, None) for outcome in ("running", "paused", "planned")),
    ],
)
def test_people_are_told_of_every_end_and_of_what_waits_for_one_of_them(
    outcome: str, occasion: Occasion | None
) -> None:
    assert occasion_of(outcome) is occasion


def test_people_are_told_where_nobody_could_tell_whether_a_wave_is_well() -> None:
    assert occasion_of("paused", held=True) is Occasion.WAITING


@pytest.mark.parametrize("changed", [True, False])
def test_what_a_gate_asks_is_news_once_whatever_changed_since(changed: bool) -> None:
    told = {"waiting canary"}
    assert not is_news(Occasion.WAITING, "waiting canary", told, changed=changed)
    assert is_news(Occasion.WAITING, "waiting early", told, changed=changed)
    assert is_news(Occasion.WAITING, "paused canary", told, changed=changed)


@pytest.mark.parametrize("occasion", [Occasion.FINISHED, Occasion.HALTED, None])
def test_all_else_is_news_where_anything_changed(occasion: Occasion | None) -> None:
    assert is_news(occasion, "halted ", {"halted "}, changed=True) is (occasion is not None)
    assert not is_news(occasion, "halted ", (), changed=False)
