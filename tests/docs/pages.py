"""What stands in the pages that people read: their blocks, the commands in these, and what these are said to print."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")), *sorted(ROOT.glob("templates/*/README.md"))]
_BLOCK: Final = re.compile(r"^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING: Final = re.compile(r"^#+ (.+)$", re.MULTILINE)
_PROMPT: Final = "$ "
_REMARK: Final = re.compile(r"\s{2,}# .*$")
_INLINE: Final = re.compile(r"(?<!`)`(deployer [^`]+)`(?!`)")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of a page: its language, and the heading that it stands under."""

    page: Path
    line: int
    kind: str
    heading: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


@dataclass(frozen=True, slots=True)
class Typed:
    """A command as it is typed, and the lines that are shown below it."""

    command: str
    shown: Sequence[str]


def blocks(page: Path, kind: str) -> Iterator[Block]:
    """Yield the blocks of a page that are written in a language, in order."""
    text = page.read_text("utf-8")
    for found in _BLOCK.finditer(text):
        if found["kind"] == kind:
            above = _HEADING.findall(_BLOCK.sub("", text[: found.start()]))
            yield Block(page, text.count("\n", 0, found.start()) + 1, kind, above[-1] if above else "", found["text"])


def typed(block: Block) -> list[Typed]:
    """Return what a console block says is typed, with what it says is printed."""
    found: list[tuple[str, list[str]]] = []
    for line in block.text.splitlines():
        if line.startswith(_PROMPT):
            found.append((_REMARK.sub("", line.removeprefix(_PROMPT)), []))
        else:
            found[-1][1].append(line)
    return [Typed(command, shown) for command, shown in found]


def inline(page: Path) -> list[str]:
    """Return the commands that stand in a page's sentences and tables."""
    return [" ".join(command.split()) for command in _INLINE.findall(_BLOCK.sub("", page.read_text("utf-8")))]
