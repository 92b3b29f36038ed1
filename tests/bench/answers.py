"""What the fast server answers: status and body of each call, as an account of its world has it."""

import json
from itertools import islice
from time import monotonic
from typing import Final
from urllib.parse import parse_qs

from tests.bench.world import EXPORT, IMPORT, KEPT, MAPPED, PAGE, TEMPLATE, Account, encoded, identify

Answer = tuple[int, bytes, bytes]
"""Status, body, further headers."""

_GONE: Final = encoded({"errors": [{"code": "resource_not_found", "message": "not found"}]})
_BORN: Final = {"createdAt": "2026-01-05T09:00:00.000Z", "lastModified": "2026-01-05T09:00:00.000Z"}
_PARTS: Final = {
    EXPORT: encoded({"_id": EXPORT, "name": "Orders", "_connectionId": MAPPED, **_BORN}),
    IMPORT: encoded({"_id": IMPORT, "name": "Update orders", "_connectionId": KEPT, **_BORN}),
}


def answer(account: Account, method: bytes, target: str, body: bytes) -> Answer:
    """Answer one call of an account."""
    path, _, query = target.partition("?")
    _, _, kind, *rest = path.split("/")
    try:
        if method == b"GET":
            return _read(account, kind, rest, query)
        return _write(account, kind, rest, json.loads(body))
    except (KeyError, IndexError):
        return 404, _GONE, b""


def is_account_wide(method: bytes, target: str) -> bool:
    """Tell whether a call is about the account or its template, as those before a wave are."""
    parts = target.partition("?")[0].split("/")
    return method == b"GET" and (len(parts) < 4 or parts[3] in {TEMPLATE, EXPORT, IMPORT})


def _read(account: Account, kind: str, rest: list[str], query: str) -> Answer:
    match kind, rest:
        case "flows", [flow]:
            return 200, account.flows[flow], b""
        case "integrations", [integration, "flows"]:
            return _listed(account, account.placed.get(integration, ()), query)
        case "flows", []:
            return _listed(account, account.flows, query)
        case "flows", [flow, "jobs", "latest"]:
            job = account.latest.get(flow)
            return (200, encoded([job.seen(monotonic())]), b"") if job else (204, b"", b"")
        case "jobs", [job]:
            return 200, encoded(account.jobs[job].seen(monotonic())), b""
        case (("exports" | "imports"), [part]):
            return 200, _PARTS[part], b""
        case _:
            return _account(account, kind, query)


def _account(account: Account, kind: str, query: str) -> Answer:
    match kind:
        case "tokenInfo":
            return 200, encoded({"_userId": identify("users", account.number, 0), "scope": "*"}), b""
        case "integrations" | "connections":
            ids = account.integrations() if kind == "integrations" else account.connections()
            skip = _skipped(query)
            page = list(islice(ids, skip, skip + PAGE + 1))
            return 200, encoded([{"_id": each, "name": each, **_BORN} for each in page[:PAGE]]), _next(kind, page, skip)
        case _:
            raise KeyError(kind)


def _listed(account: Account, flows: "dict[str, bytes] | list[str] | tuple[()]", query: str) -> Answer:
    skip = _skipped(query)
    page = list(islice(flows, skip, skip + PAGE + 1))
    if not page:
        return 204, b"", b""
    fields = parse_qs(query).get("include", [""])[0]
    more = _next("flows", page, skip, f"include={fields}&")
    return 200, account.summaries(page[:PAGE], fields.split(",") if fields else ()), more


def _skipped(query: str) -> int:
    return int(parse_qs(query).get("skip", ["0"])[0])


def _next(kind: str, page: list[str], skip: int, query: str = "") -> bytes:
    if len(page) <= PAGE:
        return b""
    return f'Link: </v1/{kind}?{query}skip={skip + PAGE}>; rel="next"\r\n'.encode()


def _write(account: Account, kind: str, rest: list[str], body: dict[str, object]) -> Answer:
    match kind, rest:
        case "flows", [flow]:
            return 200, account.replace(flow, body), b""
        case "flows", [flow, "clone"] if flow == TEMPLATE:
            return 201, account.clone(body), b""
        case "flows", [flow, "run"] if flow in account.flows:
            return 201, account.run(flow, monotonic()), b""
        case _:
            raise KeyError(kind)
