-- Secrets: named bundles of texts, sealed, written and never read back.

CREATE TABLE secrets (
    namespace  TEXT NOT NULL REFERENCES namespaces (name),             -- the tenant
    name       TEXT NOT NULL,                                          -- DNS label, unique in its namespace
    version    INTEGER NOT NULL CHECK (version >= 1),                  -- counts what was written
    keys       TEXT NOT NULL CHECK (json_valid(keys)),                 -- JSON list: what it holds, by name
    export_to  TEXT NOT NULL CHECK (json_valid(export_to)),            -- JSON list: namespaces that may use it
    sealed     BLOB NOT NULL,                                          -- JSON object of strings, compressed and encrypted, bound to name and version
    key_id     TEXT NOT NULL,                                          -- the key that opens it
    author     TEXT NOT NULL,                                          -- who wrote it last
    created_at INTEGER NOT NULL,                                       -- when it was first written
    changed_at INTEGER NOT NULL,                                       -- when it was last written
    PRIMARY KEY (namespace, name)
) STRICT;

-- Which variable of whom takes what of a secret.
CREATE TABLE secret_uses (
    workspace_uid TEXT NOT NULL REFERENCES workspaces (uid),           -- who uses it
    variable      TEXT NOT NULL,                                       -- the variable that takes it
    namespace     TEXT NOT NULL,                                       -- the secret's namespace
    name          TEXT NOT NULL,                                       -- the secret's name
    key           TEXT NOT NULL,                                       -- what of it
    PRIMARY KEY (workspace_uid, variable)
) STRICT;

CREATE INDEX secret_uses_by_secret ON secret_uses (namespace, name);
