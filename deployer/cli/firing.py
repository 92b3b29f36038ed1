"""`deployer schedule run` and `deployer schedule export`: what fires schedules."""

import json
import os
import shlex
import shutil
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from signal import SIGINT, SIGTERM
from typing import TYPE_CHECKING

import anyio
import click
from anyio.abc import TaskStatus

from deployer.cli.options import JOURNAL, MANIFEST, METRICS, VERBOSE, command, scrape, together
from deployer.errors import GuardError, UsageError

if TYPE_CHECKING:
    from deployer.api.schedules import Firing
    from deployer.domain.manifest import Account
    from deployer.telemetry.observing import Signals

HOOK = click.option(
    "--on-failure",
    "hook",
    metavar="COMMAND",
    help="Call this where a firing fails or is missed, with that as JSON on its standard input.",
)
_PATIENCE = 60.0  # seconds that a hook may take
_DAYS = 400  # in which every change of clocks comes
_MISSED = 1


@command(
    "deployer schedule run rollout.yaml         # until Ctrl-C",
    "deployer schedule run rollout.yaml --due   # once, as cron calls it",
    stays=True,
)
@together(MANIFEST, JOURNAL)
@click.option("--due", is_flag=True, help="Fire what is due now, and end: for cron, systemd and the like.")
@together(HOOK, METRICS, VERBOSE)
def run(*, manifest: Path, journal: str | None, due: bool, hook: str | None, metrics: str | None, verbose: int) -> int:
    """Fire what comes due, until SIGTERM or Ctrl-C.

    Start as many as you like: each time is fired once, by one of them, and what one leaves behind as it dies the next
    goes on with. With --due it ends with the exit code of what it fired: 1 where a time was missed.
    """
    from deployer.api.firing import Firer
    from deployer.api.loading import load
    from deployer.api.places import journal_home
    from deployer.api.rolling import Stop
    from deployer.api.scheduler import carrying_here, fire_due, keep_firing
    from deployer.api.schedules import take_up
    from deployer.api.workplace import Office
    from deployer.cli.signalling import signals
    from deployer.cli.wiring import log_to
    from deployer.telemetry.log import Redactor

    async def fire(found: "Signals") -> int:
        loaded, home, redactor, stop = load(manifest), journal_home(manifest, journal), Redactor(), Stop()
        log = log_to(sys.stderr, verbose, redactor, found)
        office = Office(os.environ, log, redactor, observers=found.observers)
        kept = await take_up(home, loaded, office.clock)
        if not kept:
            raise UsageError(
                "there is no schedule", where=str(manifest), remedy="add one: deployer schedule add --help"
            )
        heard = partial(hear, hook, redactor.clean)
        firer = Firer(home, journal, Path(), office, carrying_here(stop), heard)
        name = loaded.manifest.name
        async with _heeded(stop.ask):
            if due:
                return worst(await _due(fire_due(firer, name, stop)))
            click.echo(f"firing {', '.join(each.name for each in kept)} of {name}; Ctrl-C stops", err=True)
            await keep_firing(firer, name, stop, stands_by=_stand_by)
        return 0

    with signals(scrape(metrics)) as found:
        return anyio.run(fire, found)


async def _due(firing: Awaitable[Sequence["Firing"]]) -> Sequence["Firing"]:
    try:
        ended = await firing
    except GuardError as error:
        from deployer.report.text import plain

        click.echo(f"what is due is left to another process: {plain(error.what)}", err=True)
        return ()
    if not ended:
        click.echo("nothing is due", err=True)
    return ended


def worst(ended: Sequence["Firing"]) -> int:
    """Return the exit code of what was fired: that of the first that failed."""
    return next((each.code or _MISSED for each in ended if each.failed), 0)


async def hear(hook: str | None, clean: Callable[[str], str], firing: "Firing") -> None:
    """Print a firing, and call the hook where it failed."""
    from deployer.report.schedules import firing_line

    if firing.state.value != "due" and firing.cause != "stood for":  # deployer schedule firings has them all
        click.echo(clean(firing_line(firing)))
    await call_hook(hook, firing, clean)


async def call_hook(hook: str | None, firing: "Firing", clean: Callable[[str], str]) -> None:
    """Call a hook where a firing failed; that it cannot be called is said, and is no error."""
    from deployer.report.schedules import firing_row

    if not hook or not firing.failed:
        return
    document = clean(json.dumps(firing_row(firing)))
    try:
        with anyio.fail_after(_PATIENCE):
            done = await anyio.run_process(
                shlex.split(hook), input=document.encode(), stdout=None, stderr=None, check=False
            )
    except (OSError, ValueError, TimeoutError) as error:
        click.echo(f"--on-failure {hook}: {str(error) or 'it took too long'}", err=True)
    else:
        if done.returncode:
            click.echo(f"--on-failure {hook}: it ended with {done.returncode}", err=True)


def _stand_by(said: str) -> None:
    click.echo(f"standing by: {said}", err=True)


@asynccontextmanager
async def _heeded(ask: Callable[[], None]) -> AsyncIterator[None]:
    """Heed signals until the block ends, from its first moment on."""
    async with anyio.create_task_group() as group:
        await group.start(_heed, ask)
        yield
        group.cancel_scope.cancel()


async def _heed(ask: Callable[[], None], *, task_status: TaskStatus[None]) -> None:
    with anyio.open_signal_receiver(SIGINT, SIGTERM) as signals:
        task_status.started()
        async for _ in signals:
            click.echo("stopping: nothing new is fired, what is in flight ends; the next start goes on", err=True)
            ask()


@command(
    "deployer schedule export cron rollout.yaml",
    "deployer schedule export systemd rollout.yaml --directory units",
    "deployer schedule export github rollout.yaml > nightly.yml",
)
@click.argument("kind", type=click.Choice(["cron", "systemd", "github"]))
@MANIFEST
@click.option("--directory", type=click.Path(file_okay=False, path_type=Path), help="Write files here, not to stdout.")
def export(*, kind: str, manifest: Path, directory: Path | None) -> None:
    """Print units that have others fire what is due.

    They call deployer schedule run MANIFEST --due from cron, systemd or GitHub. It asks at every hour and minute that
    may be a time of a schedule, whatever clocks do; what is due is decided when it is asked, in the zone of each
    schedule, and two that ask fire it once.
    """
    from deployer.api.loading import load
    from deployer.api.schedules import times_to_come
    from deployer.report import units

    loaded = load(manifest)
    times = times_to_come(loaded, days=_DAYS)
    if not times:
        raise UsageError("the manifest has no schedules", where=str(manifest))
    name = loaded.manifest.name
    called = units.Called(name, _program(kind), str(manifest), str(Path.cwd()))
    if not f"{called.manifest}{called.folder}".isprintable():
        raise UsageError("a path with control characters cannot stand in a unit", where=str(manifest))
    match kind:
        case "cron":
            files = {f"{name}.crontab": units.crontab(called, times)}
        case "systemd":
            stem = f"deployer-{name}"
            files = {f"{stem}.service": units.service(called), f"{stem}.timer": units.timer(called, times)}
        case _:
            files = {f"{name}.yml": units.workflow(called, times, _tokens(loaded.manifest.accounts.values()))}
    for file, text in files.items():
        if directory is None:
            click.echo(f"# {file}\n{text}", nl=file != list(files)[-1])
        else:
            directory.mkdir(parents=True, exist_ok=True)
            (directory / file).write_text(text, encoding="utf-8")
            click.echo(directory / file)


def _program(kind: str) -> list[str]:
    """Return how deployer is started: by its path where there is one."""
    found = "deployer" if kind == "github" else shutil.which("deployer")
    return [found] if found else [sys.executable, "-m", "deployer"]


def _tokens(accounts: "Iterable[Account]") -> list[str]:
    return sorted({each.token.removeprefix("env:") for each in accounts if each.token.startswith("env:")})
