"""Delete what a sweep found, where it is provably ours and untouched: each is read afresh right before."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

from deployer.domain.documents import Document
from deployer.domain.identity import InstanceKey
from deployer.domain.resources import ResourceKind
from deployer.domain.sweeping import Copy, Removal, surplus, touched, touched_part, used_parts
from deployer.domain.template import parts_of
from deployer.engine.accounts import OpenAccount
from deployer.engine.planning import aim_of
from deployer.engine.rollouts import Crew
from deployer.engine.sweeping import Sweeping
from deployer.integrator.client import Client
from deployer.integrator.wire import Done, NotSent, Outcome, Refused, Unknown

_DEAD = "another journal's deployer died in this account: apply from there first"
_STILL_THERE = "the API was told to delete it, and it is still there"


@dataclass(frozen=True, slots=True)
class Removing:
    """The deletion of a sweep's copies, one after the other; `removals` says what became of each, and of its parts."""

    crew: Crew
    sweeping: Sweeping
    removals: list[Removal] = field(default_factory=list)

    async def go(self) -> None:
        """Delete with every account held; raise GuardError where the journal is not the one that worked here last."""
        opened = self.sweeping.accounts.opened
        async with self.crew.holding(opened.values()) as leases:
            for copy in self.sweeping.copies:
                account = opened[copy.account]
                dead = leases[account.identity].dead
                await self._remove(copy, account, _DEAD if dead else None)
            sure = not await self.crew.journal.unsettled()
            for lease in leases.values():
                lease.settled &= sure and not lease.dead

    async def _remove(self, copy: Copy, account: OpenAccount, obstacle: str | None) -> None:
        """Delete a copy and then what only it used, unless anything speaks against it."""
        obstacle = obstacle or (None if copy.tenant else "the manifest does not name its integration") or copy.doubt
        flow = obstacle or await self._judged(copy, account)
        if isinstance(flow, str):
            self._say(copy, "flow", copy.flow, flow)
            return
        client = account.client
        why = await _deleted(partial(client.delete_flow, copy.flow), partial(client.flow, copy.flow))
        self._say(copy, "flow", copy.flow, why)
        if why is None:
            await self._remove_parts(copy, account, flow)

    async def _judged(self, copy: Copy, account: OpenAccount) -> Document | str:
        """Look at a copy afresh; return it where it may go, else why not."""
        template = aim_of(self.sweeping.loaded, copy.account).template
        key, names = InstanceKey(template, copy.integration), {copy.integration: copy.tenant or ""}
        remembered = await self.crew.journal.recall(template, names)
        listing = await account.client.integration_flows(copy.integration)
        flow = await account.client.flow(copy.flow)
        jobs = await account.client.latest_jobs(copy.flow)
        if not (isinstance(listing, Done) and isinstance(flow, Done) and isinstance(jobs, Done)):
            return "it cannot be read any more"
        known = remembered.instances.get(copy.integration)
        instance, others = surplus(listing.value, key, known.flow if known else None)
        if instance != copy.instance or copy.flow not in {each["_id"] for each in others}:
            return "what lies beside it has changed"
        return remembered.unsettled.get(copy.integration) or touched(flow.value, key, jobs.value) or flow.value

    async def _remove_parts(self, copy: Copy, account: OpenAccount, flow: Document) -> None:
        """Delete the exports and imports of a flow that is gone, where nothing else uses them."""
        client = account.client
        template = await client.flow(aim_of(self.sweeping.loaded, copy.account).template)
        flows = await client.built_flows()
        used = used_parts(flows.value) if isinstance(flows, Done) else None
        for kind, id_ in parts_of(flow):
            part = await client.resource(kind, id_)
            if isinstance(template, Done) and used is not None and isinstance(part, Done):
                why = touched_part(kind, part.value, template.value, used)
            else:
                why = "it cannot be read"
            self._say(copy, kind, id_, why or await self._delete_part(client, kind, id_))

    async def _delete_part(self, client: Client, kind: ResourceKind, id_: str) -> str | None:
        return await _deleted(partial(client.delete_part, kind, id_), partial(client.resource, kind, id_))

    def _say(self, copy: Copy, kind: str, id_: str, why: str | None) -> None:
        self.removals.append(Removal(copy.account, kind, id_, why))


async def _deleted(
    delete: Callable[[], Awaitable[Outcome[None]]], read: Callable[[], Awaitable[Outcome[Document]]]
) -> str | None:
    """Delete once; return why it is not gone, or None. What nobody answered is found out by reading."""
    match await delete():
        case Done() | Refused(404):
            return None
        case Refused(_, errors):
            return f"the API says no: {errors[0].message}"
        case Unknown() | NotSent():
            match await read():
                case Refused(404):
                    return None
                case _:
                    return _STILL_THERE
