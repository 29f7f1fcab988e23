-- The first schema. docs/STORAGE.md tells the tables' relations; times are Unix seconds.

-- Distinct bytes. The record (header and bytes) begins at `offset` of the segment.
CREATE TABLE contents (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  segment INTEGER NOT NULL,
  offset INTEGER NOT NULL,
  size INTEGER NOT NULL,
  header_size INTEGER NOT NULL,
  digest BLOB NOT NULL CHECK (length(digest) = 32),
  structure BLOB NOT NULL
);
CREATE UNIQUE INDEX contents_digest ON contents (digest);
CREATE UNIQUE INDEX contents_place ON contents (segment, offset);

-- Segment files: bytes in use up to `bytes`, of which `live` belong to rows of contents.
CREATE TABLE segments (id INTEGER PRIMARY KEY, bytes INTEGER NOT NULL, live INTEGER NOT NULL);
-- Contents that lost a reference since the last tidying.
CREATE TABLE loosened (content INTEGER PRIMARY KEY);
CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO counters VALUES ('next_segment', 1);

-- What was retrieved per remote folder; POP3 accounts have the folder ''. Ranges are packed.
CREATE TABLE folders (
  id INTEGER PRIMARY KEY,
  account TEXT NOT NULL,
  folder TEXT NOT NULL,
  uid_validity INTEGER NOT NULL DEFAULT 0,
  done_through INTEGER NOT NULL DEFAULT 0,
  done_beyond BLOB NOT NULL DEFAULT x'',
  skipped BLOB NOT NULL DEFAULT x'',
  highest_modseq INTEGER NOT NULL DEFAULT 0,
  UNIQUE (account, folder)
);
CREATE TABLE uidls (
  folder INTEGER NOT NULL REFERENCES folders (id),
  uidl TEXT NOT NULL,
  message INTEGER NOT NULL,
  skipped INTEGER NOT NULL,
  PRIMARY KEY (folder, uidl)
) WITHOUT ROWID;
CREATE TABLE cleanups (
  folder INTEGER NOT NULL REFERENCES folders (id),
  uid INTEGER NOT NULL,
  uidl TEXT NOT NULL,
  message INTEGER NOT NULL,
  due INTEGER NOT NULL,
  PRIMARY KEY (folder, uid, uidl)
) WITHOUT ROWID;

-- One row per message seen: accepted, duplicate, discarded or skipped. `events` are those of the acceptance, packed.
-- The fingerprint goes at the time `forget`.
CREATE TABLE messages (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  folder INTEGER NOT NULL REFERENCES folders (id),
  uid_validity INTEGER NOT NULL,
  uid INTEGER NOT NULL,
  uidl TEXT NOT NULL,
  accepted INTEGER NOT NULL,
  internal_date INTEGER NOT NULL,
  size INTEGER NOT NULL,
  duplicate_of INTEGER,
  message_id TEXT,
  sender TEXT NOT NULL,
  subject TEXT NOT NULL,
  fingerprint BLOB,
  forget INTEGER,
  events BLOB NOT NULL
);
CREATE INDEX messages_message_id ON messages (message_id) WHERE message_id IS NOT NULL;
CREATE INDEX messages_fingerprint ON messages (fingerprint) WHERE fingerprint IS NOT NULL;
CREATE INDEX messages_forget ON messages (forget) WHERE forget IS NOT NULL;
-- What happened later.
CREATE TABLE events (
  id INTEGER PRIMARY KEY,
  message INTEGER NOT NULL,
  time INTEGER NOT NULL,
  kind TEXT NOT NULL,
  text TEXT NOT NULL
);
CREATE INDEX events_message ON events (message);

-- Owners of mailboxes, with the counters that never go back.
CREATE TABLE owners (name TEXT PRIMARY KEY, modseq INTEGER NOT NULL, uid_validity INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE mailboxes (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  user TEXT NOT NULL REFERENCES owners (name),
  name TEXT NOT NULL,
  selectable INTEGER NOT NULL,
  special_use TEXT NOT NULL,
  uid_validity INTEGER NOT NULL,
  uid_next INTEGER NOT NULL,
  messages INTEGER NOT NULL,
  unseen INTEGER NOT NULL,
  deleted INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  highest_modseq INTEGER NOT NULL,
  vanished_floor INTEGER NOT NULL DEFAULT 0,
  UNIQUE (user, name)
);
CREATE TABLE subscriptions (user TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (user, name)) WITHOUT ROWID;
CREATE TABLE keyword_sets (
  mailbox INTEGER NOT NULL REFERENCES mailboxes (id) ON DELETE CASCADE,
  id INTEGER NOT NULL,
  words TEXT NOT NULL,
  PRIMARY KEY (mailbox, id)
) WITHOUT ROWID;
CREATE TABLE placements (
  mailbox INTEGER NOT NULL REFERENCES mailboxes (id),
  uid INTEGER NOT NULL,
  content INTEGER NOT NULL REFERENCES contents (id),
  message INTEGER,
  flags INTEGER NOT NULL,
  keywords INTEGER NOT NULL,
  internal_date INTEGER NOT NULL,
  size INTEGER NOT NULL,
  modseq INTEGER NOT NULL,
  PRIMARY KEY (mailbox, uid)
) WITHOUT ROWID;
CREATE INDEX placements_modseq ON placements (mailbox, modseq);
CREATE INDEX placements_content ON placements (content);
CREATE INDEX placements_message ON placements (message) WHERE message IS NOT NULL;
CREATE TABLE vanished (
  mailbox INTEGER NOT NULL REFERENCES mailboxes (id) ON DELETE CASCADE,
  modseq INTEGER NOT NULL,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  PRIMARY KEY (mailbox, modseq, first)
) WITHOUT ROWID;

-- Deliveries not yet done. `begun`: an attempt has no recorded end; `answer_lost`: an earlier one never got one.
CREATE TABLE deliveries (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  message INTEGER NOT NULL REFERENCES messages (id),
  content INTEGER NOT NULL REFERENCES contents (id),
  destination TEXT NOT NULL,
  sender TEXT NOT NULL,
  recipients BLOB NOT NULL,
  folder TEXT NOT NULL,
  flags INTEGER NOT NULL,
  keywords TEXT NOT NULL,
  internal_date INTEGER NOT NULL,
  created INTEGER NOT NULL,
  next_attempt INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  begun INTEGER NOT NULL DEFAULT 0,
  answer_lost INTEGER NOT NULL DEFAULT 0,
  last_error TEXT NOT NULL DEFAULT ''
);
CREATE INDEX deliveries_due ON deliveries (next_attempt, id);
CREATE INDEX deliveries_content ON deliveries (content);
CREATE INDEX deliveries_message ON deliveries (message);

CREATE TABLE accounts (
  account TEXT PRIMARY KEY,
  last_poll INTEGER,
  last_success INTEGER,
  next_poll INTEGER,
  retrieved_total INTEGER NOT NULL,
  duplicates_total INTEGER NOT NULL,
  bytes_total INTEGER NOT NULL,
  new_last_poll INTEGER NOT NULL,
  failures INTEGER NOT NULL,
  last_error TEXT NOT NULL,
  paused INTEGER NOT NULL,
  configuration_digest TEXT NOT NULL,
  remote_capabilities TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE users (name TEXT PRIMARY KEY, keys TEXT NOT NULL, created INTEGER NOT NULL) WITHOUT ROWID;
