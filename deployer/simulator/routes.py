"""Every path that is answered, and the operation that answers it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from deployer.simulator import audit, clones, flows, jobs, resources
from deployer.simulator.calls import Answer, Call

ID_AT = 3


@dataclass(frozen=True, slots=True)
class Route:
    """Name a route, as faults and knobs refer to it."""

    name: str
    operation: Callable[[Call], Answer]


ROUTES: Mapping[str, Route] = {
    "GET /v1/tokenInfo": Route("tokenInfo", resources.token_owner),
    "GET /v1/flows": Route("flows.list", resources.list_all),
    "POST /v1/flows": Route("flows.create", flows.create),
    "GET /v1/flows/*": Route("flows.get", resources.read),
    "PUT /v1/flows/*": Route("flows.put", resources.replace),
    "PATCH /v1/flows/*": Route("flows.patch", flows.patch),
    "DELETE /v1/flows/*": Route("flows.delete", resources.remove),
    "POST /v1/flows/*/clone": Route("flows.clone", clones.clone_flow),
    "POST /v1/flows/*/run": Route("flows.run", flows.run),
    "GET /v1/flows/*/jobs/latest": Route("flows.latest", jobs.latest),
    "GET /v1/flows/*/audit": Route("flows.audit", audit.entries),
    "GET /v1/integrations": Route("integrations.list", resources.list_all),
    "GET /v1/integrations/*": Route("integrations.get", resources.read),
    "PUT /v1/integrations/*": Route("integrations.put", resources.replace),
    "GET /v1/integrations/*/flows": Route("integrations.flows", resources.list_flows),
    "GET /v1/integrations/*/audit": Route("integrations.audit", audit.entries),
    "GET /v1/connections": Route("connections.list", resources.list_all),
    "GET /v1/connections/*": Route("connections.get", resources.read),
    "GET /v1/exports": Route("exports.list", resources.list_all),
    "GET /v1/exports/*": Route("exports.get", resources.read),
    "PUT /v1/exports/*": Route("exports.put", resources.replace),
    "DELETE /v1/exports/*": Route("exports.delete", resources.remove),
    "POST /v1/exports/*/clone": Route("exports.clone", clones.clone_part),
    "GET /v1/exports/*/audit": Route("exports.audit", audit.entries),
    "GET /v1/imports": Route("imports.list", resources.list_all),
    "GET /v1/imports/*": Route("imports.get", resources.read),
    "PUT /v1/imports/*": Route("imports.put", resources.replace),
    "DELETE /v1/imports/*": Route("imports.delete", resources.remove),
    "POST /v1/imports/*/clone": Route("imports.clone", clones.clone_part),
    "GET /v1/imports/*/audit": Route("imports.audit", audit.entries),
    "GET /v1/jobs": Route("jobs.list", jobs.list_jobs),
    "GET /v1/jobs/*": Route("jobs.get", jobs.read),
    "GET /v1/jobs/*/family": Route("jobs.family", jobs.family),
    "PUT /v1/jobs/*/cancel": Route("jobs.cancel", jobs.cancel),
}


def find(method: str, path: str) -> Route | None:
    """Return the route of a path; the third part of a path is always an id."""
    parts = path.split("/")
    if len(parts) > ID_AT:
        parts[ID_AT] = "*"
    return ROUTES.get(f"{method} {'/'.join(parts)}")


def subject(path: str) -> tuple[str, str]:
    """Return the kind and the id that the path of a route names; the id may be missing."""
    _, _, kind, *rest = path.split("/")
    return kind, rest[0] if rest else ""
