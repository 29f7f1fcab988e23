"""A Dovecot set up to be as little in the way as it can be, with mailboxes filled in seconds.

Messages lie in mdbox files with CRLF, so that it sends what lies there; its processes are kept for the next connection; what it
has to know of each message is in its index and cache before anything is timed. As root it drops to users of its own.
"""
import contextlib
import hashlib
import imaplib
import os
import poplib
import subprocess
from dataclasses import dataclass, field

import peers

from . import corpus

TUNED = """
mail_location = mdbox:~/mdbox
mail_fsync = never
mail_always_cache_fields = size.virtual
pop3_fast_size_lookups = yes
auth_mechanisms = plain login
service auth {
  client_limit = 8000
}
service anvil {
  client_limit = 8000
}
service imap-login {
  service_count = 0
  process_min_avail = 2
  client_limit = 4000
}
service pop3-login {
  service_count = 0
  process_min_avail = 2
  client_limit = 4000
}
service imap {
  service_count = 1000
  process_limit = 4000
}
service pop3 {
  service_count = 1000
  process_limit = 4000
}
"""


@dataclass
class Account:
    """One remote mailbox, as a contender is told of it."""

    name: str
    protocol: str
    host: str
    port: int
    tls: str
    user: str
    password: str
    ca: str


@dataclass
class Holding:
    """What a mailbox was filled with."""

    digests: list = field(default_factory=list)
    octets: int = 0

    def __len__(self):
        return len(self.digests)


class MailServer(peers.Dovecot):
    def __init__(self, users, extra=""):
        super().__init__(users=users, extra=TUNED + extra)

    def account(self, user, protocol, tls="none", port=None):
        host = "localhost" if tls == "implicit" else "127.0.0.1"
        port = port or self.ports[protocol + ("s" if tls == "implicit" else "")]
        return Account(user, protocol, host, port, tls, user, self.PASSWORD, self.ca)

    @contextlib.contextmanager
    def imap(self, user):
        with imaplib.IMAP4("127.0.0.1", self.ports["imap"]) as client:
            client.login(user, self.PASSWORD)
            yield client

    def doveadm(self, *arguments):
        subprocess.run(["doveadm", "-c", self.directory / "dovecot.conf", *arguments], check=True, capture_output=True)

    def fill_box(self, user, messages):
        """Fills an INBOX; the messages are \\Seen. An APPEND makes the mailbox, then they are written as Dovecot would have
        written them, into one storage file that it takes in, and the first one goes again."""
        with self.imap(user) as client:
            client.append("INBOX", None, None, b"Subject: the first of all\r\n\r\n\r\n")
        holding = Holding()
        path = self.directory / f"mail/{user}/mdbox/storage/m.9"
        with open(path, "wb", buffering=1 << 20) as out:
            out.write(b"2 M1e C6b055c39\n")
            for data in messages:
                holding.digests.append(corpus.digest(data))
                holding.octets += len(data)
                name = hashlib.md5(f"{user}:{len(holding)}".encode()).hexdigest().encode()
                out.write(b"\1\2N          %016X\n" % len(data))
                out.write(data)
                out.write(b"\n\1\3\nR6b055c39\nV%x\nG%s\nBINBOX\n\n" % (len(data), name))
        os.chown(path, *self.owner)
        self.doveadm("force-resync", "-u", user, "INBOX")
        self.doveadm("expunge", "-u", user, "mailbox", "INBOX", "uid", "1")
        self.warm(user, holding)
        return holding

    def warm(self, user, holding):
        """Marks all read, fills cache and index, reads every body once; and sees that the server has what it should have."""
        with self.imap(user) as client:
            found = int(client.select("INBOX")[1][0])
            if found != len(holding):
                raise SystemExit(f"bench: the server took in {found} messages of {len(holding)}")
            client.store("1:*", "+FLAGS.SILENT", r"(\Seen)")
            client.fetch("1:*", "(RFC822.SIZE)")
        self.doveadm("fetch", "-u", user, "size.virtual", "mailbox", "INBOX")
        client = poplib.POP3("127.0.0.1", self.ports["pop3"])
        client.user(user)
        client.pass_(self.PASSWORD)
        client.quit()
