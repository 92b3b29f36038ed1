"""Runs and jobs, by the world's clock."""

import pytest

from deployer.simulator import Knobs
from deployer.simulator.world import Json
from tests.simulator.bench import ACME, ORCHESTRATED, SIMPLE, TEMPLATES, Bench, bench

pytestmark = pytest.mark.anyio


async def run(b: Bench, flow: str = SIMPLE, body: Json = None) -> str:
    reply = await b.ask("POST", f"/v1/flows/{flow}/run", body)
    assert reply.status == 201, reply.text
    return str(reply.body["_jobId"])


async def status(b: Bench, job: str) -> str:
    return str((await b.get(f"/jobs/{job}"))["status"])


async def test_a_job_is_queued_then_running_then_completed() -> None:
    async with bench(Knobs(job_queued=5, job_duration=10)) as b:
        job = await run(b)
        seen = []
        for later in (0, 5, 9.999, 0.001):
            b.clock.now += later
            seen.append(await status(b, job))
        assert seen == ["queued", "running", "running", "completed"]
        done = await b.get(f"/jobs/{job}")
        assert (done["startedAt"], done["endedAt"]) == ("2027-01-15T08:00:05.000Z", "2027-01-15T08:00:15.000Z")
        assert (done["numSuccess"], done["numError"], done["doneExporting"]) == (100, 0, True)


async def test_a_run_behind_a_running_one_waits_its_turn() -> None:
    async with bench(Knobs(job_duration=10)) as b:
        first, second = await run(b), await run(b)
        assert [await status(b, first), await status(b, second)] == ["running", "queued"]
        b.clock.now += 10
        assert [await status(b, first), await status(b, second)] == ["completed", "running"]
        assert [effect["id"] for effect in b.effects("run")] == [SIMPLE, SIMPLE]


@pytest.mark.parametrize(("flow", "jobs"), [(SIMPLE, 1), (ORCHESTRATED, 2)])
async def test_a_run_makes_one_flow_job_per_page_generator(flow: str, jobs: int) -> None:
    async with bench() as b:
        job = await run(b, flow)
        latest = await b.get(f"/flows/{flow}/jobs/latest")
        assert len(latest) == jobs
        assert latest[0]["_id"] == job
        assert {row["type"] for row in latest} == {"flow"}


async def test_a_run_may_name_the_page_generators_it_wants() -> None:
    async with bench() as b:
        generators = (await b.get(f"/flows/{ORCHESTRATED}"))["pageGenerators"]
        await run(b, ORCHESTRATED, {"_exportIds": [generators[1]["_exportId"]]})
        assert len(await b.get(f"/flows/{ORCHESTRATED}/jobs/latest")) == 1


async def test_latest_forgets_the_run_before() -> None:
    async with bench() as b:
        assert (await b.ask("GET", f"/v1/flows/{SIMPLE}/jobs/latest")).status == 204
        await run(b)
        b.clock.now += 5
        second = await run(b)
        assert [job["_id"] for job in await b.get(f"/flows/{SIMPLE}/jobs/latest")] == [second]


@pytest.mark.parametrize("code", [422, 400])
async def test_a_disabled_flow_does_not_run(code: int) -> None:
    async with bench(Knobs(inactive_status=code)) as b:
        flow = await b.clone()
        reply = await b.ask("POST", f"/v1/flows/{flow['_id']}/run", {})
        assert (reply.status, reply.code) == (code, "inactive_flow")
        assert b.effects("run") == []


@pytest.mark.parametrize("key", [SIMPLE, TEMPLATES, "*"])
@pytest.mark.parametrize(("outcome", "ending", "errors"), [(7, "completed", 7), ("failed", "failed", 0)])
async def test_how_a_job_ends_is_a_knob(key: str, outcome: int | str, ending: str, errors: int) -> None:
    async with bench(Knobs(job_outcome={key: outcome})) as b:
        job = await run(b)
        b.clock.now += 1
        done = await b.get(f"/jobs/{job}")
        assert (done["status"], done["numError"]) == (ending, errors)


async def test_the_answer_of_a_run_may_hold_more() -> None:
    async with bench(Knobs(run_fields={"status": "queued"})) as b:
        assert (await b.ask("POST", f"/v1/flows/{SIMPLE}/run")).body["status"] == "queued"


async def test_a_run_is_stamped_on_the_flow_without_modifying_it() -> None:
    async with bench() as b:
        before = await b.get(f"/flows/{SIMPLE}")
        await run(b)
        assert await b.get(f"/flows/{SIMPLE}") == {**before, "lastExecutedAt": "2027-01-15T08:00:00.000Z"}


async def test_a_family_is_a_job_with_its_export_and_imports() -> None:
    async with bench() as b:
        family = await b.get(f"/jobs/{await run(b, ORCHESTRATED)}/family")
        assert [child["type"] for child in family["children"]] == ["export", "import", "import"]
        assert {child["_flowJobId"] for child in family["children"]} == {family["_id"]}


async def test_jobs_are_listed_newest_first_within_a_scope() -> None:
    async with bench() as b:
        first = await run(b)
        b.clock.now += 60
        second = await run(b)
        await run(b, ORCHESTRATED)
        listed = await b.get(f"/jobs?_flowId={SIMPLE}&type=flow")
        assert [job["_id"] for job in listed] == [second, first]
        assert len(await b.get(f"/jobs?_integrationId={TEMPLATES}&type=flow")) == 4
        assert len(await b.get(f"/jobs?_flowId={SIMPLE}&status=completed")) == 3


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("createdAt_gte=2027-01-15T08:00:30Z", 1),
        ("createdAt_gte=2027-01-15T08:01:00.000Z", 1),
        ("createdAt_lte=2027-01-15T09:00:59%2B01:00", 1),
        ("createdAt_gte=2027-01-15T08:00:00.000Z&createdAt_lte=2027-01-15T08:01:00.000Z", 2),
    ],
)
async def test_jobs_are_chosen_by_time_in_any_iso_form(query: str, count: int) -> None:
    async with bench() as b:
        await run(b)
        b.clock.now += 60
        await run(b)
        assert len(await b.get(f"/jobs?_flowId={SIMPLE}&type=flow&{query}")) == count


async def test_a_list_of_jobs_ends_at_1001() -> None:
    async with bench(Knobs(bucket_size=5000)) as b:
        for _ in range(1002):
            await run(b)
        assert len(await b.get(f"/jobs?_flowId={SIMPLE}&type=flow")) == 1001


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "invalid_query"),
        ("?type=flow", "invalid_query"),
        (f"?_flowId={SIMPLE}&createdAt_gte=x", "invalid_query_params"),
    ],
)
async def test_jobs_without_a_scope_or_with_a_bad_time_are_400(query: str, code: str) -> None:
    async with bench() as b:
        await run(b)
        reply = await b.ask("GET", f"/v1/jobs{query}")
        assert (reply.status, reply.code) == (400, code)


async def test_a_running_job_can_be_canceled_with_its_children_once() -> None:
    async with bench() as b:
        job = await run(b)
        assert (await b.ask("PUT", f"/v1/jobs/{job}/cancel")).body["status"] == "canceled"
        family = await b.get(f"/jobs/{job}/family")
        assert {child["status"] for child in family["children"]} == {"canceled"}
        assert (await b.ask("PUT", f"/v1/jobs/{job}/cancel")).status == 422
        assert (await b.ask("GET", f"/v1/jobs/{'0' * 24}")).status == 404
        assert ACME.id("integrations") != family["_integrationId"]
