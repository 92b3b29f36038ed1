"""What Postgres says otherwise than SQLite: how values are bound, and how JSON is read."""

import re
from functools import cache
from typing import Final

from deployer.journal.connection import Values

_ROW: Final = re.compile(r"VALUES \((\?, )*\?\)")
_BOUND: Final = re.compile(r"\?(?P<number>\d*)|:(?P<name>[a-z_]+)")
_LIST: Final = re.compile(r"json_each\((\?|:[a-z_]+)\)")
_NAMED: Final = "sqlite_master WHERE name = "
_NAMED_THERE: Final = "pg_tables WHERE schemaname = current_schema() AND tablename = "
_FIELD: Final = re.compile(r"json_extract\(([\w.]+), '\$\.([\w.]+)'\)")


@cache
def in_postgres(statement: str) -> str:
    """Return a statement of SQLite's as Postgres and its driver understand it."""
    statement = statement.replace(_NAMED, _NAMED_THERE)
    listed = _LIST.sub(lambda found: f"json_array_elements_text({found[1]}::json)", _FIELD.sub(_field, statement))
    return _BOUND.sub(_bound, listed.replace("::", "\0")).replace("\0", "::")


@cache
def together_in_postgres(kinds: tuple[tuple[str, tuple[bool, ...]], ...]) -> str:
    """Return SQLite's statements that write one row each as one that writes all rows of lists, bound as JSON.

    With each statement stands which of its columns are numbers. However many rows there are, the whole stays the same:
    it is prepared once, and no list of values is taken apart again and again. It returns how many rows each part met.
    """
    parts = ", ".join(f"part{place} AS ({_of_list(*kind)} RETURNING 1)" for place, kind in enumerate(kinds))
    counts = ", ".join(f"(SELECT count(*) FROM part{place})" for place in range(len(kinds)))  # noqa: S608 - of numbers
    return in_postgres(f"WITH {parts} SELECT {counts}")


def _of_list(statement: str, numbers: tuple[bool, ...]) -> str:
    columns = ", ".join(
        f"(one ->> {place})::bigint" if number else f"one ->> {place}" for place, number in enumerate(numbers)
    )
    listed = f"SELECT {columns} FROM json_array_elements(?::json) AS one"  # noqa: S608 - of constants and numbers
    return _ROW.sub(listed, statement)


def values_in_postgres(statement: str, values: Values) -> Values:
    """Return the values of a statement, by name where it counts them."""
    if isinstance(values, tuple | list) and "?1" in statement:
        return {f"p{number}": value for number, value in enumerate(values, 1)}
    return values


def _field(found: re.Match[str]) -> str:
    return f"({found[1]}::json #>> '{{{found[2].replace('.', ',')}}}')"


def _bound(found: re.Match[str]) -> str:
    if found["name"]:
        return f"%({found['name']})s"
    return f"%(p{found['number']})s" if found["number"] else "%s"
