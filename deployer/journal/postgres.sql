-- Version 9, as in sqlite.sql. Text is ordered by its bytes, as there.
CREATE TABLE rollout (
    number          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id              TEXT COLLATE "C" NOT NULL UNIQUE,
    name            TEXT COLLATE "C" NOT NULL,
    kind            TEXT COLLATE "C" NOT NULL,
    plan            TEXT COLLATE "C" NOT NULL,
    manifest_digest TEXT COLLATE "C" NOT NULL,
    tenants_digest  TEXT COLLATE "C" NOT NULL,
    outcome         TEXT COLLATE "C" NOT NULL,
    reason          TEXT COLLATE "C" NOT NULL,
    who             TEXT COLLATE "C" NOT NULL,
    started_at      TEXT COLLATE "C" NOT NULL,
    ended_at        TEXT COLLATE "C",
    body            TEXT COLLATE "C" NOT NULL,  -- the plan, without its tenants
    checksum        BIGINT NOT NULL
);
CREATE INDEX rollout_by_name ON rollout (name, number);

-- One row at most: which journal this is, and how often work was begun with it.
CREATE TABLE work (
    journal  TEXT COLLATE "C" NOT NULL,
    number   INTEGER NOT NULL,
    checksum BIGINT NOT NULL
);

CREATE TABLE deployment (
    rollout     TEXT COLLATE "C" NOT NULL REFERENCES rollout (id),
    place       INTEGER NOT NULL,  -- in the plan
    tenant      TEXT COLLATE "C" NOT NULL,
    account     TEXT COLLATE "C" NOT NULL,
    template    TEXT COLLATE "C" NOT NULL,
    integration TEXT COLLATE "C" NOT NULL,
    action      TEXT COLLATE "C" NOT NULL,
    wave        INTEGER NOT NULL,  -- counted from 1; 0 where there are none, or nothing is to be done
    body        TEXT COLLATE "C" NOT NULL,
    checksum    BIGINT NOT NULL,
    PRIMARY KEY (rollout, place),
    UNIQUE (rollout, tenant)
);
CREATE INDEX deployment_by_account ON deployment (rollout, account, wave, place);
CREATE INDEX deployment_by_instance ON deployment (template, integration);

CREATE TABLE step (
    rollout  TEXT COLLATE "C" NOT NULL,
    place    INTEGER NOT NULL,
    position INTEGER NOT NULL,
    kind     TEXT COLLATE "C" NOT NULL,
    state    TEXT COLLATE "C" NOT NULL,
    attempts INTEGER NOT NULL,
    body     TEXT COLLATE "C" NOT NULL,
    checksum BIGINT NOT NULL,
    PRIMARY KEY (rollout, place, position),
    FOREIGN KEY (rollout, place) REFERENCES deployment (rollout, place)
);
CREATE INDEX step_open ON step (rollout, place) WHERE state IN ('ready', 'intended');
CREATE INDEX step_unsettled ON step (state) WHERE state IN ('intended', 'unknown');
CREATE INDEX step_troubled ON step (rollout, place) WHERE state IN ('unknown', 'failed', 'cancelled');
-- A tenant never has two intents in flight.
CREATE UNIQUE INDEX step_one_intent ON step (rollout, place) WHERE state = 'intended';

-- What people said to a rollout.
CREATE TABLE instruction (
    number   BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id       TEXT COLLATE "C" NOT NULL UNIQUE,
    rollout  TEXT COLLATE "C" NOT NULL REFERENCES rollout (id),
    verb     TEXT COLLATE "C" NOT NULL,
    about    TEXT COLLATE "C" NOT NULL,
    who      TEXT COLLATE "C" NOT NULL,
    at       TEXT COLLATE "C" NOT NULL,
    checksum BIGINT NOT NULL
);
CREATE INDEX instruction_by_rollout ON instruction (rollout, number);

-- The gate after a wave, once the wave has ended.
CREATE TABLE gate (
    rollout  TEXT COLLATE "C" NOT NULL REFERENCES rollout (id),
    wave     INTEGER NOT NULL,
    state    TEXT COLLATE "C" NOT NULL,
    since    TEXT COLLATE "C" NOT NULL,  -- UTC
    who      TEXT COLLATE "C" NOT NULL,  -- approved it
    checksum BIGINT NOT NULL,
    PRIMARY KEY (rollout, wave)
);

CREATE TABLE event (
    number   BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rollout  TEXT COLLATE "C" NOT NULL,
    place    INTEGER NOT NULL,
    position INTEGER NOT NULL,
    event    TEXT COLLATE "C" NOT NULL,
    at       TEXT COLLATE "C" NOT NULL,
    body     TEXT COLLATE "C" NOT NULL,
    checksum BIGINT NOT NULL
);
CREATE INDEX event_by_deployment ON event (rollout, place, number);

-- What accounts were asked meanwhile, a row for some seconds of one: the body has the figures.
CREATE TABLE sample (
    number   BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rollout  TEXT COLLATE "C" NOT NULL REFERENCES rollout (id),
    account  TEXT COLLATE "C" NOT NULL,
    at       TEXT COLLATE "C" NOT NULL,  -- UTC, when they began
    body     TEXT COLLATE "C" NOT NULL,
    checksum BIGINT NOT NULL
);
CREATE INDEX sample_by_rollout ON sample (rollout, number);

-- What each revision of a template holds: what changed since is what an upgrade carries.
CREATE TABLE revision (
    template TEXT COLLATE "C" NOT NULL,
    revision TEXT COLLATE "C" NOT NULL,
    body     TEXT COLLATE "C" NOT NULL,
    checksum BIGINT NOT NULL,
    PRIMARY KEY (template, revision)
);

CREATE TABLE instance (
    template    TEXT COLLATE "C" NOT NULL,
    integration TEXT COLLATE "C" NOT NULL,
    tenant      TEXT COLLATE "C" NOT NULL,
    account     TEXT COLLATE "C" NOT NULL,
    body        TEXT COLLATE "C" NOT NULL,
    checksum    BIGINT NOT NULL,
    PRIMARY KEY (template, integration)
);
CREATE INDEX instance_by_tenant ON instance (template, tenant);
CREATE INDEX instance_by_account ON instance (template, account);

-- Who was let in to a wave and does not rest yet.
CREATE TABLE admission (
    rollout TEXT COLLATE "C" NOT NULL,
    place   INTEGER NOT NULL,
    wave    INTEGER NOT NULL,
    PRIMARY KEY (rollout, place)
);
CREATE INDEX admission_by_wave ON admission (rollout, wave);

-- Who has each account, in which epoch, and when that was last heard of; no holder once it is given back.
CREATE TABLE claim (
    account TEXT COLLATE "C" PRIMARY KEY,
    epoch   BIGINT NOT NULL,
    holder  TEXT COLLATE "C" NOT NULL,
    place   TEXT COLLATE "C" NOT NULL,  -- machine, boot, and space of process ids
    pid     BIGINT NOT NULL,
    beat    TIMESTAMPTZ
);

-- What the workers have of a rollout: no account says that it is theirs, the others came to their end in a wave, or
-- stopped before for a cause.
CREATE TABLE part (
    rollout TEXT COLLATE "C" NOT NULL REFERENCES rollout (id),
    wave    INTEGER NOT NULL,
    account TEXT COLLATE "C" NOT NULL,
    cause   TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (rollout, wave, account)
);

-- What is done at which times. Its rollout is told by name: there is none yet when a schedule is made.
CREATE TABLE schedule (
    rollout  TEXT COLLATE "C" NOT NULL,
    name     TEXT COLLATE "C" NOT NULL,
    body     TEXT COLLATE "C" NOT NULL,
    checksum BIGINT NOT NULL,
    PRIMARY KEY (rollout, name)
);

-- What became of each time, which is told by the local time and its zone: clocks that repeat an hour repeat nothing.
CREATE TABLE firing (
    rollout  TEXT COLLATE "C" NOT NULL,
    schedule TEXT COLLATE "C" NOT NULL,
    local    TEXT COLLATE "C" NOT NULL,
    due      TEXT COLLATE "C" NOT NULL,
    state    TEXT COLLATE "C" NOT NULL,
    body     TEXT COLLATE "C" NOT NULL,
    checksum BIGINT NOT NULL,
    PRIMARY KEY (rollout, schedule, local)
);
CREATE INDEX firing_by_due ON firing (rollout, due);
CREATE INDEX firing_open ON firing (state) WHERE state IN ('due', 'running');

CREATE TABLE version (number INTEGER NOT NULL);
