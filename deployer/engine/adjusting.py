"""Adjust what a tenant has besides its flow: its integration, or its copy of an export or import, by one PUT each."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from deployer.domain.body import written
from deployer.domain.chosen import Chosen, chosen_in
from deployer.domain.deployment import Instance
from deployer.domain.documents import Document, Path, same
from deployer.domain.lifecycle import BIRTHS, Event
from deployer.domain.memory import resource_after
from deployer.domain.merge3 import Change, Verdict, live_value, merge, with_base
from deployer.domain.resources import INTEGRATION, PlannedResource, ResourceMemory
from deployer.engine import writing
from deployer.engine.desk import Case, Desk, failure
from deployer.engine.resources import find_copy
from deployer.engine.result import Moved, Result, unread
from deployer.engine.unsealing import Secrets
from deployer.engine.writing import before_put, differing
from deployer.integrator.client import Stamp
from deployer.integrator.transport import Concealed
from deployer.integrator.wire import Done, Outcome


async def begin(desk: Desk, case: Case) -> Result:
    """Find the resource, read it afresh and write it, unless it moved since the plan."""
    subject = await _subject(desk, case)
    return await writing.begin(desk, case, subject) if isinstance(subject, _Resource) else subject


async def recover(desk: Desk, case: Case, wait: float) -> Result:
    """Find out what became of the PUT."""
    id_ = str(case.step.facts["resource"])
    return await writing.recover(desk, case, _resource(desk, case, id_), wait)


async def _subject(desk: Desk, case: Case) -> "_Resource | Result":
    """Return the resource of a step: of a flow that was just made, the copy that it uses."""
    resource, planned = case.resource, case.deployment.planned
    if resource.key == INTEGRATION:
        return _resource(desk, case, planned.integration)
    id_ = case.deployment.copies.get(resource.key, resource.id)
    if id_:
        return _resource(desk, case, id_)
    flow = case.deployment.flow or ""
    whole = await desk.flow(flow)
    if not isinstance(whole, Done):
        return await unread(desk, case, whole, wait=0.0)
    copy = await find_copy(desk.client, whole.value, resource.key)
    if copy is None:
        text = f"flow {flow} uses no copy of {resource.label}"
        case.tell(Event.REFUSE, failure("no_copy", text, "look at the flow; mend it and run resume with --failed"))
        return Moved(case.deployment)
    if not isinstance(copy, Done):
        return await unread(desk, case, copy, wait=0.0)
    return _resource(desk, case, str(copy.value["_id"]), copy)


def _resource(desk: Desk, case: Case, id_: str, fresh: Done[Document] | None = None) -> "_Resource":
    known = case.deployment.known.resources.get(case.resource.key) if case.deployment.known else None
    memory = {**before_put(case), **(known.fields if known else {})}
    secrets = Secrets(desk.account.vault, case.deployment.planned, case.resource.fields, memory)
    return _Resource(desk, case, case.resource, id_, secrets, fresh)


@dataclass(frozen=True, slots=True)
class _Resource:
    """The resource that a step adjusts; `fresh` is what was just read of it."""

    desk: Desk
    case: Case
    planned: PlannedResource
    id: str
    secrets: Secrets
    fresh: Done[Document] | None = None

    @property
    def chosen(self) -> Chosen:
        return self.case.deployment.planned.chosen

    @property
    def facts(self) -> Document:
        return {"resource": self.id}

    @property
    def ours(self) -> Iterable[Path]:
        return (*self.planned.fields, *self.planned.base)

    async def read(self) -> Outcome[Document]:
        return self.secrets.sealed(self.fresh or await self.desk.client.resource(self.planned.key.kind, self.id))

    async def replace(self, body: Document, stamp: Stamp, concealed: Concealed | None) -> Outcome[Document]:
        kind = self.planned.key.kind
        return self.secrets.sealed(
            await self.desk.client.replace_resource(kind, self.id, body, stamp=stamp, concealed=concealed)
        )

    def merged(self, live: Document, chosen: Chosen | None = None) -> tuple[Change, ...]:
        known, birth = self._memory(), self.case.deployment.steps[0]
        made_here = birth.kind in BIRTHS and not birth.facts.get("found") and self.planned.key != INTEGRATION
        fields = known.fields if known else before_put(self.case)
        return merge(
            live,
            self.planned.fields,
            with_base(fields, self.planned.base),
            chosen=chosen_in(chosen or self.chosen, self.planned.label),
            newborn=(made_here or self.planned.is_copied) and not fields,
            restore=self.desk.settings.drift == "restore",
        )

    def is_as_planned(self, live: Document, changes: tuple[Change, ...]) -> bool:
        if self.planned.id is None or live.get("lastModified") == self.planned.last_modified:
            return True
        return writing.is_as_planned(changes, self.planned.changes)

    def moved(self, changes: tuple[Change, ...]) -> list[str]:
        return [f"{self.planned.label}.{path}" for path in differing(changes, self.planned.changes)]

    def is_settled(self, live: Document, changes: tuple[Change, ...]) -> bool:
        left = (change for change in changes if change.verdict is Verdict.REMOVE)
        wanted = all(same(live_value(live, path), value) for path, value in self.planned.fields.items())
        return wanted and all(same(each.live, each.desired) for each in left)

    def misplaced(self, live: Document) -> str:
        """Say so where it is no copy of what it should be; copies lie in no integration."""
        source = self.planned.key.source
        strange = bool(source) and live.get("_sourceId", source) != source
        return f"{self.planned.key.kind} {self.id} is no copy of {self.planned.label}" if strange else ""

    def body(self, live: Document, changes: tuple[Change, ...]) -> Document:
        return written(live, changes)

    def instance(self, answer: Document, changes: tuple[Change, ...]) -> Instance:
        planned = self.case.deployment.planned
        where = (planned.tenant, planned.account, planned.template, planned.integration)
        flow = self.case.deployment.flow or ""
        known = self.case.deployment.known or Instance(*where, flow, revision="", connections=planned.connections)
        before = self._memory() or ResourceMemory(self.id, fields=before_put(self.case))
        after = resource_after(self.planned, before, changes, answer)
        others = {key: memory for key, memory in known.resources.items() if key != self.planned.key}
        return replace(known, resources={**others, **({self.planned.key: after} if after.fields else {})})

    def _memory(self) -> ResourceMemory | None:
        """Return what is remembered of this very resource."""
        known = self.case.deployment.known
        memory = known.resources.get(self.planned.key) if known else None
        return memory if memory and memory.id == self.id else None
