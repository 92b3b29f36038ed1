import csv
import json
from collections.abc import Callable, Iterable
from io import StringIO
from time import process_time

import pytest

from deployer.domain import spreadsheet
from deployer.domain.manifest import Manifest, parse_manifest
from deployer.domain.scalars import identifier
from deployer.domain.tenants import Format, Tenant, inline_tenants, read_tenants
from deployer.errors import ManifestError

ONE = "5980e7fedd9939649f8a5d01"
TWO = "5980e7fedd9939649f8a5d02"
MANGLED = '"5.98E+23" was an id until a spreadsheet made a number of it: format the column as text'


def manifest(tenants: str = "tenants.csv", accounts: Iterable[str] = ("main",)) -> Manifest:
    listed = ", ".join(f"{name}: {{region: us, token: env:T}}" for name in accounts)
    text = f"name: a\ntemplate: {{flow: 12345678}}\naccounts: {{{listed}}}\ntenants: {tenants}"
    return parse_manifest(text, "r.yaml", {})


def read(text: str, kind: Format = "csv", *, accounts: Iterable[str] = ("main",)) -> list[Tenant]:
    lines = StringIO(text, newline="")
    return list(read_tenants(lines, name=f"t.{kind}", kind=kind, manifest=manifest(accounts=accounts)))


def lines(text: str, kind: Format = "csv", *, accounts: Iterable[str] = ("main",)) -> list[str]:
    with pytest.raises(ManifestError) as caught:
        read(text, kind, accounts=accounts)
    return caught.value.lines()


def test_columns_become_identity_labels_and_values() -> None:
    text = f"tenant,account,integration,id,label.ring,region\nacme,main,{ONE},{TWO},early,eu\n"
    assert read(text) == [Tenant("acme", "main", ONE, {"ring": "early"}, {"region": "eu"}, TWO, "t.csv:2")]


@pytest.mark.parametrize(
    "text",
    [
        f"tenant,integration,note\nacme,{ONE},a;b\n",
        f"\ufefftenant,integration,note\r\nacme,{ONE},a;b\r\n",
        f'tenant;integration;note\nacme;{ONE};"a;b"\n',
        f"tenant\tintegration\tnote\nacme\t{ONE}\ta;b",
        f'"tenant","integration","note"\n" acme ","{ONE} ","a;b"\n,,\n\n',
        f'sep=;\ntenant;integration;note\nacme;{ONE};"a;b"\n',
    ],
)
def test_every_spreadsheet_is_understood(text: str) -> None:
    (tenant,) = read(text)
    assert (tenant.tenant, tenant.account, tenant.integration) == ("acme", "main", ONE)
    assert tenant.values == {"note": "a;b"}


def test_cells_are_text_unless_the_header_says_otherwise_and_empty_ones_are_absent() -> None:
    text = f'tenant,integration,a,b:int,c:float,d:bool,e:json,f\nx,{ONE},012,7,0.5,TRUE,"[1, null]",\n'
    assert read(text)[0].values == {"a": "012", "b": 7, "c": 0.5, "d": True, "e": [1, None]}


def test_a_quoted_cell_may_hold_lines_and_places_stay_right() -> None:
    text = f'tenant,integration,note\na,{ONE},"one\ntwo"\nb,{TWO},\n'
    assert [(tenant.where, tenant.values) for tenant in read(text)] == [
        ("t.csv:2", {"note": "one\ntwo"}),
        ("t.csv:4", {}),
    ]


def test_every_wrong_cell_is_named_as_the_spreadsheet_names_it() -> None:
    text = f"""sep=;
tenant;account;integration;label.ring;batch:int;;x
acme;main;5.98E+23;r;1
Bcme;mian;{ONE};;x;y

c;main;{TWO};r\u202e;;;;z
;main;123;;;;
"""
    assert lines(text, accounts=("main", "b")) == [
        f"error: t.csv:3: integration: cell C2: {MANGLED}",
        'error: t.csv:4: batch:int: cell E3: "x" is no whole number',
        'error: t.csv:4: cell F3: "y" stands in a column without a title',
        'error: t.csv:4: account: unknown account "mian" (did you mean "main"?)',
        "error: t.csv:6: row 5 has 8 cells under 7 titles",
        "error: t.csv:6: label.ring: cell D5: holds a control or text-direction character (U+202E)",
        "error: t.csv:7: tenant: cell A6: must not be empty",
        'error: t.csv:7: integration: cell C6: "123" is no id: 8 to 64 letters and digits',
    ]


@pytest.mark.parametrize(
    ("header", "cell", "problem"),
    [
        ("n:float", "1,5", 'cell C2: "1,5" is no number such as 0.5'),
        ("n:float", "nan", 'cell C2: "nan" is no number such as 0.5'),
        ("n:int", "1_000", 'cell C2: "1_000" is no whole number'),
        ("n:bool", "yes", 'cell C2: "yes" is neither true nor false'),
        ("n:json", "{", "cell C2: not JSON: expecting property name enclosed in double quotes"),
        ("n", "a\0b", "cell C2: holds a NUL character"),
    ],
)
def test_a_cell_of_the_wrong_type_is_refused(header: str, cell: str, problem: str) -> None:
    assert lines(f'tenant;integration;{header}\nacme;{ONE};"{cell}"') == [f"error: t.csv:2: {header}: {problem}"]


def test_cells_beyond_z_have_two_letters() -> None:
    titles = [f"v{number}" for number in range(24)] + ["n:int"]
    text = f"tenant,integration,{','.join(titles)}\nacme,{ONE},{',' * 24}x"
    assert lines(text) == ['error: t.csv:2: n:int: cell AA2: "x" is no whole number']


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("", ["t.csv:1: there is no header such as tenant,account,integration"]),
        ("Tenant,x,x,n:number\n", [
            't.csv:1: n:number: unknown type "number": there are int, float, bool, json',
            "t.csv:1: x: two columns have this title",
            't.csv:1: tenant: there is no such column (did you mean "Tenant"?)',
            "t.csv:1: integration: there is no such column",
        ]),
        ('tenant,integration\n"a"b,c', ["t.csv:2: not CSV: ',' expected after '\"'"]),
        ('tenant,integration\n"a,c', ["t.csv:2: not CSV: unexpected end of data"]),
    ],
)  # fmt: skip
def test_a_file_that_is_no_table_of_tenants_is_refused(text: str, problems: list[str]) -> None:
    assert lines(text) == [f"error: {problem}" for problem in problems]


@pytest.mark.parametrize("other", ["ACME", "acme", "\uff21cme", "Straße"])
def test_a_tenant_is_listed_once_whatever_its_letters(other: str) -> None:
    first = {"\uff21cme": "\uff41CME", "Straße": "STRASSE"}.get(other, "Acme")
    assert lines(f"tenant,integration\n{first},{ONE}\n{other},{TWO}\n") == [
        f'error: t.csv:3: tenant: "{other}" is already at t.csv:2'
    ]


def test_composed_and_decomposed_names_are_one() -> None:
    assert len(lines(f"tenant,integration\nCaf\u00e9,{ONE}\nCafe\u0301,{TWO}\n")) == 1


def test_an_integration_has_one_tenant_in_each_account() -> None:
    text = f"tenant,account,integration\na,main,{ONE}\nb,other,{ONE}\nc,main,{ONE}\n"
    assert lines(text, accounts=("main", "other")) == [
        f'error: t.csv:4: integration: "{ONE}" already has a tenant at t.csv:2'
    ]


def test_the_account_is_required_only_where_there_are_several() -> None:
    text = f"tenant,integration\na,{ONE}\n"
    assert read(text)[0].account == "main"
    assert lines(text, accounts=("main", "b")) == ["error: t.csv:2: account: is required with 2 accounts"]


@pytest.mark.parametrize("name", ["a\u202eb", "a\x1b[31m", "a\u200bb", "\u2066a"])
def test_names_that_hide_something_are_refused(name: str) -> None:
    (line,) = lines(f"tenant,integration\n{name},{ONE}\n")
    assert "cell A2: holds a control or text-direction character (U+" in line
    assert line.isprintable()


def test_every_problem_is_kept_unless_there_are_more_than_anybody_has_tenants(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "tenant,integration\n" + "".join(f"t{n},x\n" for n in range(60))
    assert len(lines(text)) == 60
    monkeypatch.setattr(spreadsheet, "KEPT", 50)
    found = lines(text)
    assert len(found) == 51
    assert found[-1] == "error: t.csv:51: and 10 more problems after it"


def test_json_and_json_lines_hold_tenants_as_the_manifest_does() -> None:
    row = {"tenant": "acme", "integration": ONE, "id": TWO, "labels": {"ring": "1"}, "values": {"n": 1.5}}
    acme = json.dumps(row)
    (listed,), (line,) = read(f"[{acme}]", "json"), read(f"\ufeff{acme}\r\n\r\n", "jsonl")
    assert listed == Tenant("acme", "main", ONE, {"ring": "1"}, {"n": 1.5}, TWO, "t.json[0]")
    assert line == Tenant("acme", "main", ONE, {"ring": "1"}, {"n": 1.5}, TWO, "t.jsonl:1")


def test_problems_of_json_are_told_with_row_or_line() -> None:
    assert lines(f'[{{"tenant": "a", "integratoin": "{ONE}"}}, 5]', "json") == [
        "error: t.json: [0].integration: is required",
        'error: t.json: [0].integratoin: unknown key (did you mean "integration"?)',
        "error: t.json: [1]: must be a mapping of keys to values",
    ]
    assert lines('{"tenant": "a"}\n{"tenant": ', "jsonl") == [
        "error: t.jsonl:1: integration: is required",
        "error: t.jsonl:2: not JSON: expecting value",
    ]
    assert lines('{"tenant": "a"}', "json") == ["error: t.json: must be a list of tenants"]


def test_an_inline_list_is_read_with_its_places() -> None:
    listed = f"\n  - {{tenant: acme, integration: {ONE}}}\n  - {{tenant: ACME, integration: {TWO}}}"
    with pytest.raises(ManifestError) as caught:
        list(inline_tenants(manifest(listed)))
    assert caught.value.lines() == ['error: r.yaml:6:5: tenant: "ACME" is already at r.yaml:5:5']


def test_tenants_are_streamed() -> None:
    def endless() -> Iterable[str]:
        yield "tenant,integration\n"
        number = 0
        while True:
            yield f"t{(number := number + 1)},5980e7fedd{number:014d}\n"

    tenants = read_tenants(endless(), name="t.csv", kind="csv", manifest=manifest())
    assert [next(tenants).tenant for _ in range(3)] == ["t1", "t2", "t3"]


def test_a_tenant_that_cannot_be_used_is_not_passed_on_before_the_end() -> None:
    text = f"tenant,account,integration\na,main,{ONE}\nb,mian,{TWO}\nA,main,{TWO}\nc,main,{ONE}\n"
    tenants = read_tenants(StringIO(text), name="t.csv", kind="csv", manifest=manifest(accounts=("main", "b")))
    assert next(tenants).tenant == "a"
    with pytest.raises(ManifestError) as caught:
        next(tenants)
    assert len(caught.value.problems) == 3


def test_reading_tenants_costs_at_most_thrice_a_dict_reader_with_json() -> None:
    rows = (f"t{number},5980e7fedd{number:014d},r{number % 3},eu,{number}\n" for number in range(20_000))
    text = "tenant,integration,label.ring,region,batch:int\n" + "".join(rows)

    def plainly() -> int:
        return len([json.loads(json.dumps(row)) for row in csv.DictReader(StringIO(text))])

    pairs = [(_seconds(lambda: len(read(text))), _seconds(plainly)) for _ in range(7)]
    # What else the machine does only adds: the least of either, taken in turns, is what each costs.
    ours, theirs = (min(side) for side in zip(*pairs, strict=True))
    assert ours < 3 * theirs, f"{ours / theirs:.2f}"


def _seconds(work: Callable[[], int]) -> float:
    start = process_time()
    assert work() == 20_000
    return process_time() - start


@pytest.mark.parametrize("text", ["061167e42394436286337335", "11111e11", "0123456789abcdef01234567"])
def test_an_id_may_read_like_a_number(text: str) -> None:
    assert identifier(text) == text


@pytest.mark.parametrize("text", ["5.98E+23", "5,98E+23", "6E+23", "598E21"])
def test_what_a_spreadsheet_made_of_an_id_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="was an id until a spreadsheet made a number of it"):
        identifier(text)
