-- What rules remember of earlier messages: a key (the digest of what it is about), when it was met, until when it counts.
CREATE TABLE remembered (
  key BLOB PRIMARY KEY CHECK (length(key) = 32),
  met INTEGER NOT NULL,
  until INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX remembered_until ON remembered (until);
