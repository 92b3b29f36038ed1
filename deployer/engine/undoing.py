"""Plan the rollback of a rollout: each flow is read as it is now, and merged with how it stood before."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from deployer.domain.candidate import Choices
from deployer.domain.deployment import Deployment
from deployer.domain.documents import Document
from deployer.domain.parting import parted
from deployer.domain.plan import Action, Plan, Planned, steps_of
from deployer.domain.resources import ResourceKey
from deployer.domain.rollback import adjusted, backwards, is_made_here, is_touched, undo
from deployer.engine.accounts import Accounts, OpenAccount
from deployer.engine.blaming import blamed
from deployer.engine.load import Loaded
from deployer.engine.plans import Draft, SavedPlan
from deployer.engine.pool import each
from deployer.errors import SecretError, UsageError
from deployer.integrator.wire import Done, Refused
from deployer.journal.protocol import Journal, Rollout

_AT_ONCE: Final = 64
_PAGE: Final = 500
_GONE: Final = 404


@dataclass(frozen=True, slots=True)
class Undoing:
    """The making of a plan that undoes a rollout. `watch` sees each tenant as it is decided.

    With `delete` the flows that it made are deleted, once they are disabled.
    """

    journal: Journal
    accounts: Accounts
    loaded: Loaded
    choices: Choices
    watch: Callable[[int, Planned], None]
    delete: bool = False

    async def plan(self, rollout: Rollout, directory: Path, observed_at: str) -> SavedPlan:
        """Return the plan, saved; raise UsageError where the rollout touched nobody."""
        self.accounts.demand_one()
        done = await self.journal.plan(rollout.id)
        draft = Draft(sum((await self.journal.counts(rollout.id)).values()), self.watch, partial(backwards, done.waves))
        after = -1
        while page := await self.journal.deployments(rollout.id, after=after, limit=_PAGE):
            await self._add(draft, page)
            after = page[-1].place
        if not draft.totals.actions.total():
            raise UsageError(f"rollout {rollout.id} changed nothing: there is nothing to roll back")
        return draft.save(directory, self._head(done, observed_at))

    def _head(self, done: Plan, observed_at: str) -> Plan:
        manifest = self.loaded.manifest.model_copy(update={"drift": "report"})  # what others changed since stays
        settings = manifest.model_dump(mode="json", exclude={"tenants"})
        digest = self.loaded.manifest_digest
        return replace(done, manifest_digest=digest, settings=settings, absent=(), observed_at=observed_at)

    async def _add(self, draft: Draft, page: Sequence[Deployment]) -> None:
        """Decide about the tenants of a page that were touched."""
        touched = list(filter(is_touched, page))
        undone: dict[int, Planned] = {}

        async def add(deployment: Deployment) -> None:
            undone[deployment.place] = await self._undone(deployment)

        await each(touched, add, workers=_AT_ONCE)
        decided = await blamed(self.accounts.opened, [undone[deployment.place] for deployment in touched])
        for deployment, planned in zip(touched, decided, strict=True):
            draft.add(deployment.place, planned, deployment.planned.wave)

    async def _undone(self, deployment: Deployment) -> Planned:
        account = self.accounts.opened.get(deployment.planned.account)
        if account is None:
            why = self.accounts.reasons.get(deployment.planned.account, "its account is not in the manifest any more")
            return _blocked(deployment, why)
        chosen = self.choices.conflict(deployment.planned.tenant)
        deployment = replace(deployment, planned=replace(deployment.planned, secrets=_openable(account, deployment)))
        resources: dict[ResourceKey, Document] = {}
        known, key = deployment.known, deployment.planned.key
        for resource, step in adjusted(deployment):
            read = await account.client.resource(resource.key.kind, str(step.facts["resource"]))
            if isinstance(read, Done):
                left = known.resources.get(resource.key) if known else None
                memory = left.fields if left else {}
                resources[resource.key] = account.vault.sealed(read.value, key, resource.fields, memory).document
        match await account.client.flow(deployment.flow or ""):
            case Done(live):
                memory = known.fields if known else {}
                flow = account.vault.sealed(live, key, deployment.planned.fields, memory).document
                planned = undo(deployment, flow, resources, chosen)
                return self._deleted(deployment, planned, flow) if self.delete else planned
            case Refused(status) if status == _GONE:
                return undo(deployment, None, resources, chosen)
            case _:
                return _blocked(deployment, "its flow cannot be read now")

    def _deleted(self, deployment: Deployment, planned: Planned, flow: Document) -> Planned:
        """Return a tenant whose flow goes if the rollout made it; what it has besides is put back all the same."""
        if planned.action is Action.BLOCKED or deployment.known is None or not is_made_here(deployment):
            return planned
        marked = self.loaded.manifest.marker == "description"
        gone = parted(Action.DELETE, deployment.known, flow, planned.chosen, is_marked_by_us=marked)
        if gone.action is Action.BLOCKED:
            return gone
        return replace(gone, resources=planned.resources, steps=(*steps_of(planned.resources), *gone.steps))


def _openable(account: OpenAccount, deployment: Deployment) -> dict[str, str]:
    """Return the secrets that are read now where those of a rollout were: what stood before may be among them."""
    seal, found = account.vault.seal, dict[str, str]()
    for where in deployment.planned.secrets.values():
        with suppress(SecretError):  # then it is none of them
            found[seal(deployment.planned.key)(account.vault.read(where))] = where
    return found


def _blocked(deployment: Deployment, why: str) -> Planned:
    return replace(deployment.planned, action=Action.BLOCKED, reason=why, steps=(), wave=0, resources=())
