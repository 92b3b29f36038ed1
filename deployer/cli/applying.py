"""What apply does: go on with what is unfinished, or plan, ask and begin."""

from dataclasses import dataclass

import click

from deployer.api import rollouts
from deployer.api.freezing import demand_thawed
from deployer.api.rollouts import SavedPlan
from deployer.api.standing import find_standing
from deployer.api.workplace import Rollout, Workplace
from deployer.cli.asking import confirm
from deployer.cli.carrying import attend, carry
from deployer.cli.manner import Manner
from deployer.cli.meanwhile import planning, say
from deployer.cli.showing import columns, show
from deployer.domain.candidate import Choices
from deployer.errors import UsageError
from deployer.report.plan_lines import PlanLines
from deployer.report.plan_view import plan_text
from deployer.report.text import numbered


@dataclass(frozen=True, slots=True)
class Wish:
    """What the options of apply ask for; `verb` is the command that asks."""

    choices: Choices
    digest: str | None
    failed: bool
    supersede: bool
    yes: bool
    allow: frozenset[str]
    ask: bool
    verb: str = "apply"


@dataclass(frozen=True, slots=True)
class Applying:
    """One apply: the decision between going on and beginning, and then either."""

    place: Workplace
    wish: Wish
    manner: Manner

    async def go(self) -> int:
        """Apply, and return the exit code."""
        demand_thawed(self.place, self.manner.despite)
        last = await rollouts.last_rollout(self.place)
        if last and rollouts.is_unfinished(last):
            if not self.wish.supersede:
                return await self._resume(last)
            code = await self._settle(last)
            if code is not None:
                return code
        elif self.wish.failed:
            return await self._retry(last)
        return await self._begin()

    async def _resume(self, last: Rollout) -> int:
        await rollouts.demand_not_paused(self.place, last)
        await rollouts.demand_same(self.place, last, digest=self.wish.digest, scope=self.manner.scope)
        if self.wish.failed:
            await rollouts.retry(self.place, last)
        click.echo(f"going on with rollout {last.id} of {last.started_at}", err=True)
        return await carry(self.place, last, self.manner)

    async def _retry(self, last: Rollout | None) -> int:
        if last is None:
            raise UsageError("--failed: nothing was rolled out yet", remedy="apply without --failed")
        await rollouts.demand_same(self.place, last, digest=self.wish.digest, scope=self.manner.scope)
        if not await rollouts.retry(self.place, last):
            click.echo("no tenant failed: there is nothing to try again", err=True)
        return await carry(self.place, last, self.manner)

    async def _settle(self, last: Rollout) -> int | None:
        """Find out about every call in doubt, then leave the rollout; return an exit code where that cannot be."""
        click.echo(f"settling rollout {last.id} before it is superseded", err=True)
        received = await attend(self.place, last, self.manner, settle_only=True)
        if await rollouts.supersede(self.place, last):
            return None
        code = await show(await find_standing(self.place.home, rollout=last.id), self.manner)
        return 128 + received if received else code

    async def _begin(self) -> int:
        place, digest = self.place, self.wish.digest
        saved = await (rollouts.saved_plan(place, digest) if digest else self._shown())
        await rollouts.heed_guards(place, saved.plan, self.wish.allow)
        if saved.plan.work:
            self._confirm(saved.plan.work)
        say("writing the plan into the journal")
        return await carry(place, await rollouts.begin(place, saved), self.manner)

    async def _shown(self) -> SavedPlan:
        """Return a new plan that was shown."""
        lines = PlanLines()
        saved = await rollouts.new_plan(self.place, self.wish.choices, watch=planning(self.place, lines.add))
        target = {"manifest": str(self.manner.manifest), "scope": self.manner.scope}
        how = {**target, "verb": self.wish.verb, "every": "plan --all"}
        text = plan_text(saved.plan, saved.digest, lines, width=columns(), **how)
        click.echo(text, err=self.manner.form is not None or self.manner.to_stderr)
        return saved

    def _confirm(self, tenants: int) -> None:
        """Ask a person, unless nobody wants to be asked."""
        if not self.wish.yes:
            confirm(f"Change {numbered(tenants, 'tenant')}?", about="the plan", ask=self.wish.ask)
