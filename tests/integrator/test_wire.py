"""What bodies and headers mean, without a connection."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.integrator import wire
from deployer.integrator.wire import Answer, ApiError, Created, Done, NotSent, Refused, Unknown

TEMPLATE, FLOW = "55ea78c6b751843c37b7b367", "6b0493a34e07408562bedb8b"
WHOLE = {"_id": FLOW, "name": "n", "_integrationId": "i", "lastModified": "t", "_exportId": "e"}


def read_flow(body: object, status: int = 200) -> object:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return wire.classify(Answer(status, content), wire.document_of(FLOW))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'"text"',
        b'{"_id": 7}',
        b'{"_id": "6b0493a34e',
        b'{"_id": NaN}',
        b'{"_id": "6b0493a34e07408562bedb8b", "n": Infinity}',
        b'{"_id": "6b0493a34e07408562bedb8b", "n": 1e999}',
        b'{"_id": "6b0493a34e07408562bedb8b", "n": ' + b"9" * 5000 + b"}",
        b'{"_id": "6b0493a34e07408562bedb8b", "n": "\\ud800"}',
        b'{"_id": "6b0493a34e07408562bedb8b", "n": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"_id": "6b0493a34e07408562bedb8b", "n": ' + b"[" * 400 + b"]" * 400 + b"}",
        b'{"_id": "6b0493a34e07408562bedb8b"} {}',
        b'{"_id": "\xff"}',
        b"<html>everything is fine</html>",
    ],
)
def test_a_success_that_cannot_be_understood_is_unknown(body: bytes) -> None:
    assert isinstance(read_flow(body), Unknown)


@given(st.binary(max_size=200))
def test_no_body_whatever_raises(body: bytes) -> None:
    for status in (200, 400, 401, 500):
        assert isinstance(read_flow(body, status), Unknown | Refused)


def test_a_success_is_taken_as_it_is() -> None:
    assert read_flow({"_id": FLOW, "n": "é\U0001f600"}) == Done({"_id": FLOW, "n": "é\U0001f600"}, 200)
    assert read_flow(b"\xef\xbb\xbf" + json.dumps({"_id": FLOW, "n": [[1]] * 300}).encode()) != Unknown("")


def test_somebody_elses_document_is_a_contradiction_not_a_success() -> None:
    outcome = read_flow({"_id": TEMPLATE})
    assert isinstance(outcome, Refused)
    assert outcome.errors[0].code == "contradiction"


@pytest.mark.parametrize(
    ("body", "created"),
    [
        (WHOLE, Created(FLOW, WHOLE)),  # type: ignore[arg-type]  # a dict of text is a document
        ({"_id": FLOW}, Created(FLOW, None)),
        ({"model": "Flow", "_id": FLOW, "name": "n"}, Created(FLOW, None)),
        ([{"model": "Export", "_id": "e" * 24}, {"model": "Flow", "_id": FLOW}], Created(FLOW, None)),
    ],
)
def test_a_clone_answers_in_two_forms(body: object, created: Created) -> None:
    assert wire.classify(Answer(201, json.dumps(body).encode()), wire.copy_of(TEMPLATE)) == Done(created, 201)


@pytest.mark.parametrize(
    "body",
    [
        [],
        [{"model": "Export", "_id": FLOW}],
        [{"model": "Flow", "_id": FLOW}, {"model": "Flow", "_id": TEMPLATE}],
        {"model": "Export", "_id": FLOW},
        {"_id": "../../etc"},
        {"_id": ""},
        {"_id": None},
        "text",
    ],
)
def test_a_clone_whose_answer_names_no_flow_is_unknown(body: object) -> None:
    assert isinstance(wire.classify(Answer(201, json.dumps(body).encode()), wire.copy_of(TEMPLATE)), Unknown)


def test_a_clone_with_the_id_of_its_template_is_a_contradiction() -> None:
    outcome = wire.classify(Answer(201, json.dumps({"_id": TEMPLATE}).encode()), wire.copy_of(TEMPLATE))
    assert isinstance(outcome, Refused)


@pytest.mark.parametrize(
    ("status", "body", "rows"),
    [(204, b"", 0), (200, b"[]", 0), (200, b'[{"_id": "aaaaaaaa"}, {"_id": "bbbbbbbb"}]', 2)],
)
def test_lists_are_read_and_no_body_is_the_empty_one(status: int, body: bytes, rows: int) -> None:
    assert len(wire.documents(Answer(status, body))) == rows


@pytest.mark.parametrize("body", [b"", b"{}", b"[1]", b"[{}]", b"[null]"])
def test_a_list_of_something_else_is_unreadable(body: bytes) -> None:
    with pytest.raises(wire.UnreadableError):
        wire.documents(Answer(200, body))


def test_every_error_of_an_envelope_is_told() -> None:
    errors = [{"code": "invalid_field", "message": "no", "field": "name"}, {"code": "invalid_ref"}, {}, "x"]
    assert read_flow({"errors": errors}, 422) == Refused(
        422, (ApiError("invalid_field", "no", "name"), ApiError("invalid_ref", "no explanation"))
    )


def test_foreign_text_is_made_harmless() -> None:
    text = "red \x1b[31m\x00\u202ealert\r\nerror: forged\u2028line " + "x" * 5000
    outcome = read_flow({"errors": [{"code": text, "message": text, "field": text}]}, 422)
    assert isinstance(outcome, Refused)
    for shown in (outcome.errors[0].code, outcome.errors[0].message, str(outcome.errors[0].field)):
        assert shown.startswith("red [31m alert error: forged line xxx")
        assert len(shown) == 500


@pytest.mark.parametrize(
    ("header", "target"),
    [
        ("", None),
        ('<https://a/v1/flows?skip=1>; rel="next"', "https://a/v1/flows?skip=1"),
        ("<?skip=1>;rel=next", "?skip=1"),
        ('<a>; rel="prev", <b>; title="x"; rel="next"', "b"),
        ('<b>; rel="next", <a>; rel="last"', "b"),
        ('<a>; rel="last"', None),
    ],
)
def test_the_next_page_is_found(header: str, target: str | None) -> None:
    assert wire.next_link(header) == target


@pytest.mark.parametrize("header", ["next", "NEXT", '<a; rel="next"', 'https://a; rel="next"'])
def test_a_broken_link_is_not_the_end_of_the_list(header: str) -> None:
    with pytest.raises(wire.UnreadableError):
        wire.next_link(header)


@pytest.mark.parametrize("make", [wire.document, wire.created, wire.documents, wire.field_of("_jobId")])
def test_every_reader_refuses_what_is_not_json(make: Callable[[Answer], object]) -> None:
    with pytest.raises(wire.UnreadableError):
        make(Answer(200, b"{"))


def test_what_was_not_sent_was_too_late_only_where_that_is_said() -> None:
    assert not NotSent("the connection was refused").late
