"""Whoever looks for canaries finds each that is out of its place, and none that is in it."""

import json
import socket
from collections.abc import Mapping
from pathlib import Path

import psycopg
import pytest
from aiohttp.test_utils import make_mocked_request

from deployer.simulator import Customer, seed
from tests.canaries.abroad import ForeignHost
from tests.canaries.inspection import Inspection
from tests.canaries.marks import marked, owners, secret, token
from tests.canaries.search import in_database, in_folder
from tests.postgres import Server

US, EU = "acme-us", "acme-eu"
OURS, NEXT, ABROAD = (marked(Customer(account, number).row()) for account, number in ((US, 0), (US, 1), (EU, 0)))
RIGHT = {"name": OURS["name"], "_integrationId": OURS["integration"], "settings": {"apiKey": secret(OURS)}}
BEARER = {"Authorization": f"Bearer {token(US)}"}
CLONE = f"/v1/flows/{'0' * 24}/clone"


def inspected(path: str = CLONE, body: object = None, headers: Mapping[str, str] = BEARER) -> Inspection:
    """Look at one request to accounts of which the first tenant has the flow `f…`."""
    world = seed([US, EU], 2)
    for account in world.accounts.values():
        account.token = token(account.name)
    world.accounts[US].keep("flows", {"_id": "f" * 24, "_integrationId": OURS["integration"]})
    inspection = Inspection(world, owners((OURS, NEXT, ABROAD)))
    inspection.look(make_mocked_request("POST", path, dict(headers)), json.dumps(body).encode() if body else b"")
    return inspection


def test_what_is_in_its_place_is_counted_and_right() -> None:
    clone, bare = inspected(body=RIGHT), inspected(f"/v1/flows/{'f' * 24}/run")
    assert (clone.requests, clone.bodies, clone.misplaced) == (1, 1, [])
    assert (bare.requests, bare.bodies, bare.misplaced) == (1, 0, [])


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CLONE, {**RIGHT, "description": NEXT["name"]}),
        (CLONE, {**RIGHT, "settings": {"apiKey": secret(NEXT, "second")}}),
        (CLONE, {**RIGHT, "connectionMap": {"a": NEXT["slack"]}}),
        (f"/v1/flows/{'f' * 24}", {"name": NEXT["name"]}),
        (f"/v1/integrations/{OURS['integration']}", {"settings": {"owner": NEXT["name"]}}),
    ],
    ids=["name", "secret", "connection", "flow", "integration"],
)
def test_what_is_another_tenants_is_found_in_any_request(path: str, body: object) -> None:
    [said] = inspected(path, body).misplaced
    assert said.endswith(f"it holds what is of {' and '.join(sorted((OURS['integration'], NEXT['integration'])))}")


def test_a_tenant_of_another_account_than_the_tokens_is_found() -> None:
    [said] = inspected(body={"_integrationId": ABROAD["integration"]}).misplaced
    assert f"the token is that of {US}" in said


@pytest.mark.parametrize(
    ("path", "body", "headers"),
    [
        (f"{CLONE}?token={token(US)[-15:]}", None, BEARER),
        (CLONE, {**RIGHT, "description": token(EU)}, BEARER),
        (CLONE, RIGHT, {**BEARER, "X-Trace": token(US)[:15]}),
    ],
    ids=["query", "body", "header"],
)
def test_a_token_is_found_anywhere_but_in_its_header(path: str, body: object, headers: Mapping[str, str]) -> None:
    assert [said.partition(": ")[2] for said in inspected(path, body, headers).misplaced] == [
        "a token is outside its header"
    ]


def test_what_is_sent_as_a_token_and_is_none_is_found() -> None:
    [said] = inspected(headers={"Authorization": "Bearer tkn"}).misplaced
    assert said.endswith("what is sent as a token is none")


@pytest.mark.parametrize("form", [token(US), json.dumps(token(US)), token(US)[:20], repr(token(US))[17:]])
def test_a_token_is_found_in_any_file_in_whatever_form(tmp_path: Path, form: str) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "journal.db").write_bytes(b"\0\1" + form.encode() + b"\0")
    found = in_folder(tmp_path)
    assert found.searched == len(form) + 3
    assert found.hits
    assert all(hit.startswith("deep/journal.db: tkn") for hit in found.hits)


@pytest.mark.parametrize(
    ("name", "hits"),
    [("w1.log", 1), ("a.err", 1), ("report.md", 1), ("tenants.csv", 1), ("journal.db", 1), ("secrets/own", 0)],
)
def test_a_secret_lies_nowhere_but_where_its_owner_keeps_it(tmp_path: Path, name: str, hits: int) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / name).write_text(f"{OURS['name']} {secret(OURS)}", "utf-8")
    assert len(in_folder(tmp_path).hits) == hits


def test_a_token_is_found_in_any_table_of_a_database(database: Server) -> None:
    address = database.new_database()
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA own CREATE TABLE kept (body bytea, said jsonb)")
        connection.execute("INSERT INTO own.kept VALUES (%s, %s)", (b"", json.dumps({"name": OURS["name"]})))
        assert in_database(address).hits == ()
        connection.execute("INSERT INTO own.kept VALUES (%s, %s)", (b"", json.dumps({"name": token(US)})))
    assert in_database(address).hits == ("own.kept: " + token(US)[:15], "own.kept: " + token(US)[-15:])


def test_whoever_comes_to_a_host_that_nobody_named_is_counted() -> None:
    abroad = ForeignHost()
    assert abroad.visits() == 0
    for _ in range(2):
        socket.create_connection(("localhost", int(abroad.url.rpartition(":")[2]))).close()
    assert (abroad.visits(), abroad.visits()) == (2, 0)
    abroad.close()
