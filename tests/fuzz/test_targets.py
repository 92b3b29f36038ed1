"""Whatever is given to a parser, a value or an error that names the place comes of it, soon and without much memory."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.examples import EXAMPLES, PIECES
from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).with_name("corpus")
KEPT = sorted(CORPUS.glob("*/*"))
LARGE = 1 << 16  # bytes: what is quadratic takes too long
TEXTS = st.text(max_size=40).map(lambda text: text.encode("utf-8", "surrogatepass")) | st.binary(max_size=40)
SOUP = st.lists(st.sampled_from(PIECES) | TEXTS, max_size=12).map(b"".join)

MANIFEST = b"name: a\ntemplate: {flow: 12345678}\naccounts: {main: {region: us, token: env:T}}\n"
MERGED = b"merge: {%s}\n" % b"".join(b"settings.x%d: set, " % number for number in range(2500))
# What took longer the longer it was, and out of proportion: what it begins with, what is repeated how often, the end.
GROWN = {
    "handlebars": ("interpolation", b"${a}", b"{{", 30_000, b""),
    "defaults": ("interpolation", b"${", b":-", 30_000, b""),
    "titles": ("tenants", b"\0tenant,integration", b",c%d", 30_000, b"\n"),
    "repeated": ("tenants", b'\1[{"a": 1', b',"c%d":1', 45_000, b', "c44999": 1}]'),
    "lists": ("manifest", MANIFEST + b"tenants: t.csv\nflow: {settings: {", b"l%d: [], ", 2500, b"}}\n" + MERGED),
    "keys": ("manifest", MANIFEST + b"tenants:\n", b"  - {tenant: t%d, y%d: 1} # tenant.values.x%d\n", 2000, b""),
}


def of_each(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("name", names or list(TARGETS))


@st.composite
def spoilt(draw: st.DrawFn, name: str) -> bytes:
    """Draw a valid example in which some places are cut out, doubled or overwritten."""
    content = draw(st.sampled_from(EXAMPLES[name]))
    for _ in range(draw(st.integers(0, 4))):
        begin = draw(st.integers(0, len(content)))
        end = min(len(content), begin + draw(st.sampled_from([0, 0, 1, 2, 5, 30])))
        piece = draw(st.sampled_from([b"", content[begin:end] * 2, *PIECES]) | TEXTS)
        content = content[:begin] + piece + content[end:]
    return content


@st.composite
def swollen(draw: st.DrawFn, name: str) -> bytes:
    """Draw an example in which one piece is there thousands of times."""
    content = draw(st.sampled_from(EXAMPLES[name]))
    begin = draw(st.integers(0, len(content)))
    end = min(len(content), begin + draw(st.integers(1, 60)))
    piece = draw(st.sampled_from([content[begin:end] or b" ", *PIECES]))
    return content[:begin] + piece * (LARGE // len(piece)) + content[end if draw(st.booleans()) else begin :]


@of_each()
def test_examples_are_understood(name: str) -> None:
    for content in EXAMPLES[name]:
        TARGETS[name](content)


@of_each()
@given(st.data())
def test_any_text_gives_a_value_or_names_the_place(name: str, data: st.DataObject) -> None:
    first = bytes([data.draw(st.integers(0, 9))])
    TARGETS[name](first + data.draw(SOUP))


@of_each()
@given(st.data())
def test_a_spoilt_example_gives_a_value_or_names_the_place(name: str, data: st.DataObject) -> None:
    TARGETS[name](data.draw(spoilt(name)))


@of_each()
@settings(max_examples=10)
@given(st.data())
def test_what_is_large_takes_neither_long_nor_much_memory(name: str, data: st.DataObject) -> None:
    TARGETS[name](data.draw(swollen(name)))


@pytest.mark.parametrize("case", GROWN.values(), ids=list(GROWN))
def test_what_took_too_long_once_does_not_again(case: tuple[str, bytes, bytes, int, bytes]) -> None:
    name, before, piece, count, end = case
    TARGETS[name](before + b"".join(piece.replace(b"%d", b"%d" % number) for number in range(count)) + end)


@pytest.mark.parametrize("path", KEPT, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_failed_once_does_not_fail_again(path: Path) -> None:
    TARGETS[path.parent.name](path.read_bytes())
