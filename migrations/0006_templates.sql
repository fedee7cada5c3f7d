-- Templates that were uploaded, revision by revision, and who works with which.

CREATE TABLE templates (
    namespace  TEXT NOT NULL REFERENCES namespaces (name),             -- the tenant
    name       TEXT NOT NULL,                                          -- DNS label, unique in its namespace
    current    TEXT NOT NULL,                                          -- revision that new workspaces take
    rolling    INTEGER NOT NULL CHECK (rolling IN (0, 1)),             -- whether those that follow it are brought to it
    created_at INTEGER NOT NULL,                                       -- when it was first uploaded
    changed_at INTEGER NOT NULL,                                       -- when another revision became the current one
    PRIMARY KEY (namespace, name)
) STRICT;

-- A revision never changes.
CREATE TABLE template_revisions (
    namespace  TEXT NOT NULL,                                          -- the template's
    name       TEXT NOT NULL,                                          -- the template's
    revision   TEXT NOT NULL,                                          -- hex digest of its content
    number     INTEGER NOT NULL CHECK (number >= 1),                   -- counts the template's revisions
    files      TEXT NOT NULL CHECK (json_valid(files)),                -- JSON object: text by path, the manifest among them
    author     TEXT NOT NULL,                                          -- who uploaded it
    created_at INTEGER NOT NULL,                                       -- when
    PRIMARY KEY (namespace, name, revision),
    UNIQUE (namespace, name, number),
    FOREIGN KEY (namespace, name) REFERENCES templates (namespace, name) ON DELETE CASCADE
) STRICT;

-- Which uploaded template a workspace works with; none for those that come with captd.
ALTER TABLE workspaces ADD COLUMN template_namespace TEXT;             -- the template's namespace
ALTER TABLE workspaces ADD COLUMN template_name TEXT;                  -- its name
ALTER TABLE workspaces ADD COLUMN template_revision TEXT;              -- the revision that the workspace is to have
ALTER TABLE workspaces ADD COLUMN template_pinned INTEGER CHECK (template_pinned IN (0, 1)); -- whether its spec names that revision

CREATE INDEX workspaces_by_template ON workspaces (template_namespace, template_name);

-- Workspaces that were deleted and whose resources were to stay: a new declaration takes them up.
CREATE TABLE retained (
    kind          TEXT NOT NULL CHECK (kind IN ('machine', 'workspace')), -- what was declared
    namespace     TEXT NOT NULL,                                       -- the tenant
    name          TEXT NOT NULL,                                       -- its name
    workspace_uid TEXT NOT NULL UNIQUE,                                -- whose state is kept
    spec          TEXT NOT NULL CHECK (json_valid(spec)),              -- JSON WorkspaceSpec that was in force last
    retained_at   INTEGER NOT NULL,                                    -- when
    PRIMARY KEY (kind, namespace, name)
) STRICT;
