"""What a shell completes: tenants and rollouts, found by a quick look that imports little and never fails."""

import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_MOST = 1000  # suggestions; nobody reads more
_MANIFEST: Final = "rollout.yaml"
# A shell puts a suggestion on the command line as it is: one that it could act on, or split, is not made.
_HARMLESS: Final = r"[\w@%+=:./][\w@%+=:./-]*"
_TENANTS: Final = r"""(?m)^tenants:[ \t]+(?:"([^"\n]+)"|'([^'\n]+)'|([^\s#\[{][^\n]*?))[ \t]*(?:#.*)?$"""
_NAMED: Final = r"""\btenant["']?:[ \t]*(?:"([^"\n]+)"|'([^'\n]+)'|([^\s"',}#][^,}\n#]*))"""


def complete_tenant(ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """Suggest the tenants of the manifest that the line names, else of rollout.yaml."""
    return _suggested(lambda: _tenants(_manifest(ctx)), incomplete, taken=ctx.params.get(param.name or ""))


def complete_rollout(ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """Suggest the names of rollouts in the journal, the newest first."""
    return _suggested(lambda: _rollouts(ctx), incomplete, taken=ctx.params.get(param.name or ""))


def _suggested(names: Callable[[], Iterator[str]], incomplete: str, *, taken: object) -> "list[CompletionItem]":
    """Return the names that begin as the word does and are not on the line yet; none where they cannot be read."""
    from click.shell_completion import CompletionItem

    given = set(taken) if isinstance(taken, tuple | list) else set()
    fitting = (name for name in _harmless(names) if name.startswith(incomplete) and name not in given)
    return [CompletionItem(name) for name in dict.fromkeys(islice(fitting, _MOST))]


def _harmless(names: Callable[[], Iterator[str]]) -> Iterator[str]:
    try:
        yield from filter(re.compile(_HARMLESS).fullmatch, names())
    except Exception:  # noqa: BLE001 - a half-written file while somebody types is nothing to report
        return


def _manifest(ctx: click.Context) -> Path:
    """Return the manifest on the line; click forgets arguments where an option's value is still to come."""
    from click.shell_completion import split_arg_string

    words = split_arg_string(os.environ.get("COMP_WORDS", ""))[1:]
    named = next((word for word in words if word.endswith((".yaml", ".yml"))), None)
    return Path(named or ctx.params.get("manifest") or _MANIFEST)


def _tenants(manifest: Path) -> Iterator[str]:
    text = manifest.read_text("utf-8-sig", errors="replace")
    if not (named := re.search(_TENANTS, text)):
        yield from _spoken(text)
        return
    file = manifest.parent / next(filter(None, named.groups()))
    if file.suffix.lower() in {".json", ".jsonl", ".ndjson"}:
        yield from _spoken(file.read_text("utf-8-sig", errors="replace"))
    else:
        with file.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
            yield from _column(lines)


def _spoken(text: str) -> Iterator[str]:
    """Yield what stands after each key `tenant`, in YAML and in JSON."""
    import json

    for match in re.finditer(_NAMED, text):
        quoted, single, bare = match.groups()
        yield json.loads(f'"{quoted}"') if quoted else (single or bare).strip()


def _column(lines: Iterable[str]) -> Iterator[str]:
    import csv

    rest = iter(lines)
    header = next(rest)
    if header.startswith("sep="):  # as Excel states the separator
        header = next(rest)
    separator = max(",;\t", key=header.count)
    titles = [title.strip() for title in next(csv.reader([header], delimiter=separator))]
    place = titles.index("tenant")
    for cells in csv.reader(rest, delimiter=separator):
        if len(cells) > place:
            yield cells[place].strip()


def _rollouts(ctx: click.Context) -> Iterator[str]:
    import sqlite3

    from deployer.api.places import journal_file

    journal = ctx.params.get("journal") or os.environ.get("DEPLOYER_JOURNAL")
    file = journal_file(_manifest(ctx), journal)
    if file is None:
        return  # a database may be far, and whoever presses Tab does not wait
    with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True, timeout=0.2)) as book:
        rows = book.execute("SELECT name FROM rollout GROUP BY name ORDER BY max(number) DESC LIMIT ?", [_MOST])
        yield from (str(name) for (name,) in rows)
