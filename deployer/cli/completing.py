"""What a shell completes: names and digests, found by a quick look at files that imports little and never fails."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
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
# The flows of a tenant by what was planned and made, without the one that is its flow now and those that were deleted.
_LEFT: Final = """
    WITH share AS (
        SELECT r.number, d.rollout, d.place, d.template, d.integration, json_extract(d.body, '$[0].flow') AS flow
        FROM rollout r CROSS JOIN deployment d ON d.rollout = r.id AND d.tenant = ?
    ), had AS (
        SELECT number, template, integration, flow FROM share
        UNION ALL
        SELECT h.number, h.template, h.integration, json_extract(s.body, '$.facts.flow')
        FROM share h JOIN step s ON s.rollout = h.rollout AND s.place = h.place
    ), gone AS (
        SELECT h.flow FROM share h JOIN step s ON s.rollout = h.rollout AND s.place = h.place
        WHERE s.kind = 'delete' AND s.state = 'done' AND h.flow IS NOT NULL
        UNION ALL
        SELECT json_extract(i.body, '$.flow') FROM had h
        JOIN instance i ON i.template = h.template AND i.integration = h.integration
    )
    SELECT flow FROM had WHERE flow IS NOT NULL AND flow NOT IN (SELECT flow FROM gone)
    GROUP BY flow ORDER BY max(number) DESC LIMIT ?
"""
_DOUBTFUL: Final = """
    SELECT made.value
    FROM rollout r CROSS JOIN deployment d ON d.rollout = r.id AND d.tenant = ?
    JOIN step s ON s.rollout = d.rollout AND s.place = d.place AND s.state = 'unknown',
    json_each(s.body, '$.facts.doubtful') made
    ORDER BY r.number DESC LIMIT ?
"""
# A shell puts a suggestion on the command line as it is: one that it could act on, or split, is not made.
_HARMLESS: Final = r"[\w@%+=:./][\w@%+=:./-]*"
_TENANTS: Final = r"""(?m)^tenants:[ \t]+(?:"([^"\n]+)"|'([^'\n]+)'|([^\s#\[{][^\n]*?))[ \t]*(?:#.*)?$"""
_LABEL: Final = "label."  # begins the title of a column of labels
_LABELLED: Final = r"""(?m)(?<!^)\blabels["']?:[ \t]*(?:\{([^{}]*)\}|\r?\n(([ \t]+)(?:.*\n?)(?:\3.*\n?)*))"""
_PAIR: Final = r"""["']?([\w.-]+)["']?:[ \t]*(?:"([^"\n]*)"|'([^'\n]*)'|([^\s"',{}#][^,{}\n#]*))"""
_NAMED: Final = r"""\btenant["']?:[ \t]*(?:"([^"\n]+)"|'([^'\n]+)'|([^\s"',}#][^,}\n#]*))"""


def complete_tenant(ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """Suggest the tenants of the manifest that the line names, else of rollout.yaml."""
    return _suggested(lambda: _tenants(_manifest(ctx)), incomplete, taken=ctx.params.get(param.name or ""))


def complete_label(ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """Suggest the labels of the manifest's tenants, as `key=value`."""
    return _suggested(lambda: _labels(_manifest(ctx)), incomplete, taken=ctx.params.get(param.name or ""))


def complete_flow(ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """Suggest the flows that a tenant had, and has no more, the last one first."""
    return _suggested(lambda: _asked(ctx, _LEFT, _tenant(ctx)), incomplete, taken=ctx.params.get(param.name or ""))


def complete_made(ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """Suggest what a call of a tenant's may have made whose answer was lost."""
    return _suggested(lambda: _asked(ctx, _DOUBTFUL, _tenant(ctx)), incomplete, taken=ctx.params.get(param.name or ""))


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


def _words() -> list[str]:
    """Return the words on the line: click forgets arguments where an option's value is still to come."""
    from click.shell_completion import split_arg_string

    return joined(split_arg_string(os.environ.get("COMP_WORDS", ""))[1:])


def joined(words: Iterable[str]) -> list[str]:
    """Return words as they are typed: bash parts them at `=`."""
    found: list[str] = []
    for word in words:
        if found and (word.startswith("=") or found[-1].endswith("=")):
            found[-1] += word
        else:
            found.append(word)
    return found


def _tenant(ctx: click.Context) -> str:
    """Return the tenant on the line, which is the first word of the command's that belongs to no option."""
    options = [each for each in ctx.command.params if isinstance(each, click.Option)]
    taking = {name for each in options if not (each.is_flag or each.count) for name in each.opts}
    before = ""
    for word in _words()[1:]:
        if not word.startswith("-") and before not in taking:
            return word
        before = word
    return ""


def _manifest(ctx: click.Context) -> Path:
    """Return the manifest on the line."""
    named = next((word for word in _words() if word.endswith((".yaml", ".yml"))), None)
    return Path(named or ctx.params.get("manifest") or _MANIFEST)


def _tenants(manifest: Path) -> Iterator[str]:
    rows, text = _listed(manifest)
    yield from (row["tenant"].strip() for row in rows if "tenant" in row) if rows is not None else _spoken(text)


def _labels(manifest: Path) -> Iterator[str]:
    """Yield the labels of the tenants, each once."""
    rows, text = _listed(manifest)
    found = _of_rows(rows) if rows is not None else _of_text(text)
    yield from dict.fromkeys(f"{key}={value}" for key, value in found if value)


def _of_rows(rows: Iterable[Mapping[str, str]]) -> Iterator[tuple[str, str]]:
    for row in rows:
        for title, cell in row.items():
            if title.startswith(_LABEL):
                yield title.removeprefix(_LABEL), cell.strip()


def _of_text(text: str) -> Iterator[tuple[str, str]]:
    """Yield what stands under each key `labels`, in braces or indented: not what values there are for a label."""
    for match in re.finditer(_LABELLED, text):
        for key, quoted, single, bare in re.findall(_PAIR, match[1] or match[2]):
            yield key, quoted or single or bare.strip()


def _listed(manifest: Path) -> tuple[Iterator[dict[str, str]] | None, str]:
    """Return the rows of the table that a manifest names, or the text in which its tenants stand."""
    text = _text(manifest)
    sheet = None
    if inline := re.search(r"(?m)^tenants:[ \t]+\{([^}\n]*)\}", text):
        parts = dict(re.findall(r"""(file|sheet):[ \t]*["']?([^"',}]+)""", inline[1]))
        name, sheet = parts["file"].strip(), parts.get("sheet", "").strip() or None
    elif named := re.search(_TENANTS, text):
        name = next(filter(None, named.groups()))
    else:
        return None, text
    file = manifest.parent / name
    if file.suffix.lower() == ".xlsx":
        return _sheet(file, sheet), ""
    if file.suffix.lower() in {".json", ".jsonl", ".ndjson"}:
        return None, _text(file)
    return _table(file), ""


def _spoken(text: str) -> Iterator[str]:
    """Yield what stands after each key `tenant`, in YAML and in JSON."""
    import json

    for match in re.finditer(_NAMED, text):
        quoted, single, bare = match.groups()
        yield json.loads(f'"{quoted}"') if quoted else (single or bare).strip()


def _table(file: Path) -> Iterator[dict[str, str]]:
    import csv

    with file.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
        header = next(lines)
        if header.startswith("sep="):  # as Excel states the separator
            header = next(lines)
        separator = max(",;\t", key=header.count)
        titles = [title.strip() for title in next(csv.reader([header], delimiter=separator))]
        for cells in csv.reader(lines, delimiter=separator):
            yield dict(zip(titles, cells, strict=False))


def _sheet(file: Path, name: str | None) -> Iterator[dict[str, str]]:
    from python_calamine import load_workbook

    book = load_workbook(str(file))
    rows = (cells for cells in book.get_sheet_by_name(name or book.sheet_names[0]).iter_rows() if any(cells))
    titles = [str(title).strip() for title in next(rows)]
    yield from (dict(zip(titles, map(str, cells), strict=False)) for cells in rows)


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


def _asked(ctx: click.Context, question: str, *about: str) -> Iterator[str]:
    """Yield what the journal answers."""
    import sqlite3

    file = _journal(ctx)
    if file is None:
        return  # a database may be far, and whoever presses Tab does not wait
    with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True, timeout=0.2)) as book:
        yield from (str(name) for (name,) in book.execute(question, [*about, _MOST]))
