"""Try the mutants of a module: import it with each of them and run its tests.

Most are noticed sooner: a change inside a function is put into the function that is there, in a process forked from one
that has collected the tests, and only the tests that call it are asked. What they let pass is tried from the beginning.
"""

import ast
import gc
import importlib
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from multiprocessing.connection import Connection
from types import CodeType
from typing import Final

import pytest

from tests.mutation.codes import Change, changed_functions
from tests.mutation.jury import Jury, limit_after
from tests.mutation.mutants import Mutant, mutants_of
from tests.mutation.processes import FORKED, be_silent, ends_well
from tests.mutation.targets import ROOT, Target
from tests.postgres import lending

_LONGEST: Final = 600.0  # seconds for all the tests where nothing is changed
# Imported once and for all mutants; nothing of the package itself, of which each needs an import of its own.
_READY: Final = (
    "aiohttp.web",
    "anyio._backends._asyncio",
    "anyio.pytest_plugin",
    "hypothesis.strategies",
    "psycopg",
    "pydantic",
    "structlog",
    "trustme",
    "xdist.plugin",
    "yaml",
)
_SETTINGS: Final = (
    "-x",
    "--capture=no",
    "--hypothesis-profile=mutants",
    "-pno:cacheprovider",
    "--assert=plain",  # nobody reads why a test failed
    "--timeout=15",  # what never ends need not be waited for long
)


class NotGreenError(Exception):
    """The tests fail already where nothing was changed: they cannot judge."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A mutant, and whether a test noticed it."""

    mutant: Mutant
    is_killed: bool


@dataclass(frozen=True, slots=True)
class _Case:
    """A mutant, its module compiled, and which functions it changes if nothing else."""

    mutant: Mutant
    code: CodeType
    functions: Change | None


class _Coded(SourceFileLoader):
    """Load a module from code that is there instead of its file."""

    def __init__(self, name: str, path: str, code: CodeType) -> None:
        super().__init__(name, path)
        self._code = code

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002 - the loader of one module
        """Return the code."""
        return self._code


class _Finder:
    """Find the one module that is tried."""

    def __init__(self, target: Target, code: CodeType) -> None:
        self._target, self._code = target, code

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> ModuleSpec | None:
        """Return where the module is loaded from."""
        if name != self._target.module:
            return None
        path = str(ROOT / self._target.path)
        return spec_from_file_location(name, path, loader=_Coded(name, path, self._code))


def read(target: Target) -> tuple[ast.Module, list[Mutant]]:
    """Return a module's tree and its mutants."""
    return mutants_of((ROOT / target.path).read_text("utf-8"))


def try_all(target: Target, like: Sequence[str] = ()) -> Iterator[Verdict]:
    """Yield what became of each mutant, or of those whose names hold anything of `like`."""
    for name in _READY:
        importlib.import_module(name)
    gc.freeze()  # so that no mutant walks through all of it
    with lending() if target.served else nullcontext():
        yield from _verdicts(target, like)


def _verdicts(target: Target, like: Sequence[str]) -> Iterator[Verdict]:
    tree, mutants = read(target)
    before = _compiled(target, tree)
    cases = [_case(target, tree, before, mutant) for mutant in mutants if _is_like(mutant, like)]
    began = time.monotonic()
    if not ends_well(partial(_run, target, before), _LONGEST):
        raise NotGreenError(f"{' '.join(target.tests)}: red without any change")
    limit = limit_after(time.monotonic() - began)
    noticed = _noticed_at_once(target, before, [case.functions for case in cases if case.functions is not None])
    for case in cases:
        is_noticed = case.functions is not None and next(noticed)
        yield Verdict(case.mutant, is_noticed or not ends_well(partial(_run, target, case.code), limit))


def _is_like(mutant: Mutant, like: Sequence[str]) -> bool:
    return not like or any(text in mutant.name for text in like)


def _case(target: Target, tree: ast.Module, before: CodeType, mutant: Mutant) -> _Case:
    undo = mutant.swap()
    code = _compiled(target, tree)
    undo.swap()
    return _Case(mutant, code, changed_functions(before, code))


def _compiled(target: Target, tree: ast.Module) -> CodeType:
    """Compile a tree here, where a change that is no code is not mistaken for one that was noticed."""
    return compile(ast.fix_missing_locations(tree), ROOT / target.path, "exec", dont_inherit=True)


def _run(target: Target, code: CodeType, *plugins: object) -> int:
    """Run a target's tests with this code for its module; the package must not have been imported yet."""
    sys.meta_path.insert(0, _Finder(target, code))
    chosen = ["-k", " and ".join(f"not {words}" for words in target.but)] if target.but else []
    try:
        return pytest.main([*_SETTINGS, *chosen, *target.tests], plugins)
    except pytest.PytestUnraisableExceptionWarning:  # what was left open shows once no test is there any more to fail
        return 1


def _noticed_at_once(target: Target, before: CodeType, changes: Sequence[Change]) -> Iterator[bool]:
    """Yield for each change of functions whether a test that calls them notices it."""
    answers, sender = FORKED.Pipe(duplex=False)
    process = FORKED.Process(target=_judge, args=(target, before, changes, sender))
    process.start()
    sender.close()
    for _ in changes:
        try:
            yield not answers.recv()
        except EOFError:
            raise NotGreenError(f"{' '.join(target.tests)}: red when they are watched") from None
    process.join()


def _judge(target: Target, before: CodeType, changes: Sequence[Change], answers: Connection) -> None:
    be_silent()
    _run(target, before, Jury(before, changes, answers))
