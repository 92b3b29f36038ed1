"""What else a page holds is true: its pieces of manifests, its options, its links."""

import re
from pathlib import Path
from urllib.parse import unquote

import pytest
import yaml

from deployer.domain.manifest import parse_manifest
from tests.docs.pages import PAGES, ROOT, Block, blocks
from tests.docs.parsing import every_command

_OTHERS = re.compile(r"^# or .*\n", re.MULTILINE)  # what begins another way to write the piece above
_FILE = re.compile(r"# \S+\.yaml\n")  # what begins a file of somebody else's
_LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
_OPTION = re.compile(r"`[^`\n]*?(--[a-z][a-z-]+)")
_OF_SCRIPTS = {"--rounds", "--journal", "--seeds", "--without", "--assume", "--show", "--repair", "--all-pythons"}


class _Words(yaml.SafeLoader):
    """Takes `on` and `off` for the words they are, as manifests are read."""


_Words.yaml_implicit_resolvers = {
    first: [each for each in found if first not in "oO" or each[0] != "tag:yaml.org,2002:bool"]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
WHOLE = yaml.safe_load((ROOT / "templates/github-to-slack/rollout.yaml").read_text("utf-8"))
WHOLE["flow"]["settings"] |= {"tags": ["new"], "stores": [{"id": "1"}]}  # the lists that `merge` speaks of


def page_name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def fragments() -> list[tuple[Block, str]]:
    return [
        (block, part)
        for page in PAGES
        for block in blocks(page, "yaml")
        for part in _OTHERS.split(block.text)
        if not _FILE.match(block.text)
    ]


@pytest.mark.parametrize(
    ("block", "part"), [pytest.param(*each, id=f"{each[0]}-{n}") for n, each in enumerate(fragments())]
)
def test_a_piece_of_a_manifest_can_stand_in_one(block: Block, part: str) -> None:
    keys = yaml.load(part.replace("57f1…", "57f1aa00bb11cc22dd33ee44"), Loader=_Words)  # noqa: S506 - a safe one
    parse_manifest(yaml.safe_dump({**WHOLE, **keys}, sort_keys=False), str(block), {})


def headings(page: Path) -> set[str]:
    """Return the anchors of a page, as GitHub makes them."""
    found = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in found}


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in _LINK.findall(page.read_text("utf-8")):
        path, _, anchor = unquote(link).partition("#")
        if ":" not in path:
            there = page.parent / path if path else page
            assert there.exists(), link
            assert not anchor or anchor in headings(there), link


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_option_that_is_named_is_one(page: Path) -> None:
    known = {option for _, command in every_command() for each in command.params for option in each.opts}
    named = set(_OPTION.findall(page.read_text("utf-8")))
    assert named - known - _OF_SCRIPTS - {"--help", "--version"} == set()
