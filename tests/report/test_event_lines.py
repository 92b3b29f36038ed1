import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer import __version__
from deployer.domain.documents import Document
from deployer.report.event_lines import OPENED, EventLines
from deployer.report.shapes import schema
from deployer.telemetry.events import EVENTS, Event
from deployer.telemetry.log import Redactor
from tests.report.test_schemas import judge_of

AT = "2026-03-01T10:00:00Z"


class Lines(io.StringIO):
    """A stream that shows only what was flushed."""

    flushed = ""

    def flush(self) -> None:
        self.flushed = self.getvalue()


def written(*events: Event, redactor: Redactor | None = None) -> list[str]:
    stream = Lines(newline="")
    lines = EventLines(stream, opened_at=AT, clean=(redactor or Redactor()).clean)
    for event in events:
        lines.write(event)
    return stream.flushed.split("\n")[:-1]


def test_the_first_line_says_which_version_this_is() -> None:
    [first] = written()
    assert json.loads(first) == {"format_version": 1, "event": OPENED, "at": AT, "version": __version__}


def test_an_event_is_a_line_with_its_fields() -> None:
    [_, line] = written(Event("step.moved", AT, {"rollout": "r1", "tenant": "acme", "step": "clone"}))
    assert json.loads(line) == {"rollout": "r1", "tenant": "acme", "step": "clone", "event": "step.moved", "at": AT}


@given(st.text(), st.text())
def test_no_name_ends_a_line_moves_a_cursor_or_turns_text(key: str, value: str) -> None:
    [_, line] = written(Event("tenant.rested", AT, {f"x{key}": value}))
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)[f"x{key}"] == value


def test_a_field_never_stands_in_the_place_of_the_name() -> None:
    [_, line] = written(Event("tenant.rested", AT, {"event": "rollout.ended", "at": "never"}))
    assert [json.loads(line)[key] for key in ("event", "at")] == ["tenant.rested", AT]


def test_secrets_are_taken_out_last() -> None:
    redactor = Redactor()
    redactor.hide("s3cret")
    [_, line] = written(Event("account.refused", AT, {"cause": "the token s3cret is no good"}), redactor=redactor)
    assert json.loads(line)["cause"] == "the token *** is no good"


def test_a_secret_is_taken_out_where_json_escapes_it() -> None:
    redactor = Redactor()
    redactor.hide('s3"cr\\et')
    [_, line] = written(Event("account.refused", AT, {"cause": 'the token s3"cr\\et is no good'}), redactor=redactor)
    assert json.loads(line)["cause"] == "the token *** is no good"


def test_an_event_that_is_not_on_the_list_is_refused() -> None:
    with pytest.raises(ValueError, match=r"step\.vanished is not an event"):
        Event("step.vanished", AT, {})


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_every_event_is_as_the_schema_says(name: str) -> None:
    fields: Document = {"rollout": "r1", "tenant": "acme", "account": "main", "seconds": 2.5}
    judge = judge_of("events")
    for line in written(Event(name, AT, fields)):
        judge.validate(json.loads(line))


def test_a_line_without_a_name_or_with_an_unknown_one_is_refused() -> None:
    assert not judge_of("events").is_valid({"at": AT})
    assert not judge_of("events").is_valid({"event": "step.vanished", "at": AT})


def test_the_schema_names_every_event_and_no_other() -> None:
    made: Any = schema("events")
    assert set(made["$defs"]["name"]["enum"]) == {*EVENTS, OPENED}
