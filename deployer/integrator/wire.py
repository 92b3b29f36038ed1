"""What an answer means: a typed value, or one of the ways in which there is none. No connection in here."""

import json
import math
import re
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Generic, Never, TypeAlias, TypeVar

from deployer.domain.documents import Document, Json

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ApiError:
    """One error of an answer. Decide on `code`; `message` is for people only."""

    code: str
    message: str
    field: str | None = None


@dataclass(frozen=True, slots=True)
class Done(Generic[T_co]):
    """The API did what was asked."""

    value: T_co
    status: int


@dataclass(frozen=True, slots=True)
class Refused:
    """The API says no, and nothing was changed; or, with the code `contradiction`, it answered for something else."""

    status: int
    errors: tuple[ApiError, ...]


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody can tell from here whether the API did it."""

    reason: str


@dataclass(frozen=True, slots=True)
class NotSent:
    """No byte has left: it has certainly not been done. `late` tells that there was no time left to send it."""

    reason: str
    late: bool = False


Outcome: TypeAlias = Done[T] | Refused | Unknown | NotSent


@dataclass(frozen=True, slots=True)
class Throttled:
    """Too many requests: not done, and to be asked again later; `date` is when that was said, by the API's clock."""

    retry_after: str | None
    date: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that was read to its end. `link`, `retry_after` and `date` are the headers, as they are."""

    status: int
    body: bytes
    link: str = ""
    retry_after: str | None = None
    date: str | None = None


@dataclass(frozen=True, slots=True)
class Created:
    """What a clone or create made; `document` is the flow where the answer holds all of it, else it has to be read."""

    id: str
    document: "Document | None"


Reader: TypeAlias = Callable[[Answer], T]


class UnreadableError(ValueError):
    """A success that cannot be understood."""


class ContradictionError(ValueError):
    """A success that speaks of something other than what was asked."""


IDENTIFIER: Final = re.compile(r"[0-9A-Za-z]{8,64}")
_UNDECIDED: Final = frozenset({408, 425})
_ACCOUNT: Final = {401: "unauthorized", 403: "forbidden"}
_LONGEST_TEXT: Final = 500
_DEEPEST: Final = 200
_FLOW: Final = frozenset({"name", "_integrationId", "lastModified"})  # what every whole flow has besides its id
_NEXT: Final = re.compile(r"""<([^<>]*)>\s*(?:;[^,<]*)?;\s*rel\s*=\s*["']?next\b""", re.IGNORECASE)


def classify(answer: Answer, read: Reader[T]) -> Outcome[T] | Throttled:
    """Say what an answer means, by the table "What an observation means"; `read` takes the value from a success."""
    status, kind = answer.status, answer.status // 100
    if kind == 2:  # noqa: PLR2004 - the classes of HTTP
        return _success(answer, read)
    if status == 429:  # noqa: PLR2004 - as above
        return Throttled(answer.retry_after, answer.date)
    if kind == 3:  # noqa: PLR2004 - as above
        return Refused(status, (ApiError("redirect", "the API answers with a redirect, which is never followed"),))
    errors = _errors(answer.body)
    if status in _ACCOUNT:
        return Refused(status, errors or (ApiError(_ACCOUNT[status], _text(answer.body)),))
    if errors and kind < 5 and status not in _UNDECIDED:  # noqa: PLR2004 - as above
        return Refused(status, errors)
    return Unknown(f"HTTP {status}: {errors[0].message if errors else _text(answer.body)}")


def _success(answer: Answer, read: Reader[T]) -> Outcome[T]:
    try:
        return Done(read(answer), answer.status)
    except UnreadableError as error:
        return Unknown(f"HTTP {answer.status}, but {error}")
    except ContradictionError as error:
        return Refused(answer.status, (ApiError("contradiction", str(error)),))


def clean(text: str) -> str:
    """Return foreign text on one line, without control and direction marks, and not too long."""
    plain = "".join(" " if unicodedata.category(letter)[0] in "CZ" else letter for letter in text[: 4 * _LONGEST_TEXT])
    line = " ".join(plain.split())
    return line if len(line) <= _LONGEST_TEXT else line[: _LONGEST_TEXT - 1] + "…"


def _text(body: bytes) -> str:
    return clean(body[: 4 * _LONGEST_TEXT].decode("utf-8", "replace")) or "no explanation"


def _errors(body: bytes) -> tuple[ApiError, ...]:
    """Read the error envelope; empty where the body is something else."""
    value: Json = None
    with suppress(UnreadableError):
        value = parse(body)
    listed = value.get("errors") if isinstance(value, dict) else None
    items = listed if isinstance(listed, list) else []
    return tuple(_error(item) for item in items if isinstance(item, dict) and (item.get("code") or item.get("message")))


def _error(item: Document) -> ApiError:
    code, message, field = (item.get(key) for key in ("code", "message", "field"))
    return ApiError(
        clean(str(code or "unknown")),
        clean(str(message or "no explanation")),
        clean(field) if isinstance(field, str) else None,
    )


def _no_constant(name: str) -> Never:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is too large")
    return number


_DECODER: Final = json.JSONDecoder(parse_constant=_no_constant, parse_float=_finite)


def parse(body: bytes) -> Json:
    """Read JSON as strictly as we write it; raise UnreadableError for anything else, however it was made."""
    try:
        text = body.decode("utf-8-sig")
        value: Json = _DECODER.decode(text)
        if "\\ud" in text or "\\uD" in text:  # half a surrogate pair could be stored nowhere
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"the body is not JSON: {error}") from None
    if text.count("{") + text.count("[") > _DEEPEST:
        _check_depth(value, _DEEPEST)
    return value


def _check_depth(value: Json, left: int) -> None:
    """Refuse what would exhaust the stack of whoever walks it next."""
    if isinstance(value, dict | list):
        if left == 0:
            raise UnreadableError("the body is nested too deeply")
        for inner in value.values() if isinstance(value, dict) else value:
            _check_depth(inner, left - 1)


def nothing(_: Answer) -> None:
    """Read nothing: that it was done is all there is to know."""


def document(answer: Answer) -> Document:
    """Read an object that has an id."""
    return _with_id(parse(answer.body))


def document_of(asked: str) -> Reader[Document]:
    """Read the object with the id that was asked for."""

    def read(answer: Answer) -> Document:
        value = document(answer)
        if value["_id"] != asked:
            raise ContradictionError(f"asked for {asked}, the answer is {value['_id']}")
        return value

    return read


def documents(answer: Answer) -> tuple[Document, ...]:
    """Read a list of objects that have ids; 204 without a body is the empty one."""
    value: Json = [] if answer.status == 204 and not answer.body else parse(answer.body)  # noqa: PLR2004 - as above
    if not isinstance(value, list):
        raise UnreadableError("the body is not a list")
    return tuple(_with_id(item) for item in value)


def entries(answer: Answer) -> tuple[Document, ...]:
    """Read the objects of a list, of whatever form; anything else holds none."""
    value: Json = [] if answer.status == 204 else parse(answer.body)  # noqa: PLR2004 - as above
    return tuple(item for item in value if isinstance(item, dict)) if isinstance(value, list) else ()


def created(answer: Answer, model: str = "Flow") -> Created:
    """Read what was made: the new document, or a list of everything made with exactly one of its model in it."""
    value = parse(answer.body)
    made = value if isinstance(value, list) else [value]
    found = [item for item in made if isinstance(item, dict) and item.get("model", model) == model]
    if len(found) != 1:
        raise UnreadableError(f"the body names {len(found)} {model.lower()}s")
    (document,) = found
    return Created(id_at("_id", document), document if _FLOW.issubset(document) else None)


def copy_of(template: str, model: str = "Flow") -> Reader[Created]:
    """Read what a clone made, which is never the template itself."""

    def read(answer: Answer) -> Created:
        copy = created(answer, model)
        if copy.id == template:
            raise ContradictionError(f"the copy of {template} has the id of {template}")
        return copy

    return read


def field_of(key: str) -> Reader[str]:
    """Read one id of an object."""

    def read(answer: Answer) -> str:
        return id_at(key, parse(answer.body))

    return read


def id_at(key: str, value: Json) -> str:
    """Return the id under `key`; raise UnreadableError where there is none."""
    text = value.get(key) if isinstance(value, dict) else None
    if not isinstance(text, str) or not IDENTIFIER.fullmatch(text):
        raise UnreadableError(f"the body has no {key}")
    return text


def _with_id(value: Json) -> Document:
    if not isinstance(value, dict):
        raise UnreadableError("the body holds something that is not an object with an _id")
    id_at("_id", value)
    return value


def next_link(header: str) -> str | None:
    """Return where the next page lies; raise UnreadableError for a header that hints at one and does not say where."""
    found = _NEXT.search(header)
    if found is None and "next" in header.lower():
        raise UnreadableError("the link to the next page cannot be read")
    return found[1] if found else None
