"""`deployer simulate`: an integrator.io of one's own, on loopback."""

import asyncio
import errno
import json
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deployer.cli.options import command

if TYPE_CHECKING:
    from deployer.simulator import Simulator, World

LOOPBACK = ("127.0.0.1", "::1", "localhost")
EXISTING = click.Path(exists=True, dir_okay=False, path_type=Path)
WRITABLE = click.Path(dir_okay=False, path_type=Path)


@command(
    "deployer simulate",
    "deployer simulate --port 0 --tenants 200 --json",
    "deployer simulate -k page_size=5 -k latency.flows.clone=0.4",
)
@click.option("--host", type=click.Choice(LOOPBACK), default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65_535), default=8765, show_default=True, help="0 takes any free one.")
@click.option("--accounts", default="acme-us,acme-eu", show_default=True, help="Names, separated by commas.")
@click.option("--tenants", type=click.IntRange(0), default=24, show_default=True, help="Customers in each account.")
@click.option("--state", type=WRITABLE, help="Load the world from this file if it exists, save it there on exit.")
@click.option("--faults", type=EXISTING, help="What goes wrong: a list of rules, YAML or JSON.")
@click.option("--knobs", type=EXISTING, help="How integrator.io behaves where nobody knows: YAML or JSON.")
@click.option("-k", "--knob", multiple=True, metavar="KEY=VALUE", help="One knob; wins over --knobs.")
@click.option("--ledger", type=WRITABLE, help="Write every request and effect to this file on exit.")
@click.option("--pid", type=click.IntRange(1), help="The process that the fault 'kill' ends.")
@click.option("--seed", type=int, default=0, show_default=True, help="Chooses the calls that faults by chance befall.")
@click.option("--json", "as_json", is_flag=True, help="Print url and tokens as one line of JSON.")
def simulate(  # noqa: PLR0913 - one argument per option
    *,
    host: str,
    port: int,
    accounts: str,
    tenants: int,
    state: Path | None,
    faults: Path | None,
    knobs: Path | None,
    knob: Sequence[str],
    ledger: Path | None,
    pid: int | None,
    seed: int,
    as_json: bool,
) -> None:
    """Pretend to be integrator.io on this machine until Ctrl-C."""
    from deployer.simulator import Knobs, Rule, Simulator

    with _about(state):
        world = _world(state, accounts=accounts.split(","), tenants=tenants)
    with _about(knobs):
        given = _read(knobs, dict)
        Knobs.parse(given)
    with _about(faults):
        rules = [Rule.parse(rule) for rule in _read(faults, list)]
    with _about():
        settings = Knobs.parse({**given, **dict(_pair(text) for text in knob)})
    simulator = Simulator(world, settings, rules, pid=pid, seed=seed)
    asyncio.run(_serve(simulator, host=host, port=port, as_json=as_json))
    _save(simulator, state=state, ledger=ledger)


def _world(state: Path | None, *, accounts: Sequence[str], tenants: int) -> "World":
    from deployer.simulator import World, seed

    if state is not None and state.exists():
        return World.load(json.loads(state.read_text("utf-8")))
    return seed(accounts, tenants)


@contextmanager
def _about(path: Path | None = None) -> Iterator[None]:
    """Let what is wrong with a file, or with an option, be said in one sentence that names the file."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise click.UsageError(f"{path}: {what}" if path else what) from None


def _read(path: Path | None, kind: type) -> Any:  # noqa: ANN401 - whatever the file holds
    """Return what a file holds, or nothing of its kind where there is none; raise where it is of another."""
    import yaml

    try:
        held = yaml.safe_load(path.read_text("utf-8")) if path else None
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from None
    if not isinstance(held, kind | None):
        raise TypeError("expected a list" if kind is list else "expected keys and values")
    return kind() if held is None else held


def _pair(text: str) -> tuple[str, Any]:
    name, separator, value = text.partition("=")
    if not separator:
        raise ValueError(f"{text}: expected KEY=VALUE")
    with suppress(ValueError):
        return name, json.loads(value)
    return name, value


async def _serve(simulator: "Simulator", *, host: str, port: int, as_json: bool) -> None:
    from deployer.simulator import serving

    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    try:
        async with serving(simulator, host=host, port=port) as url:
            tokens = {account.name: account.token for account in simulator.world.accounts.values()}
            click.echo(json.dumps({"url": url, "tokens": tokens}) if as_json else _welcome(url, tokens))
            await stopped.wait()
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise click.UsageError(f"port {port} of {host} is taken; --port 0 takes any free one") from None


def _welcome(url: str, tokens: dict[str, str]) -> str:
    lines = [f"integrator.io, simulated, at {url}  (Ctrl-C ends it)"]
    lines += [f"  {account}: export {variable_of(account)}={token}" for account, token in tokens.items()]
    return "\n".join(lines)


def variable_of(account: str) -> str:
    """Name the environment variable that a manifest reads an account's token from."""
    return f"{account.upper().replace('-', '_')}_TOKEN"


def _save(simulator: "Simulator", *, state: Path | None, ledger: Path | None) -> None:
    from deployer.simulator import evidence

    if state is not None:
        state.write_text(json.dumps(simulator.world.dump()), "utf-8")
    if ledger is not None:
        ledger.write_text(json.dumps(evidence(simulator.ledger, simulator.world)), "utf-8")
