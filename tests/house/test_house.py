"""The rules of the house that no linter knows."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted((ROOT / "deployer").rglob("*.py"))
DOMAIN = sorted((ROOT / "deployer" / "domain").rglob("*.py"))
OUTSIDE = {"open", "print", "input", "now", "utcnow", "today"}  # files, the terminal, the clock


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def nodes(path: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(path.read_text("utf-8")))


def called(call: ast.Call) -> str:
    return ast.unparse(call.func).rpartition(".")[2]


@pytest.mark.parametrize("module", MODULES, ids=name)
def test_a_module_has_at_most_300_lines(module: Path) -> None:
    assert len(module.read_text("utf-8").splitlines()) <= 300


@pytest.mark.parametrize("module", MODULES, ids=name)
def test_a_function_has_at_most_40_lines(module: Path) -> None:
    functions = [node for node in nodes(module) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    assert [f"{f.name}:{f.lineno}" for f in functions if (f.end_lineno or 0) - f.lineno + 1 > 40] == []


@pytest.mark.parametrize("module", DOMAIN, ids=name)
def test_the_domain_awaits_nothing_and_asks_neither_clock_nor_file(module: Path) -> None:
    asynchronous = (ast.AsyncFunctionDef, ast.AsyncFor, ast.AsyncWith, ast.Await)
    found: list[ast.AST] = [node for node in nodes(module) if isinstance(node, asynchronous)]
    found += [node for node in nodes(module) if isinstance(node, ast.Call) and called(node) in OUTSIDE]
    assert [ast.unparse(node) for node in found] == []
