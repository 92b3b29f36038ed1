"""What a person decides: which conflicts end how, and what became of a call that nobody heard the answer of."""

import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace

import anyio

from deployer.api.workplace import Workplace
from deployer.domain.candidate import Choices
from deployer.domain.choosing import choices_of
from deployer.domain.wording import did_you_mean
from deployer.engine.load import Loaded
from deployer.engine.resolving import Decision, resolve, seconds_in_doubt
from deployer.engine.rollouts import SUPERSEDED
from deployer.errors import UsageError

_REVISION = re.compile(r"[0-9a-f]{6,64}")

__all__ = ["Decision", "choices", "resolve_tenant"]


def choices(
    loaded: Loaded,
    *,
    recreate: Iterable[str] = (),
    ours: Iterable[str] = (),
    theirs: Iterable[str] = (),
    not_on: str | None = None,
) -> Choices:
    """Return what is decided for some tenants, or fields of them; raise UsageError for one that is nobody's."""
    words, not_on = [*map(tuple, (recreate, ours, theirs))], _revision(not_on)
    if not any(words):
        return Choices(not_on=not_on)
    known = {tenant.tenant for tenant in loaded.tenants}
    chosen = replace(choices_of(words[1], words[2], known.__contains__, recreate=words[0]), not_on=not_on)
    if missing := chosen.tenants - known:
        raise UsageError(f'there is no tenant "{min(missing)}"{did_you_mean(min(missing), known)}')
    return chosen


def _revision(text: str | None) -> str | None:
    digits = text and text.removeprefix("rev:")
    if digits is not None and not _REVISION.fullmatch(digits):
        raise UsageError(
            f'--not-on: "{text}" is no revision', remedy="give 6 to 64 of its hex digits; status shows them"
        )
    return digits


async def _nothing(place: Workplace, tenant: str) -> UsageError:
    """Return what to say where nothing of a tenant waits for a person, who may have meant another."""
    name = place.loaded.manifest.name
    last = next(iter(await place.journal.rollouts(name, limit=1)), None)
    if last and await place.journal.deployment(last.id, tenant) is None:
        return UsageError(
            f'rollout {last.id} has no tenant "{tenant}"', remedy="see who is in it: deployer status -o table"
        )
    return UsageError(f'nothing of "{tenant}" in rollout {name} waits for a person')


async def resolve_tenant(
    place: Workplace,
    tenant: str,
    *,
    decision: Decision,
    took: str | None = None,
    wait: Callable[[float], Awaitable[None]] = anyio.sleep,
) -> str:
    """Record what became of the step of a tenant that waits for a person, and return it as a sentence.

    Before anybody decides against a call, `wait` is given the seconds until it cannot land any more.
    """
    name = place.loaded.manifest.name
    waiting = await place.journal.awaiting(name, tenant)
    if waiting is None:
        raise await _nothing(place, tenant)
    doubt = seconds_in_doubt(waiting, place.clock, place.loaded.manifest.safety)
    if decision is not Decision.TOOK and doubt > 0:
        await wait(doubt)
    said = await resolve(place.journal, place.clock, place.accounts, waiting, decision=decision, took=took)
    last = await place.journal.rollouts(name, limit=1)
    left = not last or last[0].id != waiting.rollout or last[0].outcome == SUPERSEDED
    if not left:  # one that was left stays so: the next plan decides afresh
        await place.journal.conclude(waiting.rollout, outcome="running", reason="", ended_at=None)
    return said
