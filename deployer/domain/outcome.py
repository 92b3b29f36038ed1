"""What a rollout comes to: one word from its counts and whether it was halted, and the exit code for that word."""

from collections.abc import Mapping
from typing import Final

from deployer.domain.deployment import OPEN, TROUBLED, Status

_WELL: Final = frozenset({Status.DONE, Status.NO_CHANGE, Status.SKIPPED})
_EXIT_CODES: Final[Mapping[str, int]] = {
    "succeeded": 0,
    "failed": 1,
    "succeeded_with_failures": 3,
    "aborted": 3,
    "superseded": 3,
    "planned": 5,
    "running": 5,
    "paused": 5,
    "waiting": 5,
    "halted": 6,
}


def judge(counts: Mapping[Status, int], *, left: str = "running") -> str:
    """Return the outcome of a rollout: work, which is `left` for that reason, comes before trouble, then success."""
    if any(counts[status] for status in OPEN):
        return left
    if not any(counts[status] for status in TROUBLED):
        return "succeeded"
    return "succeeded_with_failures" if any(counts[status] for status in _WELL) else "failed"


def exit_code(outcome: str) -> int:
    """Return the exit code of an outcome."""
    return _EXIT_CODES[outcome]
