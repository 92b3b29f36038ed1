"""Why a tenant's fields have their values, as a document for programs and as text for people."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from deployer.domain.documents import MISSING, Document, Value
from deployer.domain.explanation import Explained, Named
from deployer.report.text import columns, padded, plain, value_text, wrapped

_FORMAT = 1
_LEAST, _BESIDE = 40, 12  # columns of a value, and of what stands before it


def explanation_document(tenant: str, explained: Iterable[Explained]) -> Document:
    """Return what `explain --json` shows: `found` and `owned` tell a null value from none."""
    return {"format_version": _FORMAT, "tenant": tenant, "fields": [_field(each) for each in explained]}


def _field(explained: Explained) -> dict[str, Any]:
    return {
        "field": explained.field,
        "where": explained.where,
        "stated": explained.stated,
        "owned": explained.value is not MISSING,
        "value": _json(explained.value),
        "problem": explained.problem or None,
        "names": [_name(named) for named in explained.names],
    }


def _name(named: Named) -> dict[str, Any]:
    said = [
        {"layer": each.layer, "value": each.value, "where": each.where, "counts": each.counts} for each in named.said
    ]
    return {"name": named.name, "found": named.value is not MISSING, "value": _json(named.value), "layers": said}


def _json(value: Value) -> Any:  # noqa: ANN401 - any JSON
    return None if value is MISSING else value


def explanation_text(explained: Sequence[Explained], *, width: int) -> str:
    """Return the fields with what they are made of: of the layers of a name, `*` marks those that count."""
    return "\n".join(line for each in explained for line in _lines(each, width))


def _lines(explained: Explained, width: int) -> Iterator[str]:
    told = partial(value_text, most=max(_LEAST, width - _BESIDE))  # what is stated is to be read to its end
    value = f"blocked: {plain(explained.problem)}" if explained.problem else _owned(explained.value, told)
    yield from wrapped(f"{plain(explained.field)}  ", [value], width=width, hang=4)
    if explained.stated is not None:
        yield from wrapped("  ", ["stated", told(explained.stated), plain(explained.where)], width=width, hang=4)
    for named in explained.names:
        yield from wrapped("  ", [plain(named.name), told(named.value)], width=width, hang=4)
        room = max((columns(plain(said.layer)) for said in named.said), default=0)
        for said in named.said:
            pieces = [padded(plain(said.layer), room), told(said.value), plain(said.where)]
            yield from wrapped("    * " if said.counts else "      ", pieces, width=width, hang=8)


def _owned(value: Value, told: Callable[[Value], str]) -> str:
    return "(not owned)" if value is MISSING else told(value)
