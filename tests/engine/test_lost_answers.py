"""Every way to lose the answer of a call that changes something: what it did is found out, and done exactly once."""

from collections.abc import Mapping

import pytest

from deployer.simulator import Customer, Knobs, Rule
from tests.engine.stage import US, Stage

pytestmark = pytest.mark.anywhere

LOST: Mapping[str, Rule] = {
    "lost": Rule(action="lose"),
    "lost-applied": Rule(action="lose", applied=True),
    "reset": Rule(action="reset"),
    "reset-applied": Rule(action="reset", applied=True),
    "late": Rule(action="late", seconds=0.3),
    "stalled": Rule(action="stall", seconds=5.0),
    "stalled-applied": Rule(action="stall", seconds=5.0, applied=True),
    "cut": Rule(action="cut"),
    "garbled": Rule(action="garble"),
    "empty-object": Rule(action="garble", text="{}"),
    "proxy-page": Rule(action="html", status=502),
    "error-500": Rule(action="refuse", status=500),
    "error-500-applied": Rule(action="refuse", status=500, applied=True),
}
UNAPPLIED = {"lost", "reset", "stalled", "proxy-page", "error-500"}


def befall_each(stage: Stage, route: str, *, but: tuple[str, ...] = ()) -> None:
    """Let each tenant, named for its misfortune, meet it once on a route."""
    names = [name for name in LOST if name not in but]
    stage.tenants = {name: Customer(US, number) for number, name in enumerate(names)}
    for name in names:
        rule = LOST[name]
        stage.befall(
            Rule(
                action=rule.action,
                route=route,
                id=stage.integration(name),
                nth=1,
                applied=rule.applied,
                status=rule.status,
                seconds=rule.seconds,
                text=rule.text,
            )
        )


def assert_deployed(stage: Stage) -> None:
    """Judge by the world alone: one flow a tenant, as the manifest says, and nothing of the template lost."""
    for name in stage.tenants:
        flow = stage.flow(name)
        assert flow["name"] == f"Orders: {stage.tenants[name].name}", name
        assert flow["settings"]["batchSize"] == 200, name
        assert flow["disabled"] is False, name
        assert flow["skipRetries"] is False, name


def test_a_clone_whose_answer_is_lost_in_any_way_leaves_one_flow(stage: Stage) -> None:
    befall_each(stage, "flows.clone")

    ended = stage.apply()

    assert ended.code == 0, ended.err
    assert_deployed(stage)
    clones = {name: len(stage.effects("clone", name)) for name in stage.tenants}
    assert clones == dict.fromkeys(stage.tenants, 1)
    assert stage.sent("flows.clone") == len(LOST) + len(UNAPPLIED)


def test_a_put_whose_answer_is_lost_in_any_way_leaves_the_flow_as_wanted(stage: Stage) -> None:
    befall_each(stage, "flows.put")

    ended = stage.apply()
    stage.forget_requests()
    again = stage.apply()

    assert ended.code == 0, ended.err
    assert_deployed(stage)
    assert (again.code, stage.writes) == (0, [])


def test_an_update_whose_answer_is_lost_in_any_way_keeps_what_others_own(stage: Stage) -> None:
    befall_each(stage, "flows.put")
    stage.mend()
    stage.apply()
    for name in stage.tenants:
        stage.edit(name, note=f"of {name}")
    stage.manifest["flow"]["settings"]["batchSize"] = 300
    befall_each(stage, "flows.put")

    ended = stage.apply("--allow", "many-updates")
    stage.forget_requests()
    again = stage.apply()

    assert ended.code == 0, ended.err
    for name in stage.tenants:
        assert stage.flow(name)["note"] == f"of {name}"
        assert stage.flow(name)["settings"]["batchSize"] == 300
    assert (again.code, stage.writes) == (0, [])


def test_a_clone_that_broke_halfway_is_made_anew_and_its_parts_are_no_flow(stage: Stage) -> None:
    stage.befall(Rule(action="half", route="flows.clone", id=stage.integration("acme"), nth=1))

    ended = stage.apply()

    assert ended.code == 0, ended.err
    assert len(stage.flows("acme")) == 1


def test_a_lagging_list_makes_no_second_flow(stage: Stage) -> None:
    stage.befall(
        Rule(action="lose", route="flows.clone", applied=True, id=stage.integration("acme"), nth=1),
        Rule(action="lag", route="integrations.flows", seconds=0.09),
    )

    ended = stage.apply()

    assert ended.code == 0, ended.err
    assert len(stage.flows("acme")) == 1


def test_a_create_whose_answer_is_lost_leaves_one_flow(stage: Stage) -> None:
    stage.manifest["template"] = {"file": "flow.json", "id": "orders"}
    del stage.manifest["accounts"][US]["connections"]
    stage.write()
    (stage.directory / "flow.json").write_text('{"name": "x", "skipRetries": false}', "utf-8")
    stage.befall(
        Rule(action="lose", route="flows.create", applied=True, id=stage.integration("acme"), nth=1),
        Rule(action="lose", route="flows.create", id=stage.integration("globex"), nth=1),
    )

    ended = stage.apply()

    assert ended.code == 0, ended.err
    assert_deployed(stage)


@pytest.mark.parametrize("applied", [True, False], ids=["applied", "dropped"])
def test_a_lost_put_on_a_server_that_normalises_comes_to_an_end(stage: Stage, applied: bool) -> None:
    stage.simulator.knobs = Knobs(settings_as_text=True)
    stage.befall(Rule(action="lose", route="flows.put", applied=applied, nth=1))

    ended = stage.apply()
    stage.forget_requests()
    again = stage.apply()

    assert ended.code == 0, ended.err
    assert (again.code, stage.writes) == (0, [])


def test_a_lost_update_on_a_server_that_normalises_comes_to_an_end(stage: Stage) -> None:
    stage.simulator.knobs = Knobs(settings_as_text=True)
    stage.apply()
    stage.manifest["flow"]["settings"]["batchSize"] = 300
    stage.befall(Rule(action="lose", route="flows.put", applied=True, nth=1))

    ended = stage.apply()
    stage.forget_requests()
    again = stage.apply()

    assert ended.code == 0, ended.err
    assert (again.code, stage.writes) == (0, [])


def test_a_tenant_is_never_called_done_with_another_value_than_the_wanted_one(stage: Stage) -> None:
    stage.apply()
    stage.manifest["flow"]["settings"]["batchSize"] = 300
    theirs = {"settings": {"region": "us-east", "batchSize": 7}}
    flow = stage.flow("acme")["_id"]
    stage.befall(
        Rule(action="lose", route="flows.put", id=flow, nth=1),
        Rule(action="edit", route="flows.put", id=flow, nth=1, fields=theirs, applied=True),
    )

    ended = stage.apply()

    done = ended.tenants["acme"]["outcome"] == "done"
    assert done == (stage.flow("acme")["settings"]["batchSize"] == 300)


def test_a_field_dropped_after_a_lost_put_still_goes_back_to_what_it_was_before_us(stage: Stage) -> None:
    stage.befall(Rule(action="lose", route="flows.put", applied=True, id=stage.integration("acme"), nth=1))
    stage.apply()
    del stage.manifest["flow"]["timezone"]

    stage.apply()

    assert stage.flow("acme")["timezone"] == "America/Los_Angeles"  # as in the template


@pytest.mark.parametrize(
    ("step", "applied", "look", "first"),
    [("flows.clone", True, "integrations.flows", 3), ("flows.run", False, "flows.latest", 2)],
    ids=["clone", "run"],
)
def test_what_could_not_be_read_to_the_end_is_looked_at_again_by_a_resume_of_the_failed(
    stage: Stage, step: str, applied: bool, look: str, first: int
) -> None:
    stage.run_flows(mode="reconcile")
    stage.tenants = {"acme": stage.tenants["acme"]}
    looks = [Rule(action="refuse", route=look, status=503, nth=number) for number in range(first, 60)]
    stage.befall(Rule(action="lose", route=step, applied=applied, nth=1), *looks)
    tenant = stage.apply().tenants["acme"]
    assert (tenant["outcome"], tenant["error"]["code"]) == ("unknown", "unreadable")
    assert "resume --failed" in tenant["error"]["remedy"]
    stage.mend()

    ended = stage.run("resume", "--failed", "--json")

    assert ended.code == 0, ended.err
    assert len(stage.effects("clone", "acme")) == 1
    assert len(stage.effects("run", "acme")) == 1


def _doubtful(stage: Stage) -> str:
    """Let acme's clone arrive without a marker and without an answer; return the flow."""
    stage.tenants = {"acme": stage.tenants["acme"]}
    stage.simulator.knobs = Knobs(name_length=10)
    stage.befall(Rule(action="lose", route="flows.clone", applied=True, nth=1))
    ended = stage.apply()
    stage.simulator.knobs = Knobs()
    assert ended.tenants["acme"]["outcome"] == "unknown"
    assert "deployer resolve acme --took" in ended.tenants["acme"]["error"]["remedy"]
    return str(stage.flow("acme")["_id"])


def test_a_person_says_that_an_unmarked_flow_is_the_clone(stage: Stage) -> None:
    flow = _doubtful(stage)

    said = stage.run("resolve", "acme", "--took", flow)
    ended = stage.apply()

    assert (said.code, ended.code) == (0, 0), ended.err
    assert stage.sent("flows.clone") == 1
    assert stage.flow("acme")["_id"] == flow
    assert stage.flow("acme")["settings"]["batchSize"] == 200


def test_a_person_says_that_an_unmarked_flow_is_somebody_elses(stage: Stage) -> None:
    theirs = _doubtful(stage)
    before = stage.flow("acme")

    stage.run("resolve", "acme", "--retry")
    ended = stage.apply()

    assert ended.code == 0, ended.err
    assert stage.sent("flows.clone") == 2
    assert ended.tenants["acme"]["flow"] != theirs
    assert before in stage.flows("acme")


def test_a_person_leaves_a_clone_in_doubt_alone(stage: Stage) -> None:
    _doubtful(stage)

    stage.run("resolve", "acme", "--skip")
    ended = stage.apply()

    assert ended.tenants["acme"]["outcome"] == "skipped"
    assert stage.sent("flows.clone") == 1


def test_reads_that_fail_are_repeated_and_change_nothing(stage: Stage) -> None:
    stage.befall(
        Rule(action="reset", route="tokenInfo", nth=1),
        Rule(action="html", route="integrations.list", nth=1),
        Rule(action="cut", route="connections.list", nth=1),
        Rule(action="garble", route="exports.get", nth=1),
        Rule(action="lose", route="integrations.flows", nth=1),
    )

    ended = stage.apply()

    assert ended.code == 0, ended.err
    assert [len(stage.flows(name)) for name in stage.tenants] == [1, 1, 1]
