"""Faults: each does what its name says, judged by the ledger."""

import json
import signal
import sys

import aiohttp
import anyio
import pytest

from deployer.simulator import Rule
from deployer.simulator.faults import Action, Faults
from deployer.simulator.world import Json
from tests.simulator.bench import ACME, GLOBEX, SIMPLE, Bench, bench, clone_body

pytestmark = pytest.mark.anyio

CLONE = f"/v1/flows/{SIMPLE}/clone"
LOST = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, aiohttp.ClientPayloadError)


async def clone_is_lost(b: Bench) -> None:
    with pytest.raises(LOST):
        await b.ask("POST", CLONE, clone_body())


@pytest.mark.parametrize("action", ["lose", "reset"])
@pytest.mark.parametrize(("applied", "flows"), [(False, 0), (True, 1)])
async def test_an_answer_is_lost_before_or_after_the_request_took_effect(
    action: Action, flows: int, *, applied: bool
) -> None:
    async with bench(rules=[Rule(action=action, route="flows.clone", applied=applied)]) as b:
        await clone_is_lost(b)
        [arrival] = b.simulator.ledger.arrivals
        assert (arrival.status, arrival.applied, arrival.faults) == (None, applied, (action,))
        assert len(b.flows_of()) == flows


async def test_a_reset_is_a_reset_and_a_loss_is_an_end() -> None:
    async with bench(rules=[Rule(action="reset", nth=1), Rule(action="lose", nth=2)]) as b:
        with pytest.raises(aiohttp.ClientOSError, match="reset by peer"):
            await b.ask("GET", "/v1/tokenInfo")
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await b.ask("GET", "/v1/tokenInfo")


@pytest.mark.parametrize(("applied", "flows"), [(False, 0), (True, 1)])
async def test_a_scripted_refusal_says_its_status_code_and_headers(flows: int, *, applied: bool) -> None:
    rule = Rule(action="refuse", status=503, code="busy", headers={"Retry-After": "soon"}, applied=applied)
    async with bench(rules=[rule]) as b:
        reply = await b.ask("POST", CLONE, clone_body())
        assert (reply.status, reply.code, reply.headers["Retry-After"]) == (503, "busy", "soon")
        assert len(b.flows_of()) == flows


async def test_a_proxy_answers_with_a_page() -> None:
    async with bench(rules=[Rule(action="html", status=504)]) as b:
        reply = await b.ask("POST", CLONE, clone_body())
        assert (reply.status, reply.headers["Content-Type"]) == (504, "text/html; charset=utf-8")
        assert reply.text.startswith("<html>")
        assert b.flows_of() == []


async def test_a_delayed_request_lands_after_its_answer_was_lost() -> None:
    async with bench(rules=[Rule(action="late", route="flows.clone", seconds=0.05)]) as b:
        await clone_is_lost(b)
        assert (b.flows_of(), b.simulator.ledger.pending) == ([], 1)
        b.clock.now += 50
        while b.simulator.ledger.pending:
            await anyio.lowlevel.checkpoint()
        [flow] = b.flows_of()
        assert (flow["createdAt"], b.simulator.ledger.arrivals[0].applied) == ("2027-01-15T08:00:50.000Z", True)


@pytest.mark.parametrize(("applied", "flows"), [(False, 0), (True, 1)])
async def test_a_stalled_answer_never_comes(flows: int, *, applied: bool) -> None:
    async with bench(rules=[Rule(action="stall", applied=applied)]) as b:
        with anyio.move_on_after(0.2) as patience:
            await b.ask("POST", CLONE, clone_body())
        assert patience.cancelled_caught
        assert len(b.flows_of()) == flows


async def test_a_stall_ends_with_a_closed_connection() -> None:
    async with bench(rules=[Rule(action="stall", seconds=0.01)]) as b:
        await clone_is_lost(b)


async def test_a_cut_body_ends_in_the_middle_of_an_applied_answer() -> None:
    async with bench(rules=[Rule(action="cut")]) as b:
        headers = {"Authorization": "Bearer sim-acme-us"}
        async with b.session.post(b.url + CLONE, json=clone_body(), headers=headers) as answer:
            assert answer.status == 201
            with pytest.raises(aiohttp.ClientPayloadError):
                await answer.read()
        assert len(b.flows_of()) == 1


@pytest.mark.parametrize("text", ["", "[1, NaN", "{}"])
async def test_a_garbled_body_is_an_applied_answer_that_says_nothing(text: str) -> None:
    async with bench(rules=[Rule(action="garble", text=text)]) as b:
        reply = await b.ask("POST", CLONE, clone_body())
        assert (reply.status, len(b.flows_of())) == (201, 1)
        assert reply.text == text or not text
        if text != "{}":
            with pytest.raises(json.JSONDecodeError):
                json.loads(reply.text)


async def test_a_garbled_answer_may_have_headers_of_its_own() -> None:
    async with bench(rules=[Rule(action="garble", text="[]", headers={"Link": "<http://elsewhere>"})]) as b:
        reply = await b.ask("GET", "/v1/flows")
        assert (reply.text, reply.headers["Link"]) == ("[]", "<http://elsewhere>")


async def test_a_clone_may_break_between_its_parts_and_the_flow() -> None:
    async with bench(rules=[Rule(action="half", route="flows.clone")]) as b:
        assert (await b.ask("POST", CLONE, clone_body())).status == 500
        assert (b.flows_of(), len(b.effects("half")[0]["parts"])) == ([], 2)
        for kind, key in zip(("exports", "imports"), b.effects("half")[0]["parts"], strict=True):
            assert "_sourceId" in await b.get(f"/{kind}/{key}")


async def test_one_list_may_lag() -> None:
    async with bench(rules=[Rule(action="lag", route="integrations.flows", nth=1, seconds=60)]) as b:
        await b.clone()
        path = f"/v1/integrations/{ACME.id('integrations')}/flows"
        assert [(await b.ask("GET", path)).status for _ in range(2)] == [204, 200]


@pytest.mark.parametrize(("applied", "name"), [(False, "Ours"), (True, "Theirs")])
async def test_a_person_edits_before_or_after_our_put(name: str, *, applied: bool) -> None:
    rule = Rule(action="edit", route="flows.put", fields={"name": "Theirs", "hidden": True}, applied=applied)
    async with bench(rules=[rule]) as b:
        flow = await b.get(f"/flows/{SIMPLE}")
        reply = await b.ask("PUT", f"/v1/flows/{SIMPLE}", {**flow, "name": "Ours"})
        assert (reply.status, reply.body["name"]) == (200, "Ours")
        after = await b.get(f"/flows/{SIMPLE}")
        assert (after["name"], after.get("hidden")) == (name, applied or None)
        [edit] = b.effects("edit")
        assert (edit["n"], edit["id"], edit["fields"]["name"]) == (0, SIMPLE, "Theirs")


async def test_a_person_edits_between_our_get_and_our_put() -> None:
    async with bench(rules=[Rule(action="edit", route="flows.get", fields={"hidden": True}, applied=True, nth=1)]) as b:
        assert "hidden" not in await b.get(f"/flows/{SIMPLE}")
        b.clock.now += 1
        assert (await b.get(f"/flows/{SIMPLE}"))["hidden"] is True


async def test_the_scheduler_starts_a_new_clone() -> None:
    async with bench(rules=[Rule(action="start", route="flows.clone", applied=True)]) as b:
        flow = await b.clone()
        assert len(await b.get(f"/flows/{flow['_id']}/jobs/latest")) == 1
        assert (b.effects("run"), len(b.effects("start")), b.flows_of()[0]["runs"]) == ([], 1, 0)


async def test_a_person_removes_another_flow() -> None:
    async with bench(rules=[Rule(action="remove", route="tokenInfo", flow=SIMPLE)]) as b:
        await b.get("/tokenInfo")
        assert (await b.ask("GET", f"/v1/flows/{SIMPLE}")).status == 404


@pytest.mark.parametrize(("applied", "flows"), [(False, 0), (True, 1)])
async def test_a_kill_ends_the_client_before_or_after_the_request_took_effect(flows: int, *, applied: bool) -> None:
    rule = Rule(action="kill", applied=applied, nth=1)
    async with (
        await anyio.open_process([sys.executable, "-c", "input()"]) as victim,
        bench(rules=[rule], pid=victim.pid) as b,
    ):
        await clone_is_lost(b)
        assert await victim.wait() == -signal.SIGKILL
        assert (len(b.flows_of()), b.simulator.pid) == (flows, None)
        assert (await b.ask("GET", "/v1/tokenInfo")).status == 200


async def test_a_rule_may_concern_one_tenant() -> None:
    async with bench(rules=[Rule(action="refuse", route="flows.*", id=ACME.id("integrations"))]) as b:
        other = await b.ask("POST", CLONE, clone_body(GLOBEX))
        assert (other.status, (await b.ask("POST", CLONE, clone_body())).status) == (201, 502)
        await b.ask("DELETE", "/_simulator/faults")
        flow = (await b.clone())["_id"]
        await b.ask("POST", "/_simulator/faults", {"action": "refuse", "id": ACME.id("integrations")})
        assert (await b.ask("GET", f"/v1/flows/{flow}")).status == 502
        assert (await b.ask("GET", f"/v1/flows/{other.body['_id']}")).status == 200


@pytest.mark.parametrize(
    ("rule", "befallen"),
    [
        (Rule(action="lose"), [1, 2, 3, 4, 5]),
        (Rule(action="lose", nth=3), [3]),
        (Rule(action="lose", times=2), [1, 2]),
        (Rule(action="lose", route="flows.put"), []),
        (Rule(action="lose", route="flows.*"), [1, 2, 3, 4, 5]),
        (Rule(action="lose", id="b"), []),
    ],
)
def test_a_rule_counts_the_calls_that_match_it(rule: Rule, befallen: list[int]) -> None:
    faults = Faults([rule])
    assert [n for n in range(1, 6) if faults.due("flows.get", {"a"})] == befallen


def test_chance_is_the_same_for_the_same_seed() -> None:
    def befallen(seed: int) -> list[int]:
        faults = Faults([Rule(action="lose", chance=0.3)], seed=seed)
        return [n for n in range(1000) if faults.due("flows.get", set())]

    assert befallen(1) == befallen(1) != befallen(2)
    assert 200 < len(befallen(1)) < 400


def test_chance_depends_on_whose_call_it_is_and_not_on_the_order_of_calls() -> None:
    def befallen(order: list[str]) -> dict[str, list[bool]]:
        faults = Faults([Rule(action="lose", chance=0.5)], seed=3)
        met: dict[str, list[bool]] = {}
        for whose in order:
            met.setdefault(whose, []).append(bool(faults.due("flows.put", set(), whose)))
        return met

    calls = [f"integration{number}" for number in range(50)] * 3
    assert befallen(calls) == befallen(sorted(calls)) == befallen(calls[::-1])


async def test_rules_come_and_go_while_it_serves() -> None:
    async with bench() as b:
        for rules in ({"action": "refuse", "status": 500}, [{"action": "refuse", "status": 501, "nth": 2}]):
            assert (await b.ask("POST", "/_simulator/faults", rules)).status == 204
        assert (await b.ask("GET", "/v1/tokenInfo")).status == 500
        assert (await b.ask("DELETE", "/_simulator/faults")).status == 204
        assert (await b.ask("GET", "/v1/tokenInfo")).status == 200
        assert (await b.ask("POST", "/_simulator/pid", {"pid": 12345})).status == 204
        assert b.simulator.pid == 12345
        assert (await b.ask("GET", "/_simulator/nothing")).status == 404


@pytest.mark.parametrize("rule", [{"action": "explode"}, {"action": "lose", "when": 1}, {}, "lose"])
async def test_a_rule_that_says_nothing_sensible_is_400(rule: Json) -> None:
    async with bench() as b:
        assert (await b.ask("POST", "/_simulator/faults", rule)).status == 400


async def test_the_ledger_tells_requests_effects_flows_and_puts() -> None:
    async with bench() as b:
        flow = await b.clone()
        await b.ask(
            "PUT", f"/v1/flows/{flow['_id']}", {**flow, "name": "Events", "disabled": False, "settings": {"a": 1}}
        )
        await b.ask("POST", f"/v1/flows/{flow['_id']}/run", {})
        ledger = (await b.ask("GET", "/_simulator/ledger")).body
        assert [row["route"] for row in ledger["requests"]] == ["flows.clone", "flows.put", "flows.run"]
        assert [(row["n"], row["kind"]) for row in ledger["effects"]] == [(1, "clone"), (2, "put"), (3, "run")]
        [shown] = ledger["integrations"][ACME.id("integrations")]
        expected = {"_sourceId": SIMPLE, "name": "Events", "disabled": False, "settings": {"a": 1}, "runs": 1}
        assert shown.items() >= expected.items()
        assert [(put["id"], put["body"]["name"]) for put in ledger["puts"]] == [(flow["_id"], "Events")]
