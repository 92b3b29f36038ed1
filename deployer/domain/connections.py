"""Map the connections a template uses to a tenant's own."""

from collections.abc import Mapping
from difflib import get_close_matches

from deployer.domain.snapshot import Snapshot


def map_connections(wanted: Mapping[str, str], snapshot: Snapshot) -> dict[str, str] | str:
    """Return source id → target id for each connection the template uses, or the reason why that cannot be.

    A target is an id, a unique name, or `keep`. Connections the template does not use are left out.
    """
    mapped: dict[str, str] = {}
    for source in sorted(snapshot.template.connections):
        if source not in wanted:
            return f"connection {source} is used by the template but not mapped; map it to another, or to keep"
        target = source if wanted[source] == "keep" else wanted[source]
        found = _find(target, snapshot.connections)
        if found is None:
            return f'connection "{target}" not found{_hint(target, snapshot.connections)}'
        if found == "":
            return f'connection name "{target}" is not unique; give its id'
        mapped[source] = found
    return mapped


def _find(target: str, connections: Mapping[str, str]) -> str | None:
    """Return the id, "" where a name is not unique, None where nothing fits."""
    if target in connections:
        return target
    named = [connection for connection, name in connections.items() if name == target]
    return named[0] if len(named) == 1 else "" if named else None


def _hint(target: str, connections: Mapping[str, str]) -> str:
    close = get_close_matches(target, connections.values(), n=1)
    return f'; did you mean "{close[0]}"?' if close else ""
