"""What is read of the journal, on the connection's own thread."""

import json
from collections.abc import Collection, Mapping

from deployer.domain.command import typed
from deployer.domain.deployment import Deployment, Status, status_in
from deployer.domain.identity import InstanceKey
from deployer.domain.lifecycle import Event, State
from deployer.domain.rebuilding import Work
from deployer.domain.remembered import Remembered
from deployer.domain.template import Template
from deployer.errors import JournalError
from deployer.journal import queries as q
from deployer.journal.checksums import checked
from deployer.journal.connection import Connection, Row
from deployer.journal.protocol import Met, Rollout
from deployer.journal.rows import read_deployment, read_instance, read_revision, read_rollout, read_work


def work_of(connection: Connection) -> Work:
    """Return which journal it is, and how often work was begun with it."""
    row = connection.execute(q.WORK).fetchone()
    return read_work(row) if row else Work()


def rollout_of(connection: Connection, rollout: str) -> tuple[Rollout, str]:
    """Return a rollout, and its plan without the tenants, as JSON; raise JournalError where there is none."""
    rows: list[Row] = connection.execute(q.BY_ID, (rollout,)).fetchall()
    if not rows:
        raise JournalError(f"the journal holds no rollout {rollout}")
    return read_rollout(rows[0])


def counts_of(connection: Connection, rollout: str) -> Mapping[Status, int]:
    """Count the tenants of a rollout by status."""
    counts, wanted = dict.fromkeys(Status, 0), {"rollout": rollout}
    for state, begun, stale, count in connection.execute(q.STANDING, wanted):
        counts[status_in(State(state), begun=bool(begun), stale=bool(stale))] += count
    for blocked, count in connection.execute(q.IDLE, wanted):
        counts[Status.BLOCKED if blocked else Status.NO_CHANGE] += count
    [(total,)] = connection.execute(q.ALL, wanted).fetchall()
    return {**counts, Status.DONE: total - sum(counts.values())}


def counts_by_wave(connection: Connection, rollout: str) -> Mapping[int, Mapping[Status, int]]:
    """Count the tenants of each wave by status."""
    wanted = {"rollout": rollout}
    waves = {
        wave: {**dict.fromkeys(Status, 0), Status.DONE: total} for wave, total in connection.execute(q.WAVES, wanted)
    }
    for wave, state, begun, stale, count in connection.execute(q.BY_WAVE, wanted):
        if wave in waves:
            waves[wave][status_in(State(state), begun=bool(begun), stale=bool(stale))] += count
            waves[wave][Status.DONE] -= count
    return waves


def open_by_account(connection: Connection, rollout: str) -> Mapping[int, Mapping[str, int]]:
    """Count the tenants of each wave that do not rest, by account."""
    found: dict[int, dict[str, int]] = {}
    for wave, account, count in connection.execute(q.OPEN_BY_ACCOUNT, {"rollout": rollout}):
        found.setdefault(wave, {})[account] = count
    return found


def deployments_of(connection: Connection, query: str, wanted: Mapping[str, object]) -> list[Deployment]:
    """Return the deployments that a query finds, with their steps and what is remembered."""
    rows: list[Row] = connection.execute(query, wanted).fetchall()
    if not rows:
        return []
    page = (rows[0][0], json.dumps([row[1] for row in rows]))
    steps: dict[int, list[Row]] = {}
    for step in connection.execute(q.STEPS, page):
        steps.setdefault(step[1], []).append(step)
    known = {row[:2]: read_instance(row) for row in connection.execute(q.INSTANCES_OF, page)}
    return [read_deployment(row, steps.get(row[1], ()), known.get((row[4], row[5]))) for row in rows]


def met_in(connection: Connection, rollout: str, after: int, upto: int) -> dict[int, list[Met]]:
    """Return what happened to the deployments after one place up to another, oldest first."""
    found: dict[int, list[Met]] = {}
    for row in connection.execute(q.EVENTS_BETWEEN, (rollout, after, upto)):
        _, place, index, event, at, _ = checked(row, f"an event of rollout {rollout}")
        found.setdefault(place, []).append(Met(index, Event(event), at))
    return found


def why_unsettled(name: str, tenant: str, kind: str, state: str) -> str:
    """Say why nothing may start where a call is not settled."""
    if state == "unknown":
        return f"its {kind} in rollout {name} waits for a person: {typed('resolve', tenant)}"
    return f"its {kind} in rollout {name} is not settled: finish that rollout with deployer resume"


def remembered_of(connection: Connection, template: str, tenants: Mapping[str, str]) -> Remembered:
    """Return what bears on a plan of a template for some tenants: their names, by integration."""
    places = json.dumps(list(tenants))
    instances = list(map(read_instance, connection.execute(q.INSTANCES_IN, (template, places))))
    homes = connection.execute(q.HOMES, (template, json.dumps(list(tenants.values())))).fetchall()
    owed = connection.execute(q.OWED, (template, places)).fetchall()
    unsettled = {key.integration: why for key, why in unsettled_in(connection).items() if key.template == template}
    return Remembered(
        {instance.integration: instance for instance in instances},
        dict(homes),
        {integration: unsettled[integration] for integration in tenants.keys() & unsettled.keys()},
        {integration: State(state) for integration, state in owed},
        revisions_of(connection, template, {instance.revision for instance in instances}),
    )


def revisions_of(connection: Connection, template: str, names: Collection[str]) -> Mapping[str, Template]:
    """Return what revisions of a template hold, as far as they were kept, by name."""
    rows = connection.execute(q.REVISIONS, (template, json.dumps(sorted(names))))
    return {row[1]: read_revision(row) for row in rows}


def unsettled_in(connection: Connection) -> Mapping[InstanceKey, str]:
    """Return, by instance key, why nothing may start there: a call whose effect is not known yet."""
    return {
        InstanceKey(template, integration): why_unsettled(name, tenant, kind, state)
        for template, integration, name, tenant, kind, state in connection.execute(q.UNSETTLED)
    }
