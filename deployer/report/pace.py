"""How long a plan takes at the rates its accounts are given."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from deployer.domain.documents import Document, Json, at
from deployer.domain.pacing import BURST, PER_SECOND, with_margin
from deployer.domain.plan import Plan


@dataclass(frozen=True, slots=True)
class Limit:
    """An account's limit, in requests a second and at once, and which share of it is ours."""

    per_second: float
    burst: float
    share: float

    def seconds(self, count: int) -> float:
        """Return the seconds until so many requests have started: a full bucket gives its burst at once."""
        bucket = with_margin(self.per_second, self.burst, self.share)
        return max(0.0, count - bucket.burst) / bucket.rate


def limit_of(settings: Document, account: str) -> Limit:
    """Return an account's limit as the manifest sets it; without a word, the documented one."""
    rate = at(settings, ("accounts", account, "rate"))
    given: Mapping[str, Json] = rate if isinstance(rate, dict) else {}

    def number(key: str, default: float) -> float:
        value = given.get(key)
        return float(value) if isinstance(value, int | float) else default

    return Limit(number("per_second", PER_SECOND), number("burst", BURST), number("share", 1.0))


def seconds(plan: Plan) -> float:
    """Return the seconds a plan takes where nothing but the rate limits it: accounts go side by side.

    Entries of one account share its bucket, which is the one that the first of them sets.
    """
    counts: dict[tuple[str, str], int] = defaultdict(int)
    limits: dict[tuple[str, str], Limit] = {}
    for name, account in plan.accounts.items():
        bucket = account.base_url, account.user
        limits.setdefault(bucket, limit_of(plan.settings, name))
        counts[bucket] += plan.totals.requests[name]
    return max((limit.seconds(counts[bucket]) for bucket, limit in limits.items()), default=0.0)
