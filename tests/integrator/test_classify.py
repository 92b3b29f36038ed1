"""What every status means, with an explanation that is understood and without; and where the readers draw the line."""

import json
from collections.abc import Callable
from typing import Final

import pytest

from deployer.integrator import wire
from deployer.integrator.wire import Answer, ApiError, Created, Done, Refused, Throttled, Unknown

FLOW: Final = "6b0493a34e07408562bedb8b"
ENVELOPE: Final = b'{"errors": [{"code": "some_code", "message": "said", "field": "name"}, {"code": "more"}]}'
SAID: Final = (ApiError("some_code", "said", "name"), ApiError("more", "no explanation"))

# Status; what it means with a text of anybody's; what it means with the API's own list of errors.
TABLE = """
100  unknown       some_code
199  unknown       some_code
200  done          done
204  done          done
299  done          done
300  redirect      redirect
302  redirect      redirect
399  redirect      redirect
400  unknown       some_code
401  unauthorized  some_code
402  unknown       some_code
403  forbidden     some_code
404  unknown       some_code
407  unknown       some_code
408  unknown       unknown
409  unknown       some_code
422  unknown       some_code
424  unknown       some_code
425  unknown       unknown
426  unknown       some_code
428  unknown       some_code
429  throttled     throttled
430  unknown       some_code
499  unknown       some_code
500  unknown       unknown
502  unknown       unknown
599  unknown       unknown
"""


def outcome_of(status: int, body: bytes) -> object:
    return wire.classify(Answer(status, body, retry_after="7"), wire.nothing)


def word_for(outcome: object) -> str:
    return outcome.errors[0].code if isinstance(outcome, Refused) else type(outcome).__name__.lower()


@pytest.mark.parametrize("row", TABLE.strip().splitlines())
def test_a_status_means_what_the_table_says_by_text_and_by_list_of_errors(row: str) -> None:
    status, *meanings = row.split()
    found = [outcome_of(int(status), body) for body in (b"Said by a proxy", ENVELOPE)]
    assert list(map(word_for, found)) == meanings
    assert {outcome.status for outcome in found if isinstance(outcome, Refused | Done)} <= {int(status)}


def test_too_many_requests_tell_when_to_ask_again() -> None:
    assert outcome_of(429, b"") == Throttled("7")


def test_a_refusal_tells_every_error_as_it_was_said() -> None:
    assert outcome_of(422, ENVELOPE) == Refused(422, SAID)
    assert outcome_of(401, ENVELOPE) == Refused(401, SAID)
    assert outcome_of(403, b"<p>No</p>") == Refused(403, (ApiError("forbidden", "<p>No</p>"),))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "HTTP 503: no explanation"),
        (b" \n ", "HTTP 503: no explanation"),
        (b"Bad\r\ngateway", "HTTP 503: Bad gateway"),
        (b"Bad \xff", "HTTP 503: Bad \ufffd"),
        (ENVELOPE, "HTTP 503: said"),
        ("\u00a0".encode() * 999 + b"xyz", "HTTP 503: xy"),  # it is not even read further
    ],
)
def test_what_is_unknown_tells_what_was_said_of_it(body: bytes, reason: str) -> None:
    assert outcome_of(503, body) == Unknown(reason)


@pytest.mark.parametrize(
    ("item", "error"),
    [
        ({"code": "c"}, ApiError("c", "no explanation")),
        ({"message": "m"}, ApiError("unknown", "m")),
        ({"code": "", "message": "m", "field": "f"}, ApiError("unknown", "m", "f")),
        ({"code": 7, "message": ["m"], "field": 7}, ApiError("7", "['m']")),
        ({"code": " c\n", "message": " m\n", "field": " f\n"}, ApiError("c", "m", "f")),
    ],
)
def test_an_error_is_read_however_little_it_says(item: object, error: ApiError) -> None:
    assert outcome_of(422, json.dumps({"errors": [item]}).encode()) == Refused(422, (error,))


@pytest.mark.parametrize(
    "body", [b"[]", b"7", b'{"errors": {}}', b'{"errors": [7]}', b'{"errors": [{"field": "f"}]}', b'{"error": "x"}']
)
def test_what_is_no_list_of_errors_leaves_a_refusal_unknown(body: bytes) -> None:
    assert isinstance(outcome_of(422, body), Unknown)


def test_an_answer_that_names_no_headers_has_none() -> None:
    assert Answer(200, b"") == Answer(200, b"", "", None, None)


@pytest.mark.parametrize("letter", ["\x00", "\x1b", "\u200f", "\ue000", "\u00a0", "\u2028", "\u2029"])
def test_marks_that_show_nothing_become_a_space(letter: str) -> None:
    assert wire.clean(f"a{letter}b") == "a b"


def test_a_text_is_cut_where_it_passes_the_longest() -> None:
    assert wire.clean("x" * 500) == "x" * 500
    assert wire.clean("x" * 501) == "x" * 499 + "…"
    assert wire.clean(" " * 1999 + "xyz") == "x"  # it is not even read further


def nested(depth: int, *, opened: str, innermost: str) -> bytes:
    """Return JSON of that many objects or arrays in each other, and one beside them."""
    closed = {"[": "]", '{"a":': "}"}[opened]
    return f"[[],{opened * (depth - 1)}{innermost}{closed * (depth - 1)}]".encode()


@pytest.mark.parametrize(("opened", "innermost"), [("[", "[]"), ('{"a":', "{}")])
def test_what_is_nested_deeper_than_200_is_unreadable(opened: str, innermost: str) -> None:
    wire.parse(nested(199, opened=opened, innermost=innermost))
    wire.parse(nested(200, opened=opened, innermost="7"))
    with pytest.raises(wire.UnreadableError, match="nested too deeply"):
        wire.parse(nested(200, opened=opened, innermost=innermost))


def test_many_that_are_not_in_each_other_are_not_deep() -> None:
    assert wire.parse(b"[" + b"[7]," * 300 + b'{"a":[7]}]') == [[7]] * 300 + [{"a": [7]}]


@pytest.mark.parametrize("half", ["\\ud83d", "\\uDE00", "\\ud83dx\\ude00"])
def test_half_a_letter_is_unreadable_wherever_it_stands(half: str) -> None:
    for text in (f'["{half}"]', f'{{"{half}": 1}}'):
        with pytest.raises(wire.UnreadableError):
            wire.parse(text.encode())


@pytest.mark.parametrize("whole", ["\\ud83d\\ude00", "\\uD83D\\uDE00", "\\\\ud83d"])
def test_a_letter_of_two_halves_is_read(whole: str) -> None:
    assert wire.parse(f'"{whole}"'.encode()) in {"\U0001f600", "\\ud83d"}


def test_a_number_that_is_too_large_is_told_by_its_beginning() -> None:
    number = "1" + "0" * 30 + ".0e999"
    with pytest.raises(wire.UnreadableError, match=f"the body is not JSON: {number[:20]} is too large$"):
        wire.parse(number.encode())


def test_a_finite_number_is_read_as_it_is() -> None:
    assert wire.parse(b"[1.5, 1e308, -0.25]") == [1.5, 1e308, -0.25]


@pytest.mark.parametrize(("length", "is_id"), [(7, False), (8, True), (64, True), (65, False)])
def test_an_id_has_8_to_64_letters(length: int, is_id: bool) -> None:
    outcome = wire.classify(Answer(200, json.dumps({"_id": "a" * length}).encode()), wire.document)
    assert isinstance(outcome, Done) == is_id


@pytest.mark.parametrize("letter", ["-", "_", "/", ".", " ", "\n", "é", "٣"])
def test_an_id_has_plain_letters_and_digits_alone(letter: str) -> None:
    for text in (letter + "a" * 10, "a" * 10 + letter):
        with pytest.raises(wire.UnreadableError):
            wire.id_at("_id", {"_id": text})


def test_an_id_is_read_from_the_key_that_is_asked_for() -> None:
    answer = Answer(200, json.dumps({"_id": FLOW, "_jobId": "j" * 24}).encode())
    assert wire.classify(answer, wire.field_of("_jobId")) == Done("j" * 24, 200)


@pytest.mark.parametrize("body", [b"[]", b"null", b'"text"', b"7", b'{"_id": "aaaaaaaa"}'])
def test_an_id_is_not_found_in_anything_else(body: bytes) -> None:
    assert wire.classify(Answer(200, body), wire.field_of("_jobId")) == Unknown("HTTP 200, but the body has no _jobId")


def test_what_is_no_object_is_told_so() -> None:
    told = "HTTP 200, but the body holds something that is not an object with an _id"
    assert wire.classify(Answer(200, b"[7]"), wire.documents) == Unknown(told)


def test_an_answer_for_another_is_told_with_both_ids() -> None:
    outcome = wire.classify(Answer(200, json.dumps({"_id": FLOW}).encode()), wire.document_of("a" * 24))
    told = (ApiError("contradiction", f"asked for {'a' * 24}, the answer is {FLOW}"),)
    assert outcome == Refused(200, told)


def test_a_success_that_is_unreadable_tells_why() -> None:
    assert wire.classify(Answer(201, b"[]"), wire.created) == Unknown("HTTP 201, but the body names 0 flows")


@pytest.mark.parametrize("missing", ["name", "_integrationId", "lastModified"])
def test_a_flow_without_what_every_flow_has_is_not_the_whole_of_it(missing: str) -> None:
    whole = {"_id": FLOW, "name": "n", "_integrationId": "i", "lastModified": "t"}
    part = {key: value for key, value in whole.items() if key != missing}
    read = [wire.created(Answer(201, json.dumps(body).encode())) for body in (whole, part)]
    assert read == [Created(FLOW, dict(whole)), Created(FLOW, None)]


@pytest.mark.parametrize("read", [wire.created, wire.copy_of("a" * 24)])
def test_a_flow_is_what_is_made_where_nothing_else_is_asked_for(read: Callable[..., Created]) -> None:
    rows = [{"model": "Export", "_id": "e" * 24}, {"model": "Flow", "_id": FLOW}, 7]
    assert read(Answer(201, json.dumps(rows).encode())) == Created(FLOW, None)


def test_a_copy_of_another_kind_is_found_by_its_kind() -> None:
    rows = [{"model": "Export", "_id": "e" * 24}, {"model": "Flow", "_id": FLOW}]
    answer = Answer(201, json.dumps(rows).encode())
    assert wire.copy_of("a" * 24, "Export")(answer) == Created("e" * 24, None)
    with pytest.raises(wire.UnreadableError, match="names 0 imports"):
        wire.created(answer, "Import")


@pytest.mark.parametrize(
    ("status", "body", "found"),
    [
        (204, b"", ()),
        (204, b"not JSON", ()),
        (200, b'{"a": 1}', ()),
        (200, b"7", ()),
        (200, b'[1, {"a": 1}, null]', ({"a": 1},)),
    ],
)
def test_entries_are_the_objects_of_a_list_and_nothing_else_is(status: int, body: bytes, found: object) -> None:
    assert wire.entries(Answer(status, body)) == found


@pytest.mark.parametrize("body", [b"", b"{"])
def test_entries_that_are_not_json_are_unreadable(body: bytes) -> None:
    with pytest.raises(wire.UnreadableError):
        wire.entries(Answer(200, body))


def test_a_body_is_read_even_where_the_status_promises_none() -> None:
    row = {"_id": FLOW}
    assert wire.documents(Answer(204, json.dumps([row]).encode())) == (row,)
    with pytest.raises(wire.UnreadableError):
        wire.documents(Answer(200, b""))
