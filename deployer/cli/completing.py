"""What a shell completes: names and digests, found by a quick look at files that imports little and never fails."""

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
_DIGITS: Final = 12  # of a digest, to type
_NAMES: Final = "SELECT name FROM rollout GROUP BY name ORDER BY max(number) DESC LIMIT ?"
_IDS: Final = "SELECT id FROM rollout ORDER BY number DESC LIMIT ?"
# A shell puts a suggestion on the command line as it is: one that it could act on, or split, is not made.
_HARMLESS: Final = r"[\w@%+=:./][\w@%+=:./-]*"
_TENANTS: Final = r"""(?m)^tenants:[ \t]+(?:"([^"\n]+)"|'([^'\n]+)'|([^\s#\[{][^\n]*?))[ \t]*(?:#.*)?$"""
_NAMED: Final = r"""\btenant["']?:[ \t]*(?:"([^"\n]+)"|'([^'\n]+)'|([^\s"',}#][^,}\n#]*))"""


def complete_tenant(ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """Suggest the tenants of the manifest that the line names, else of rollout.yaml."""
    return _suggested(lambda: _tenants(_manifest(ctx)), incomplete, taken=ctx.params.get(param.name or ""))


def complete_rollout(ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """Suggest the names of rollouts in the journal, the newest first."""
    return _suggested(lambda: _asked(ctx, _NAMES), incomplete, taken=ctx.params.get(param.name or ""))


def complete_rollout_id(ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """Suggest the ids of rollouts in the journal, the newest first."""
    return _suggested(lambda: _asked(ctx, _IDS), incomplete, taken=ctx.params.get(param.name or ""))


def complete_wave(ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """Suggest the waves that the manifest names."""
    return _suggested(lambda: _waves(_manifest(ctx)), incomplete, taken=ctx.params.get(param.name or ""))


def complete_schedule(ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """Suggest the schedules of the manifest."""
    return _suggested(lambda: _schedules(_manifest(ctx)), incomplete, taken=ctx.params.get(param.name or ""))


def complete_plan(ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """Suggest the digests of saved plans, the newest first."""
    return _suggested(lambda: _plans(ctx), incomplete, taken=ctx.params.get(param.name or ""))


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
    text = _text(manifest)
    sheet = None
    if inline := re.search(r"(?m)^tenants:[ \t]+\{([^}\n]*)\}", text):
        parts = dict(re.findall(r"""(file|sheet):[ \t]*["']?([^"',}]+)""", inline[1]))
        name, sheet = parts["file"].strip(), parts.get("sheet", "").strip() or None
    elif named := re.search(_TENANTS, text):
        name = next(filter(None, named.groups()))
    else:
        yield from _spoken(text)
        return
    file = manifest.parent / name
    if file.suffix.lower() == ".xlsx":
        yield from _sheet(file, sheet)
    elif file.suffix.lower() in {".json", ".jsonl", ".ndjson"}:
        yield from _spoken(_text(file))
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


def _sheet(file: Path, name: str | None) -> Iterator[str]:
    from python_calamine import load_workbook

    book = load_workbook(str(file))
    rows = (cells for cells in book.get_sheet_by_name(name or book.sheet_names[0]).iter_rows() if any(cells))
    place = [str(title).strip() for title in next(rows)].index("tenant")
    yield from (str(cells[place]).strip() for cells in rows)


def _waves(manifest: Path) -> Iterator[str]:
    yield from re.findall(r"""\bname["']?:[ \t]*["']?([^\s"',}#]+)""", _block(_text(manifest), "waves"))


def _schedules(manifest: Path) -> Iterator[str]:
    block = _block(_text(manifest), "schedules")
    inner = re.search(r"\n([ \t]+)\S", block)
    yield from re.findall(rf"""(?m)^{inner[1] if inner else ""}["']?([a-z0-9_-]+)["']?:""", block)


def _block(text: str, key: str) -> str:
    """Return what stands under a key of the manifest, up to the next one, without remarks."""
    found = re.search(rf"(?ms)^{key}:(.*?)(?=^\S|\Z)", text)
    return re.sub(r"(?m)(^|\s)#.*$", "", found[1]) if found else ""


def _plans(ctx: click.Context) -> Iterator[str]:
    folder = (_journal(ctx) or _manifest(ctx).parent / ".deployer" / "journal").with_name("plans")
    saved = sorted(folder.glob("*.json"), key=lambda file: file.stat().st_mtime, reverse=True)
    yield from (file.stem[:_DIGITS] for file in saved)


def _text(file: Path) -> str:
    return file.read_text("utf-8-sig", errors="replace")


def _journal(ctx: click.Context) -> Path | None:
    """Return the journal's file; None where it is in a database."""
    from deployer.api.places import journal_file

    return journal_file(_manifest(ctx), ctx.params.get("journal") or os.environ.get("DEPLOYER_JOURNAL"))


def _asked(ctx: click.Context, question: str) -> Iterator[str]:
    """Yield what the journal answers."""
    import sqlite3

    file = _journal(ctx)
    if file is None:
        return  # a database may be far, and whoever presses Tab does not wait
    with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True, timeout=0.2)) as book:
        yield from (str(name) for (name,) in book.execute(question, [_MOST]))
