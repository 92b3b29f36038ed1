"""The log as a person reads it at a terminal."""

import io
import logging
import re

from deployer.domain.documents import Json
from deployer.telemetry.events import Event
from deployer.telemetry.log import Redactor, log_event, new_log

AT = "2026-12-01T04:30:40.609Z"


def shown(event: Event) -> str:
    stream = io.StringIO()
    log_event(new_log(stream, level=logging.DEBUG, console=True, redactor=Redactor()), event)
    return stream.getvalue()


def test_a_line_says_when_how_loud_and_what_with_the_fields_that_there_are() -> None:
    error: dict[str, Json] = {"code": "invalid_field", "field": None}
    line = shown(Event("tenant.rested", AT, {"tenant": "acme", "flow": None, "seconds": 0.52, "error": error}))

    told = 'tenant=acme seconds=0.52 error={"code": "invalid_field", "field": null}'
    assert re.sub(r"\x1b\[[0-9]*m", "", line) == f"{AT} info    tenant.rested  {told}\n"


def test_a_value_is_quoted_where_it_would_not_be_seen_as_one() -> None:
    line = shown(Event("account.waiting", AT, {"account": "main", "why": 'a "b" c=d', "who": ""}))

    assert line.endswith('account=main why="a \\"b\\" c=d" who=""\n')


def test_no_word_is_coloured_so_that_each_can_be_read_on_any_ground() -> None:
    lines = [shown(Event(name, AT, {"account": "main"})) for name in ("account.opened", "account.halted")]

    assert [re.findall(r"\x1b\[([0-9;]*)m", line) for line in lines] == [["1", "0"], ["1", "0", "1", "0"]]
