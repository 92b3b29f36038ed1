"""Have the journal keep what the accounts of a rollout are asked."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from deployer.engine.accounts import OpenAccount
from deployer.engine.clock import Clock
from deployer.journal.protocol import Journal


@contextmanager
def sampled(journal: Journal, clock: Clock, rollout: str, accounts: Mapping[str, OpenAccount]) -> Iterator[None]:
    """Write samples while the block runs; of entries that are one account, the first stands for all."""
    meters = {account.limiter.meter: name for name, account in reversed([*accounts.items()])}
    for meter, name in meters.items():
        meter.listen(name, clock.utc, partial(journal.sample, rollout))
    try:
        yield
    finally:
        for meter in meters:
            meter.end()
