"""The parts of bench/serve: a bare IMAP client, the two servers, and what is asked of both."""
