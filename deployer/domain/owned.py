"""The fields of a flow that a manifest may own; all others belong to the template."""

from collections.abc import Callable, Mapping
from typing import Final

from deployer.domain import flow_schedule
from deployer.domain.documents import Json
from deployer.domain.wording import legible

MAX_NAME: Final = 255


def _name(value: Json) -> Json:
    text = legible(_text(value))
    if len(text) > MAX_NAME:
        raise ValueError(f"has {len(text)} characters; the platform takes {MAX_NAME}")
    return text


def _text(value: Json) -> str:
    match value:
        case str():
            return value
        case bool() | None | list() | dict():
            raise ValueError("must be text")
        case number:
            return str(number)


def _flag(value: Json) -> Json:
    match value:
        case bool():
            return value
        case str():
            raise ValueError(f'must be true or false, not the text "{value}"')
        case _:
            raise ValueError("must be true or false")


def _object(value: Json) -> Json:
    match value:
        case dict():
            return value
        case _:
            raise ValueError("must be an object")


def _or_null(check: Callable[[str], str]) -> Callable[[Json], Json]:
    return lambda value: None if value is None else check(_text(value))


OWNED: Final[Mapping[str, Callable[[Json], Json]]] = {
    "name": _name,
    "description": _or_null(str),
    "schedule": _or_null(flow_schedule.normal_form),
    "timezone": _or_null(flow_schedule.timezone),
    "disabled": _flag,
    "skipRetries": _flag,
    "settings": _object,
}
