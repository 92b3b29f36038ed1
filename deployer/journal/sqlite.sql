-- Version 9. Every row that is read back carries a checksum of its columns: integrity_check does not see flipped bits.
CREATE TABLE rollout (
    number          INTEGER PRIMARY KEY,
    id              TEXT NOT NULL UNIQUE,
    name            TEXT NOT NULL,
    kind            TEXT NOT NULL,
    plan            TEXT NOT NULL,
    manifest_digest TEXT NOT NULL,
    tenants_digest  TEXT NOT NULL,
    outcome         TEXT NOT NULL,
    reason          TEXT NOT NULL,
    who             TEXT NOT NULL,
    started_at      TEXT NOT NULL,
    ended_at        TEXT,
    body            TEXT NOT NULL,  -- the plan, without its tenants
    checksum        INTEGER NOT NULL
);
CREATE INDEX rollout_by_name ON rollout (name, number);

-- One row at most: which journal this is, and how often work was begun with it.
CREATE TABLE work (
    journal  TEXT NOT NULL,
    number   INTEGER NOT NULL,
    checksum INTEGER NOT NULL
);

CREATE TABLE deployment (
    rollout     TEXT NOT NULL REFERENCES rollout (id),
    place       INTEGER NOT NULL,  -- in the plan
    tenant      TEXT NOT NULL,
    account     TEXT NOT NULL,
    template    TEXT NOT NULL,
    integration TEXT NOT NULL,
    action      TEXT NOT NULL,
    wave        INTEGER NOT NULL,  -- counted from 1; 0 where there are none, or nothing is to be done
    body        TEXT NOT NULL,
    checksum    INTEGER NOT NULL,
    PRIMARY KEY (rollout, place),
    UNIQUE (rollout, tenant)
) WITHOUT ROWID;
CREATE INDEX deployment_by_account ON deployment (rollout, account, wave, place);
CREATE INDEX deployment_by_instance ON deployment (template, integration);

CREATE TABLE step (
    rollout  TEXT NOT NULL,
    place    INTEGER NOT NULL,
    position INTEGER NOT NULL,
    kind     TEXT NOT NULL,
    state    TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    body     TEXT NOT NULL,
    checksum INTEGER NOT NULL,
    PRIMARY KEY (rollout, place, position),
    FOREIGN KEY (rollout, place) REFERENCES deployment (rollout, place)
) WITHOUT ROWID;
CREATE INDEX step_open ON step (rollout, place) WHERE state IN ('ready', 'intended');
CREATE INDEX step_unsettled ON step (state) WHERE state IN ('intended', 'unknown');
CREATE INDEX step_troubled ON step (rollout, place) WHERE state IN ('unknown', 'failed', 'cancelled');
-- A tenant never has two intents in flight.
CREATE UNIQUE INDEX step_one_intent ON step (rollout, place) WHERE state = 'intended';

-- What people said to a rollout.
CREATE TABLE instruction (
    number   INTEGER PRIMARY KEY,
    id       TEXT NOT NULL UNIQUE,
    rollout  TEXT NOT NULL REFERENCES rollout (id),
    verb     TEXT NOT NULL,
    about    TEXT NOT NULL,
    who      TEXT NOT NULL,
    at       TEXT NOT NULL,
    checksum INTEGER NOT NULL
);
CREATE INDEX instruction_by_rollout ON instruction (rollout, number);

-- The gate after a wave, once the wave has ended.
CREATE TABLE gate (
    rollout  TEXT NOT NULL REFERENCES rollout (id),
    wave     INTEGER NOT NULL,
    state    TEXT NOT NULL,
    since    TEXT NOT NULL,  -- UTC
    who      TEXT NOT NULL,  -- approved it
    checksum INTEGER NOT NULL,
    PRIMARY KEY (rollout, wave)
) WITHOUT ROWID;

CREATE TABLE event (
    number   INTEGER PRIMARY KEY,
    rollout  TEXT NOT NULL,
    place    INTEGER NOT NULL,
    position INTEGER NOT NULL,
    event    TEXT NOT NULL,
    at       TEXT NOT NULL,
    body     TEXT NOT NULL,
    checksum INTEGER NOT NULL
);
CREATE INDEX event_by_deployment ON event (rollout, place, number);

-- What accounts were asked meanwhile, a row for some seconds of one: the body has the figures.
CREATE TABLE sample (
    number   INTEGER PRIMARY KEY,
    rollout  TEXT NOT NULL REFERENCES rollout (id),
    account  TEXT NOT NULL,
    at       TEXT NOT NULL,  -- UTC, when they began
    body     TEXT NOT NULL,
    checksum INTEGER NOT NULL
);
CREATE INDEX sample_by_rollout ON sample (rollout, number);

-- What each revision of a template holds: what changed since is what an upgrade carries.
CREATE TABLE revision (
    template TEXT NOT NULL,
    revision TEXT NOT NULL,
    body     TEXT NOT NULL,
    checksum INTEGER NOT NULL,
    PRIMARY KEY (template, revision)
) WITHOUT ROWID;

CREATE TABLE instance (
    template    TEXT NOT NULL,
    integration TEXT NOT NULL,
    tenant      TEXT NOT NULL,
    account     TEXT NOT NULL,
    body        TEXT NOT NULL,
    checksum    INTEGER NOT NULL,
    PRIMARY KEY (template, integration)
) WITHOUT ROWID;
CREATE INDEX instance_by_tenant ON instance (template, tenant);
CREATE INDEX instance_by_account ON instance (template, account);

-- Who was let in to a wave and does not rest yet.
CREATE TABLE admission (
    rollout TEXT NOT NULL,
    place   INTEGER NOT NULL,
    wave    INTEGER NOT NULL,
    PRIMARY KEY (rollout, place)
);
CREATE INDEX admission_by_wave ON admission (rollout, wave);
