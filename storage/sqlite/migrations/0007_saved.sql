-- When a message came into its mailbox (RFC 8514); 0: before we noted that.
ALTER TABLE placements ADD COLUMN saved INTEGER NOT NULL DEFAULT 0;
