"""The extensions of our IMAP server, over sockets against the agent itself."""
import re
import socket
import unittest

import agent


class Session:
    """A dialogue line by line; literals in answers are read whole and stand in the line they belong to."""

    def __init__(self, port, login=True):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.input = self.socket.makefile("rb")
        self.number = 0
        self.greeting = self.line()
        if login:
            self.ok('LOGIN me "local word"')

    def send(self, octets):
        self.socket.sendall(octets)

    def line(self):
        line = self.input.readline()
        while found := re.search(rb"\{(\d+)\}\r\n$", line):
            line += self.input.read(int(found[1])) + self.input.readline()
        return line

    def command(self, text):
        """The untagged lines, and the tagged one without its tag."""
        self.number += 1
        tag = b"x%d" % self.number
        self.send(tag + b" " + (text.encode() if isinstance(text, str) else text) + b"\r\n")
        return self.answer(tag)

    def answer(self, tag):
        lines = []
        while True:
            line = self.line()
            if not line:
                raise AssertionError(f"the connection ended; before it: {lines}")
            if line.startswith(tag + b" "):
                return lines, line[len(tag) + 1:].rstrip(b"\r\n")
            lines.append(line[:-2] if line.endswith(b"\r\n") else line)

    def ok(self, text):
        lines, end = self.command(text)
        if not end.startswith(b"OK"):
            raise AssertionError(f"{text!r}: {lines} {end}")
        return lines, end

    def append(self, message, mailbox="INBOX", before=""):
        message = message.encode() if isinstance(message, str) else message
        return self.ok(f"APPEND {mailbox} {before}{{{len(message)}+}}\r\n".encode() + message)

    def close(self):
        self.input.close()
        self.socket.close()


def mail(subject, more="", body="Hello.\r\n"):
    return f"From: Ann <ann@example.org>\r\nSubject: {subject}\r\n{more}\r\n{body}"


class Extensions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.agent = agent.Agent({"accounts": {}, "listeners": {"imap": {"address": "127.0.0.1:0", "tls": "none"}}}, "extensions")
        cls.addClassCleanup(cls.agent.remove)
        cls.agent.add_user()
        cls.agent.start()
        cls.port = cls.agent.listener_port("imap")

    def session(self, mailbox=None):
        made = Session(self.port)
        self.addCleanup(made.close)
        if mailbox:
            made.command(f"DELETE {mailbox}")
            made.ok(f"CREATE {mailbox}")
        return made

    def filled(self, mailbox, count=6):
        made = self.session(mailbox)
        for number in range(1, count + 1):
            made.append(mail(f"m{number}"), mailbox)
        made.ok(f"SELECT {mailbox}")
        return made

    def test_esearch_searchres_within_and_size(self):
        one = self.filled("Search")
        one.ok("STORE 2,4:5 +FLAGS.SILENT (\\Flagged)")
        self.assertEqual(one.ok("UID SEARCH RETURN (MIN MAX COUNT ALL SAVE) FLAGGED")[0],
                         [b'* ESEARCH (TAG "x%d") UID MIN 2 MAX 5 COUNT 3 ALL 2,4:5' % one.number])
        self.assertEqual(len(one.ok("FETCH $ (FLAGS)")[0]), 3)
        self.assertEqual(one.ok("SEARCH NOT $ YOUNGER 1000")[0], [b"* SEARCH 1 3 6"])
        self.assertEqual(one.ok("SEARCH OLDER 1000")[0], [b"* SEARCH"])
        self.assertEqual(one.ok("STATUS Search (SIZE)")[0], [b'* STATUS "Search" (SIZE %d)' % (6 * len(mail("m1")))])


if __name__ == "__main__":
    unittest.main()
