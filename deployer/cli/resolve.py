"""`deployer resolve`: the only way a person moves what is UNKNOWN or FAILED."""

from functools import partial
from pathlib import Path

import anyio
import click

from deployer.cli.completing import complete_made, complete_tenant
from deployer.cli.options import JOURNAL, VERBOSE, command, together
from deployer.domain.command import typed
from deployer.errors import UsageError


@command(
    "deployer resolve acme --retry                           # it did not happen",
    "deployer resolve acme --took 5f0000000000000000000f01   # that is what it made",
)
@click.argument("tenant", shell_complete=complete_tenant)
@click.argument("manifest", type=click.Path(path_type=Path, dir_okay=False), default=Path("rollout.yaml"))
@together(JOURNAL, VERBOSE)
@click.option(
    "--took",
    metavar="ID",
    help="It did happen: this flow, or this job, is what it made.",
    shell_complete=complete_made,
)
@click.option("--retry", is_flag=True, help="It did not happen, or is mended: do it again.")
@click.option("--skip", is_flag=True, help="Leave the tenant as it is.")
def resolve(  # noqa: PLR0913 - one argument per option
    *, tenant: str, manifest: Path, journal: str | None, verbose: int, took: str | None, retry: bool, skip: bool
) -> int:
    """Decide about TENANT, whose step failed or waits for a person. Then `deployer apply` goes on."""
    from deployer.api.decisions import Decision, resolve_tenant
    from deployer.api.loading import Scope, load
    from deployer.cli.manner import Manner
    from deployer.cli.wiring import opened
    from deployer.report.text import plain

    if sum((took is not None, retry, skip)) != 1:
        raise UsageError("say exactly one of --took ID, --retry and --skip")
    decision = Decision.RETRY if retry else Decision.SKIP if skip else Decision.TOOK

    async def settle() -> int:
        loaded = load(manifest, scope=Scope(tenants=False))
        async with opened(loaded, journal=journal, manner=Manner(manifest, verbose=verbose)) as place:
            wait = partial(_wait_out, tenant)
            said = await resolve_tenant(place, tenant, decision=decision, took=took, wait=wait)
        click.echo(plain(f"{said}; go on with: {typed('resume', manifest)}"))
        return 0

    return anyio.run(settle)


async def _wait_out(tenant: str, seconds: float) -> None:
    """Wait until a call that was never answered cannot land any more: before that, nobody can decide against it."""
    from deployer.report.text import plain

    text = f"{tenant}: making sure the first call is not still on its way, {seconds:.0f} s; Ctrl-C leaves all as it is"
    click.echo(plain(text), err=True)
    await anyio.sleep(seconds)
