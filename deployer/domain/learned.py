"""A rate that was found, as it is kept for the next rollout."""

import json
from collections.abc import Sequence
from typing import Final

from deployer.domain.documents import fingerprint

_OLDEST: Final = 7 * 86_400.0  # seconds after which a rate says nothing any more


def file_name(identity: Sequence[str]) -> str:
    """Name the file for an account: it tells nobody which account that is."""
    return f"{fingerprint(list(identity))[:32]}.json"


def written(rate: float, *, at: float) -> str:
    """Write down a rate in requests a second, found at `at`, seconds since 1970."""
    return json.dumps({"rate": rate, "at": at})


def read(text: str, *, now: float) -> float | None:
    """Return the rate that was written down; None where it is damaged, old, or from a time to come."""
    try:
        rate, at = (float(json.loads(text)[key]) for key in ("rate", "at"))
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None
    return rate if 0 < rate < float("inf") and 0 <= now - at <= _OLDEST else None
