"""The SQL of schedules and of what became of them, as that of the journal is written."""

from typing import Final

from deployer.journal.queries import insert

SCHEDULE: Final = "rollout, name, body, checksum"
FIRING: Final = "rollout, schedule, local, due, state, body, checksum"

SCHEDULES: Final = f"SELECT {SCHEDULE} FROM schedule WHERE rollout = coalesce(?, rollout) ORDER BY rollout, name"
KEEP_SCHEDULE: Final = f"""
    {insert("schedule", SCHEDULE)} ON CONFLICT (rollout, name) DO UPDATE SET
    body = excluded.body, checksum = excluded.checksum
"""
DROP_SCHEDULE: Final = "DELETE FROM schedule WHERE rollout = ? AND name = ?"
FIRINGS: Final = f"""
    SELECT {FIRING} FROM firing WHERE rollout = ? AND schedule = coalesce(?, schedule) AND due <= coalesce(?, due)
    ORDER BY due DESC, local DESC, schedule DESC LIMIT ?
"""
OPEN_FIRINGS: Final = f"""
    SELECT {FIRING} FROM firing WHERE state IN ('due', 'running') AND rollout = coalesce(?, rollout)
    ORDER BY due, local, schedule
"""
WRITE_FIRING: Final = f"{insert('firing', FIRING)} ON CONFLICT (rollout, schedule, local) DO NOTHING"
MOVE_FIRING: Final = """
    UPDATE firing SET state = ?, body = ?, checksum = ?
    WHERE rollout = ? AND schedule = ? AND local = ? AND checksum = ?
"""
