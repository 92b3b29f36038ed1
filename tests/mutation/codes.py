"""Where a change lies in compiled code, and the functions that are there and may take it over without a new import."""

import gc
from collections.abc import Iterator, Mapping
from inspect import CO_OPTIMIZED
from types import CodeType, FunctionType
from typing import TypeAlias

Change: TypeAlias = Mapping[CodeType, CodeType]


def changed_functions(before: CodeType, after: CodeType) -> Change | None:
    """Return which functions of a module became which; None where a change is of what an import does."""
    if _import_of(before) != _import_of(after):
        return None
    pairs = zip(_functions_of(before), _functions_of(after), strict=True)
    return {one: other for one, other in pairs if one != other}


def living(module: CodeType) -> dict[CodeType, list[FunctionType]]:
    """Return the functions that an import of a module has made, by their code as it is there."""
    wanted = dict.fromkeys(_functions_of(module))
    found: dict[CodeType, list[FunctionType]] = {code: [] for code in wanted}
    for thing in gc.get_objects():
        if isinstance(thing, FunctionType) and thing.__code__ in wanted:
            found[thing.__code__].append(thing)
    return found


def _is_function(code: CodeType) -> bool:
    return bool(code.co_flags & CO_OPTIMIZED)


def _functions_of(code: CodeType) -> Iterator[CodeType]:
    """Yield the functions and methods of a module, without those inside of others."""
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from [constant] if _is_function(constant) else _functions_of(constant)


def _import_of(code: CodeType) -> tuple[object, ...]:
    """Return what an import runs: all but the insides of functions."""
    return code.co_code, code.co_names, *(_shown(constant) for constant in code.co_consts)


def _shown(constant: object) -> object:
    if isinstance(constant, CodeType):
        return constant.co_name if _is_function(constant) else _import_of(constant)
    return type(constant), constant
