-- Times are microseconds since the Unix epoch; ids are UUIDs as text; JSON is text.

CREATE TABLE settings (
    key   TEXT PRIMARY KEY NOT NULL, -- what is set: installation
    value TEXT NOT NULL              -- its value
) STRICT;

CREATE TABLE namespaces (
    name             TEXT PRIMARY KEY NOT NULL,                        -- DNS label
    uid              TEXT NOT NULL UNIQUE,                             -- id that is never used again
    labels           TEXT NOT NULL CHECK (json_valid(labels)),         -- JSON object of strings
    annotations      TEXT NOT NULL CHECK (json_valid(annotations)),    -- JSON object of strings
    spec             TEXT NOT NULL CHECK (json_valid(spec)),           -- JSON NamespaceSpec
    generation       INTEGER NOT NULL CHECK (generation >= 1),         -- counts changes of the spec
    resource_version INTEGER NOT NULL CHECK (resource_version >= 1),   -- counts writes; the ETag
    created_at       INTEGER NOT NULL                                  -- when it was first declared
) STRICT;

CREATE TABLE machines (
    uid              TEXT PRIMARY KEY NOT NULL,                        -- id that is never used again
    namespace        TEXT NOT NULL REFERENCES namespaces (name),       -- the tenant
    name             TEXT NOT NULL,                                    -- DNS label, unique in its namespace
    labels           TEXT NOT NULL CHECK (json_valid(labels)),         -- JSON object of strings
    annotations      TEXT NOT NULL CHECK (json_valid(annotations)),    -- JSON object of strings
    spec             TEXT NOT NULL CHECK (json_valid(spec)),           -- JSON MachineSpec, defaults filled in
    generation       INTEGER NOT NULL CHECK (generation >= 1),         -- counts changes of the spec
    resource_version INTEGER NOT NULL CHECK (resource_version >= 1),   -- counts writes; the ETag
    created_at       INTEGER NOT NULL,                                 -- when it was first declared
    deleting_since   INTEGER,                                          -- when its deletion was asked for
    node_group       TEXT NOT NULL UNIQUE,                             -- provider configuration, region, cluster and name in one
    nodes_max        INTEGER NOT NULL CHECK (nodes_max >= 1),          -- maxSize, for the namespace's limit
    UNIQUE (namespace, name)
) STRICT;

CREATE TABLE workspaces (
    uid         TEXT PRIMARY KEY NOT NULL,                             -- id that is never used again
    machine_uid TEXT NOT NULL UNIQUE REFERENCES machines (uid),        -- the machine that owns it
    cluster     TEXT NOT NULL,                                         -- runs of one cluster are counted together
    paused      INTEGER NOT NULL CHECK (paused IN (0, 1)),             -- whether no run begins by itself
    observation TEXT CHECK (json_valid(observation)),                  -- JSON Observation: what was last seen
    observe_at  INTEGER                                                -- when it is to be looked at again
) STRICT;

-- Every generation of a spec, as it was written.
CREATE TABLE generations (
    machine_uid TEXT NOT NULL REFERENCES machines (uid),               -- whose
    generation  INTEGER NOT NULL CHECK (generation >= 1),              -- which
    spec        TEXT NOT NULL CHECK (json_valid(spec)),                -- JSON MachineSpec
    author      TEXT NOT NULL,                                         -- who wrote it
    created_at  INTEGER NOT NULL,                                      -- when
    PRIMARY KEY (machine_uid, generation)
) STRICT;

-- A run outlives its workspace's rows, so that a deletion can be read about: no foreign key.
CREATE TABLE runs (
    id                TEXT PRIMARY KEY NOT NULL,                       -- sorts by the time of its making
    workspace_uid     TEXT NOT NULL,                                   -- the workspace that it works on
    namespace         TEXT NOT NULL,                                   -- the tenant
    machine           TEXT NOT NULL,                                   -- name of the machine
    cluster           TEXT NOT NULL,                                   -- runs of one cluster are counted together
    kind              TEXT NOT NULL CHECK (kind IN ('apply', 'destroy', 'refresh', 'plan')), -- what it does
    generation        INTEGER NOT NULL CHECK (generation >= 1),        -- generation of the spec that it serves
    "trigger"         TEXT NOT NULL CHECK ("trigger" IN ('spec', 'delete', 'request', 'retry', 'rescue', 'observe')), -- why it was made
    attempt           INTEGER NOT NULL CHECK (attempt >= 1),           -- 1 for the first try
    author            TEXT NOT NULL,                                   -- who asked for it
    created_at        INTEGER NOT NULL,                                -- when it was queued
    wish              TEXT CHECK (wish IN ('supersede', 'cancel')),    -- what it was asked to do instead of going on
    -- where it stands
    state             TEXT NOT NULL CHECK (state IN (
        'queued', 'preparing', 'planning', 'planned', 'awaiting_approval', 'applying',
        'unchanged', 'succeeded', 'failed', 'canceled', 'discarded', 'superseded', 'lost')),
    begun_at          INTEGER,                                         -- when it got its place
    summary           TEXT CHECK (json_valid(summary)),                -- JSON Summary of its plan
    approved_by       TEXT,                                            -- who approved its plan
    approved_at       INTEGER,                                         -- when
    because           TEXT CHECK (json_valid(because)),                -- JSON list: why it waits for a person
    ended_at          INTEGER,                                         -- when it was over
    failure           TEXT CHECK (json_valid(failure)),                -- JSON Failure
    retry_at          INTEGER,                                         -- when the next try is due
    steps             TEXT NOT NULL CHECK (json_valid(steps)),         -- JSON list of Step
    template_revision TEXT,                                            -- revision of the template that was rendered
    plan              TEXT CHECK (json_valid(plan)),                   -- JSON Plan, sensitive values masked
    CHECK ((ended_at IS NOT NULL) = (state IN
        ('unchanged', 'succeeded', 'failed', 'canceled', 'discarded', 'superseded', 'lost'))),
    CHECK ((failure IS NOT NULL) = (state = 'failed')),
    CHECK (retry_at IS NULL OR state = 'failed'),
    CHECK (begun_at IS NOT NULL OR state NOT IN ('preparing', 'planning', 'planned', 'awaiting_approval', 'applying')),
    CHECK (summary IS NOT NULL OR state NOT IN ('planned', 'awaiting_approval', 'applying')),
    CHECK (because IS NULL OR state = 'awaiting_approval')
) STRICT;

-- At most one run per workspace is open.
CREATE UNIQUE INDEX one_open_run ON runs (workspace_uid) WHERE state IN
    ('queued', 'preparing', 'planning', 'planned', 'awaiting_approval', 'applying');

-- The queue reads what is open, in the order of arrival.
CREATE INDEX open_runs ON runs (state, id) WHERE state IN
    ('queued', 'preparing', 'planning', 'planned', 'awaiting_approval', 'applying');

CREATE INDEX runs_by_workspace ON runs (workspace_uid, id);
CREATE INDEX runs_by_machine ON runs (namespace, machine, id);
CREATE INDEX workspaces_by_observe_at ON workspaces (observe_at);
