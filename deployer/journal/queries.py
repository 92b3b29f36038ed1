"""The SQL of the journal, once for all databases: what Postgres says otherwise, `dialect` tells.

Statements are put together of constant names of columns; every value is bound.
"""

from functools import cache
from typing import Final

ROLLOUT: Final = (
    "id, name, kind, plan, manifest_digest, tenants_digest, outcome, reason, who, started_at, ended_at, body, checksum"
)
DEPLOYMENT: Final = "rollout, place, tenant, account, template, integration, action, wave, body, checksum"
INSTRUCTION: Final = "id, rollout, verb, about, who, at, checksum"
GATE: Final = "rollout, wave, state, since, who, checksum"
STEP: Final = "rollout, place, position, kind, state, attempts, body, checksum"
INSTANCE: Final = "template, integration, tenant, account, body, checksum"
REVISION: Final = "template, revision, body, checksum"
SAMPLE: Final = "rollout, account, at, body, checksum"
EVENT: Final = "rollout, place, position, event, at, body, checksum"


def _values(columns: str, rows: int) -> str:
    one = f"({', '.join('?' for _ in columns.split(', '))})"
    return f"VALUES {', '.join([one] * rows)}"


def insert(table: str, columns: str, rows: int = 1) -> str:
    """Return the statement that writes rows of some columns."""
    return f"INSERT INTO {table} ({columns}) {_values(columns, rows)}"


BEGIN: Final = insert("rollout", ROLLOUT)
DEPLOY: Final = insert("deployment", DEPLOYMENT)
PREPARE: Final = insert("step", STEP)
LATEST: Final = f"""
    SELECT {ROLLOUT} FROM rollout
    WHERE name = coalesce(?1, name) AND plan = coalesce(?2, plan) AND substr(id, 1, length(?3)) = ?3
    AND kind = coalesce(?4, kind) ORDER BY number DESC LIMIT ?5
"""
LATER: Final = f"""
    SELECT {ROLLOUT} FROM rollout WHERE number > (SELECT number FROM rollout WHERE id = ?)
    AND (kind <> 'run' OR ended_at IS NULL) ORDER BY number DESC
"""
BY_ID: Final = f"SELECT {ROLLOUT} FROM rollout WHERE id = ?"
CONCLUDE: Final = "UPDATE rollout SET outcome = ?, reason = ?, ended_at = ?, checksum = ? WHERE id = ?"

OF = f"SELECT {DEPLOYMENT} FROM deployment d WHERE rollout = :rollout"
_OPEN = """EXISTS (
    SELECT 1 FROM step s WHERE s.rollout = d.rollout AND s.place = d.place AND s.state IN ('ready', 'intended')
)"""
_TROUBLED = """(action = 'blocked' OR EXISTS (
    SELECT 1 FROM step s
    WHERE s.rollout = d.rollout AND s.place = d.place AND s.state IN ('unknown', 'failed', 'cancelled')
))"""
_NEXT = "AND place > :after ORDER BY place LIMIT :limit"
_BEGUN = "EXISTS (SELECT 1 FROM step s WHERE s.rollout = d.rollout AND s.place = d.place AND s.state != 'ready')"
CLAIM: Final = f"""
    {OF} AND account = :account AND wave = :wave AND {_OPEN} AND coalesce({_BEGUN} = :begun, true) {_NEXT}
"""
PAGE: Final = f"{OF} AND coalesce(wave = :wave, true) {_NEXT}"
TROUBLED: Final = f"{OF} AND coalesce(wave = :wave, true) AND {_TROUBLED} {_NEXT}"
ONE: Final = f"{OF} AND tenant = :tenant"
RESTED_AT: Final = f"""
    {OF} AND place IN (SELECT CAST(value AS INTEGER) FROM json_each(:places)) AND NOT EXISTS (
        SELECT 1 FROM step s WHERE s.rollout = d.rollout AND s.place = d.place AND s.state IN ('ready', 'intended')
        AND NOT EXISTS (
            SELECT 1 FROM step f
            WHERE f.rollout = s.rollout AND f.place = s.place AND f.position < s.position AND f.state != 'done'
        )
    ) ORDER BY place
"""
AWAITING: Final = f"""
    SELECT {DEPLOYMENT} FROM deployment d WHERE tenant = :tenant AND rollout =
        (SELECT r.id FROM rollout r JOIN deployment e ON e.rollout = r.id AND e.tenant = :tenant
            JOIN step s ON s.rollout = e.rollout AND s.place = e.place
            WHERE r.name = :name AND s.state IN ('unknown', 'failed') ORDER BY r.number DESC LIMIT 1)
"""
STEPS: Final = f"""
    SELECT {STEP} FROM step
    WHERE rollout = ? AND place IN (SELECT CAST(value AS INTEGER) FROM json_each(?)) ORDER BY place, position
"""
EVENTS: Final = f"SELECT {EVENT} FROM event WHERE rollout = ? AND place = ? ORDER BY number"

EVENTS_BETWEEN: Final = f"""
    SELECT {EVENT} FROM event WHERE rollout = ? AND place > ? AND place <= ? ORDER BY place, number
"""
LATEST_EVENT: Final = "SELECT coalesce(max(number), 0) FROM event"
LATEST_SAMPLE: Final = "SELECT coalesce(max(number), 0) FROM sample"
MOVED: Final = """
    SELECT max(number), place, count(*)
    FROM (SELECT number, place FROM event WHERE rollout = ? AND number > ? ORDER BY number LIMIT ?) AS newest
    GROUP BY place
"""

# Of each deployment the first step that is not done decides, as in `status_of`.
_STALE = "coalesce(CAST(json_extract(s.body, '$.facts.stale') AS TEXT), '') IN ('1', 'true')"
FIRST_LEFT = f"""
    SELECT place, position, state, CASE state WHEN 'failed' THEN {_STALE} ELSE false END AS stale
    FROM step s WHERE rollout = :rollout AND state != 'done' AND NOT EXISTS (
        SELECT 1 FROM step f
        WHERE f.rollout = s.rollout AND f.place = s.place AND f.position < s.position AND f.state != 'done'
    )
"""
STANDING: Final = f"SELECT state, position > 0, stale, count(*) FROM ({FIRST_LEFT}) AS s GROUP BY 1, 2, 3"
IDLE: Final = """
    SELECT action = 'blocked', count(*) FROM deployment d WHERE rollout = :rollout
    AND NOT EXISTS (SELECT 1 FROM step s WHERE s.rollout = d.rollout AND s.place = d.place) GROUP BY 1
"""
ALL: Final = "SELECT count(*) FROM deployment WHERE rollout = :rollout"
BY_WAVE: Final = f"""
    SELECT d.wave, s.state, s.position > 0, s.stale, count(*)
    FROM ({FIRST_LEFT}) AS s JOIN deployment d ON d.rollout = :rollout AND d.place = s.place GROUP BY 1, 2, 3, 4
"""
OPEN_BY_ACCOUNT: Final = f"""
    SELECT d.wave, d.account, count(*)
    FROM ({FIRST_LEFT}) AS s JOIN deployment d ON d.rollout = :rollout AND d.place = s.place
    WHERE s.state IN ('ready', 'intended') GROUP BY 1, 2 ORDER BY 1, 2
"""
WAVES: Final = "SELECT wave, count(*) FROM deployment WHERE rollout = :rollout AND wave > 0 GROUP BY wave"
INSTRUCT: Final = f"{insert('instruction', INSTRUCTION)} ON CONFLICT (id) DO NOTHING"
INSTRUCTIONS: Final = f"SELECT {INSTRUCTION} FROM instruction WHERE rollout = ? ORDER BY number"
GATES: Final = f"SELECT {GATE} FROM gate WHERE rollout = ? ORDER BY wave"
SET_GATE: Final = f"""
    {insert("gate", GATE)} ON CONFLICT (rollout, wave) DO UPDATE SET
    state = excluded.state, since = excluded.since, who = excluded.who, checksum = excluded.checksum
"""
# Who began in a wave and does not rest yet, and how many failed; stale tenants did not.
IN_FLIGHT: Final = """
    SELECT count(*), coalesce(sum(CASE WHEN place = :place THEN 1 ELSE 0 END), 0)
    FROM admission WHERE rollout = :rollout AND wave = :wave
"""
FAILED_IN: Final = f"""
    SELECT count(*) FROM step s JOIN deployment d ON d.rollout = s.rollout AND d.place = s.place
    WHERE s.rollout = :rollout AND s.state IN ('unknown', 'failed', 'cancelled') AND s.state != 'cancelled'
    AND d.wave = :wave AND NOT (s.state = 'failed' AND {_STALE})
"""
ADMIT: Final = "INSERT INTO admission (rollout, place, wave) VALUES (:rollout, :place, :wave)"
SEAT: Final = f"""
    INSERT INTO admission (rollout, place, wave) SELECT d.rollout, d.place, d.wave FROM deployment d
    WHERE d.rollout = :rollout AND d.wave = :wave AND {_BEGUN} AND {_OPEN} AND NOT EXISTS (
        SELECT 1 FROM step s
        WHERE s.rollout = d.rollout AND s.place = d.place AND s.state NOT IN ('ready', 'intended', 'done')
    )
    ON CONFLICT (rollout, place) DO NOTHING
"""
DONE: Final = """
    SELECT 1 FROM deployment d JOIN step s ON s.rollout = d.rollout AND s.place = d.place
    WHERE d.rollout = ? AND d.account = ? AND s.kind = ? AND s.state = 'done' LIMIT 1
"""

TABLE: Final = "SELECT 1 FROM sqlite_master WHERE name = ?"
KEEP_SAMPLE: Final = insert("sample", SAMPLE)
SAMPLES: Final = f"SELECT {SAMPLE} FROM sample WHERE rollout = ? ORDER BY number"
SAMPLES_AFTER: Final = f"SELECT number, {SAMPLE} FROM sample WHERE rollout = ? AND number > ? ORDER BY number LIMIT ?"

END_PART: Final = f"""
    {insert("part", "rollout, wave, account, cause")}
    ON CONFLICT (rollout, wave, account) DO UPDATE SET cause = excluded.cause
"""
ENDED_PARTS: Final = """
    SELECT account, cause FROM part WHERE rollout = ? AND wave = ? AND account <> '' ORDER BY account
"""
FORGET_PARTS: Final = "DELETE FROM part WHERE rollout = ? AND wave = ? AND account <> ''"
STOPPED: Final = "SELECT 1 FROM part WHERE rollout = ? AND wave = ? AND account <> '' AND cause <> '' LIMIT 1"
TERMS: Final = "SELECT cause FROM part WHERE rollout = ? AND account = ''"
HANDED_OVER: Final = f"""
    SELECT {ROLLOUT} FROM rollout r WHERE outcome IN ('running', 'waiting')
    AND EXISTS (SELECT 1 FROM part p WHERE p.rollout = r.id AND p.account = '') ORDER BY number
"""

WORK_COLUMNS: Final = "journal, number, checksum"
WORK: Final = f"SELECT {WORK_COLUMNS} FROM work"
_TABLES: Final = {
    "work": WORK_COLUMNS,
    "rollout": ROLLOUT,
    "deployment": DEPLOYMENT,
    "step": STEP,
    "gate": GATE,
    "instruction": INSTRUCTION,
    "instance": INSTANCE,
    "revision": REVISION,
    "event": EVENT,
    "sample": SAMPLE,
}
_IN_ORDER: Final = dict.fromkeys(("rollout", "instruction", "event", "sample"), " ORDER BY number")
# Every row of every table, with its checksum; and the same into another journal.
GUARDED: Final = {
    table: f"SELECT {columns} FROM {table}{_IN_ORDER.get(table, '')}" for table, columns in _TABLES.items()
}
COPY: Final = {table: insert(table, columns) for table, columns in _TABLES.items()}
FORGET_WORK: Final = "DELETE FROM work"
BEGIN_WORK: Final = insert("work", WORK_COLUMNS)

UNFINISHED: Final = f"""
    SELECT {ROLLOUT} FROM rollout r WHERE outcome NOT IN ('succeeded', 'superseded', 'aborted') OR EXISTS
        (SELECT 1 FROM step s WHERE s.rollout = r.id AND s.state IN ('ready', 'intended') AND s.kind != 'follow')
    ORDER BY number
"""

INSTANCE_AT: Final = f"SELECT {INSTANCE} FROM instance WHERE template = ? AND integration = ?"
INSTANCES_IN: Final = f"""
    SELECT {INSTANCE} FROM instance WHERE template = ? AND integration IN (SELECT value FROM json_each(?))
"""
INSTANCES_AFTER: Final = f"""
    SELECT {INSTANCE} FROM instance WHERE (template, integration) > (?, ?) ORDER BY template, integration LIMIT ?
"""
INSTANCES_OF: Final = f"""
    SELECT {", ".join(f"i.{column}" for column in INSTANCE.split(", "))}
    FROM deployment d JOIN instance i ON i.template = d.template AND i.integration = d.integration
    WHERE d.rollout = ? AND d.place IN (SELECT CAST(value AS INTEGER) FROM json_each(?))
"""
REVISIONS: Final = f"""
    SELECT {REVISION} FROM revision WHERE template = ? AND revision IN (SELECT value FROM json_each(?))
"""
KEEP_REVISION: Final = f"{insert('revision', REVISION)} ON CONFLICT (template, revision) DO NOTHING"
BY_REVISION: Final = """
    SELECT json_extract(body, '$.revision'), count(*) FROM instance
    WHERE template IN (SELECT value FROM json_each(?)) GROUP BY 1 ORDER BY 2 DESC, 1
"""
HOMES: Final = """
    SELECT tenant, integration FROM instance WHERE template = ? AND tenant IN (SELECT value FROM json_each(?))
"""
HOLDERS: Final = "SELECT DISTINCT account FROM instance WHERE template IN (SELECT value FROM json_each(?))"
ABSENT: Final = """
    SELECT tenant FROM instance WHERE template IN (SELECT value FROM json_each(?)) AND account = ?
    AND integration NOT IN (SELECT value FROM json_each(?))
"""
UNSETTLED: Final = """
    SELECT d.template, d.integration, r.name, d.tenant, s.kind, s.state
    FROM step s JOIN deployment d ON d.rollout = s.rollout AND d.place = s.place JOIN rollout r ON r.id = s.rollout
    WHERE s.state IN ('intended', 'unknown') AND s.kind != 'follow'
"""
# Of each instance the newest rollout that was to run it decides.
OWED: Final = """
    SELECT integration, state FROM (
        SELECT d.integration, s.state, s.kind, r.number, max(r.number) OVER (PARTITION BY d.integration) AS newest
        FROM deployment d JOIN rollout r ON r.id = d.rollout
            JOIN step s ON s.rollout = d.rollout AND s.place = d.place AND s.kind IN ('run', 'follow')
        WHERE d.template = ? AND d.integration IN (SELECT value FROM json_each(?))
    ) AS run WHERE number = newest AND (state = 'failed' OR (state = 'ready' AND kind = 'run'))
"""


@cache
def moves(rows: int) -> str:
    """Return the statement that moves steps: their new rows, each with the state and the attempts it had before."""
    moved = f"{STEP}, state_before, attempts_before"
    return f"""
        UPDATE step SET state = moved.state, attempts = moved.attempts, body = moved.body, checksum = moved.checksum
        FROM (WITH moved ({moved}) AS ({_values(moved, rows)}) SELECT * FROM moved) AS moved
        WHERE step.rollout = moved.rollout AND step.place = moved.place AND step.position = moved.position
        AND step.state = moved.state_before AND step.attempts = moved.attempts_before
    """


@cache
def happenings(rows: int) -> str:
    """Return the statement that writes events."""
    return insert("event", EVENT, rows)


@cache
def rests(rows: int) -> str:
    """Return the statement that makes room in a wave."""
    return f"DELETE FROM admission WHERE (rollout, place) IN ({_values('rollout, place', rows)})"


@cache
def forgettings(rows: int) -> str:
    """Return the statement that forgets flows."""
    return f"DELETE FROM instance WHERE (template, integration) IN ({_values('template, integration', rows)})"


@cache
def memories(rows: int) -> str:
    """Return the statement that writes what is remembered; INSERT OR REPLACE would write every index anew."""
    return f"""
        {insert("instance", INSTANCE, rows)} ON CONFLICT (template, integration) DO UPDATE SET
        tenant = excluded.tenant, account = excluded.account, body = excluded.body, checksum = excluded.checksum
    """
