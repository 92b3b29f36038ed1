"""Who looks for what the tests do not notice sees a kill, a survivor, and a list that is out of date."""

import ast
import subprocess
import sys
import tomllib

import psycopg
import pytest

from tests.mutation.__main__ import LISTED, faults_of, gone_from, listed_for, score_of
from tests.mutation.mutants import Mutant, mutants_of
from tests.mutation.targets import PLANTED, ROOT, TARGETS, Target
from tests.mutation.trial import Verdict, read
from tests.postgres import borrowed, lending


def names_of(source: str) -> list[str]:
    return [mutant.name for mutant in mutants_of(source)[1]]


def test_a_planted_survivor_is_told_and_fails_the_command_and_a_kill_is_counted() -> None:
    command = [sys.executable, "-m", "tests.mutation", PLANTED.path, "--like=return"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert done.stdout.splitlines() == [
        f"{PLANTED.path}: line 11: survived: is_child: return years < 14 → return",
        f"{PLANTED.path}: 2 mutants, 1 killed, 1 survived, 0 listed as alike: 50.0 %",
    ]


def test_a_module_that_is_not_tried_is_named() -> None:
    command = [sys.executable, "-m", "tests.mutation", "nothing.py"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.split(":")[0]) == (2, "error")


@pytest.mark.parametrize(
    ("code", "changed"),
    [
        ("a < b", ["a <= b", "a >= b"]),
        ("a is b", ["a is not b"]),
        ("a and b", ["b", "a"]),
        ("not a", ["a"]),
        ("a + b", ["a - b"]),
        ("7", ["8", "6"]),
        ("0.5", ["1.0", "0.25"]),
        ("True", ["False"]),
        ("'word'", ["'wordx'"]),
        ("'a sentence'", []),
        ("f'word {a}'", []),
        ("a if b else c", ["a if False else c", "a if True else c"]),
        ("[a for a in b if c]", ["[a for a in b]"]),
        ("f(a, b=c)", ["f(a)"]),
        ("f(a)", ["a"]),
        ("len(a)", []),
        ("min(a, b)", ["max(a, b)"]),
        ("a.strip()", ["a"]),
        ("{a, b}", ["{b}", "{a}"]),
        ("{a: b}", ["{}"]),
    ],
)
def test_an_expression_is_changed_in_every_way_that_decides_otherwise(code: str, changed: list[str]) -> None:
    assert [name.removeprefix("x: ").split(" → ")[1] for name in names_of(f"x = {code}")] == changed


@pytest.mark.parametrize(
    ("code", "changed"),
    [
        ("if a: pass", ["a → False", "a → True"]),
        ("while a: pass", ["a → False"]),
        ("b()", ["b() → nothing"]),
        ("raise a", ["raise a → nothing"]),
        ("return a", ["return a → return"]),
        ("a += b", ["a += b → a -= b", "a += b → nothing"]),
        ("a.b = c", ["a.b = c → nothing"]),
        ("a = b", []),
        ("a = b; a = c", ["a = b → nothing", "a = c → nothing"]),
        ("with a: pass", ["with a: … → if True: …"]),
        ("with a as b: pass", []),
        ("match a:\n  case B(): pass", ["case B(): … → case B() if False: …"]),
        ("match a:\n  case b if d: pass", ["d → False", "d → True"]),
        ("match a:\n  case B() | C() if d: pass", ["B() | C() → C()", "B() | C() → B()", "d → False", "d → True"]),
        ("try: pass\n except (B, C): pass", ["except (B, C): … → except (C,): …", "except (B, C): … → except (B,): …"]),
    ],
)
def test_a_statement_is_left_out_or_decides_otherwise(code: str, changed: list[str]) -> None:
    found = [name.removeprefix("f: ") for name in names_of(f"def f():\n {code}")]
    assert found == changed


def test_what_no_decision_depends_on_is_left_alone() -> None:
    head = '"""Text."""\nimport a\n__all__ = ["word"]\n'
    source = head + '@b(c=1)\ndef f(d: "word") -> "word":\n    """Text."""\n    raise E("word")'
    assert names_of(source) == ["f: raise E('word') → nothing"]


def test_alike_changes_of_one_function_are_told_apart() -> None:
    assert names_of("def f():\n a()\n a()") == ["f: a() → nothing", "f: a() → nothing (2)"]


def test_every_change_is_code_and_is_undone() -> None:
    target = TARGETS[0]
    tree, mutants = read(target)
    before = ast.dump(tree)
    for mutant in mutants:
        undo = mutant.swap()
        compile(ast.fix_missing_locations(tree), target.path, "exec")
        undo.swap()
    assert ast.dump(tree) == before
    assert len({mutant.name for mutant in mutants}) == len(mutants)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.path)
def test_every_survivor_that_is_listed_is_still_a_change_of_its_module_and_has_a_reason(target: Target) -> None:
    listed = listed_for(target)
    assert gone_from(target, listed) == []
    assert all(listed.values())


def test_no_survivor_is_listed_for_a_module_that_is_not_tried() -> None:
    assert set(tomllib.loads(LISTED.read_text("utf-8"))) <= {target.path for target in TARGETS}


def test_a_server_that_is_lent_is_everybodys_and_keeps_no_database_of_whoever_has_left() -> None:
    with lending(), borrowed() as other:
        other.command("CREATE DATABASE test_999999999_1")  # of a process that was killed
        with borrowed() as server:
            assert server is other
            with pytest.raises(psycopg.OperationalError, match="does not exist"):
                psycopg.connect(server.address("test_999999999_1"))
            address = server.new_database()
            with psycopg.connect(address):
                pass
        with pytest.raises(psycopg.OperationalError, match="does not exist"):
            psycopg.connect(address)


def verdict(name: str, *, is_killed: bool) -> Verdict:
    return Verdict(Mutant(name, 7, ast.Pass(), "", None, ast.Pass()), is_killed)


def test_a_list_that_is_out_of_date_is_a_fault() -> None:
    listed = {"alike": "why", "killed": "why"}
    found = [verdict("alike", is_killed=False), verdict("killed", is_killed=True), verdict("new", is_killed=False)]
    assert faults_of(found, listed) == ["line 7: survived: new", "listed, but killed: killed"]
    assert score_of(found, listed) == "3 mutants, 1 killed, 1 survived, 1 listed as alike: 50.0 %"
    assert gone_from(PLANTED, {"gone": "why"}) == ["listed, but gone: gone"]
