"""Try the mutants of a module: each in a process of its own, in which the module is imported with that change."""

import ast
import gc
import importlib
import multiprocessing
import os
import resource
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from types import CodeType
from typing import Final

import pytest

from tests.mutation.mutants import Mutant, mutants_of
from tests.mutation.targets import ROOT, Target

_PROCESSES: Final = multiprocessing.get_context("fork")
_SLOWER, _AT_LEAST = 3.0, 20.0  # a mutant may take that many times as long as the module itself, or those seconds
_LONGEST: Final = 600.0  # which the module itself may take
_MEMORY: Final = 4 << 30  # bytes of addresses, lest a loop that collects takes the machine with it
# Imported once and for all mutants; nothing of the package itself, which each of them imports anew.
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
    "--hypothesis-profile=mutants",
    "-pno:cacheprovider",
    "--assert=plain",  # nobody reads why a test failed
)


class NotGreenError(Exception):
    """The tests fail already where nothing was changed: they cannot judge."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A mutant, and whether a test noticed it."""

    mutant: Mutant
    is_killed: bool


class _Changed(SourceFileLoader):
    """Load a module from code that is there instead of its file."""

    def __init__(self, name: str, path: str, code: CodeType) -> None:
        super().__init__(name, path)
        self._code = code

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002 - the loader of one module
        """Return the code."""
        return self._code


class _Finder:
    """Find the one module that is changed."""

    def __init__(self, target: Target, code: CodeType) -> None:
        self._target, self._code = target, code

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> ModuleSpec | None:
        """Return where the changed module is loaded from."""
        if name != self._target.module:
            return None
        path = str(ROOT / self._target.path)
        return spec_from_file_location(name, path, loader=_Changed(name, path, self._code))


def read(target: Target) -> tuple[ast.Module, list[Mutant]]:
    """Return a module's tree and its mutants."""
    return mutants_of((ROOT / target.path).read_text("utf-8"))


def try_all(target: Target, like: str = "") -> Iterator[Verdict]:
    """Yield what became of each mutant, or of those whose names hold `like`."""
    for name in _READY:
        importlib.import_module(name)
    gc.freeze()  # so that no mutant walks through all of it
    tree, mutants = read(target)
    began = time.monotonic()
    if not _passes(target, _code_of(target, tree), _LONGEST):
        raise NotGreenError(f"{' '.join(target.tests)}: red without any change")
    limit = max(_AT_LEAST, _SLOWER * (time.monotonic() - began))
    for mutant in mutants:
        if like in mutant.name:
            undo = mutant.swap()
            code = _code_of(target, tree)
            undo.swap()
            yield Verdict(mutant, not _passes(target, code, limit))


def _code_of(target: Target, tree: ast.Module) -> CodeType:
    """Compile a tree here, where a change that is no code is not mistaken for one that was noticed."""
    return compile(ast.fix_missing_locations(tree), ROOT / target.path, "exec", dont_inherit=True)


def _passes(target: Target, code: CodeType, limit: float) -> bool:
    """Tell whether the tests pass within the limit; who takes longer is ended with all that it started."""
    process = _PROCESSES.Process(target=_run, args=(target, code))
    process.start()
    process.join(limit)
    if process.is_alive():
        assert process.pid is not None
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.join()
    return process.exitcode == 0


def _run(target: Target, code: CodeType) -> None:
    os.setsid()
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nowhere, stream)
    sys.meta_path.insert(0, _Finder(target, code))
    os.chdir(ROOT)
    chosen = ["-k", " and ".join(f"not {words}" for words in target.but)] if target.but else []
    os._exit(pytest.main([*_SETTINGS, *chosen, *target.tests]))
