-- Terraform's state, version by version, as its `http` backend hands it in.

CREATE TABLE states (
    workspace_uid TEXT NOT NULL,                                       -- whose; outlives its workspace, so that nothing is lost with it
    version       INTEGER NOT NULL CHECK (version >= 1),               -- counts what was kept
    lineage       TEXT NOT NULL CHECK (lineage <> ''),                 -- Terraform's name of the state's history
    serial        INTEGER NOT NULL CHECK (serial >= 0),                -- Terraform's count of its changes
    digest        TEXT NOT NULL,                                       -- hex SHA-256 of the state as it came
    bytes         INTEGER NOT NULL CHECK (bytes >= 0),                 -- length of the state as it came
    sealed        BLOB NOT NULL,                                       -- compressed and encrypted, bound to workspace and version
    key_id        TEXT NOT NULL,                                       -- the key that opens it
    author        TEXT NOT NULL,                                       -- `run/<id>`, or who pushed it
    created_at    INTEGER NOT NULL,                                    -- when it was kept
    PRIMARY KEY (workspace_uid, version)
) STRICT;

CREATE TABLE state_locks (
    workspace_uid TEXT PRIMARY KEY NOT NULL,                           -- whose state is locked
    lock_id       TEXT NOT NULL CHECK (lock_id <> ''),                 -- Terraform's id of the lock
    info          TEXT NOT NULL CHECK (json_valid(info)),              -- JSON LockInfo as Terraform gave it
    holder        TEXT NOT NULL,                                       -- `run/<id>`, or who locked it by hand
    locked_at     INTEGER NOT NULL,                                    -- when
    released      INTEGER NOT NULL CHECK (released IN (0, 1))          -- whether Terraform let go; a run's lock stays until its end was looked at
) STRICT;

-- A workspace whose state is in doubt: no run begins until a person has said which state is true.
ALTER TABLE workspaces ADD COLUMN diverged TEXT CHECK (json_valid(diverged)); -- JSON Divergence: what is in doubt

-- Saved plans of runs that wait to be applied. They hold values in the clear, so they are sealed.
CREATE TABLE plans (
    run_id TEXT PRIMARY KEY NOT NULL REFERENCES runs (id) ON DELETE CASCADE, -- whose
    digest TEXT NOT NULL,                                              -- hex SHA-256 of the plan as Terraform saved it
    serial INTEGER,                                                    -- serial of the state that it was made for; none before the first
    sealed BLOB NOT NULL,                                              -- compressed and encrypted, bound to the run
    key_id TEXT NOT NULL                                               -- the key that opens it
) STRICT;
