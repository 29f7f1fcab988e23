"""Redelivery through Postfix's smtp-sink and Dovecot's LMTP: whole, once, with the remote's words when it refuses."""
import json
import mailbox
import os
import re
import unittest

import agent
import corpus
import peers


def relay(sink, **more):
    return {"type": "smtp", "host": "127.0.0.1", "port": sink.port, "tls": "none", "to": ["team@example.com"], **more}


class Relay(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = peers.Dovecot(users=("alice", "loop", "srs"))
        cls.addClassCleanup(cls.server.stop)
        cls.messages = corpus.corpus(200, seed=11)
        cls.server.fill("alice", cls.messages)

    def make(self, sink, limit=0, user="alice"):
        settings = agent.account("imap", self.server, user)
        if limit:
            settings["max_messages_per_poll"] = limit
        made = agent.Agent({"accounts": {"source": settings},
                            "destinations": {"out": relay(sink), "home": {"type": "mailbox", "user": "me"}},
                            "default_destination": "out"})
        self.addCleanup(made.remove)
        made.add_user()
        return made

    def sink(self, *options):
        sink = peers.SmtpSink(*options)
        self.addCleanup(sink.stop)
        return sink

    def test_every_message_arrives_once_and_whole(self):
        sink = self.sink()
        made = self.make(sink)
        made.poll()
        self.assertEqual(len(json.loads(made.command("queue", "list", "--json").stdout)), 0)
        arrived = [body_of(raw) for raw in sink.messages()]
        expected = [message.split(b"\r\n\r\n", 1)[1].replace(b"\r\n", b"\n") for message in self.messages]
        agent.assert_same(self, arrived, expected)

    def test_a_temporary_refusal_waits_in_the_queue(self):
        sink = self.sink("-r", "RCPT")
        made = self.make(sink, limit=3)
        made.poll(expect=1)
        waiting = json.loads(made.command("queue", "list", "--json").stdout)
        self.assertEqual(len(waiting), 3)
        self.assertTrue(any("45" in one["last_error"] for one in waiting), waiting)
        made.command("queue", "show", str(waiting[0]["id"]))
        made.command("queue", "drop", str(waiting[0]["id"]))
        self.assertEqual(len(json.loads(made.command("queue", "list", "--json").stdout)), 2)

    def test_a_refusal_for_good_is_returned_with_the_remotes_words(self):
        sink = self.sink("-f", "RCPT")
        made = self.make(sink, limit=2)
        made.poll(expect=1)
        self.assertEqual(json.loads(made.command("queue", "list", "--json").stdout), [])
        kept = made.kept("Undelivered")
        reports = [one for one in kept if b"multipart/report" in one]
        self.assertEqual((len(kept), len(reports)), (4, 2))
        self.assertTrue(all(b"500" in one and b"team@example.com" in one for one in reports))
        originals = [one for one in kept if b"multipart/report" not in one]
        self.assertTrue(set(corpus.digests(originals)) <= set(corpus.digests(self.messages)))

    def test_codes_of_spam_are_mapped(self):
        for what, codes in (("discard", [571]), ("quarantine", "5.7.1"), ("keep", [550, "5.7.1"])):
            with self.subTest(what):
                sink = self.sink("-f", "DATA", "-B", "571 5.7.1 this is spam")
                made = self.make(sink, limit=2)
                made.configuration["destinations"]["out"]["antispam"] = {what: codes}
                made.configure(made.configuration)
                made.poll(expect=None)
                waiting = json.loads(made.command("queue", "list", "--json").stdout)
                kept = made.kept("Undelivered")
                if what == "quarantine":
                    self.assertEqual(len(waiting), 2)
                    self.assertEqual([one["last_error"] for one in waiting], ["refused as spam: 571 5.7.1 this is spam"] * 2)
                    self.assertEqual(kept, [])
                    made.command("queue", "drop", str(waiting[0]["id"]))
                    self.assertEqual(len(json.loads(made.command("queue", "list", "--json").stdout)), 1)
                else:
                    self.assertEqual(waiting, [])
                    agent.assert_same(self, kept, self.messages[:2] if what == "keep" else [])

    def test_refusals_at_each_step_lose_nothing(self):
        for step in ("CONNECT", "EHLO", "MAIL", "DATA", "."):
            with self.subTest(step=step):
                sink = self.sink("-q" if step == "CONNECT" else "-r", step)
                made = self.make(sink, limit=2)
                made.poll(expect=1)
                self.assertEqual(len(json.loads(made.command("queue", "list", "--json").stdout)), 2)

    def test_a_bounce_finds_its_way_back_to_the_sender_that_was_rewritten(self):
        sink = self.sink()
        made = agent.Agent({
            "accounts": {"source": agent.account("imap", self.server, "srs", envelope={"header": "Delivered-To"})},
            "destinations": {"out": relay(sink, **{"from": {"srs": "us.example", "secret": "sesame"}}),
                             "home": {"type": "mailbox", "user": "me"}},
            "redirect_destination": "out", "default_destination": "home",
            "rules": [{"name": "bounces", "if": {"srs": "out"}, "then": [{"redirect": "${srs}"}]},
                      {"name": "bob", "if": {"address": "envelope-to", "is": "bob@us.example"}, "then": [{"redirect": "bob@far.example"}]}]})
        self.addCleanup(made.remove)
        made.add_user()

        def arrive(sender, recipient, subject):
            self.server.fill("srs", [f"Return-Path: <{sender}>\r\nDelivered-To: {recipient}\r\nFrom: x@first.example\r\n"
                                     f"Subject: {subject}\r\nMessage-ID: <{subject}@x>\r\n\r\nbody\r\n".encode()])
            made.poll()

        def envelopes():
            return [(re.search(rb"X-Mail-Args: <(.*?)>", raw)[1].decode(), re.search(rb"X-Rcpt-Args: <(.*?)>", raw)[1].decode())
                    for raw in sink.messages()]

        arrive("alice@first.example", "bob@us.example", "hello")
        [(rewritten, recipient)] = envelopes()
        self.assertEqual(recipient, "bob@far.example")
        self.assertRegex(rewritten, r"^SRS0=[A-Z2-7]{6}=[A-Z2-7]{2}=first\.example=alice@us\.example$")
        arrive("", rewritten, "bounce")
        self.assertEqual(sorted(envelopes())[0], ("", "alice@first.example"))
        forged = rewritten.replace("alice", "mallory")
        arrive("", forged, "forged")
        self.assertEqual(len(envelopes()), 2)
        self.assertIn("lies in  me/INBOX", made.command("explain", "forged@x").stdout)

    def test_a_loop_is_stopped(self):
        sink = self.sink()
        self.server.fill("loop", self.messages[:1])
        made = self.make(sink, user="loop")
        made.poll()
        sent = sink.messages()[0]
        trace = [line for line in sent.split(b"\n") if line.startswith(b"X-Mailstead-Trace:")]
        self.assertEqual(len(trace), 1)
        again = b"\r\n".join([trace[0].strip(), b"Subject: back again", b"", b"loop", b""])
        self.server.fill("loop", self.messages[:1] + [again])
        made.configure({**made.configuration, "rules": [{"name": "looping", "if": {"header": "Subject", "is": "back again"},
                                   "then": [{"deliver": "out"}]},
                                  {"name": "others", "then": [{"discard": True}]}]})
        made.poll(expect=1)
        self.assertTrue(any(b"mail loop" in one for one in made.kept("Undelivered")))


class Lmtp(unittest.TestCase):
    """Dovecot's LMTP server, by its socket and by TCP with STARTTLS."""
    USERS = {"socket": ("bob", "carol"), "tcp": ("dora", "emil")}

    @classmethod
    def setUpClass(cls):
        port = peers.free_port()
        cls.server = peers.Dovecot(users=("alice", "bob", "carol", "dora", "emil"), extra=f"""
protocols = imap pop3 lmtp
auth_username_format = %Ln
service lmtp {{
  unix_listener lmtp {{
    mode = 0666
  }}
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {port}
  }}
}}
protocol lmtp {{
  postmaster_address = postmaster@example.org
}}
""")
        cls.addClassCleanup(cls.server.stop)
        cls.messages = corpus.corpus(60, seed=12)
        cls.server.fill("alice", cls.messages)
        cls.ways = {"socket": {"socket": str(cls.server.directory / "run/lmtp")},
                    "tcp": {"host": "127.0.0.1", "port": port, "tls": "starttls", "tls_options": {"ca_file": cls.server.ca}}}

    def arrived(self, user):
        folder = os.path.join(self.server.maildir(user), "new")
        for name in sorted(os.listdir(folder)):
            with open(os.path.join(folder, name), "rb") as file:
                yield file.read().replace(b"\r\n", b"\n")

    def test_each_recipient_has_its_own_answer(self):
        for way, place in self.ways.items():
            with self.subTest(way=way):
                first, second = self.USERS[way]
                recipients = [first, second + "@example.org", "nobody-here"]
                made = agent.Agent({"accounts": {"source": agent.account("imap", self.server, "alice")},
                                    "destinations": {"out": {"type": "lmtp", "to": recipients, **place},
                                                     "home": {"type": "mailbox", "user": "me"}},
                                    "default_destination": "out"})
                self.addCleanup(made.remove)
                made.add_user()
                made.command("check", "--connect")
                made.poll(expect=1)
                self.assertEqual(json.loads(made.command("queue", "list", "--json").stdout), [])
                for user in (first, second):
                    arrived = [without_trace(raw) for raw in self.arrived(user)]
                    agent.assert_same(self, arrived, [message.replace(b"\r\n", b"\n") for message in self.messages])
                reports = [one for one in made.kept("Undelivered") if b"multipart/report" in one]
                self.assertEqual(len(reports), len(self.messages))
                for one in reports:
                    self.assertIn(b"nobody-here", one)
                    self.assertIn(b"550 5.1.1", one)
                    self.assertNotIn(second.encode() + b"@example.org", one.split(b"message/rfc822")[0])


class Mbox(unittest.TestCase):
    def test_a_reader_of_mbox_files_finds_every_message_once_and_whole(self):
        server = peers.Dovecot(users=("alice",))
        self.addCleanup(server.stop)
        messages = corpus.corpus(60, seed=13)
        messages[7] += b"From here on\r\n>From there\r\n"
        server.fill("alice", messages)
        directory = peers.Directory("mbox")
        self.addCleanup(directory.remove)
        path = str(directory / "mbox")
        made = agent.Agent({"accounts": {"source": agent.account("imap", server, "alice")},
                            "destinations": {"out": {"type": "mbox", "path": path}, "home": {"type": "mailbox", "user": "me"}},
                            "default_destination": "out"})
        self.addCleanup(made.remove)
        made.add_user()
        made.poll()
        box = mailbox.mbox(path, create=False)
        self.addCleanup(box.close)
        arrived = [re.sub(rb"(?m)^>(>*From )", rb"\1", box.get_bytes(key)) for key in box.keys()]
        agent.assert_same(self, arrived, [message.replace(b"\r\n", b"\n") for message in messages])


def without_trace(raw):
    """What was sent, below the lines that Dovecot and we put above it; ours come last."""
    return re.split(rb"\nX-Mailstead-Trace: [^\n]*\n", raw, maxsplit=1)[1]


def body_of(raw):
    """smtp-sink writes its own X- lines, then the message with LF line ends, then one empty line."""
    return raw.split(b"\n\n", 1)[1][:-1]


if __name__ == "__main__":
    unittest.main()
