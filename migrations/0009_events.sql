-- Events: everything that happened, in one order, each written in the transaction of what it tells.

CREATE TABLE events (
    position    INTEGER PRIMARY KEY AUTOINCREMENT,                     -- rises, and is never used again
    happened_at INTEGER NOT NULL,                                      -- when
    severity    TEXT NOT NULL CHECK (severity IN ('Normal', 'Warning')), -- whether somebody should look
    reason      TEXT NOT NULL,                                         -- what happened, in one word: RunFailed
    kind        TEXT NOT NULL,                                         -- to what: Machine, Workspace, WorkspaceTemplate, Secret, Namespace, Installation
    namespace   TEXT,                                                  -- its namespace; none of what lies in none
    name        TEXT NOT NULL,                                         -- its name
    run_id      TEXT,                                                  -- the run that it is about
    actor       TEXT NOT NULL,                                         -- who did it; captd itself as `captd`
    message     TEXT NOT NULL                                          -- a sentence, without anything secret
) STRICT;

CREATE INDEX events_by_subject ON events (namespace, kind, name, position);
