-- An apply that did not end well may have made something that stands in no state: the next run looks for it.
ALTER TABLE workspaces ADD COLUMN in_doubt INTEGER CHECK (in_doubt >= 1); -- generation of the first such apply since all was well

-- Who asked a run to stop.
ALTER TABLE runs ADD COLUMN stop_by TEXT;                              -- who
ALTER TABLE runs ADD COLUMN stop_at INTEGER;                           -- when
ALTER TABLE runs ADD COLUMN stop_force INTEGER CHECK (stop_force IN (0, 1)); -- whether at once, whatever is under way
