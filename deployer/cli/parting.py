"""What delete and detach do: plan, ask, and carry out."""

from dataclasses import dataclass

import click

from deployer.api import rollouts
from deployer.api.freezing import demand_thawed
from deployer.api.loading import load
from deployer.api.parting import Whose, demand_finished, plan_parting
from deployer.api.rollouts import SavedPlan
from deployer.api.workplace import Workplace
from deployer.cli.asking import confirm
from deployer.cli.carrying import carry
from deployer.cli.manner import Manner
from deployer.cli.meanwhile import planning
from deployer.cli.showing import EACH, columns, show_plan, tell
from deployer.cli.wiring import opened
from deployer.domain.candidate import Choices
from deployer.domain.plan import Action
from deployer.report.plan_lines import PlanLines
from deployer.report.plan_view import plan_text
from deployer.report.text import numbered

_MEANS = {
    Action.DELETE: "The platform keeps a deleted flow for 30 days; its exports and imports stay, and sweep names them.",
    Action.DETACH: "The flows stay as they are, and this manifest forgets them.",
}


@dataclass(frozen=True, slots=True)
class Part:
    """One delete or detach, from the words of its options to its exit code."""

    action: Action
    manner: Manner
    whose: Whose
    journal: str | None
    yes: bool
    ask: bool
    ours: tuple[str, ...]
    allow: frozenset[str]
    plan_only: bool

    async def go(self) -> int:
        """Part with the flows, and return the exit code."""
        choices = Choices(ours=frozenset(self.ours))
        loaded = load(self.manner.manifest)
        async with opened(loaded, journal=self.journal, manner=self.manner, read_only=self.plan_only) as place:
            await demand_finished(place)
            if not self.plan_only:
                demand_thawed(place, self.manner.despite)
            lines = PlanLines()
            saved = await plan_parting(place, self.action, self.whose, choices, watch=planning(place, lines.add))
            self._show(saved, lines)
            await rollouts.heed_guards(place, saved.plan, self.allow)
            if self.plan_only or not saved.plan.work:
                show_plan(saved, self.manner)
                return 0
            self._confirm(place, saved)
            return await carry(place, await rollouts.begin(place, saved, kind=self.action.value), self.manner)

    def _show(self, saved: SavedPlan, lines: PlanLines) -> None:
        manifest, verb = str(self.manner.manifest), self.action.value
        how = {"manifest": manifest, "verb": verb, "every": EACH}
        text = plan_text(saved.plan, saved.digest, lines, width=columns(), **how)
        click.echo(text, err=self.manner.form is not None or self.manner.to_stderr)

    def _confirm(self, place: Workplace, saved: SavedPlan) -> None:
        """Ask a person, unless nobody wants to be asked."""
        tell(_MEANS[self.action])
        names = {tenant.tenant for tenant in place.loaded.tenants}
        again = sum(planned.tenant in names and bool(planned.steps) for planned in saved.plan.tenants)
        if again and self.action is Action.DELETE:
            tell(f"{again} of them are in {place.loaded.path}: the next apply makes their flows again.")
        if not self.yes:
            question = f"{self.action.value.capitalize()} the flows of {numbered(saved.plan.work, 'tenant')}?"
            confirm(question, about="it", ask=self.ask)
