-- Provider configurations that are not well; one that is has no row.
CREATE TABLE provider_trouble (
    provider TEXT PRIMARY KEY NOT NULL,                                -- name of the provider configuration
    trouble  TEXT NOT NULL CHECK (json_valid(trouble))                 -- JSON Trouble: what failed, whether its runs wait, when the next is let through
) STRICT;
