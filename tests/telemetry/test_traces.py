"""Spans, as a collector gets them: a trace of each rollout, its tenants within it, and their requests within those."""

import json
from urllib.parse import urlsplit

import pytest

from deployer.simulator import Rule, token_of
from deployer.telemetry.tracing import trace_of
from tests.engine.stage import US, Stage
from tests.telemetry.receiver import CLIENT, Received, Span

CREATED = ["GET /v1/integrations/{id}/flows", "POST /v1/flows/{id}/clone", "PUT /v1/flows/{id}"]
TENANTS = {"acme", "globex", "initech"}


def calls(collector: Received, of: Span) -> list[str]:
    return [each.name for each in sorted(collector.children(of), key=lambda span: span.began)]


def test_a_rollout_is_a_trace_with_a_span_for_each_tenant_and_in_it_one_for_each_request(
    stage: Stage, collector: Received
) -> None:
    ended = stage.apply()
    assert ended.code == 0, ended.err
    rollout = collector.one("rollout")
    assert rollout.attributes["deployer.rollout.id"] == ended.document["rollout"]
    assert rollout.attributes["deployer.rollout.outcome"] == "succeeded"
    assert (rollout.parent, rollout.trace) == ("", f"{trace_of(ended.document['rollout']):032x}")
    tenants = [span for span in collector.children(rollout) if span.name == "tenant"]
    assert {span.attributes["deployer.tenant.name"] for span in tenants} == TENANTS
    for tenant in tenants:
        assert calls(collector, tenant) == CREATED
        assert (tenant.attributes["deployer.account.name"], tenant.attributes["deployer.tenant.status"]) == (US, "done")
        assert {span.trace for span in collector.children(tenant)} == {rollout.trace} == {tenant.trace}
        assert all(tenant.began <= span.began <= span.ended <= tenant.ended for span in collector.children(tenant))
        assert [fields["deployer.step.state"] for name, fields in tenant.events if name == "step.moved"][-1] == "done"


def test_what_is_asked_besides_a_rollout_has_a_trace_of_its_own_that_the_rollout_links_to(
    stage: Stage, collector: Received
) -> None:
    stage.apply()
    besides, rollout = collector.one("deployer"), collector.one("rollout")
    assert "GET /v1/tokenInfo" in calls(collector, besides)
    assert rollout.links == [besides.trace] != [rollout.trace]


def test_every_request_has_one_span_with_the_attributes_of_the_conventions(stage: Stage, collector: Received) -> None:
    stage.apply()
    spans = [span for span in collector.spans if span.kind == CLIENT]
    assert len(spans) == len(stage.ledger.arrivals)
    url = urlsplit(stage.url)
    for span in spans:
        said = span.attributes
        assert span.name == f"{said['http.request.method']} {said['url.template']}"
        assert (said["server.address"], said["server.port"]) == (url.hostname, url.port)
        assert said["url.full"].startswith(f"{stage.url}/v1/")
        assert urlsplit(said["url.full"]).query == ""
        assert 200 <= said["http.response.status_code"] < 300
        assert "error.type" not in said
        assert not span.failed
    assert collector.resource["service.name"] == "deployer"


def test_no_span_holds_a_token_or_a_value(stage: Stage, collector: Received) -> None:
    stage.manifest["flow"]["settings"]["apiKey"] = "canary-of-a-tenant"
    stage.apply()
    assert collector.bodies
    assert not [body for body in collector.bodies if token_of(US).encode() in body or b"canary-of-a-tenant" in body]


def test_a_refused_call_and_its_tenant_are_marked_and_nobody_else(stage: Stage, collector: Received) -> None:
    stage.refuse("globex")
    assert stage.apply().code == 3
    tenant = collector.one("tenant", tenant="globex")
    assert (tenant.failed, tenant.attributes["error.type"]) == (True, "invalid_field")
    assert tenant.said
    [put] = [span for span in collector.children(tenant) if span.name.startswith("PUT")]
    assert (put.failed, put.attributes["error.type"], put.said) == (True, "422", "")
    assert not collector.one("tenant", tenant="acme").failed
    assert not collector.one("rollout").failed


def test_a_request_that_came_too_fast_is_seen_and_so_is_that_it_was_sent_again(
    stage: Stage, collector: Received
) -> None:
    stage.befall(Rule(action="refuse", route="flows.put", times=1, status=429, headers={"Retry-After": "0"}))
    assert stage.apply().code == 0
    puts = [span for span in collector.spans if span.name == "PUT /v1/flows/{id}"]
    [refused] = [span for span in puts if span.attributes.get("http.response.status_code") == 429]
    assert (refused.attributes["error.type"], refused.attributes["deployer.call.outcome"]) == ("429", "throttled")
    [again] = [span for span in puts if "http.request.resend_count" in span.attributes]
    assert (again.parent, again.attributes["http.request.resend_count"]) == (refused.parent, 1)


@pytest.mark.parametrize(
    ("rule", "error"),
    [
        (Rule(action="stall", route="flows.put", times=1), "timeout"),
        (Rule(action="lose", route="flows.put", times=1), "unknown"),
        (Rule(action="garble", route="flows.put", times=1), "unknown"),
        (Rule(action="html", route="flows.put", times=1), "502"),
    ],
    ids=lambda value: value.action if isinstance(value, Rule) else value,
)
def test_a_request_whose_effect_is_not_known_says_how_it_ended(
    stage: Stage, collector: Received, rule: Rule, error: str
) -> None:
    stage.befall(rule)
    assert stage.apply().code == 0
    failed = [span for span in collector.spans if span.failed and span.kind == CLIENT]
    assert [(span.name, span.attributes["error.type"]) for span in failed] == [("PUT /v1/flows/{id}", error)]


def test_a_rollout_that_is_gone_on_with_has_the_same_trace(stage: Stage, collector: Received) -> None:
    stage.befall(Rule(action="refuse", route="flows.clone", status=401, code="unauthorized"))
    assert stage.apply().code == 6
    assert collector.one("rollout").failed
    stage.mend()
    assert stage.run("resume").code == 0
    first, second = collector.named("rollout")
    assert first.trace == second.trace
    assert second.attributes["deployer.rollout.outcome"] == "succeeded"


def test_lines_of_the_log_name_the_span_they_belong_to(stage: Stage, collector: Received) -> None:
    ended = stage.apply("-v")
    lines = [json.loads(line) for line in ended.err.splitlines() if line.startswith("{")]
    rested = [line for line in lines if line["event"] == "tenant.rested"]
    assert {line["tenant"] for line in rested} == TENANTS
    for line in rested:
        span = collector.one("tenant", tenant=line["tenant"])
        assert (line["trace_id"], line["span_id"]) == (span.trace, span.id)
    [over] = [line for line in lines if line["event"] == "rollout.ended"]
    assert over["span_id"] == collector.one("rollout").id


def test_lines_of_the_log_name_no_span_where_nothing_is_traced(stage: Stage) -> None:
    assert "trace_id" not in stage.apply("-v").err


def test_the_variables_of_the_standard_say_who_we_are_and_what_is_sampled(
    stage: Stage, collector: Received, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=nightly,deployment.environment.name=prod")
    stage.apply()
    assert collector.resource["service.name"] == "nightly"
    assert collector.resource["deployment.environment.name"] == "prod"
    seen = len(collector.spans)
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    stage.apply()
    assert len(collector.spans) == seen
