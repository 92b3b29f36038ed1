"""Let go of rollouts that ended long ago, as far as nobody can need them any more."""

from collections.abc import Sequence
from typing import Final

from deployer.journal.connection import Connection
from deployer.journal.protocol import Rollout
from deployer.journal.queries import ROLLOUT
from deployer.journal.rows import read_rollout

_DOUBTED: Final = """
    SELECT 1 FROM step s WHERE s.rollout = r.id AND s.state IN ('intended', 'unknown')
"""
# A run that is still to be made, or made again, as long as no later rollout was to run the same flow.
_OWED: Final = """
    SELECT 1 FROM step s JOIN deployment d ON d.rollout = s.rollout AND d.place = s.place
    WHERE s.rollout = r.id AND s.kind IN ('run', 'follow') AND s.state IN ('ready', 'failed')
    AND (s.state = 'failed' OR s.kind = 'run') AND NOT EXISTS (
        SELECT 1 FROM deployment e JOIN rollout n ON n.id = e.rollout
            JOIN step t ON t.rollout = e.rollout AND t.place = e.place AND t.kind IN ('run', 'follow')
        WHERE e.template = d.template AND e.integration = d.integration AND n.number > r.number
    )
"""
_WROTE: Final = "{0}.kind <> 'run' AND EXISTS (SELECT 1 FROM step w WHERE w.rollout = {0}.id AND w.state = 'done')"
_LATER: Final = "SELECT 1 FROM rollout n WHERE n.name = r.name AND n.number > r.number"
# A rollback undoes the newest that wrote anything, and asks who of other names wrote to its flows later.
_WATCHED: Final = f"""
    SELECT 1 FROM rollout o WHERE o.number < r.number AND {_WROTE.format("o")}
    AND (coalesce(o.ended_at, :before) >= :before OR NOT EXISTS (
        SELECT 1 FROM rollout n WHERE n.name = o.name AND n.number > o.number AND {_WROTE.format("n")}
    )) AND EXISTS (
        SELECT 1 FROM deployment d JOIN deployment e ON e.template = d.template AND e.integration = d.integration
        WHERE d.rollout = o.id AND e.rollout = r.id
    )
"""
# Whoever looks on asks for what is numbered higher than what he has: a file would give the numbers of what went again.
_PRUNABLE: Final = f"""
    SELECT {ROLLOUT} FROM rollout r WHERE name = :name AND ended_at < :before AND EXISTS ({_LATER})
    AND NOT ({_WROTE.format("r")} AND NOT EXISTS ({_LATER} AND {_WROTE.format("n")}))
    AND NOT ({_WROTE.format("r")} AND EXISTS ({_WATCHED}))
    AND NOT EXISTS ({_DOUBTED}) AND NOT EXISTS ({_OWED})
    AND id <> coalesce((SELECT rollout FROM event ORDER BY number DESC LIMIT 1), '')
    AND id <> coalesce((SELECT rollout FROM sample ORDER BY number DESC LIMIT 1), '')
"""
_ENDED: Final = "SELECT count(*) FROM rollout WHERE name = ? AND ended_at < ?"
_ALL: Final = f"{_PRUNABLE} ORDER BY number"
_ONE: Final = f"{_PRUNABLE} AND id = :rollout"
_TABLES: Final = ("sample", "event", "instruction", "gate", "admission", "step", "deployment")
_SHARED: Final = ("part", *_TABLES)


def prunable_in(connection: Connection, name: str, before: str) -> Sequence[Rollout]:
    """Return the rollouts of a name, oldest first, that ended before a moment (UTC, ISO-8601) and may go."""
    return [read_rollout(row)[0] for row in connection.execute(_ALL, {"name": name, "before": before})]


def ended_in(connection: Connection, name: str, before: str) -> int:
    """Count the rollouts of a name that ended before a moment (UTC, ISO-8601), whether they may go or not."""
    [(count,)] = connection.execute(_ENDED, (name, before)).fetchall()
    return int(count)


def prune_in(connection: Connection, rollout: Rollout, before: str, *, shared: bool) -> bool:
    """Delete a rollout with all that belongs to it alone; tell whether it still might go."""
    wanted = {"name": rollout.name, "before": before, "rollout": rollout.id}
    if connection.execute(_ONE, wanted).fetchone() is None:
        return False
    for table in _SHARED if shared else _TABLES:
        connection.execute(f"DELETE FROM {table} WHERE rollout = ?", (rollout.id,))
    connection.execute("DELETE FROM rollout WHERE id = ?", (rollout.id,))
    return True
