"""The stage, as the tests of the engine have it."""

from tests.engine.conftest import stage

__all__ = ["stage"]
