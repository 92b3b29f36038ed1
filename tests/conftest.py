"""What every test shares: the event loop, and how hypothesis looks for counter-examples."""

from collections.abc import Iterator

import hypothesis
import pytest

from tests import postgres

# The same examples everywhere, so that a red test is red again; --hypothesis-profile=search looks for others.
hypothesis.settings.register_profile("ci", derandomize=True, deadline=None)
hypothesis.settings.register_profile("search", deadline=None, max_examples=2000)
# Whoever looks for mutants wants to know soon that a test fails, not the shortest way to make it.
_FOUND = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
hypothesis.settings.register_profile("mutants", max_examples=25, derandomize=True, deadline=None, phases=_FOUND)
hypothesis.settings.load_profile("ci")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let those come first that mostly wait: while one process goes through them, the others have the cores."""
    items.sort(key=lambda item: item.path.parent.name != "workers")


@pytest.fixture(scope="session")
def database() -> Iterator[postgres.Server]:
    with postgres.borrowed() as server:
        yield server


@pytest.fixture
def own_database() -> Iterator[postgres.Server]:
    """Serve databases for one test, which may let them die."""
    with postgres.serving() as server:
        yield server


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
