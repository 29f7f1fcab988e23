-- Further passwords of a user, one for each client. `last_use` is kept to some minutes; NULL: never used.
CREATE TABLE app_passwords (
  user TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
  name TEXT NOT NULL,
  keys TEXT NOT NULL,
  created INTEGER NOT NULL,
  last_use INTEGER,
  PRIMARY KEY (user, name)
) WITHOUT ROWID;
-- Random octets that stay the same for the life of the data. 'decoy': what names that nobody has are answered with at
-- sign-in is made from it.
CREATE TABLE keepsakes (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
INSERT INTO keepsakes VALUES ('decoy', randomblob(32));
