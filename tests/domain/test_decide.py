"""One action a tenant, and for each that is blocked the sentence that says why."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.domain.candidate import Candidate, Choices, Wanted
from deployer.domain.chosen import Choice
from deployer.domain.decide import decide
from deployer.domain.deployment import Instance
from deployer.domain.desired import Desired
from deployer.domain.documents import MISSING, Document, Path
from deployer.domain.identity import InstanceKey, birth_name, marker_line
from deployer.domain.lifecycle import StepKind
from deployer.domain.manifest import Manifest
from deployer.domain.merge3 import Memory, Verdict
from deployer.domain.plan import Action, Planned
from deployer.domain.remembered import Remembered
from deployer.domain.snapshot import Snapshot
from deployer.domain.tenants import Tenant
from tests.factories import (
    CREATE,
    FLOW,
    INTEGRATION,
    TEMPLATE,
    UPDATE,
    desired,
    instance,
    manifest,
    snapshot,
    template,
    tenant,
    verdicts,
)

KEY = InstanceKey(TEMPLATE, INTEGRATION)
ELSEWHERE = "5f0000000000000000000a02"
NAME: Path = ("name",)
WANTED = desired({"name": "Orders"})
AS_LEFT = {NAME: Memory("Orders", "Orders", "Template")}
KNOWN = instance(fields=AS_LEFT)
LIVE: Document = {"_id": FLOW, "name": "Orders", "description": marker_line("order-sync", KEY), "lastModified": "now"}
UNMARKED: Document = {"_id": FLOW, "name": "Orders"}
CLONED: Document = {"_id": "cloned01", "name": "Somebody's", "_sourceId": TEMPLATE}
NEWBORN: Document = {"_id": FLOW, "name": birth_name("Orders", KEY), "timezone": "UTC"}
MANIFEST = manifest()
NOBODY = Choices()


def recalled(known: Sequence[Instance], unsettled: dict[InstanceKey, str] | None = None) -> Remembered:
    """Return what a journal that remembers these flows recalls of them."""
    return Remembered(
        {one.integration: one for one in known},
        {one.tenant: one.integration for one in known},
        {key.integration: why for key, why in (unsettled or {}).items()},
    )


def decided(
    *flows: Document,
    want: Desired = WANTED,
    who: Tenant | None = None,
    known: Sequence[Instance] = (),
    account: Snapshot | None = None,
    of: Manifest = MANIFEST,
    choices: Choices = NOBODY,
    unsettled: dict[InstanceKey, str] | None = None,
) -> Planned:
    """Decide about one tenant whose integration holds these flows."""
    found = account or snapshot({INTEGRATION: flows, ELSEWHERE: ()})
    remembered = recalled(known, unsettled)
    return decide(Candidate(Wanted(who or tenant(), want), found, remembered), of, choices)


def test_where_there_is_nothing_a_flow_is_created() -> None:
    planned = decided(UNMARKED, want=desired({"name": "Orders of acme"}))
    assert (planned.action, planned.steps, planned.flow) == (Action.CREATE, CREATE, None)
    assert verdicts(planned) == {NAME: Verdict.UPDATE}
    assert planned.fields == {NAME: "Orders of acme"}
    assert planned.seen == ()


def test_a_template_from_a_file_is_created_with_its_document() -> None:
    want = replace(WANTED, document={"name": "Orders"})
    planned = decided(want=want, of=manifest(template={"file": "flow.json", "id": "orders"}))
    assert planned.steps == (StepKind.CREATE, StepKind.CONFIGURE)
    assert planned.document == {"name": "Orders"}


def test_a_flow_as_it_shall_be_is_left_alone() -> None:
    planned = decided(LIVE, known=[KNOWN])
    assert (planned.action, planned.steps, planned.flow) == (Action.NO_CHANGE, (), FLOW)
    assert planned.reason == ""


def test_a_wish_that_changed_is_an_update() -> None:
    planned = decided(LIVE, known=[KNOWN], want=desired({"name": "All orders"}))
    assert (planned.action, planned.steps, planned.flow) == (Action.UPDATE, UPDATE, FLOW)
    assert planned.last_modified == "now"


def test_a_field_that_was_dropped_is_an_update() -> None:
    known = instance(fields={**AS_LEFT, ("timezone",): Memory("UTC", "UTC", MISSING)})
    planned = decided({**LIVE, "timezone": "UTC"}, known=[known])
    assert planned.action is Action.UPDATE
    assert verdicts(planned)[("timezone",)] is Verdict.REMOVE


def test_drift_is_reported_and_nothing_is_done_about_it() -> None:
    planned = decided({**LIVE, "name": "Theirs"}, known=[KNOWN])
    assert (planned.action, planned.steps) == (Action.NO_CHANGE, ())
    assert planned.reason == "drift in name: changed outside, left as it is"


def test_a_flow_with_our_marker_is_adopted_without_being_asked() -> None:
    planned = decided(LIVE)
    assert (planned.action, planned.steps, planned.flow) == (Action.ADOPT, (), FLOW)
    assert verdicts(planned) == {NAME: Verdict.ADOPT}


def test_a_newborn_that_was_never_configured_simply_is() -> None:
    planned = decided(NEWBORN, want=desired({"name": "Orders", "timezone": "Europe/Berlin"}))
    assert (planned.action, planned.steps) == (Action.ADOPT, UPDATE)
    assert set(verdicts(planned).values()) == {Verdict.UPDATE}


@pytest.mark.parametrize("way", ["name", "id"])
def test_a_flow_is_taken_over_by_name_or_id_where_the_manifest_says_so(way: str) -> None:
    planned = decided(UNMARKED, who=tenant(flow=FLOW), of=manifest(adopt=way))
    assert (planned.action, planned.flow) == (Action.ADOPT, FLOW)


@pytest.mark.parametrize(
    ("live", "known"),
    [({**LIVE, "name": "Theirs"}, [KNOWN]), ({**LIVE, "name": "Theirs"}, [])],
    ids=["conflict", "adopt_conflict"],
)
@pytest.mark.parametrize(
    ("choices", "action", "steps"),
    [
        (Choices(), Action.BLOCKED, ()),
        (Choices(ours=frozenset({"another"}), theirs=frozenset({"third"})), Action.BLOCKED, ()),
        (Choices(ours=frozenset({"acme"})), None, UPDATE),
        (Choices(theirs=frozenset({"acme"})), None, ()),
    ],
    ids=["nobody", "others", "ours", "theirs"],
)
def test_a_conflict_waits_for_a_choice(
    live: Document, known: list[Instance], choices: Choices, action: Action | None, steps: tuple[StepKind, ...]
) -> None:
    planned = decided(live, known=known, want=desired({"name": "Wished"}), choices=choices)
    chosen = (Action.UPDATE if steps else Action.NO_CHANGE) if known else Action.ADOPT
    assert (planned.action, planned.steps) == (action or chosen, steps)


def test_the_choice_goes_into_the_plan_since_it_is_needed_again_at_apply() -> None:
    planned = decided({**LIVE, "name": "Theirs"}, known=[KNOWN], choices=Choices(ours=frozenset({"acme"})))
    assert planned.chosen == {"": Choice.OURS}


@pytest.mark.parametrize(
    ("run", "steps"),
    [
        ({"trigger": True}, (StepKind.CONFIGURE, StepKind.RUN)),
        ({"trigger": True, "follow": True}, (StepKind.CONFIGURE, StepKind.RUN, StepKind.FOLLOW)),
        ({}, (StepKind.CONFIGURE,)),
    ],
)
def test_what_is_updated_is_run_where_the_manifest_says_so(run: dict[str, bool], steps: tuple[StepKind, ...]) -> None:
    of = manifest(run=run, flow={"disabled": False})
    assert decided(LIVE, known=[KNOWN], want=desired({"name": "New"}), of=of).steps == steps
    assert decided(LIVE, known=[KNOWN], of=of).steps == ()
    assert decided(LIVE, of=of).steps == ()


def test_connections_are_mapped_in_the_plan() -> None:
    account = snapshot(of=template(connections=["source01"]), connections={"target01": "Shop"})
    planned = decided(want=desired(connections={"source01": "Shop"}), account=account)
    assert planned.connections == {"source01": "target01"}


def blocked(planned: Planned) -> str:
    assert (planned.action, planned.steps) == (Action.BLOCKED, ())
    assert (planned.tenant, planned.account, planned.template) == ("acme", "main", TEMPLATE)
    return planned.reason


def test_blocked_because_the_integration_is_not_there() -> None:
    who = tenant(integration="gone0001")
    assert blocked(decided(who=who)) == "integration gone0001 is not in account main"


def test_blocked_because_the_tenant_moved_to_another_integration() -> None:
    who = tenant(integration=ELSEWHERE)
    assert blocked(decided(LIVE, known=[KNOWN], who=who)) == f"moved: its flow lies in integration {INTEGRATION}"


def test_a_new_name_for_the_same_integration_is_no_move_but_a_rename() -> None:
    planned = decided(LIVE, known=[KNOWN], who=tenant("acme-new"))
    assert (planned.action, planned.flow, planned.tenant) == (Action.NO_CHANGE, FLOW, "acme-new")


def test_two_tenants_that_swap_places_are_blocked_as_a_shifted_column_would_swap_them_too() -> None:
    known = [instance("one", fields=AS_LEFT), instance(integration=ELSEWHERE, flow="other001", fields=AS_LEFT)]
    assert blocked(decided(LIVE, known=known)) == f"moved: its flow lies in integration {ELSEWHERE}"


def test_blocked_because_a_call_is_not_settled() -> None:
    why = "its clone in rollout order-sync waits for a person: deployer resolve acme"
    assert blocked(decided(unsettled={KEY: why})) == why


def test_an_unsettled_call_elsewhere_blocks_nobody() -> None:
    assert decided(unsettled={InstanceKey(TEMPLATE, ELSEWHERE): "why"}).action is Action.CREATE


def test_blocked_because_a_connection_cannot_be_mapped() -> None:
    account = snapshot(of=template(connections=["source01"]), connections={"target01": "Shop"})
    reason = blocked(decided(want=desired(connections={"source01": "Shp"}), account=account))
    assert reason == 'connection "Shp" not found; did you mean "Shop"?'


def test_blocked_because_the_connections_of_a_flow_that_exists_changed() -> None:
    account = snapshot({INTEGRATION: [LIVE]}, of=template(connections=["source01"]), connections={"target01": "Shop"})
    known = instance(fields=AS_LEFT, connections={"source01": "target00"})
    reason = blocked(
        decided(want=desired({"name": "Orders"}, connections={"source01": "Shop"}), account=account, known=[known])
    )
    assert reason == "connections changed; an existing flow keeps its own so far"


def test_blocked_because_a_clone_without_our_marker_is_there() -> None:
    reason = "may be here already, without our marker: flow cloned01; take it over: deployer adopt TENANT ID"
    assert blocked(decided(CLONED)) == reason


def test_blocked_because_two_flows_have_the_name_to_adopt() -> None:
    twin: Document = {**UNMARKED, "_id": "twin0001"}
    reason = blocked(decided(UNMARKED, twin, of=manifest(adopt="name")))
    assert reason.startswith(f"may be here already, without our marker: flow {FLOW}, twin0001;")


def test_blocked_because_the_flow_was_deleted_outside() -> None:
    assert blocked(decided(known=[KNOWN])) == f"deleted outside: flow {FLOW} is gone; --recreate acme"


def test_a_person_may_have_it_made_again_and_the_plan_holds_what_was_there() -> None:
    planned = decided({"_id": "strange1", "name": "x"}, known=[KNOWN], choices=Choices(recreate=frozenset({"acme"})))
    assert (planned.action, planned.steps, planned.seen) == (Action.CREATE, CREATE, ("strange1",))


def test_blocked_because_a_field_was_changed_here_and_there() -> None:
    live: Document = {**LIVE, "name": "Theirs", "timezone": "UTC"}
    known = instance(fields={**AS_LEFT, ("timezone",): Memory("A", "A", MISSING)})
    reason = blocked(decided(live, known=[known], want=desired({"name": "Ours", "timezone": "B"})))
    assert reason == "conflict in name, timezone: changed here and there; choose --ours acme or --theirs acme"


INTEGRATIONS = [f"5f0000000000000000000b{number:02}" for number in range(5)]


def situation(number: int, kind: str) -> tuple[Candidate, Instance | None]:
    """Return a tenant alone in its account's snapshot, and what is remembered of it."""
    integration = INTEGRATIONS[number]
    key = InstanceKey(TEMPLATE, integration)
    marked: Document = {"_id": f"flow000{number}", "name": "Orders", "description": marker_line("x", key)}
    flows: dict[str, list[Document]] = {
        "new": [],
        "known": [marked],
        "marked": [marked],
        "gone": [],
        "doubtful": [CLONED],
        "drifted": [{**marked, "name": "Theirs"}],
    }
    remembered = instance(f"tenant-{number}", integration=integration, flow=f"flow000{number}", fields=AS_LEFT)
    account = snapshot({integration: flows[kind]})
    wanted = Wanted(tenant(f"tenant-{number}", integration=integration), WANTED)
    known = remembered if kind in {"known", "gone", "drifted"} else None
    return Candidate(wanted, account, recalled([known] if known else [])), known


@given(st.lists(st.sampled_from(["new", "known", "marked", "gone", "doubtful", "drifted"]), min_size=2, max_size=5))
def test_a_tenants_action_does_not_depend_on_the_other_tenants(kinds: list[str]) -> None:
    alone, known = zip(*(situation(number, kind) for number, kind in enumerate(kinds)), strict=True)
    flows = {place: listing for candidate in alone for place, listing in candidate.snapshot.flows.items()}
    everybody = recalled([one for one in known if one])
    together = [replace(candidate, snapshot=snapshot(flows), remembered=everybody) for candidate in alone]
    expected = [decide(candidate, MANIFEST, NOBODY) for candidate in alone]
    assert [decide(candidate, MANIFEST, NOBODY) for candidate in together] == expected
