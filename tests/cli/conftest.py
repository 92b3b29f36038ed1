"""The stage, as the tests of the engine have it."""

from tests.engine.conftest import pytest_generate_tests, stage

__all__ = ["pytest_generate_tests", "stage"]
