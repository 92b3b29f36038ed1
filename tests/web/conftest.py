"""The stage, as the tests of the engine have it, and one browser for each module."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser import started
from tests.engine.conftest import pytest_generate_tests, stage

__all__ = ["browser", "pytest_generate_tests", "stage"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started() as ready:
        yield ready
