"""The README is short, and leads everywhere: to every command, to every page, and each page says what it answers."""

import re
from pathlib import Path

import pytest

from deployer.cli import COMMANDS, EXIT_CODES
from deployer.domain.manifest import Manifest
from tests.docs.pages import PAGES, ROOT

README = (ROOT / "README.md").read_text("utf-8")
DOCS = sorted((ROOT / "docs").glob("*.md"))
_SCRIPT = re.compile(r"\bscripts/([\w-]+)")


def rows(text: str, heading: str) -> list[str]:
    """Return the lines of the table below a heading."""
    below = text.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return [line for line in below.splitlines() if line.startswith("| ")][1:]


def test_it_is_read_in_one_sitting() -> None:
    assert len(README.splitlines()) <= 220


def test_it_leads_to_every_page() -> None:
    linked = set(re.findall(r"\]\(docs/([\w-]+\.md)\)", "\n".join(rows(README, "The pages"))))
    assert linked == {page.name for page in DOCS}


def test_it_names_every_command_and_no_other() -> None:
    named = set(re.findall(r"`([a-z]+)`", "\n".join(rows(README, "The commands"))))
    assert named == set(COMMANDS)


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.name)
def test_a_page_begins_with_what_it_answers(page: Path) -> None:
    title, above, first, *_ = page.read_text("utf-8").split("\n", 3)
    paragraph = page.read_text("utf-8").split("\n\n")[1]
    assert (title[:2], above) == ("# ", "")
    assert "?" in paragraph or title.startswith("# What"), first


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_script_that_is_named_is_there(page: Path) -> None:
    for name in _SCRIPT.findall(page.read_text("utf-8")):
        assert (ROOT / "scripts" / name).is_file(), name


def test_the_page_of_the_manifest_names_every_key_and_no_other() -> None:
    page = (ROOT / "docs" / "manifest.md").read_text("utf-8")
    keys = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    assert set(re.findall(r"`(\w+)`", "".join(keys))) == set(Manifest.model_fields)


def test_the_exit_codes_are_those_of_the_help() -> None:
    shown = [row.split("|")[1].strip() for row in rows((ROOT / "docs" / "output.md").read_text("utf-8"), "Exit codes")]
    assert shown == [*EXIT_CODES]
