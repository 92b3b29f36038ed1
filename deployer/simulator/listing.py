"""Lists: pages by skip and limit, summaries by include and exclude, and no body when there is nothing."""

from collections.abc import Collection
from itertools import islice
from urllib.parse import urlencode

from deployer.simulator.calls import Answer, Call
from deployer.simulator.world import Document, Refused, iso

LIMIT = 1_000


def page(call: Call, documents: Collection[Document]) -> Answer:
    """Answer with the page that the query asks for, and a link to the next one."""
    skip, limit = _number(call, "skip", 0), _number(call, "limit", call.knobs.page_size)
    if not 1 <= limit <= LIMIT:
        raise Refused(400, "invalid_query_params", f"limit must be 1 to {LIMIT}", "limit")
    rows = list(islice(documents, skip, skip + limit))
    if not rows:
        return Answer(status=204)
    link = {}
    if skip + limit < len(documents):
        following = urlencode({**call.query, "skip": skip + limit, "limit": limit})
        link = {"Link": f'<{call.url}?{following}>; rel="next"'}
    return Answer(status=200, body=_summaries(call, rows), headers=link)


def visible(call: Call, documents: Collection[Document]) -> Collection[Document]:
    """Leave out what was created too recently for the list to know it."""
    if not call.knobs.list_lag:
        return documents
    known = iso(call.now - call.knobs.list_lag)
    return [document for document in documents if document["createdAt"] <= known]


def _number(call: Call, name: str, default: int) -> int:
    text = call.query.get(name, str(default))
    if not (text.isascii() and text.isdigit()):
        raise Refused(400, "invalid_query_params", f"{name} must be a whole number", name)
    return int(text)


def _summaries(call: Call, rows: list[Document]) -> list[Document]:
    include, exclude = call.query.get("include"), call.query.get("exclude")
    if include is not None and exclude is not None:
        raise Refused(400, "invalid_query_params", "include and exclude cannot be used together")
    if include is not None:
        wanted = {"_id", *include.split(",")}
        return [{key: value for key, value in row.items() if key in wanted} for row in rows]
    if exclude is not None:
        unwanted = set(exclude.split(",")) - {"_id"}
        return [{key: value for key, value in row.items() if key not in unwanted} for row in rows]
    return rows
