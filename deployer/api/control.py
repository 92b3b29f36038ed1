"""What people say to a rollout: to the process that carries it out, or to its journal where there is none."""

import anyio

from deployer.domain.deployment import Status
from deployer.domain.gate import GateState
from deployer.domain.instructions import Instruction, Standing, Verb
from deployer.engine.clock import SystemClock
from deployer.engine.control import CONTROL, Control, go_on, instruction_of, leave_out, post
from deployer.engine.rollouts import UNFINISHED, Tell, nobody
from deployer.engine.rollouts import abort as end
from deployer.engine.whoever import whoever
from deployer.errors import GuardError, UsageError
from deployer.journal.home import Home
from deployer.journal.protocol import Journal, Rollout

__all__ = ["abort", "approve", "exclude", "nobody", "pause", "stop_work", "unpause", "whoever"]

_PATIENCE = 3.0  # seconds in which whoever works on a rollout takes what it is told
_LOOK = 0.05
_AGAIN = 1.0
_DRAINED = 45.0  # seconds after which a process that was paused must have ended
_BEGUN = frozenset({Status.RUNNING, Status.DONE})
_DIGITS = 6  # of a digest, at least
_SHOWN = 12


async def pause(home: Home, name: str | None, *, id_: str | None = None, who: str | None = None) -> str:
    """Let nothing more of a rollout begin, until it is resumed; return what came of it.

    It is the unfinished one of a name, which with `id_` has to be that one; `who` says so, else whoever is at work.
    """
    rollout = await unfinished(home, name, id_)
    return await _say(home, instruction_of(SystemClock(), rollout.id, Verb.PAUSE, who=who), "paused")


async def unpause(home: Home, name: str | None, *, id_: str | None = None, who: str | None = None) -> str:
    """Take a pause back, so that workers, or the next apply, go on; nothing is sent from here."""
    rollout = await unfinished(home, name, id_)
    async with home.open(read_only=True) as book:
        if Standing.of(await book.instructions(rollout.id)).paused is None:
            raise UsageError(f"rollout {rollout.id} is not paused")
    return await _say(home, instruction_of(SystemClock(), rollout.id, Verb.RESUME, who=who), "no longer paused")


async def approve(
    home: Home,
    name: str | None,
    *,
    wave: str | None,
    digest: str,
    id_: str | None = None,
    who: str | None = None,
) -> str:
    """Let the gate after a wave open: the one that waits, if none is named.

    `digest` is the plan's, or how it begins. Raise UsageError for another plan's, or a wave that asks for no approval.
    """
    rollout = await unfinished(home, name, id_)
    begins = digest.removeprefix("plan:")
    if len(begins) < _DIGITS or not rollout.plan.startswith(begins):
        remedy = f"look at what is rolled out, and approve that: --plan {rollout.plan[:_SHOWN]}"
        raise UsageError(f"rollout {rollout.id} is not of plan {digest}", remedy=remedy)
    chosen = wave or await _waiting(home, rollout)
    async with home.open(read_only=True) as book:
        asking = {each.name for each in (await book.plan(rollout.id)).waves if each.approve or each.checks}
    if chosen not in asking:
        what = f'no wave "{chosen}" of rollout {rollout.id} asks for approval'
        raise UsageError(what, remedy="see which one waits: deployer status")
    said = instruction_of(SystemClock(), rollout.id, Verb.APPROVE, chosen, who=who)
    return await _say(home, said, f"{chosen} approved")


async def exclude(home: Home, name: str | None, tenant: str) -> str:
    """Leave a tenant out of a rollout, unless it has begun; return what came of it."""
    rollout = await unfinished(home, name)
    async with home.open(read_only=True) as book:
        found = await book.deployment(rollout.id, tenant)
    if found is None:
        raise UsageError(f'rollout {rollout.id} has no tenant "{tenant}"')
    if found.status not in {Status.PENDING, Status.FAILED}:
        raise UsageError(f"{tenant} is {found.status}: only who has not begun, or failed, can be excluded")
    if found.status is Status.FAILED and home.holder() is not None:
        raise UsageError(f"{tenant} failed, and somebody is at work", remedy="pause the rollout first: deployer pause")
    said = await _say(home, instruction_of(SystemClock(), rollout.id, Verb.EXCLUDE, tenant), f"{tenant} excluded")
    async with home.open(read_only=True) as book:
        now = await book.deployment(rollout.id, tenant)
    return f"{tenant} has begun meanwhile, and goes on" if now and now.status in _BEGUN else said


async def abort(
    home: Home, name: str | None, *, id_: str | None = None, who: str | None = None, tell: Tell = nobody
) -> str:
    """End a rollout where it stands, without any account: raise GuardError where a call is in doubt, or others work."""
    rollout = await unfinished(home, name, id_)
    await stop_work(home, name, id_=id_, who=who)
    with home.hold():
        async with home.open() as book:
            with anyio.move_on_after(_DRAINED):  # what workers have in flight ends first
                while not await end(book, SystemClock(), rollout, who or whoever(), tell=tell):  # noqa: ASYNC110 - of other machines
                    await anyio.sleep(_AGAIN)
                return "aborted"
    raise GuardError("what became of a call cannot be known yet", remedy="run: deployer abort MANIFEST")


async def stop_work(home: Home, name: str | None, *, id_: str | None = None, who: str | None = None) -> None:
    """Pause a rollout, and wait until nobody works on it; raise GuardError where that takes longer than it may."""
    await pause(home, name, id_=id_, who=who)
    with anyio.move_on_after(_DRAINED):
        while home.holder() is not None:  # noqa: ASYNC110 - a lock of another process tells nobody
            await anyio.sleep(_LOOK)
        return
    raise GuardError("the deployer at work does not end", remedy="look at it: deployer status")


async def unfinished(home: Home, name: str | None, id_: str | None = None) -> Rollout:
    """Return the newest rollout of a name; raise UsageError where that is over, or is not the one that is meant."""
    async with home.open(read_only=True) as book:
        found = await book.rollouts(name, limit=1)
    if not found or found[0].outcome not in UNFINISHED:
        what = "no rollout is unfinished" if name is None else f"no rollout of {name} is unfinished"
        raise UsageError(what, remedy="see how the last one ended: deployer status")
    if id_ not in {None, found[0].id}:
        raise UsageError(f"rollout {id_} is not the newest of {name}: that is {found[0].id}")
    return found[0]


async def _waiting(home: Home, rollout: Rollout) -> str:
    """Return the wave whose gate is closed."""
    async with home.open(read_only=True) as book:
        waves, gates = (await book.plan(rollout.id)).waves, await book.gates(rollout.id)
    for number, gate in gates.items():
        if gate.state is not GateState.RELEASED:
            return waves[number - 1].name
    remedy = "name one, to approve it beforehand: --wave NAME"
    raise UsageError(f"no wave of rollout {rollout.id} waits for approval", remedy=remedy)


async def _say(home: Home, instruction: Instruction, done: str) -> str:
    """Say it to whoever is at work, and wait until it is taken; where nobody is, write it down."""
    if home.is_shared:
        if not await _written(home, instruction):
            async with home.open(alone=False) as book:
                await _instruct(book, instruction)
        return done
    file = post(home.folder / CONTROL, instruction)
    with anyio.move_on_after(_PATIENCE):
        while file.exists() and not await _written(home, instruction):  # noqa: ASYNC110 - a file tells nobody
            await anyio.sleep(_LOOK)
        return done
    return f"{done}, as soon as the deployer at work takes notice"


async def _written(home: Home, instruction: Instruction) -> bool:
    """Write what was said into a journal that nobody works on; tell whether that could be."""
    try:
        with home.hold():
            async with home.open() as book:
                control = Control(home.folder / CONTROL, book, instruction.rollout, lambda _: None)
                await control.know()
                await _instruct(book, instruction)
                await control.take()
                if instruction.verb is Verb.EXCLUDE:
                    await _leave_out(book, instruction)
    except GuardError:
        return False
    return True


async def _instruct(book: Journal, instruction: Instruction) -> None:
    """Write down what was said, and that a rollout may go on where it says so."""
    await book.instruct(instruction)
    if instruction.verb is Verb.RESUME:
        await go_on(book, instruction.rollout)


async def _leave_out(book: Journal, instruction: Instruction) -> None:
    found = await book.deployment(instruction.rollout, instruction.about)
    if found is not None:
        leave_out(book, SystemClock(), found)
