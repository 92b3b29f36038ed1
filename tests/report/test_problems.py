"""What is wrong with a manifest, told as people can take it in."""

from deployer.errors import ManifestError, Problem, UsageError
from deployer.report.problems import error_lines, problem_lines


def rows(count: int, what: str = 'cell C{n}: "bad{n}" is no id', path: str = "integration") -> list[Problem]:
    return [Problem(f"t.csv:{n}", path, what.format(n=n)) for n in range(2, count + 2)]


def test_a_few_are_told_one_by_one_in_their_order() -> None:
    assert [*problem_lines(rows(20), start="error: ")] == [f"error: {problem}" for problem in rows(20)]


def test_of_many_the_first_of_each_kind_are_told_and_the_others_counted() -> None:
    taken = rows(4, 'cell A{n}: "acme" is already at t.csv:1{n}', "tenant")
    shown = [*problem_lines([*rows(5000), *taken, *rows(2, "no column", "")], start="error: ")]
    assert shown == [
        'error: t.csv:2: integration: cell C2: "bad2" is no id',
        'error: t.csv:3: integration: cell C3: "bad3" is no id',
        'error: t.csv:4: integration: cell C4: "bad4" is no id',
        "error: … and 4,997 more like it",
        'error: t.csv:2: tenant: cell A2: "acme" is already at t.csv:12',
        'error: t.csv:3: tenant: cell A3: "acme" is already at t.csv:13',
        'error: t.csv:4: tenant: cell A4: "acme" is already at t.csv:14',
        "error: … and 1 more like it",
        "error: t.csv:2: no column",
        "error: t.csv:3: no column",
        "5,006 problems (deployer validate --all shows each)",
    ]


def test_what_was_meant_makes_no_other_kind() -> None:
    unknown = [*rows(1, 'unknown account "us1" (did you mean "us"?)'), *rows(40, 'unknown account "x{n}"')]
    assert [*problem_lines(unknown, start="")][3:] == [
        "… and 38 more like it",
        "41 problems (deployer validate --all shows each)",
    ]


def test_where_nearly_each_is_of_its_own_kind_the_last_are_counted() -> None:
    odd = [Problem("m.yaml:1:1", f"key{chr(97 + n)}", "unknown key") for n in range(26)]
    shown = [*problem_lines(odd, start="error: ")]
    assert len(shown) == 22
    assert shown[-2] == "error: … and 6 more of 6 other kinds"


def test_every_one_is_told_to_who_asks_for_it() -> None:
    assert len([*problem_lines(rows(5000), start="error: ", every=True)]) == 5000


def test_other_errors_are_told_as_they_are_and_nothing_in_them_steers_the_terminal() -> None:
    assert [*error_lines(UsageError("no\x1b[2J", remedy="do"))] == ["error: no[2J", "  do"]
    assert [*error_lines(ManifestError(rows(1)))] == ['error: t.csv:2: integration: cell C2: "bad2" is no id']
