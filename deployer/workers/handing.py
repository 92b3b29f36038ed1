"""Leave a rollout to the workers."""

from deployer.api.rolling import let_go_on
from deployer.api.workplace import Rollout, Workplace
from deployer.domain.documents import Document, Json
from deployer.journal.postgres import PostgresJournal
from deployer.workers.queue import Queue, address_of, opened_queue
from deployer.workers.tasks import shared


async def hand_over(place: Workplace, rollout: Rollout, *, despite: str | None, unseen: bool) -> int:
    """Leave a rollout to the workers and return how many are alive; where none is, it is left only with `unseen`."""
    journal = shared(place.journal)
    async with opened_queue(address_of(place.home)) as queue:
        alive = await queue.workers()
        if not (alive or unseen):
            return 0
        await leave(queue, place, rollout, despite=despite)
    await journal.share()
    return alive


async def leave(queue: Queue, place: Workplace, rollout: Rollout, *, despite: str | None) -> None:
    """Leave a rollout to the workers of a queue, once however often that is said."""
    journal = shared(place.journal)
    await let_go_on(place, rollout, despite=despite)
    freezes: list[Json] = [freeze.model_dump(mode="json") for freeze in place.loaded.manifest.freeze]
    hooks: list[Json] = [hook.model_dump(mode="json") for hook in place.loaded.manifest.notify]
    terms: Document = {"freeze": freezes, "notify": hooks, "stood": await _stood(journal, rollout)}
    await journal.hand_over(rollout.id, terms)
    await journal.conclude(rollout.id, outcome="running", reason="", ended_at=None)
    await queue.conduct(rollout.id)


async def _stood(journal: PostgresJournal, rollout: Rollout) -> Json:
    """Return how a rollout stood before it became the workers', who find it running."""
    before = (await journal.terms(rollout.id)).get("stood")
    if rollout.outcome == "running" and before:  # it is theirs already
        return before
    counts = {status.value: count for status, count in (await journal.counts(rollout.id)).items()}
    return {"outcome": rollout.outcome, "reason": rollout.reason, "counts": {**counts}}
