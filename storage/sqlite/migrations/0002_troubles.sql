-- Messages that their server announces but does not hand over whole. A row goes when the message is accepted after all.
CREATE TABLE troubles (
  folder INTEGER NOT NULL REFERENCES folders (id),
  uid INTEGER NOT NULL,
  uidl TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  last INTEGER NOT NULL,
  next_try INTEGER NOT NULL,
  reason TEXT NOT NULL,
  PRIMARY KEY (folder, uid, uidl)
) WITHOUT ROWID;
