"""Lists: pages, links, summaries, and the answer to an empty one."""

import re
from typing import Any

import pytest

from deployer.simulator import Knobs
from tests.simulator.bench import ACME, Bench, bench

pytestmark = pytest.mark.anyio


async def follow(b: Bench, path: str) -> list[Any]:
    rows: list[Any] = []
    while path:
        reply = await b.ask("GET", path)
        rows += reply.body
        link = re.fullmatch(r'<(.+)>; rel="next"', reply.headers.get("Link", ""))
        path = link[1].removeprefix(b.url) if link else ""
    return rows


async def test_an_empty_list_is_204_without_a_body() -> None:
    async with bench() as b:
        reply = await b.ask("GET", f"/v1/integrations/{ACME.id('integrations')}/flows")
        assert (reply.status, reply.text) == (204, "")
        assert (await b.ask("GET", f"/v1/integrations/{'0' * 24}/flows")).status == 404


@pytest.mark.parametrize("size", [1, 2, 3, 100])
@pytest.mark.parametrize("how", ["query", "knob"])
async def test_links_lead_through_every_row_once(how: str, size: int) -> None:
    async with bench(Knobs(page_size=size) if how == "knob" else None) as b:
        everything = await b.get("/connections?limit=1000")
        assert await follow(b, "/v1/connections" + (f"?limit={size}" if how == "query" else "")) == everything
        assert len(everything) == 16
        assert (await b.ask("GET", "/v1/connections?skip=16")).status == 204


async def test_a_link_keeps_the_rest_of_the_query() -> None:
    async with bench() as b:
        rows = await follow(b, "/v1/flows?include=name&limit=1")
        assert [sorted(row) for row in rows] == [["_id", "name"], ["_id", "name"]]


async def test_summaries_include_or_exclude_but_not_both() -> None:
    async with bench() as b:
        [row, _] = await b.get("/flows?exclude=name,_id")
        assert "_id" in row
        assert "name" not in row
        assert (await b.ask("GET", "/v1/flows?include=name&exclude=name")).status == 400


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "skip=-1", "limit="])
async def test_a_page_that_makes_no_sense_is_400(query: str) -> None:
    async with bench() as b:
        assert (await b.ask("GET", f"/v1/flows?{query}")).code == "invalid_query_params"


async def test_a_list_knows_a_new_flow_only_after_the_lag() -> None:
    async with bench(Knobs(list_lag=30)) as b:
        flow = await b.clone()
        path = f"/v1/integrations/{ACME.id('integrations')}/flows"
        assert (await b.ask("GET", path)).status == 204
        assert (await b.ask("GET", f"/v1/flows/{flow['_id']}")).status == 200
        b.clock.now += 30
        assert [row["_id"] for row in (await b.ask("GET", path)).body] == [flow["_id"]]
