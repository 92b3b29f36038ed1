"""How a manifest says that arrays are merged: `replace`, `set` or `{by_key: id}`, by the path of the array."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Final

from pydantic import BeforeValidator, WithJsonSchema

from deployer.domain.arrays import IndistinctError, Keys, identified
from deployer.domain.documents import MISSING, Document, Json, Path, at, dotted, leaves
from deployer.domain.interpolation import UNSET
from deployer.domain.source import Steps
from deployer.domain.wording import did_you_mean

_REPLACE, _SET, _BY_KEY = "replace", "set", "by_key"
_GUESSES: Final = 10  # entries for which a list is looked for that may have been meant
_NEAR: Final = 200  # lists that it is looked for among
_WORDS: Final = (_REPLACE, _SET, _BY_KEY)


def _strategy(stated: object) -> object:
    """Return a strategy as it is written; raise ValueError for what is none."""
    if stated in (_REPLACE, _SET):
        return stated
    word = next(iter(stated), "") if isinstance(stated, dict) else stated
    if word != _BY_KEY:
        raise ValueError(f"must be replace, set or {{by_key: KEY}}{did_you_mean(str(word), _WORDS)}")
    key = stated[_BY_KEY] if isinstance(stated, dict) and len(stated) == 1 else None
    if not isinstance(key, str) or not key.strip() or "=" in key:
        raise ValueError("by_key takes the one key that tells elements apart, such as {by_key: id}")
    return stated


_KEYED: Final = {
    "type": "object",
    "additionalProperties": False,
    "required": [_BY_KEY],
    "properties": {_BY_KEY: {"type": "string", "pattern": "^[^=]*[^=\\s][^=]*$"}},
}
Merge = Annotated[
    str | dict[str, str],
    BeforeValidator(_strategy),
    WithJsonSchema({"anyOf": [{"enum": [_REPLACE, _SET]}, _KEYED]}),
]


def arrays_in(merge: Mapping[str, str | dict[str, str]], flow: Document) -> dict[Path, Keys]:
    """Return the arrays that are merged by their elements, and what tells those apart, by path."""
    paths = _paths(flow)
    stated = {_named(name, paths): strategy for name, strategy in merge.items() if strategy != _REPLACE}
    return {path: _keys(strategy) for path, strategy in stated.items()}


def _keys(strategy: Json | Mapping[str, str]) -> Keys:
    return tuple(map(str, strategy.values())) if isinstance(strategy, Mapping) else ()


def _named(name: str, paths: Mapping[str, Path]) -> Path:
    """Return the path that `settings.tags` means, where keys of the flow may hold dots themselves."""
    return paths.get(name) or tuple(name.split("."))


def _paths(flow: Document) -> dict[str, Path]:
    """Return the paths in a flow by how they are written, of two that are written alike the first."""
    found: dict[str, Path] = {}
    for path, _ in leaves(flow):
        for length in range(1, len(path) + 1):
            found.setdefault(dotted(path[:length]), path[:length])
    return found


def merge_rules(merge: Document, flow: Document) -> Iterator[tuple[Steps, str, bool]]:
    """Yield what is wrong with paths and with the lists they lead to: where, what, and whether it is the key."""
    paths, lists = _paths(flow), _lists(flow)[:_NEAR]
    for number, (name, strategy) in enumerate(merge.items()):
        path = _named(name, paths)
        value, near = at(flow, path), lists if number < _GUESSES else []
        if value is MISSING and not _may_hold(flow, path):
            yield ("merge", name), f"flow has no such list{did_you_mean(name, near)}", True
        elif value is not MISSING and not (isinstance(value, list) or _is_open(value)):
            yield ("merge", name), f"is no list in flow{did_you_mean(name, near)}", True
        elif isinstance(value, list) and strategy != _REPLACE:
            yield from _list_rules(path, value, strategy)


def _list_rules(path: Path, array: list[Json], strategy: Json) -> Iterator[tuple[Steps, str, bool]]:
    try:
        _strategy(strategy)
        identified([item for item in array if item != UNSET], _keys(strategy))
    except IndistinctError as error:
        yield ("flow", *path, *error.steps), str(error), False
    except ValueError:  # which is told of as the strategy's own
        return


def _lists(flow: Document) -> list[str]:
    return [dotted(path) for path, value in leaves(flow) if isinstance(value, list) or _is_open(value)]


def _may_hold(flow: Document, path: Path) -> bool:
    """Tell whether a reference around a path may become an object that has it."""
    return any(_is_open(at(flow, path[:length])) for length in range(1, len(path)))


def _is_open(value: object) -> bool:
    return isinstance(value, str) and ("${" in value or value == UNSET)
