"""What the accounts of a workplace have sent, and may send."""

from collections.abc import Collection
from time import process_time

from deployer.api.workplace import Workplace
from deployer.integrator.limiter import Limiter
from deployer.report.forecast import Lane
from deployer.report.tally import Budget


def budget_of(place: Workplace) -> Budget:
    """Return what the accounts have sent, and may send; only on their event loop."""
    limiters = _limiters(place)
    return Budget(
        sent=sum(limiter.sent for limiter in limiters),
        throttled=sum(limiter.throttled for limiter in limiters),
        in_flight=sum(limiter.in_flight for limiter in limiters),
        paused_for=max((limiter.paused_for for limiter in limiters), default=0.0),
        rate=sum(limiter.rate for limiter in limiters),
        ready=sum(limiter.ready for limiter in limiters),
        lanes={name: Lane(id(each.limiter), each.limiter.rate) for name, each in place.accounts.opened.items()},
        computed=process_time(),
    )


def requests_sent(place: Workplace) -> int:
    """Return how many requests the accounts have sent; on any thread."""
    return sum(limiter.sent for limiter in _limiters(place))


def _limiters(place: Workplace) -> Collection[Limiter]:
    """Return the limiters of the accounts: those that are one at the API share one."""
    return {id(account.limiter): account.limiter for account in list(place.accounts.opened.values())}.values()
