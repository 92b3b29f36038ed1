import pytest

from deployer.domain.source import MAX_DEPTH, plain, read_json, read_yaml
from deployer.errors import ManifestError


def complaints(text: str) -> list[str]:
    with pytest.raises(ManifestError) as caught:
        read_yaml(text, "r.yaml")
    return caught.value.lines()


@pytest.mark.parametrize(
    "text",
    ["no", "yes", "on", "True", "012", "1e5", "1.10", "0x1f", "1_000", "+1", "-0", ".5", "5.", "nan", ".inf",
     "2027-03-14", "12:30", "123e4567", "5980e7fedd9939649f8a5d9a", "123456789012345678901234", "1234567890123456"],
)  # fmt: skip
def test_text_stays_text(text: str) -> None:
    assert read_yaml(f"a: {text}", "r.yaml").value == {"a": text}


@pytest.mark.parametrize(
    ("text", "value"),
    [("", None), ("~", None), ("null", None), ("true", True), ("false", False), ("0", 0), ("-7", -7), ("200", 200),
     ("123456789012345", 123456789012345), ("0.5", 0.5), ("-2.25", -2.25)],
)  # fmt: skip
def test_few_words_and_plain_numbers_have_a_type(text: str, value: object) -> None:
    assert plain(text) == value
    assert type(plain(text)) is type(value)


@pytest.mark.parametrize("text", ["'true'", '"200"', "|\n  null"])
def test_what_is_quoted_is_text(text: str) -> None:
    assert isinstance(read_yaml(f"[{text}]" if "|" not in text else f"- {text}", "r.yaml").value[0], str)  # type: ignore[index]


def test_keys_are_text_whatever_they_look_like() -> None:
    assert read_yaml("200: a\nnull: b\ntrue: c", "r.yaml").value == {"200": "a", "null": "b", "true": "c"}


def test_json_with_tabs_a_mark_and_crlf_is_yaml() -> None:
    assert read_yaml('\ufeff{\r\n\t"a": [1, "x"]\r\n}\r\n', "r.yaml").value == {"a": [1, "x"]}


def test_a_problem_stands_at_its_key_its_value_or_what_encloses_it() -> None:
    source = read_yaml("tenants:\n  - {tenant: acme, timezon: x}\n", "r.yaml")
    assert str(source.problem(("tenants", 0, "timezon"), "odd", key=True)) == "r.yaml:2:20: tenants[0].timezon: odd"
    assert str(source.problem(("tenants", 0, "timezon"), "odd")) == "r.yaml:2:29: tenants[0].timezon: odd"
    assert str(source.problem(("tenants", 0, "account"), "absent")) == "r.yaml:2:5: tenants[0].account: absent"


def test_every_problem_of_form_is_told_at_once() -> None:
    assert complaints("a: &x 1\nb: *x\nc: !!python/object 1\na: 2\n") == [
        "error: r.yaml:1:4: a: anchors (&x) are not read: write the value out",
        "error: r.yaml:2:4: b: aliases (*x) are not read: write the value out",
        "error: r.yaml:3:4: c: tags (tag:yaml.org,2002:python/object) are not read: put text in quotes instead",
        "error: r.yaml:4:1: a: written twice, first at 1:1",
    ]


NOT_YAML = "error: r.yaml:{}: not YAML:"
COLON = "(quote a text that holds a colon)"
TABS = "(indent with spaces, not tabs; quote a text that begins with @, % or `)"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "error: r.yaml:1:1: is empty"),
        ("a: 1\nb\0: 2", "error: r.yaml:2:2: a character that no text file holds (U+0000)"),
        ("a: \x1b[31m", "error: r.yaml:1:4: a character that no text file holds (U+001B)"),
        (
            "a: b: c",
            f"{NOT_YAML.format('1:5')} mapping values are not allowed in this context {COLON}",
        ),
        (
            "a:\n\tb: 1",
            f"{NOT_YAML.format('2:1')} found character that cannot start any token {TABS}",
        ),
        ("a: 1\n---\nb: 2", "error: r.yaml:2:1: a second document: one file holds one"),
        ("? [a]\n: 1", "error: r.yaml:1:3: a key must be text"),
        ("[" * 100_000, f"error: r.yaml:1:{MAX_DEPTH + 2}: nested more than {MAX_DEPTH} deep"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(text: str, line: str) -> None:
    assert complaints(text) == [line]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('{"a": 1,\n "b" 2}', "error: f.json:2:6: not JSON: expecting ':' delimiter"),
        ('{"a": 1, "a": 2}', 'error: f.json: not JSON: the key "a" is written twice in one object'),
        ("[NaN]", "error: f.json: not JSON: NaN is no JSON value"),
        ("[" * 100_000, "error: f.json: not read: nested too deep"),
    ],
)
def test_json_that_cannot_be_read_is_refused(text: str, line: str) -> None:
    with pytest.raises(ManifestError) as caught:
        read_json(text, "f.json")
    assert caught.value.lines() == [line]


def test_an_integer_of_5000_digits_is_refused() -> None:
    with pytest.raises(ManifestError, match="1 problem"):
        read_json("9" * 5000, "f.json")
