"""Reports in files, as `--report KIND=FILE` asks for them: there whole, or as they were before."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any, Final, TextIO, TypeAlias

from deployer.errors import UsageError
from deployer.report.columns import REPORTED
from deployer.report.junit import write_junit
from deployer.report.listing import write_list
from deployer.report.markdown import write_markdown
from deployer.report.streamed import write_document

_Head: TypeAlias = Mapping[str, Any]
_Tenants: TypeAlias = Iterable[Mapping[str, Any]]
_Write: TypeAlias = Callable[[TextIO, _Head, _Tenants], None]


def _write_html(stream: TextIO, head: _Head, tenants: _Tenants) -> None:
    from deployer.report.page import write_page  # noqa: PLC0415 - Jinja2, for this one only

    write_page(stream, head, tenants)


def _write_csv(stream: TextIO, head: _Head, tenants: _Tenants) -> None:
    write_list(stream, "csv", REPORTED, head, tenants, width=None)


WRITERS: Final[Mapping[str, _Write]] = {
    "html": _write_html,
    "json": write_document,
    "md": write_markdown,
    "csv": _write_csv,
    "junit": write_junit,
}
"""What writes a rollout, as a report shows it, in each form."""

_KINDS: Final = ", ".join(f"{kind}=FILE" for kind in WRITERS)


@dataclass(frozen=True, slots=True)
class Report:
    """A report that was asked for."""

    kind: str
    path: Path

    def write(self, head: Mapping[str, Any], tenants: Iterable[Mapping[str, Any]]) -> None:
        """Write it; raise UsageError where the file cannot be written, which then is as it was before."""
        try:
            with _replacing(self.path) as stream:
                WRITERS[self.kind](stream, head, tenants)
        except OSError as error:
            what = f"the report cannot be written: {error.strerror}"
            remedy = "the rollout itself is in the journal: deployer status shows it"
            raise UsageError(what, where=str(self.path), remedy=remedy) from None

    def write_lines(self, lines: Iterable[str]) -> None:
        """Write a text of its own; raise UsageError as `write` does."""
        try:
            with _replacing(self.path) as stream:
                stream.writelines(f"{line}\n" for line in lines)
        except OSError as error:
            raise UsageError(f"the report cannot be written: {error.strerror}", where=str(self.path)) from None


def parse_report(text: str) -> Report:
    """Read `html=FILE` and the like; raise UsageError for anything else, before anything is sent."""
    kind, equals, path = text.partition("=")
    if kind not in WRITERS or not equals or not path:
        raise UsageError(f'--report "{text}" names no report', remedy=f"write --report with one of {_KINDS}")
    demand_writable(Path(path), "the report")
    return Report(kind, Path(path))


def demand_writable(path: Path, what: str) -> None:
    """Raise UsageError where a file can be seen to be none that may be written: early, before anything is sent."""
    if not path.parent.is_dir():
        raise UsageError(f"there is no such directory for {what}", where=str(path.parent))
    if path.is_dir():
        raise UsageError(f"{what} cannot be written: this is a directory", where=str(path))
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise UsageError(f"{what} cannot be written: permission denied", where=str(path))


@contextmanager
def _replacing(path: Path) -> Iterator[TextIO]:
    """Open a file beside `path` that takes its place when it was written to the end."""
    target = path.resolve()
    part = target.with_name(f".{target.name}.{token_hex(4)}.part")
    try:
        with part.open("x", encoding="utf-8", newline="\n") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
