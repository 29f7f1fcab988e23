-- A folder whose numbering changed is held against what we have until all of it was seen once.
ALTER TABLE folders ADD COLUMN matching INTEGER NOT NULL DEFAULT 0;
-- Pending clean-ups of an earlier numbering, by message: their UIDs mean nothing any more.
CREATE TABLE stranded_cleanups (
  message INTEGER PRIMARY KEY,
  folder INTEGER NOT NULL REFERENCES folders (id),
  due INTEGER NOT NULL
);
-- Messages without Message-ID are told apart by size and date.
CREATE INDEX messages_nameless ON messages (folder, size) WHERE message_id IS NULL;
