-- What a server calls a message in all its folders (X-GM-MSGID, EMAILID): retrieved once for the account, whose row in
-- folders has no folder name.
CREATE TABLE identities (
  account INTEGER NOT NULL REFERENCES folders (id),
  identity TEXT NOT NULL,
  message INTEGER NOT NULL,
  PRIMARY KEY (account, identity)
) WITHOUT ROWID;
