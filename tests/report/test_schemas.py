import json
from collections import Counter
from dataclasses import replace
from importlib.resources import files
from typing import Any

import jsonschema
import pytest

from deployer.domain.deployment import Status
from deployer.domain.gate import Gate, GateState
from deployer.domain.lifecycle import State
from deployer.domain.plan import Action
from deployer.domain.waves import Checks, Evidence, Wave
from deployer.report.plan_view import plan_head, plan_tenant
from deployer.report.shapes import schema
from deployer.report.summary import WaveStanding, rollout_head, tenant_view
from tests.factories import rollout
from tests.report.rollouts import Course, read
from tests.report.stage import DIGEST, at_rest, sample, untouched

CHECKS = Checks(equal=True, errors=0, evidence=Evidence(0.05, 5), command="./check")


def judge_of(name: str) -> jsonschema.Draft202012Validator:
    schema = json.loads(files("deployer.report").joinpath("schemas", f"{name}.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def as_printed(document: object) -> dict[str, Any]:
    printed: dict[str, Any] = json.loads(json.dumps(document))
    return printed


def a_summary() -> dict[str, Any]:
    troubled = (at_rest(state, state, code="invalid_field", message="no such zone") for state in State)
    blocked = untouched("initech", action=Action.BLOCKED, reason="moved")
    unchanged = untouched("hooli", action=Action.NO_CHANGE)
    tenants = [*troubled, blocked, unchanged]
    counts = Counter(tenant.status for tenant in tenants)
    head = rollout_head(rollout(), {status: counts[status] for status in Status})
    return as_printed({**head, "tenants": [*map(tenant_view, tenants)]})


def test_a_plan_is_as_its_schema_says() -> None:
    made = sample()
    judge_of("plan").validate(as_printed({**plan_head(made, DIGEST), "tenants": [*map(plan_tenant, made.tenants)]}))


def test_a_plan_with_waves_is_as_its_schema_says() -> None:
    waves = (Wave("canary", 1, 1, 0, approve=True, bake=(60.0, 120.0)), Wave("rest", 1, 1, 0, checks=CHECKS))
    made = replace(sample(), waves=waves)
    judge_of("plan").validate(as_printed({**plan_head(made, DIGEST), "tenants": [*map(plan_tenant, made.tenants)]}))


def test_a_summary_is_as_its_schema_says() -> None:
    judge_of("summary").validate(a_summary())


def test_a_summary_with_waves_is_as_its_schema_says() -> None:
    counts = {status: int(status is Status.DONE) for status in Status}
    gates = (None, Gate(1, GateState.BAKING, "2026-03-01T10:00:00Z"), Gate(1, GateState.RELEASED, "", "jo@laptop"))
    waves = [WaveStanding(Wave("canary", 1, 1, 0), counts, gate) for gate in gates]
    document = as_printed({**rollout_head(rollout(), counts, waves), "tenants": []})
    judge_of("summary").validate(document)
    assert [wave["state"] for wave in document["waves"]] == ["ended", "baking", "released"]
    assert [wave["approved_by"] for wave in document["waves"]] == [None, None, "jo@laptop"]


COURSES = [
    Course(40),
    Course(60, waves=[1, "20%"], outcome="running", upto=0.5),
    Course(60, waves=[1, "20%"], outcome="halted", upto=0.3, failing=60),
    Course(3, upto=0.0, outcome="planned"),
]


@pytest.mark.parametrize("course", COURSES)
def test_a_report_is_as_its_schema_says(course: Course) -> None:
    head, tenants = read(course)
    document: Any = schema("report")
    jsonschema.Draft202012Validator(document).validate(as_printed({**head, "tenants": tenants}))


@pytest.mark.parametrize("missing", ["outcome", "counts", "tenants"])
def test_a_document_that_lacks_a_promised_key_is_refused(missing: str) -> None:
    document = a_summary()
    del document[missing]
    assert not judge_of("summary").is_valid(document)


def test_a_key_that_the_schema_does_not_know_is_refused() -> None:
    assert not judge_of("summary").is_valid({**a_summary(), "extra": 1})
