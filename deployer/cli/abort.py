"""`deployer abort`: end a rollout where it stands."""

from pathlib import Path

import anyio

from deployer.cli.options import JOURNAL, MANIFEST, NO_INPUT, VERBOSE, YES, command, together


@command(
    "deployer abort rollout.yaml",
    "deployer abort rollout.yaml --yes   # as a script does it",
)
@together(MANIFEST, JOURNAL, YES, NO_INPUT, VERBOSE)
def abort(*, manifest: Path, journal: str | None, yes: bool, no_input: bool, verbose: int) -> int:
    """End the rollout of MANIFEST where it stands: what is in flight ends, what has not begun is cancelled.

    Nothing that was done is undone. The next apply plans anew.
    """
    from deployer.api import rollouts
    from deployer.api.control import stop_work, unfinished
    from deployer.api.loading import Scope, load, name_in
    from deployer.api.places import journal_home
    from deployer.api.standing import find_standing
    from deployer.cli.asking import confirm, may_ask
    from deployer.cli.ending import end
    from deployer.cli.manner import Manner
    from deployer.cli.showing import show
    from deployer.cli.wiring import opened

    async def abort_last() -> int:
        loaded, path = load(manifest, scope=Scope(tenants=False)), journal_home(manifest, journal)
        await unfinished(path, name_in(manifest))
        if not yes:
            ask = may_ask(no_input=no_input)
            confirm("End the rollout where it stands?", about="it", ask=ask)
        await stop_work(path, name_in(manifest))
        manner = Manner(manifest, verbose=verbose)
        async with opened(loaded, journal=journal, manner=manner) as place:
            last = await rollouts.demand_unfinished(place, failed=False)
            received = await end(place, last, manner, verb="abort")
            await show(await find_standing(place.home, rollout=last.id), manner)
            return 128 + received if received else 0

    return anyio.run(abort_last)
