-- Workspaces that write their outputs into a secret (writeConnectionSecretToRef).
--
-- secret_uses.variable names what takes the text: a variable, or `/varFiles/N` and `/env/NAME` of the spec.

CREATE TABLE secret_writers (
    namespace     TEXT NOT NULL,                                       -- the secret's namespace, which is the workspace's own
    name          TEXT NOT NULL,                                       -- the secret's name
    workspace_uid TEXT NOT NULL UNIQUE REFERENCES workspaces (uid),    -- who writes it, and nobody else
    PRIMARY KEY (namespace, name)
) STRICT;
