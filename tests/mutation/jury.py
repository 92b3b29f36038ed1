"""Judge changes inside functions: put each into the functions that are there and ask the tests that call them."""

import json
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from types import CodeType, FrameType
from typing import IO, Final

import pytest

from tests.mutation.codes import Change, living
from tests.mutation.processes import ends_well

_LONGEST: Final = 600.0  # seconds for all the tests where nothing is changed
_SLOWER, _AT_LEAST = 3.0, 20.0  # with a change they may take that many times as long, or those seconds


def limit_after(seconds: float) -> float:
    """Return how long tests may take with a change, that take so long without."""
    return max(_AT_LEAST, _SLOWER * seconds)


class Jury:
    """A plug-in of pytest, which answers for each change whether the tests pass, instead of running them."""

    def __init__(self, module: CodeType, changes: Sequence[Change], answers: Connection) -> None:
        self._module, self._changes, self._answers = module, changes, answers

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Judge all changes, each in a process forked from this one; none where the tests are red without any."""
        functions = living(self._module)
        began = time.monotonic()
        with tempfile.TemporaryFile("w+") as notes:
            if not ends_well(lambda: _rehearse(session, list(functions), notes), _LONGEST):
                return True
            limit = limit_after(time.monotonic() - began)
            notes.seek(0)
            callers = dict(zip(functions, json.load(notes), strict=True))
        for change in self._changes:
            asked = {number for code in change for number in callers[code]}

            def judge(change: Change = change, asked: set[int] = asked) -> int:
                for code, new in change.items():
                    for function in functions[code]:
                        function.__code__ = new
                return _run(session, [item for number, item in enumerate(session.items) if number in asked])

            self._answers.send(ends_well(judge, limit))
        return True


def _rehearse(session: pytest.Session, codes: Sequence[CodeType], notes: IO[str]) -> int:
    """Run all tests where nothing is changed, and note for each function which of them called it."""
    callers: dict[CodeType, set[int]] = {code: set() for code in codes}
    numbers = {item: number for number, item in enumerate(session.items)}
    known = {id(code): seen for code, seen in callers.items()}
    now = 0

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and (seen := known.get(id(frame.f_code))) is not None:
            seen.add(now)

    class Number:
        @staticmethod
        def pytest_runtest_protocol(item: pytest.Item) -> None:
            nonlocal now
            now = numbers[item]

    session.config.pluginmanager.register(Number())
    threading.setprofile(note)
    sys.setprofile(note)
    result = _run(session, session.items)
    sys.setprofile(None)
    json.dump([sorted(seen) for seen in callers.values()], notes)
    notes.flush()
    return result


def _run(session: pytest.Session, items: Sequence[pytest.Item]) -> int:
    """Run tests until one fails: 1 where one does."""
    for number, item in enumerate(items, 1):
        following = items[number] if number < len(items) else None
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.testsfailed:
            return 1
    return 0
