-- Everything that is declared and has a workspace stands in one table: machines, and workspaces that
-- stand on their own. What only a machine has is beside it.

CREATE TABLE declared (
    uid              TEXT PRIMARY KEY NOT NULL,                        -- id of the workspace, never used again
    declared_uid     TEXT NOT NULL UNIQUE,                             -- id of the declaration, never used again
    kind             TEXT NOT NULL CHECK (kind IN ('machine', 'workspace')), -- what is declared
    namespace        TEXT NOT NULL REFERENCES namespaces (name),       -- the tenant
    name             TEXT NOT NULL,                                    -- DNS label, unique in its namespace among its kind
    labels           TEXT NOT NULL CHECK (json_valid(labels)),         -- JSON object of strings
    annotations      TEXT NOT NULL CHECK (json_valid(annotations)),    -- JSON object of strings
    spec             TEXT NOT NULL CHECK (json_valid(spec)),           -- JSON MachineSpec or WorkspaceSpec, defaults filled in
    generation       INTEGER NOT NULL CHECK (generation >= 1),         -- counts changes of the spec
    resource_version INTEGER NOT NULL CHECK (resource_version >= 1),   -- counts writes; the ETag
    created_at       INTEGER NOT NULL,                                 -- when it was first declared
    deleting_since   INTEGER,                                          -- when its deletion was asked for
    cluster          TEXT NOT NULL,                                    -- runs of one cluster are counted together
    paused           INTEGER NOT NULL CHECK (paused IN (0, 1)),        -- whether no run begins by itself
    observation      TEXT CHECK (json_valid(observation)),             -- JSON Observation: what was last seen
    observe_at       INTEGER,                                          -- when it is to be looked at again
    diverged         TEXT CHECK (json_valid(diverged)),                -- JSON Divergence: why its state is in doubt
    in_doubt         INTEGER CHECK (in_doubt >= 1),                    -- generation of the first apply since all was well that did not end well
    UNIQUE (kind, namespace, name)
) STRICT;

INSERT INTO declared (uid, declared_uid, kind, namespace, name, labels, annotations, spec, generation,
    resource_version, created_at, deleting_since, cluster, paused, observation, observe_at, diverged, in_doubt)
  SELECT w.uid, m.uid, 'machine', m.namespace, m.name, m.labels, m.annotations, m.spec, m.generation,
    m.resource_version, m.created_at, m.deleting_since, w.cluster, w.paused, w.observation, w.observe_at, w.diverged,
    w.in_doubt
  FROM machines m JOIN workspaces w ON w.machine_uid = m.uid;

CREATE TABLE node_groups (
    workspace_uid TEXT PRIMARY KEY NOT NULL REFERENCES declared (uid), -- the machine's workspace
    node_group    TEXT NOT NULL UNIQUE,                                -- provider configuration, region, cluster and name in one
    nodes_max     INTEGER NOT NULL CHECK (nodes_max >= 1)              -- maxSize, for the namespace's limit
) STRICT;

INSERT INTO node_groups (workspace_uid, node_group, nodes_max)
  SELECT w.uid, m.node_group, m.nodes_max FROM machines m JOIN workspaces w ON w.machine_uid = m.uid;

CREATE TABLE specs (
    workspace_uid TEXT NOT NULL REFERENCES declared (uid),             -- whose
    generation    INTEGER NOT NULL CHECK (generation >= 1),            -- which
    spec          TEXT NOT NULL CHECK (json_valid(spec)),              -- JSON MachineSpec or WorkspaceSpec
    author        TEXT NOT NULL,                                       -- who wrote it
    created_at    INTEGER NOT NULL,                                    -- when
    PRIMARY KEY (workspace_uid, generation)
) STRICT;

INSERT INTO specs (workspace_uid, generation, spec, author, created_at)
  SELECT w.uid, g.generation, g.spec, g.author, g.created_at
  FROM generations g JOIN workspaces w ON w.machine_uid = g.machine_uid;

DROP TABLE generations;
DROP TABLE workspaces;
DROP TABLE machines;
ALTER TABLE declared RENAME TO workspaces;
ALTER TABLE node_groups RENAME TO machines;
ALTER TABLE specs RENAME TO generations;
CREATE INDEX workspaces_by_observe_at ON workspaces (observe_at);

-- What somebody needs: to run after it, or with one of its outputs.
CREATE TABLE dependencies (
    workspace_uid    TEXT NOT NULL REFERENCES workspaces (uid),        -- who needs it
    place            TEXT NOT NULL,                                    -- JSON pointer of the reference below the spec
    target_kind      TEXT NOT NULL CHECK (target_kind IN ('machine', 'workspace')), -- what is needed
    target_namespace TEXT NOT NULL,                                    -- in this namespace
    target_name      TEXT NOT NULL,                                    -- by this name
    variable         TEXT,                                             -- variable that takes its output, if one does
    output           TEXT,                                             -- that output
    PRIMARY KEY (workspace_uid, place),
    CHECK ((variable IS NULL) = (output IS NULL))
) STRICT;

CREATE INDEX dependencies_by_target ON dependencies (target_kind, target_namespace, target_name);

-- Runs: whose they are, the inputs that they had, and one more reason for them. Saved plans go with
-- the runs of the table that is dropped, so they are put aside first.
CREATE TABLE kept_plans AS SELECT run_id, digest, serial, sealed, key_id FROM plans;
DROP TABLE plans;

CREATE TABLE runs_of_all (
    id                TEXT PRIMARY KEY NOT NULL,                       -- sorts by the time of its making
    workspace_uid     TEXT NOT NULL,                                   -- the workspace that it works on
    namespace         TEXT NOT NULL,                                   -- the tenant
    owner             TEXT NOT NULL CHECK (owner IN ('machine', 'workspace')), -- whose the workspace is: a machine's, or its own
    name              TEXT NOT NULL,                                   -- the owner's name
    cluster           TEXT NOT NULL,                                   -- runs of one cluster are counted together
    kind              TEXT NOT NULL CHECK (kind IN ('apply', 'destroy', 'refresh', 'plan')), -- what it does
    generation        INTEGER NOT NULL CHECK (generation >= 1),        -- generation of the spec that it serves
    "trigger"         TEXT NOT NULL CHECK ("trigger" IN ('spec', 'delete', 'request', 'retry', 'rescue', 'observe', 'input', 'template')), -- why it was made
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
    stop_by           TEXT,                                            -- who asked it to stop
    stop_at           INTEGER,                                         -- when
    stop_force        INTEGER CHECK (stop_force IN (0, 1)),            -- whether at once, whatever is under way
    inputs            TEXT CHECK (json_valid(inputs)),                 -- JSON object: outputs of others that it was rendered with, by variable
    CHECK ((ended_at IS NOT NULL) = (state IN
        ('unchanged', 'succeeded', 'failed', 'canceled', 'discarded', 'superseded', 'lost'))),
    CHECK ((failure IS NOT NULL) = (state = 'failed')),
    CHECK (retry_at IS NULL OR state = 'failed'),
    CHECK (begun_at IS NOT NULL OR state NOT IN ('preparing', 'planning', 'planned', 'awaiting_approval', 'applying')),
    CHECK (summary IS NOT NULL OR state NOT IN ('planned', 'awaiting_approval', 'applying')),
    CHECK (because IS NULL OR state = 'awaiting_approval')
) STRICT;

INSERT INTO runs_of_all (id, workspace_uid, namespace, owner, name, cluster, kind, generation, "trigger", attempt, author,
    created_at, wish, state, begun_at, summary, approved_by, approved_at, because, ended_at, failure, retry_at, steps,
    template_revision, plan, stop_by, stop_at, stop_force)
  SELECT id, workspace_uid, namespace, 'machine', machine, cluster, kind, generation, "trigger", attempt, author,
    created_at, wish, state, begun_at, summary, approved_by, approved_at, because, ended_at, failure, retry_at, steps,
    template_revision, plan, stop_by, stop_at, stop_force
  FROM runs;

DROP TABLE runs;
ALTER TABLE runs_of_all RENAME TO runs;

-- At most one run per workspace is open.
CREATE UNIQUE INDEX one_open_run ON runs (workspace_uid) WHERE state IN
    ('queued', 'preparing', 'planning', 'planned', 'awaiting_approval', 'applying');

-- The queue reads what is open, in the order of arrival.
CREATE INDEX open_runs ON runs (state, id) WHERE state IN
    ('queued', 'preparing', 'planning', 'planned', 'awaiting_approval', 'applying');

CREATE INDEX runs_by_workspace ON runs (workspace_uid, id);
CREATE INDEX runs_by_owner ON runs (namespace, owner, name, id);

CREATE TABLE plans (
    run_id TEXT PRIMARY KEY NOT NULL REFERENCES runs (id) ON DELETE CASCADE, -- whose
    digest TEXT NOT NULL,                                              -- hex SHA-256 of the plan as Terraform saved it
    serial INTEGER,                                                    -- serial of the state that it was made for; none before the first
    sealed BLOB NOT NULL,                                              -- compressed and encrypted, bound to the run
    key_id TEXT NOT NULL                                               -- the key that opens it
) STRICT;

INSERT INTO plans (run_id, digest, serial, sealed, key_id)
  SELECT run_id, digest, serial, sealed, key_id FROM kept_plans;
DROP TABLE kept_plans;
