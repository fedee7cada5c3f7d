-- Something that its runs depend on has changed: a try that failed before is made again at once.
ALTER TABLE workspaces ADD COLUMN mended_at INTEGER; -- when that was last

-- Texts of secrets with which what is in force was made: its destroy needs them, whatever became of the secrets.
CREATE TABLE secrets_in_force (
    workspace_uid TEXT PRIMARY KEY NOT NULL REFERENCES workspaces (uid), -- whose
    sealed        BLOB NOT NULL,                                       -- JSON list: of which secret, key and version, and its text; compressed and encrypted, bound to the workspace
    key_id        TEXT NOT NULL                                        -- the key that opens it
) STRICT;
