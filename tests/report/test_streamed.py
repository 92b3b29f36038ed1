import io
import json
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from deployer.report.streamed import json_text, write_document

WRITABLE = st.text(st.characters(exclude_categories=["Cs"]))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WRITABLE,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WRITABLE, inner, max_size=3),
    max_leaves=8,
)
HEADS = st.dictionaries(WRITABLE.filter(lambda key: key != "tenants"), JSON, max_size=4)


@given(HEADS, st.lists(JSON, max_size=4))
def test_a_streamed_document_is_the_whole_one_byte_for_byte(head: dict[str, object], tenants: list[object]) -> None:
    stream = io.StringIO(newline="")
    write_document(stream, head, iter(tenants))
    assert stream.getvalue() == json_text({**head, "tenants": tenants}) + "\n"


@given(st.text(st.characters()) | st.just("\udc80 \ud800"))
def test_any_text_can_be_written_and_read_back(text: str) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="")
    write_document(stream, {"name": text}, [text], key="rollouts")
    stream.seek(0)
    assert json.load(stream) == {"name": text, "rollouts": [text]}


def test_every_item_is_written_before_the_next_is_asked_for() -> None:
    stream = io.StringIO()
    written = []

    def tenants() -> Iterator[int]:
        for number in range(3):
            written.append(stream.getvalue().count("7"))
            yield 7 + 10 * number

    write_document(stream, {}, tenants())
    assert written == [0, 1, 2]
