"""Rules that remember: senders who are answered once, messages that repeat earlier ones; over polls and processes."""
import json
import unittest

import agent
import peers


def message(number, sender="bob@example.net", more="", body="hello"):
    return (f"Return-Path: <{sender}>\r\nFrom: {sender}\r\nTo: Alice <alice@example.org>\r\nSubject: number {number}\r\n"
            f"Message-ID: <{number}@example.net>\r\n{more}\r\n{body} {number}\r\n").encode()


class Memory(unittest.TestCase):
    def setUp(self):
        self.server = peers.Dovecot(users=("alice",))
        self.addCleanup(self.server.stop)
        self.sink = peers.SmtpSink()
        self.addCleanup(self.sink.stop)

    def make(self, rules):
        made = agent.Agent({"accounts": {"source": agent.account("imap", self.server, "alice")},
                            "destinations": {"home": {"type": "mailbox", "user": "me"},
                                             "relay": {"type": "smtp", "host": "127.0.0.1", "port": self.sink.port,
                                                       "tls": "none", "to": ["nobody@example.org"]}},
                            "default_destination": "home", "rules": rules})
        self.addCleanup(made.remove)
        made.add_user()
        return made

    def route(self, made, text):
        return json.loads(made.command("route", "--json", "-", text_in=text.decode()).stdout)[0]

    def test_each_sender_is_answered_once_with_the_null_sender(self):
        made = self.make([{"name": "away", "continue": True, "then": [
            {"vacation": "I am away.\n\nSee you.", "addresses": ["alice@example.org"], "by": "relay"}]}])
        self.server.fill("alice", [message(1), message(2), message(3, "list@example.net", "List-Id: <x.example.net>\r\n"),
                                   message(4, "carol@example.net"), message(5, "noreply@example.net")])
        made.poll()
        self.server.fill("alice", [message(6), message(7, "")])
        made.poll()
        sent = [raw.decode() for raw in self.sink.messages()]
        self.assertEqual(len(sent), 2, sent)
        for sender in ("bob@example.net", "carol@example.net"):
            one, = [raw for raw in sent if f"To: {sender}\n" in raw]
            self.assertIn("X-Mail-Args: <>", one)
            self.assertIn(f"X-Rcpt-Args: <{sender}>", one)
            self.assertIn("\nAuto-Submitted: auto-replied (vacation)\n", one)
            self.assertTrue(one.rstrip("\n").endswith("\n\nI am away.\n\nSee you."), one)
        self.assertEqual(len(made.kept()), 7)
        self.assertIn("vacation: bob@example.net is answered", made.command("explain", "<1@example.net>").stdout)
        self.assertIn("was answered on", made.command("explain", "<6@example.net>").stdout)
        # What route tells, and that it writes nothing.
        for _ in range(2):
            routed = self.route(made, message(8, "dave@example.net"))
            self.assertEqual([one["to"] for one in routed["replies"]], ["dave@example.net"])
        routed = self.route(made, message(9))
        self.assertEqual(routed["replies"], [])
        self.assertIn("its sender was answered on", routed["rules"][0]["actions"][0])
        self.assertIn("would be answered: \"Auto: number 10\" to dave@example.net",
                      made.command("route", "-", text_in=message(10, "dave@example.net").decode()).stdout)

    def test_a_repetition_is_told_over_polls(self):
        made = self.make([{"name": "again", "if": {"seen": "${header:X-Alert}"}, "then": [{"deliver": "home", "folder": "Again"}]}])
        alert = "X-Alert: disk\r\n"
        self.server.fill("alice", [message(1, more=alert), message(2, more=alert), message(3)])
        made.poll()
        self.server.fill("alice", [message(4, more=alert), message(5)])
        made.poll()
        agent.assert_same(self, made.kept(), [message(1, more=alert), message(3), message(5)])
        agent.assert_same(self, made.kept("Again"), [message(2, more=alert), message(4, more=alert)])
        for _ in range(2):
            routed = self.route(made, message(6, more="X-Alert: net\r\n"))
            self.assertEqual(routed["rules"][0]["tests"][0]["saw"], "net, not met before")
        routed = self.route(made, message(6, more=alert))
        self.assertIn("disk, met ", routed["rules"][0]["tests"][0]["saw"])
        self.assertEqual(json.loads(made.command("route", "--against", "me", "--json").stdout)["messages"], [])


if __name__ == "__main__":
    unittest.main()
