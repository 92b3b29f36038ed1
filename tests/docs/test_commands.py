"""Every command that a page shows is one that there is, with options that it has."""

import click
import pytest

from tests.docs.pages import PAGES, ROOT, blocks, inline, typed
from tests.docs.parsing import calls, parse

# What stands for something else in a sentence, and so for what a person has to put there.
_STANDING = {"TENANT": "acme", "DIGEST": "b5dcfeb3989d", "REVISION": "7f3ac1", "COMMAND": "./tell", "M": "rollout.yaml"}


def shown() -> list[tuple[str, str]]:
    """Return each command with the page that shows it."""
    found = []
    for page in PAGES:
        lines = [each.command for block in blocks(page, "console") for each in typed(block)] + inline(page)
        found += [(str(page.relative_to(ROOT)), line) for line in lines if "deployer" in line]
    return list(dict.fromkeys(found))


@pytest.mark.parametrize(("page", "line"), shown())
def test_a_command_that_a_page_shows_is_read_by_the_program(page: str, line: str) -> None:
    for words in calls(line):
        try:
            parse([_STANDING.get(word, word) for word in words])
        except click.UsageError as error:
            pytest.fail(f"{page}: {line}: {error.format_message()}")


def test_the_words_of_a_line_are_told_apart() -> None:
    line = "cd x && deployer plan 'a b.yaml' --set x='1 2' > out.txt   # see"
    assert list(calls(line)) == [["plan", "a b.yaml", "--set", "x=1 2"]]
    with pytest.raises(click.NoSuchOption):
        parse(["plan", "--nonsense"])
