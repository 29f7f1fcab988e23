"""Mailstead itself, and the bare limit that nobody can be faster than."""
import hashlib
import imaplib
import json
import os
import re
import subprocess

import agent

from .contender import Contender

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def settings(account):
    """The account as Mailstead's configuration has it; like its peers it may send the password without TLS."""
    made = {"protocol": account.protocol, "host": account.host, "port": account.port, "tls": account.tls, "user": account.user,
            "password": account.password}
    return made | ({"allow_cleartext": True} if account.tls == "none" else {"tls_options": {"ca_file": account.ca}})


class Mailstead(Contender):
    """`poll`: parses, hashes, recognises duplicates, routes, stores with index; durable at the end."""

    name = program = "mailstead"

    @classmethod
    def missing(cls):
        return None if os.access(agent.BINARY, os.X_OK) else f"there is no {agent.BINARY} (scripts/build makes it)"

    @classmethod
    def version(cls):
        return subprocess.run([agent.BINARY, "--version"], capture_output=True, text=True, check=True).stdout.strip()

    def prepare(self):
        self.agent = agent.Agent({"accounts": {account.name: settings(account) for account in self.accounts}}, name="bench")
        self.agent.add_user()
        return self.command()

    def command(self, *names):
        return [agent.BINARY, "-c", self.agent.config, "poll", *names, "--json"]

    def said(self):
        with open(self.path("stdout"), encoding="utf-8") as out:
            return json.load(out)["accounts"]

    def count(self):
        return sum(box["messages"] for box in self.agent.status()["mailboxes"] if box["mailbox"] == "INBOX")

    def verify(self, digests):
        self.agent.command("check", "--data", timeout=1800)
        quiet = {**self.agent.configuration, "accounts": {}, "listeners": {"imap": {"address": "127.0.0.1:0", "tls": "none"}}}
        self.agent.configure(quiet)
        self.agent.start()
        kept = sorted(self.kept_digests())
        self.agent.stop()
        if kept != sorted(digests):
            raise SystemExit("bench: mailstead's messages differ from those on the server")
        return f"mailstead: the SHA-256 of every message matches ({len(kept)}), and so says check --data"

    def kept_digests(self, window=100):
        imaplib._MAXLINE = 10_000_000
        with imaplib.IMAP4("127.0.0.1", self.agent.listener_port("imap")) as client:
            client.login("me", "local word")
            total = int(client.select("INBOX", readonly=True)[1][0])
            for first in range(1, total + 1, window):
                _, data = client.fetch(f"{first}:{min(first + window - 1, total)}", "(BODY.PEEK[])")
                yield from (hashlib.sha256(item[1]).hexdigest() for item in data if isinstance(item, tuple))

    def finish(self):
        self.agent.remove()


class BareLimit(Contender):
    """`bench/drain`: pipelined commands, large receives into one file, one fsync; looks at nothing."""

    name = "bare limit"

    @classmethod
    def missing(cls):
        return None

    @classmethod
    def version(cls):
        return ""

    def prepare(self):
        account = self.accounts[0]
        trust = [account.ca] if account.tls == "implicit" else []
        return [os.path.join(HERE, "drain"), account.protocol, account.host, str(account.port), account.user, account.password,
                self.path("stream"), *trust]

    def count(self):
        with open(self.path("stream"), "rb") as stream:
            data = stream.read()
        if self.accounts[0].protocol == "pop3":
            return data.count(b"\r\n.\r\n")
        count = position = 0
        answer = re.compile(rb"\* \d+ FETCH \(UID \d+ BODY\[\] \{(\d+)\}\r\n")
        while found := answer.match(data, position):
            count += 1
            position = found.end() + int(found.group(1)) + len(b")\r\n")
        return count
