-- A file of its own, beside the journal: who works on that is alone, and schedules fire, rest and are listed meanwhile.
-- What is done at which times. Its rollout is told by name: there is none yet when a schedule is made.
CREATE TABLE IF NOT EXISTS schedule (
    rollout  TEXT NOT NULL,
    name     TEXT NOT NULL,
    body     TEXT NOT NULL,
    checksum INTEGER NOT NULL,
    PRIMARY KEY (rollout, name)
);

-- What became of each time, which is told by the local time and its zone: clocks that repeat an hour repeat nothing.
CREATE TABLE IF NOT EXISTS firing (
    rollout  TEXT NOT NULL,
    schedule TEXT NOT NULL,
    local    TEXT NOT NULL,
    due      TEXT NOT NULL,
    state    TEXT NOT NULL,
    body     TEXT NOT NULL,
    checksum INTEGER NOT NULL,
    PRIMARY KEY (rollout, schedule, local)
);
CREATE INDEX IF NOT EXISTS firing_by_due ON firing (rollout, due);
CREATE INDEX IF NOT EXISTS firing_open ON firing (state) WHERE state IN ('due', 'running');
