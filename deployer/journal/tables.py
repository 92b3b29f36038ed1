"""The journal in the tables of a database: one connection that writes, every row with a checksum."""

import json
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from secrets import token_hex

from deployer.domain.deployment import Deployment, Instance, Status
from deployer.domain.gate import Gate
from deployer.domain.identity import InstanceKey
from deployer.domain.instructions import Instruction
from deployer.domain.lifecycle import Event, StepKind
from deployer.domain.plan import Plan
from deployer.domain.plan_records import plan_from
from deployer.domain.rebuilding import Work
from deployer.domain.remembered import Remembered
from deployer.domain.samples import Sample
from deployer.domain.template import Template
from deployer.domain.waves import Wave
from deployer.journal import queries as q
from deployer.journal import writer
from deployer.journal.checksums import checked
from deployer.journal.connection import Connection
from deployer.journal.entering import admission, begin, enter, remember
from deployer.journal.protocol import Admitted, Entry, Happening, Hold, Met, Rollout
from deployer.journal.pruning import ended_in, prunable_in, prune_in
from deployer.journal.reading import (
    counts_by_wave,
    counts_of,
    deployments_of,
    met_in,
    open_by_account,
    remembered_of,
    revisions_of,
    rollout_of,
    unsettled_in,
    work_of,
)
from deployer.journal.rows import (
    gate_row,
    instruction_row,
    read_gate,
    read_instance,
    read_instruction,
    read_rollout,
    rollout_row,
    work_row,
)
from deployer.journal.samples import samples_of
from deployer.journal.writer import Book


class TableJournal(Book):
    """A journal in tables."""

    is_shared = False

    async def work(self) -> Work:
        """Return which journal this is, and how often work was begun with it."""
        return await self._writer.ask(work_of)

    async def begin_work(self, *, anew: bool = False) -> Work:
        """Count one more work, durably, and return it; with `anew` the journal is another one from now on."""

        def work(connection: Connection) -> Work:
            self._alone(connection, "work")
            before = work_of(connection)
            kept = "" if anew else before.journal
            after = Work(kept or token_hex(16), before.number + 1)
            connection.execute(q.FORGET_WORK)
            connection.execute(q.BEGIN_WORK, work_row(after))
            return after

        return await self._writer.ask(work)

    async def begin(self, rollout: Rollout, plan: Plan, revisions: Collection[Template] = ()) -> None:
        """Write a rollout, its plan, its steps, and what tenants without a step leave to remember, all at once."""
        await self._writer.ask(lambda connection: begin(connection, rollout, plan, revisions))

    async def rollouts(
        self, name: str | None = None, plan: str | None = None, *, begins: str = "", kind: str | None = None, limit: int
    ) -> Sequence[Rollout]:
        """Return the newest rollouts, newest first: of a name, a plan's digest, an id's beginning, a kind, if given."""
        return [read_rollout(row)[0] for row in await self._select(q.LATEST, (name, plan, begins, kind, limit))]

    async def later(self, rollout: str) -> Sequence[Rollout]:
        """Return the rollouts of any name that began after one, newest first, without the runs that ended."""
        return [read_rollout(row)[0] for row in await self._select(q.LATER, (rollout,))]

    async def unfinished(self) -> Sequence[Rollout]:
        """Return the rollouts, oldest first, of which anything may still be resumed, retried or owed."""
        return [read_rollout(row)[0] for row in await self._select(q.UNFINISHED, ())]

    async def conclude(self, rollout: str, *, outcome: str, reason: str, ended_at: str | None) -> None:
        """Write how a rollout stands; `ended_at` is None while it may go on."""

        def work(connection: Connection) -> None:
            self._guard(connection, (rollout,))
            before, head = rollout_of(connection, rollout)
            after = replace(before, outcome=outcome, reason=reason, ended_at=ended_at)
            connection.execute(q.CONCLUDE, (outcome, reason, ended_at, rollout_row(after, head)[-1], rollout))
            self._writer.samples.write(connection)

        await self._writer.ask(work)

    async def prunable(self, name: str, *, before: str) -> Sequence[Rollout]:
        """Return the rollouts of a name, oldest first, that ended before a moment and that nobody can need."""
        return await self._writer.ask(lambda connection: prunable_in(connection, name, before))

    async def ended(self, name: str, *, before: str) -> int:
        """Count the rollouts of a name that ended before a moment."""
        return await self._writer.ask(lambda connection: ended_in(connection, name, before))

    async def prune(self, rollout: Rollout, *, before: str) -> bool:
        """Delete a rollout that ended before a moment; tell whether nobody has come to need it meanwhile."""
        return await self._writer.ask(lambda connection: prune_in(connection, rollout, before, shared=self.is_shared))

    async def plan(self, rollout: str) -> Plan:
        """Return the frozen plan of a rollout, its tenants left out."""
        _, head = await self._writer.ask(lambda connection: rollout_of(connection, rollout))
        return plan_from(json.loads(head))

    async def counts(self, rollout: str) -> Mapping[Status, int]:
        """Count the tenants of a rollout by status; every status is there."""
        return await self._writer.ask(lambda connection: counts_of(connection, rollout))

    async def counts_by_wave(self, rollout: str) -> Mapping[int, Mapping[Status, int]]:
        """Count the tenants of each wave by status; every status is there. Without waves, nothing is."""
        return await self._writer.ask(lambda connection: counts_by_wave(connection, rollout))

    async def open_by_account(self, rollout: str) -> Mapping[int, Mapping[str, int]]:
        """Count the tenants of each wave that do not rest, by account in order; those of no wave are in wave 0."""
        return await self._writer.ask(lambda connection: open_by_account(connection, rollout))

    async def gates(self, rollout: str) -> Mapping[int, Gate]:
        """Return the gates of the waves that have ended, by the wave's number."""
        return {gate.wave: gate for gate in map(read_gate, await self._select(q.GATES, (rollout,)))}

    async def set_gate(self, rollout: str, gate: Gate) -> None:
        """Write how far a gate is, and return when it is durable."""

        def work(connection: Connection) -> None:
            self._guard(connection, (rollout,))
            connection.execute(q.SET_GATE, gate_row(rollout, gate))

        await self._writer.ask(work)

    async def instruct(self, instruction: Instruction) -> None:
        """Write what a person said, once however often it is told, and return when it is durable."""
        row = instruction_row(instruction)
        await self._writer.ask(lambda connection: connection.execute(q.INSTRUCT, row))

    async def instructions(self, rollout: str) -> Sequence[Instruction]:
        """Return what people said to a rollout, oldest first."""
        return list(map(read_instruction, await self._select(q.INSTRUCTIONS, (rollout,))))

    async def claim(
        self, rollout: str, account: str, *, wave: int, begun: bool | None, after: int, limit: int
    ) -> Sequence[Deployment]:
        """Return the next deployments of an account in a wave, by place, that have an open step, and what is known.

        Only those that have begun, or not, where that is told.
        """
        wanted = {"rollout": rollout, "account": account, "wave": wave, "begun": begun, "after": after, "limit": limit}
        return await self._writer.ask(lambda connection: deployments_of(connection, q.CLAIM, wanted))

    async def deployments(
        self, rollout: str, *, after: int, limit: int, troubled: bool = False, wave: int | None = None
    ) -> Sequence[Deployment]:
        """Return the next deployments of a rollout, or of a wave, by place: all, or only those in trouble."""
        wanted = {"rollout": rollout, "after": after, "limit": limit, "wave": wave}
        query = q.TROUBLED if troubled else q.PAGE
        return await self._writer.ask(lambda connection: deployments_of(connection, query, wanted))

    async def deployment(self, rollout: str, tenant: str) -> Deployment | None:
        """Return one tenant's deployment."""
        wanted = {"rollout": rollout, "tenant": tenant}
        found = await self._writer.ask(lambda connection: deployments_of(connection, q.ONE, wanted))
        return found[0] if found else None

    async def awaiting(self, name: str, tenant: str) -> Deployment | None:
        """Return a tenant's newest deployment, in rollouts of a name, that has a step UNKNOWN or FAILED."""
        wanted = {"name": name, "tenant": tenant}
        found = await self._writer.ask(lambda connection: deployments_of(connection, q.AWAITING, wanted))
        return found[0] if found else None

    async def has_done(self, rollout: str, account: str, kind: StepKind) -> bool:
        """Tell whether any tenant of an account has a step of a kind that is done."""
        return bool(await self._select(q.DONE, (rollout, account, kind.value)))

    @asynccontextmanager
    async def holding(self, accounts: Mapping[str, Collection[str]], boot: str) -> AsyncIterator[Hold]:  # noqa: ARG002
        """Hold nothing more: who works on the journal is alone, and accounts have locks of their own."""
        yield Hold()

    async def admit(self, deployment: Deployment, wave: Wave, *, strict: bool) -> Admitted:
        """Let a tenant begin in its wave, durably, unless as many fail or are in flight already as the wave bounds."""

        def work(connection: Connection) -> Admitted:
            self._guard(connection, (deployment.planned.account,))
            self._alone(connection, "admission")
            return self._admission(connection, deployment, wave, strict=strict)

        return await self._writer.ask(work)

    async def seat(self, rollout: str, wave: int) -> None:
        """Count those tenants of a wave as in flight that have begun and not come to rest."""
        wanted = {"rollout": rollout, "wave": wave}
        await self._writer.ask(lambda connection: connection.execute(q.SEAT, wanted))

    async def happenings(self, deployment: Deployment) -> Sequence[Happening]:
        """Return what happened to a deployment, oldest first."""
        kinds = [step.kind for step in deployment.steps]
        found = await self._select(q.EVENTS, (deployment.rollout, deployment.place))
        events = (checked(row, f"an event of {deployment.planned.tenant}")[2:] for row in found)
        return [Happening(kinds[index], Event(event), at, json.loads(body), index) for index, event, at, body in events]

    async def met(self, rollout: str, *, after: int, upto: int) -> Mapping[int, Sequence[Met]]:
        """Return what happened to the deployments after one place up to another, oldest first, not what it added."""
        return await self._writer.ask(lambda connection: met_in(connection, rollout, after, upto))

    async def record(self, entry: Entry) -> None:
        """Write an entry and return when it is durable."""
        self._writer.waiting.append((self, entry))
        await self._writer.ask(self._enter, spaced=True)

    def note(self, entry: Entry) -> None:
        """Write an entry before anything that is recorded later, without waiting for it."""
        self._writer.waiting.append((self, entry))
        self._writer.tell(self._enter)

    def sample(self, rollout: str, sample: Sample) -> None:
        """Write a sample with what is written next, or before the journal is closed; it fails nobody."""
        if self._writer.samples.put(rollout, sample) and not self._writer.is_broken:
            self._writer.tell(self._writer.samples.write)

    async def samples(self, rollout: str) -> Sequence[Sample]:
        """Return the samples of a rollout, oldest first; where it was carried out by an older version, none."""
        return await self._writer.ask(lambda connection: samples_of(connection, rollout))

    async def remember(self, instances: Sequence[Instance]) -> None:
        """Write what is remembered of live flows from now on, and return when it is durable."""
        await self._writer.ask(lambda connection: remember(connection, instances))

    async def recall(self, template: str, tenants: Mapping[str, str]) -> Remembered:
        """Return what bears on a plan of a template for some tenants: their names, by integration."""
        return await self._writer.ask(lambda connection: remembered_of(connection, template, tenants))

    async def revisions(self, template: str, names: Collection[str]) -> Mapping[str, Template]:
        """Return what revisions of a template hold, as far as they were kept, by name."""
        return await self._writer.ask(lambda connection: revisions_of(connection, template, names))

    async def by_revision(self, templates: Sequence[str]) -> Mapping[str, int]:
        """Count the remembered flows of templates by the revision they are on, empty where that is not known."""
        return dict(await self._select(q.BY_REVISION, (json.dumps(list(templates)),)))

    async def instances(self, *, after: InstanceKey | None, limit: int) -> Sequence[Instance]:
        """Return the next remembered flows, by key."""
        template, integration = (after.template, after.integration) if after else ("", "")
        return list(map(read_instance, await self._select(q.INSTANCES_AFTER, (template, integration, limit))))

    async def absent(self, templates: Sequence[str], present: Callable[[str], Sequence[str]]) -> Sequence[str]:
        """Return the tenants, by name, that some templates have a flow for and that are not in the lists."""
        wanted = json.dumps(list(templates))
        found: list[str] = []
        for (account,) in await self._select(q.HOLDERS, (wanted,)):
            here = json.dumps(list(present(account)))
            found += [tenant for (tenant,) in await self._select(q.ABSENT, (wanted, account, here))]
        return sorted(found)

    async def unsettled(self) -> Mapping[InstanceKey, str]:
        """Return, by instance key, why nothing may start there: a call whose effect is not known yet."""
        return await self._writer.ask(unsettled_in)

    def _enter(self, connection: Connection) -> None:
        """Write the entries that wait, also those of later jobs: a failure is theirs too, since it is for good."""
        taken = [self._writer.waiting.popleft() for _ in range(min(len(self._writer.waiting), writer.BATCH))]
        epochs: dict[str, int] = {}
        for one in {journal for journal, _ in taken}:
            names = {entry.deployment.planned.account for journal, entry in taken if journal is one}
            epochs |= one._claimed(names)  # noqa: SLF001 - it shares the writer
        enter(connection, [entry for _, entry in taken], epochs)
        self._writer.samples.write(connection)

    def _guard(self, connection: Connection, names: Collection[str]) -> None:
        """Raise GuardError where an account, or rollout, is ours no more, and keep others from it until the commit."""

    def _claimed(self, names: Collection[str]) -> Mapping[str, int]:  # noqa: ARG002 - none, where nobody else may write
        """Return the epochs of accounts that are ours, by what a plan calls them."""
        return {}

    def _admission(self, connection: Connection, deployment: Deployment, wave: Wave, *, strict: bool) -> Admitted:
        return admission(connection, deployment, wave, strict=strict)

    def _alone(self, connection: Connection, what: str) -> None:
        """Keep others from doing something of that name until the commit."""
