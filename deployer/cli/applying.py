"""What apply does: resume what is unfinished, refuse what does not fit it, or plan, ask and begin."""

import shutil
import sys
from dataclasses import dataclass
from signal import SIGINT, default_int_handler, signal

import click

from deployer.cli.carrying import Manner, attend, carry, conclude
from deployer.cli.planned import planned
from deployer.cli.plans import load_plan
from deployer.cli.wiring import Workplace
from deployer.domain.candidate import Choices
from deployer.domain.guards import violated
from deployer.domain.plan import Plan
from deployer.domain.records import plan_digest
from deployer.engine.planning import changed_templates
from deployer.engine.rollouts import SUPERSEDED, UNFINISHED, begin, every_deployment, give_over, retry_failed
from deployer.errors import GuardError, UsageError
from deployer.journal.protocol import Rollout
from deployer.report.plan_view import plan_text


@dataclass(frozen=True, slots=True)
class Wish:
    """What the options of apply ask for."""

    choices: Choices
    digest: str | None
    failed: bool
    supersede: bool
    yes: bool
    allow: frozenset[str]
    ask: bool


@dataclass(frozen=True, slots=True)
class Applying:
    """One apply: the decision between going on and beginning, and then either."""

    place: Workplace
    wish: Wish
    manner: Manner

    async def go(self) -> int:
        """Apply, and return the exit code."""
        last = await self.place.journal.latest(self.place.loaded.manifest.name)
        if last and last.outcome == SUPERSEDED:
            last = None  # the plan that was to follow it never began
        if last and last.outcome in UNFINISHED:
            if not self.wish.supersede:
                return await self._resume(last)
            code = await self._settle(last)
            if code is not None:
                return code
        elif self.wish.failed:
            return await self._retry(last)
        return await self._begin()

    async def _resume(self, last: Rollout) -> int:
        await self._demand_same(last)
        if self.wish.failed:
            await retry_failed(self.place.journal, self.place.clock, last)
        click.echo(f"going on with rollout {last.id} of {last.started_at}", err=True)
        return await carry(self.place, last, self.manner)

    async def _retry(self, last: Rollout | None) -> int:
        if last is None:
            raise UsageError("--failed: nothing was rolled out yet", remedy="apply without --failed")
        await self._demand_same(last)
        if not await retry_failed(self.place.journal, self.place.clock, last):
            click.echo("no tenant failed: there is nothing to try again", err=True)
        return await carry(self.place, last, self.manner)

    async def _demand_same(self, last: Rollout) -> None:
        """Raise GuardError unless going on means what the user now asks for."""
        loaded = self.place.loaded
        differs = [
            what
            for what, same in (
                ("the command (run)", last.kind == "apply"),
                ("the manifest", last.manifest_digest == loaded.manifest_digest),
                ("the tenants", last.tenants_digest == loaded.tenants_digest),
                ("the plan", self.wish.digest is None or last.plan.startswith(self.wish.digest.removeprefix("plan:"))),
            )
            if not same
        ]
        plan = await self.place.journal.plan(last.id)
        differs += [f"the template in {name}" for name in await changed_templates(plan, self.place.accounts, loaded)]
        if not differs:
            return
        command, what = f"deployer apply {self.manner.manifest}", ", ".join(differs)
        if last.outcome not in UNFINISHED:
            raise GuardError(f"rollout {last.id} differs in {what}", remedy=f"plan anew, the failed too: {command}")
        raise GuardError(
            f"rollout {last.id} is unfinished, and differs in {what}",
            remedy=(
                f"go on with it as it was planned: deployer resume {self.manner.manifest}\n"
                f"  or leave it and start anew: {command} --supersede"
            ),
        )

    async def _settle(self, last: Rollout) -> int | None:
        """Find out about every call in doubt, then leave the rollout; return an exit code where that cannot be."""
        place = self.place
        click.echo(f"settling rollout {last.id} before it is superseded", err=True)
        attended = await attend(place, last, self.manner, settle_only=True)
        await give_over(place.journal, place.clock, last, place.accounts)
        async for deployment in every_deployment(place.journal, last.id):
            if deployment.in_doubt:
                code = await conclude(place, last, self.manner, attended.halted)
                return 128 + attended.signal if attended.signal else code
        reason = "left for a new plan"
        await place.journal.conclude(last.id, outcome=SUPERSEDED, reason=reason, ended_at=place.clock.utc())
        return None

    async def _begin(self) -> int:
        place = self.place
        plan = await self._saved(self.wish.digest) if self.wish.digest else await self._new()
        self._heed_guards(plan)
        if plan.work:
            self._confirm(len(plan.work))
        rollout = await begin(place.journal, place.clock, plan, kind="apply", chance=place.chance)
        return await carry(place, rollout, self.manner)

    def _heed_guards(self, plan: Plan) -> None:
        broken = {rule: said for rule, said in violated(plan).items() if rule not in self.wish.allow}
        if broken:
            options = " ".join(f"--allow {rule}" for rule in broken)
            raise GuardError("; ".join(broken.values()), remedy=f"if that is meant, add {options}")

    async def _new(self) -> Plan:
        plan, digest = await planned(self.place, self.wish.choices)
        width = shutil.get_terminal_size().columns
        text = plan_text(plan, digest, width=width, show_all=False, manifest=str(self.manner.manifest))
        click.echo(text, err=self.manner.as_json)
        return plan

    async def _saved(self, digest: str) -> Plan:
        """Return the plan that was approved; raise GuardError where what it was made for is not there any more."""
        place = self.place
        plan = load_plan(place.journal_path.parent / "plans", digest)
        changed = [f"the template in {name}" for name in await changed_templates(plan, place.accounts, place.loaded)]
        if plan.manifest_digest != place.loaded.manifest_digest:
            changed.append("the manifest")
        if plan.tenants_digest != place.loaded.tenants_digest:
            changed.append("the tenants")
        if changed:
            raise GuardError(f"{', '.join(changed)} changed since the plan", remedy="plan again, and approve that plan")
        await self._demand_unspent(plan)
        return plan

    async def _demand_unspent(self, plan: Plan) -> None:
        """Raise GuardError where a plan was applied already, or a call in doubt stands in its way."""
        journal = self.place.journal
        applied = await journal.latest(plan=plan_digest(plan))
        if applied and applied.started_at > plan.observed_at:
            raise GuardError(f"this plan was applied already, in rollout {applied.id}", remedy="plan again")
        unsettled = await journal.unsettled()
        for each in plan.work:
            if each.key in unsettled:
                raise GuardError(f"{each.tenant}: {unsettled[each.key]}", remedy="then plan again")

    def _confirm(self, tenants: int) -> None:
        """Ask a person, or raise UsageError where there is none to ask."""
        if self.wish.yes:
            return
        command = f"deployer apply {self.manner.manifest} --yes"
        if not self.wish.ask or not sys.stdin.isatty():
            raise UsageError("nobody is there to confirm the plan", remedy=f"look at it, then: {command}")
        if not _agreed(f"Change {tenants} tenants?"):
            raise GuardError("not applied: nothing was changed")
        click.echo(f"without the question: {command}", err=True)


async def go_on(place: Workplace, manner: Manner, *, failed: bool) -> int:
    """Go on with the last rollout as it was planned, and return the exit code."""
    loaded = place.loaded
    last = await place.journal.latest(loaded.manifest.name)
    if last is None or not (last.outcome in UNFINISHED or (failed and last.outcome != SUPERSEDED)):
        raise UsageError(
            f"no rollout of {loaded.manifest.name} is unfinished",
            remedy=f"begin one: deployer apply {manner.manifest}",
        )
    if last.kind == "apply" and loaded.document is None:  # a template from a file stands in the plan itself
        plan = await place.journal.plan(last.id)
        if changed := await changed_templates(plan, place.accounts, loaded):
            raise GuardError(
                f"the template in {', '.join(changed)} changed since the plan",
                remedy=f"leave the rollout and start anew: deployer apply {manner.manifest} --supersede",
            )
    if failed:
        await retry_failed(place.journal, place.clock, last)
    return await carry(place, last, manner)


def _agreed(question: str) -> bool:
    """Ask, and let Ctrl-C leave: while a person is asked there is no other task that could be told of it."""
    ours = signal(SIGINT, default_int_handler)
    try:
        return click.confirm(question, err=True)
    finally:
        signal(SIGINT, ours)
