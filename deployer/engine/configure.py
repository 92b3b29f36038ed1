"""Configure a tenant's flow: the one PUT that names, schedules and enables it."""

from collections.abc import Iterable
from dataclasses import dataclass

from deployer.domain.body import body_of, is_marked, is_settled, unmarked
from deployer.domain.chosen import Chosen
from deployer.domain.deployment import Instance
from deployer.domain.documents import Document, Path, Value, same
from deployer.domain.identity import is_newborn
from deployer.domain.lifecycle import BIRTHS, Event
from deployer.domain.memory import instance_after
from deployer.domain.merge3 import Change, Verdict, merge, with_base
from deployer.domain.plan import Action
from deployer.domain.upgrading import placeholder, translated
from deployer.engine import writing
from deployer.engine.desk import Case, Desk
from deployer.engine.result import GONE, Moved, Result
from deployer.engine.unsealing import Secrets
from deployer.engine.writing import before_put, differing
from deployer.integrator.client import Stamp
from deployer.integrator.transport import Concealed
from deployer.integrator.wire import Done, Outcome, Refused


async def begin(desk: Desk, case: Case) -> Result:
    """Read the flow afresh and write it, unless it moved since the plan."""
    subject = _flow(desk, case)
    if case.deployment.planned.action is Action.DETACH and await _is_gone(subject):
        case.tell(Event.FOUND, subject.facts, forgets=True)
        return Moved(case.deployment)
    return await writing.begin(desk, case, subject)


async def _is_gone(subject: "_Flow") -> bool:
    """Tell whether a flow that is to be forgotten was deleted; what is read of it is not read again."""
    read = await subject.read()
    if isinstance(read, Done):
        subject.desk.fresh[subject.id] = read.value
    return isinstance(read, Refused) and read.status == GONE


async def recover(desk: Desk, case: Case, wait: float) -> Result:
    """Find out what became of the PUT."""
    return await writing.recover(desk, case, _flow(desk, case), wait)


def _flow(desk: Desk, case: Case) -> "_Flow":
    known, planned = case.deployment.known, case.deployment.planned
    memory = {**before_put(case), **(known.fields if known else {})}
    return _Flow(desk, case, Secrets(desk.account.vault, planned, planned.fields, memory))


@dataclass(frozen=True, slots=True)
class _Flow:
    """The flow that a step configures."""

    desk: Desk
    case: Case
    secrets: Secrets

    @property
    def id(self) -> str:
        return self.case.deployment.flow or ""

    @property
    def chosen(self) -> Chosen:
        return self.case.deployment.planned.chosen

    @property
    def fields(self) -> dict[Path, Value]:
        """Return what is wanted, with the ids of the copies that were made first."""
        ids = {placeholder(key): id_ for key, id_ in self.case.deployment.copies.items()}
        fields = self.case.deployment.planned.fields
        return {path: translated(value, ids) for path, value in fields.items()} if ids else dict(fields)

    @property
    def facts(self) -> Document:
        return {"flow": self.id}

    @property
    def ours(self) -> Iterable[Path]:
        return (*self.fields, *self.case.deployment.planned.base, ("name",), ("description",))

    async def read(self) -> Outcome[Document]:
        fresh = self.desk.fresh.pop(self.id, None)
        return self.secrets.sealed(Done(fresh, 200) if fresh is not None else await self.desk.client.flow(self.id))

    async def replace(self, body: Document, stamp: Stamp, concealed: Concealed | None) -> Outcome[Document]:
        return self.secrets.sealed(await self.desk.client.replace(self.id, body, stamp=stamp, concealed=concealed))

    def merged(self, live: Document, chosen: Chosen | None = None) -> tuple[Change, ...]:
        planned, known = self.case.deployment.planned, self._known()
        birth = self.case.deployment.steps[0]
        untouched = birth.kind in BIRTHS and not birth.facts.get("found") and known is None  # made here, nothing PUT
        taken = any(step.facts.get("taken") for step in self.case.deployment.steps)  # a person said that it is ours
        newborn = untouched or taken or is_newborn(live, planned.key.marker)
        memory = with_base(known.fields if known else {}, planned.base)
        restore = self.desk.settings.drift == "restore"
        return merge(live, self.fields, memory, chosen=chosen or planned.chosen, newborn=newborn, restore=restore)

    def is_as_planned(self, live: Document, changes: tuple[Change, ...]) -> bool:
        planned = self.case.deployment.planned
        if planned.action is Action.CREATE or live.get("lastModified") == planned.last_modified:
            return True
        return writing.is_as_planned(changes, planned.changes)

    def moved(self, changes: tuple[Change, ...]) -> list[str]:
        return differing(changes, self.case.deployment.planned.changes)

    def is_settled(self, live: Document, changes: tuple[Change, ...]) -> bool:
        """Tell whether the flow is as wanted, also where a field was dropped and has to go."""
        planned = self.case.deployment.planned
        if self._is_detached:
            return not is_marked(live)
        if planned.action is Action.ADOPT and self.desk.settings.marker == "description" and not is_marked(live):
            return False  # it is ours once it says so
        left = (change for change in changes if change.verdict is Verdict.REMOVE)
        return is_settled(live, self.fields, planned) and all(same(each.live, each.desired) for each in left)

    def misplaced(self, live: Document) -> str:
        lies, belongs = live.get("_integrationId"), self.case.deployment.planned.integration
        return "" if lies == belongs else f"flow {live['_id']} lies in integration {lies}, not in the tenant's"

    def body(self, live: Document, changes: tuple[Change, ...]) -> Document:
        planned, desk = self.case.deployment.planned, self.desk
        if self._is_detached:
            return unmarked(live)
        return body_of(
            live,
            changes,
            planned,
            rollout=desk.plan.name if desk.settings.marker == "description" else None,
            name=str(planned.fields.get(("name",), desk.planned.template_name)),
        )

    def instance(self, answer: Document, changes: tuple[Change, ...]) -> Instance | None:
        if self._is_detached:
            return None
        planned, known = self.case.deployment.planned, self.case.deployment.known
        revision, resources = (known.revision, known.resources) if known and known.flow == self.id else ("", {})
        return instance_after(planned, self._known(), changes, answer, revision, resources)

    @property
    def _is_detached(self) -> bool:
        return self.case.deployment.planned.action is Action.DETACH

    def _known(self) -> Instance | None:
        """Return what is remembered of this very flow; of one never written with an answer, how it stood before."""
        planned, known = self.case.deployment.planned, self.case.deployment.known
        if known and known.flow == self.id and known.is_configured:
            return known
        before = before_put(self.case)
        if not before:
            return None
        where = (planned.tenant, planned.account, planned.template, planned.integration)
        return Instance(*where, flow=self.id, revision="", fields=before)
