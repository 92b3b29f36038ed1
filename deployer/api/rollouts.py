"""What an apply does: go on with what is unfinished, refuse what does not fit it, or plan and begin."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import partial

from deployer.api.workplace import Workplace
from deployer.domain.candidate import Choices
from deployer.domain.command import typed
from deployer.domain.deployment import Status
from deployer.domain.guards import beside, refuse_broken, templates_left, violated
from deployer.domain.instructions import Standing
from deployer.domain.plan import Plan, Planned
from deployer.domain.template import Template
from deployer.engine import rollouts
from deployer.engine.carrying import give_over
from deployer.engine.keeping import demand_kept, demand_original
from deployer.engine.planning import Materials, make_plan, plan_runs
from deployer.engine.plans import SavedPlan, load_plan
from deployer.engine.rollouts import SUPERSEDED, UNFINISHED, retry_failed
from deployer.engine.templates import changed_templates, new_revisions
from deployer.engine.whoever import whoever
from deployer.errors import GuardError, UsageError
from deployer.journal.protocol import Journal, Rollout

__all__ = [
    "SavedPlan",
    "abort",
    "begin",
    "demand_not_paused",
    "demand_same",
    "demand_template",
    "demand_unfinished",
    "heed_guards",
    "is_unfinished",
    "last_rollout",
    "new_plan",
    "plan_drift",
    "retry",
    "run_rollout",
    "saved_plan",
    "supersede",
]


async def last_rollout(place: Workplace) -> Rollout | None:
    """Return the newest rollout of the manifest's name; one that was superseded is none.

    Raise GuardError where the journal is not the one that worked here last, before anything is planned with it.
    """
    accounts, manifest = place.accounts.opened.values(), str(place.loaded.path)
    await demand_kept(place.journal, place.journal_name, accounts, locks=place.locks, manifest=manifest)
    await demand_original(place.journal, place.journal_name, accounts, locks=place.locks, manifest=manifest)
    found = await place.journal.rollouts(place.loaded.manifest.name, limit=1)
    return next((rollout for rollout in found if rollout.outcome != SUPERSEDED), None)


def is_unfinished(rollout: Rollout | None) -> bool:
    """Tell whether a rollout may go on."""
    return rollout is not None and rollout.outcome in UNFINISHED


async def new_plan(
    place: Workplace, choices: Choices | None = None, *, watch: Callable[[int, Planned], None] | None = None
) -> SavedPlan:
    """Plan, and save the plan; `watch` sees each tenant as it is decided, with its place in the list."""
    materials, choices = _materials(place, watch), choices or Choices()
    saved = await make_plan(materials, choices, directory=place.plans, observed_at=place.clock.utc())
    if choices.not_on:
        await _demand_revision(place, saved.plan, choices.not_on)
    return saved


async def _demand_revision(place: Workplace, plan: Plan, revision: str) -> None:
    """Raise UsageError for a revision that the template has not now, and no flow is on."""
    templates = sorted({account.template for account in plan.accounts.values()})
    known = {*await place.journal.by_revision(templates), *(account.revision for account in plan.accounts.values())}
    if not any(each.startswith(revision) for each in known):
        raise UsageError(f"--not-on: no flow is on rev:{revision}", remedy="deployer status shows the revisions")


async def plan_drift(place: Workplace, *, watch: Callable[[int, Planned], None] | None = None) -> Plan:
    """Return a plan that shows what was changed outside, whatever the manifest wants to be done about it."""
    manifest = place.loaded.manifest.model_copy(update={"drift": "report"})
    return (await new_plan(replace(place, loaded=replace(place.loaded, manifest=manifest)), watch=watch)).plan


async def run_rollout(place: Workplace, *, id_: str = "") -> Rollout:
    """Return the unfinished rollout that runs every tenant's flow, or begin one, under an id if that was settled."""
    last = await last_rollout(place)
    if last and is_unfinished(last):
        if last.kind == "run":
            return last
        remedy = f"finish it first: {typed('resume', place.loaded.path)}"
        raise GuardError(f"rollout {last.id} is unfinished", remedy=remedy)
    saved = await plan_runs(_materials(place, None), directory=place.plans, observed_at=place.clock.utc())
    return await begin(place, saved, kind="run", id_=id_)


def _materials(place: Workplace, watch: Callable[[int, Planned], None] | None) -> Materials:
    return Materials(place.loaded, place.accounts, place.journal, place.office.env, watch or (lambda *_: None))


async def saved_plan(place: Workplace, digest: str) -> SavedPlan:
    """Return the plan that was approved; raise GuardError where what it was made for is not there any more."""
    saved = load_plan(place.plans, digest)
    changed = [
        f"the template in {name}" for name in await changed_templates(saved.plan, place.accounts, place.loaded.document)
    ]
    if saved.plan.manifest_digest != place.loaded.manifest_digest:
        changed.append("the manifest")
    if saved.plan.tenants_digest != place.loaded.tenants_digest:
        changed.append("the tenants")
    if changed:
        raise GuardError(f"{', '.join(changed)} changed since the plan", remedy="plan again, and approve that plan")
    await _demand_unspent(place, saved)
    return saved


async def _demand_unspent(place: Workplace, saved: SavedPlan) -> None:
    """Raise GuardError where a plan was applied already, or a call in doubt stands in its way."""
    applied = await place.journal.rollouts(plan=saved.digest, limit=1)
    if applied and applied[0].started_at > saved.plan.observed_at:
        raise GuardError(f"this plan was applied already, in rollout {applied[0].id}", remedy="plan again")
    unsettled = await place.journal.unsettled()
    if not unsettled:
        return
    for planned in saved.plan.tenants:
        if planned.steps and planned.key in unsettled:
            raise GuardError(f"{planned.tenant}: {unsettled[planned.key]}", remedy="then plan again")


async def heed_guards(place: Workplace, plan: Plan, allow: frozenset[str]) -> None:
    """Raise GuardError where a plan would change more than anybody is likely to mean, unless its rule is allowed."""
    broken = {**violated(plan), **await _beside(place.journal, plan)}
    refuse_broken({rule: said for rule, said in broken.items() if rule not in allow})


async def _beside(journal: Journal, plan: Plan) -> dict[str, str]:
    """Return the rule that is broken where a plan would make flows beside those of another template."""
    found = await journal.rollouts(plan.name, kind="apply", limit=1)
    templates = templates_left(plan, await journal.plan(found[0].id)) if found else []
    flows = sum((await journal.by_revision(templates)).values()) if templates else 0
    return beside(plan, templates, flows)


async def begin(place: Workplace, saved: SavedPlan, *, kind: str = "apply", id_: str = "") -> Rollout:
    """Write a plan as a rollout, and what the template holds that an apply deploys; nothing is changed yet.

    `id_` is what it is called, if that was settled before. Raise GuardError where the template changed since the plan.
    """
    revisions: Collection[Template] = ()
    if kind == "apply" and place.loaded.document is None:
        revisions = await new_revisions(saved.plan, place.accounts, place.journal)
    id_ = id_ or rollouts.new_id(saved.plan.name, place.clock, place.chance)
    return await rollouts.begin(place.journal, place.clock, saved, kind=kind, id_=id_, revisions=revisions)


async def demand_same(place: Workplace, last: Rollout, *, digest: str | None, scope: str = "") -> None:
    """Raise GuardError unless going on with a rollout means what is asked for now.

    `scope` are the options that select tenants, as they are typed: a command to type repeats them.
    """
    loaded = place.loaded
    same = {
        f"the command ({last.kind})": last.kind == "apply",
        "the manifest": last.manifest_digest == loaded.manifest_digest,
        "the tenants": last.tenants_digest == loaded.tenants_digest,
        "the plan": digest is None or last.plan.startswith(digest.removeprefix("plan:")),
    }
    differs = [what for what, holds in same.items() if not holds]
    plan = await place.journal.plan(last.id)
    differs += [f"the template in {name}" for name in await changed_templates(plan, place.accounts, loaded.document)]
    if not differs:
        return
    anew, what = f"{typed('apply', loaded.path)}{scope}", ", ".join(differs)
    if not is_unfinished(last):
        raise GuardError(f"rollout {last.id} differs in {what}", remedy=f"plan anew, the failed too: {anew}")
    raise GuardError(
        f"rollout {last.id} is unfinished, and differs in {what}",
        remedy=(
            f"go on with it as it was planned: {typed('resume', loaded.path)}\n"
            f"or leave it and start anew: {anew} --supersede"
        ),
    )


async def demand_template(place: Workplace, last: Rollout) -> None:
    """Raise GuardError where the template of an apply changed since; one from a file stands in the plan itself."""
    if last.kind != "apply" or place.loaded.document is not None:
        return
    plan = await place.journal.plan(last.id)
    if changed := await changed_templates(plan, place.accounts, place.loaded.document):
        raise GuardError(
            f"the template in {', '.join(changed)} changed since the plan",
            remedy=f"leave the rollout and start anew: {typed('apply', place.loaded.path, '--supersede')}",
        )


async def demand_unfinished(place: Workplace, *, failed: bool) -> Rollout:
    """Return the rollout that can go on; raise UsageError where there is none."""
    last = await last_rollout(place)
    if last is None or not (is_unfinished(last) or failed):
        raise UsageError(
            f"no rollout of {place.loaded.manifest.name} is unfinished",
            remedy=f"begin one: {typed('apply', place.loaded.path)}",
        )
    return last


async def retry(place: Workplace, last: Rollout) -> int:
    """Make every failed step of a rollout ready again; return how many."""
    return await retry_failed(place.journal, place.clock, last)


async def supersede(place: Workplace, last: Rollout) -> bool:
    """Leave a rollout whose calls were settled; tell whether that could be: none is in doubt any more."""
    await give_over(place.journal, place.clock, last, place.accounts)
    if not await rollouts.is_settled(place.journal, last):
        return False
    ended = replace(last, outcome=SUPERSEDED, reason="left for a new plan")
    await rollouts.leave(place.journal, place.clock, ended, tell=partial(_tell, place))
    return True


async def abort(place: Workplace, last: Rollout) -> bool:
    """End a rollout whose calls were settled: what has not begun is cancelled; tell whether that could be."""
    await give_over(place.journal, place.clock, last, place.accounts)
    return await rollouts.abort(place.journal, place.clock, last, whoever(), tell=partial(_tell, place))


async def _tell(place: Workplace, ended: Rollout, counts: Mapping[Status, int]) -> None:
    """Tell those whom the manifest names how a rollout ends."""
    if place.loaded.manifest.notify:
        from deployer.api.notifying import tell_end  # noqa: PLC0415 - not everybody has anybody to tell

        await tell_end(place.loaded, place.office, ended, counts, told=place.office.tell)


async def demand_not_paused(place: Workplace, last: Rollout) -> None:
    """Raise GuardError where somebody paused a rollout: only a resume goes on with it."""
    paused = Standing.of(await place.journal.instructions(last.id)).paused
    if paused:
        remedy = f"go on with: {typed('resume', place.loaded.path)}"
        raise GuardError(f"rollout {last.id} was paused by {paused.who} at {paused.at}", remedy=remedy)
