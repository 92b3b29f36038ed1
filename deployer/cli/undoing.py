"""What rollback does: end what is under way, plan, ask, and carry out."""

from dataclasses import dataclass

import click

from deployer.api import rollouts
from deployer.api.control import stop_work
from deployer.api.loading import Scope, load, name_in
from deployer.api.places import journal_home
from deployer.api.rollback import choices_in, demand_undoable, plan_rollback
from deployer.api.standing import find_standing
from deployer.api.workplace import Rollout, Workplace
from deployer.cli.asking import confirm
from deployer.cli.carrying import carry
from deployer.cli.ending import end
from deployer.cli.manner import Manner
from deployer.cli.meanwhile import planning
from deployer.cli.showing import EACH, columns, show_plan
from deployer.cli.wiring import opened
from deployer.domain.candidate import Choices
from deployer.report.plan_lines import PlanLines
from deployer.report.plan_view import plan_text
from deployer.report.text import numbered


@dataclass(frozen=True, slots=True)
class Undo:
    """One rollback, from the words of its options to its exit code."""

    manner: Manner
    journal: str | None
    yes: bool
    ask: bool
    ours: tuple[str, ...]
    theirs: tuple[str, ...]
    plan_only: bool
    rollout: str | None
    delete: bool

    async def go(self) -> int:
        """Roll back, and return the exit code."""
        loaded = load(self.manner.manifest, scope=Scope(tenants=False))
        path, name = journal_home(self.manner.manifest, self.journal), name_in(self.manner.manifest)
        now = await find_standing(path, name=name)
        begun = now.rollout.kind == "apply" and rollouts.is_unfinished(now.rollout)
        if begun and not self.plan_only and now.rollout.id.startswith(self.rollout or ""):
            self._confirm(f"End rollout {now.rollout.id} where it stands, to roll it back?")
            if now.at_work:
                await stop_work(path, name)
        async with opened(loaded, journal=self.journal, manner=self.manner, read_only=self.plan_only) as place:
            last = await demand_undoable(place, self.rollout)
            choices = await choices_in(place, last, ours=self.ours, theirs=self.theirs)
            if not self.plan_only and rollouts.is_unfinished(last):
                click.echo(f"ending rollout {last.id} before it is rolled back", err=True)
                await end(place, last, self.manner, verb="rollback")
            return await self._undo(place, last, choices)

    async def _undo(self, place: Workplace, last: Rollout, choices: Choices) -> int:
        lines = PlanLines()
        click.echo(f"undoing rollout {last.id} of {last.started_at}", err=True)
        saved = await plan_rollback(place, last, choices, delete=self.delete, watch=planning(place, lines.add))
        how = {"manifest": str(self.manner.manifest), "verb": "rollback", "every": EACH}
        text = plan_text(saved.plan, saved.digest, lines, width=columns(), **how)
        click.echo(text, err=self.manner.form is not None or self.manner.to_stderr)
        if self.plan_only or not saved.plan.work:
            show_plan(saved, self.manner)
            return 0
        self._confirm(f"Undo it for {numbered(saved.plan.work, 'tenant')}?")
        return await carry(place, await rollouts.begin(place, saved, kind="rollback"), self.manner)

    def _confirm(self, question: str) -> None:
        """Ask a person, unless nobody wants to be asked."""
        if not self.yes:
            confirm(question, about="it", ask=self.ask)
