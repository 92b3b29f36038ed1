"""End a rollout where it stands, before something else takes its place."""

from signal import Signals

from deployer.api import rollouts
from deployer.api.workplace import Rollout, Workplace
from deployer.cli.carrying import attend
from deployer.cli.manner import Manner
from deployer.domain.command import typed
from deployer.errors import GuardError


async def end(place: Workplace, last: Rollout, manner: Manner, *, verb: str) -> Signals | None:
    """Settle what is in flight, and let nothing more begin; return the signal that cut the work short.

    Raise GuardError, with the `verb` to type again, where what became of a call cannot be known yet.
    """
    received = await attend(place, last, manner, settle_only=True)
    if not await rollouts.abort(place, last):
        remedy = f"run it again: {typed(verb, manner.manifest)}"
        raise GuardError("what became of a call cannot be known yet", remedy=remedy)
    return received
