"""A mark for each outcome, of a tenant, a rollout, a wave or a firing: colours never say anything alone."""

from collections.abc import Mapping
from typing import Final

MARKS: Final[Mapping[str, str]] = {
    "done": "✓",
    "no_change": "=",
    "running": "▸",
    "pending": "·",
    "failed": "✕",
    "unknown": "?",
    "blocked": "⊘",
    "stale": "~",
    "skipped": "–",
    "cancelled": "×",
    "succeeded": "✓",
    "succeeded_with_failures": "!",
    "halted": "■",
    "paused": "‖",
    "waiting": "…",
    "unfinished": "◌",
    "aborted": "×",
    "superseded": "×",
    "released": "✓",
    "ended": "✓",
    "baking": "…",
    "due": "·",
    "missed": "✕",
}
