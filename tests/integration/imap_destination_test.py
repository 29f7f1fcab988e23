"""Redelivery into a remote mailbox: real Dovecot takes what our agent appends, whole, once, with flags and date."""
import imaplib
import json
import time
import unittest

import agent
import corpus
import fault_proxy
import peers
from fault_proxy import Fault, TO_SERVER

QUICK = {"connect": "5s", "greeting": "5s", "command": "5s", "answer": "5s", "total": "60s"}
PERSISTENT = {"schedule": "1s"}
QUOTA = """
mail_plugins = quota
plugin {
  quota = count:User quota
  quota_vsizes = yes
  quota_rule = *:storage=100M:messages=100
  quota_max_mail_size = 2M
}
"""


class Remote:
    """A mailbox of Dovecot as a reader sees it."""

    def __init__(self, server, user):
        self.client = imaplib.IMAP4("127.0.0.1", server.ports["imap"])
        self.client.login(user, server.PASSWORD)

    def messages(self, folder):
        """[(octets, flags, seconds since 1970)] in the order of arrival."""
        answer, count = self.client.select(f'"{folder}"', readonly=True)
        if answer != "OK" or count == [b"0"]:
            return []
        found = []
        for item in self.client.fetch("1:*", "(FLAGS INTERNALDATE BODY.PEEK[])")[1]:
            if isinstance(item, tuple):
                date = time.mktime(imaplib.Internaldate2tuple(item[0]))
                found.append((item[1], {flag.decode() for flag in imaplib.ParseFlags(item[0])}, date))
        return found

    def octets(self, folder):
        return [one[0] for one in self.messages(folder)]

    def subscribed(self):
        return b"\n".join(line for line in self.client.lsub()[1] if line)

    def close(self):
        self.client.logout()


class ImapDestination(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.users = iter([f"u{number}" for number in range(60)])
        cls.server = peers.Dovecot(users=[f"u{number}" for number in range(60)], extra=QUOTA)
        cls.addClassCleanup(cls.server.stop)
        cls.proxy = fault_proxy.FaultProxy()
        cls.addClassCleanup(cls.proxy.stop)
        cls.messages = corpus.corpus(60, seed=41)

    def remote(self, user):
        made = Remote(self.server, user)
        self.addCleanup(made.close)
        return made

    def hub(self, user, tls="none", port=None, **more):
        settings = agent.account("imap", self.server, user, tls, **more)
        del settings["protocol"]
        if port:
            settings["port"] = port
        return {"type": "imap", "timeouts": QUICK, **settings}

    def make(self, messages, hub, rules=(), **more):
        """An agent that fetches these messages and puts them into the hub."""
        source = next(self.users)
        self.server.fill(source, messages)
        made = agent.Agent({"accounts": {"source": agent.account("imap", self.server, source)},
                            "destinations": {"hub": hub, "home": {"type": "mailbox", "user": "me"}},
                            "default_destination": "hub", "rules": list(rules), "retry": PERSISTENT, **more})
        self.addCleanup(made.remove)
        made.add_user()
        made.source = source
        return made

    def queue(self, made):
        return json.loads(made.command("queue", "list", "--json").stdout)

    def drain(self, made):
        """Lets the queue try, now and until nothing is left."""
        waiting = [str(one["id"]) for one in self.queue(made)]
        if waiting:
            made.command("queue", "retry", *waiting)
        made.start()
        try:
            peers.wait_until(lambda: not self.queue(made), 30, "an empty queue")
        finally:
            made.stop()

    def test_every_message_arrives_as_it_was(self):
        for tls in ("none", "starttls", "implicit"):
            with self.subTest(tls=tls):
                user = next(self.users)
                made = self.make(self.messages, self.hub(user, tls, folder="From elsewhere/Old & Entwürfe"))
                made.command("check", "--connect")
                made.poll()
                self.assertEqual(self.queue(made), [])
                remote = self.remote(user)
                agent.assert_same(self, remote.octets("From elsewhere.Old &- Entw&APw-rfe"), self.messages)
                self.assertIn(b"Entw&APw-rfe", remote.subscribed())

    def test_flags_keywords_and_dates_are_kept(self):
        user = next(self.users)
        made = self.make(self.messages[:6], self.hub(user))
        source = self.remote(made.source)
        source.client.select("INBOX")
        source.client.store("1", "+FLAGS", r"(\Seen \Answered $Forwarded)")
        source.client.store("2", "+FLAGS", r"(\Flagged Work)")
        made.poll()
        kept = {octets: (flags - {r"\Recent"}, date) for octets, flags, date in self.remote(user).messages("INBOX")}
        sent = {octets: (flags - {r"\Recent"}, date) for octets, flags, date in source.messages("INBOX")}
        self.assertEqual(len(sent), 6)
        self.assertEqual(kept, sent)
        self.assertIn({r"\Seen", r"\Answered", "$Forwarded"}, [flags for flags, _ in kept.values()])

    def test_a_rule_names_a_folder(self):
        user = next(self.users)
        rules = [{"name": "even", "if": {"header": "Subject", "regex": "^Message [0-9]*[02468]$"},
                  "then": [{"deliver": "hub", "folder": "Lists/even"}]}]
        made = self.make(self.messages[:20], self.hub(user), rules)
        made.poll()
        remote = self.remote(user)
        even, rest = remote.octets("Lists.even"), remote.octets("INBOX")
        self.assertGreater(len(even), 5)
        agent.assert_same(self, even + rest, self.messages[:20])

    def test_the_history_says_where_it_is(self):
        user = next(self.users)
        made = self.make(self.messages[:1], self.hub(user))
        made.poll()
        message_id = [line for line in self.messages[0].split(b"\r\n") if line.startswith(b"Message-ID: ")][0][12:].decode()
        self.assertIn("in INBOX as UID 1 of ", made.command("explain", message_id).stdout)

    def test_a_lost_answer_is_no_second_copy(self):
        """The answer to the APPEND is lost on its way: the server has the message, we do not know it."""
        for anonymous in (False, True):
            for kind in ("cut", "reset"):
                with self.subTest(anonymous=anonymous, kind=kind):
                    messages = self.messages[:3]
                    if anonymous:
                        messages = [b"".join(line for line in one.splitlines(True) if not line.startswith(b"Message-ID"))
                                    for one in messages]
                    user = next(self.users)
                    route = self.proxy.route(self.server.ports["imap"], Fault(kind, word=b"OK [APPENDUID", times=2))
                    made = self.make(messages, self.hub(user, port=route.port))
                    made.poll(expect=1)
                    self.assertGreaterEqual(route.met, 1)
                    self.assertTrue(self.queue(made))
                    self.proxy.heal()
                    self.drain(made)
                    agent.assert_same(self, self.remote(user).octets("INBOX"), messages)

    def test_broken_within_the_literal_it_arrives_once(self):
        """Between command and answer, at many octets of the connection."""
        message = corpus.message(7, seed=42, size=40000)
        for at in (0, 30, 200, 5000, 30000):
            with self.subTest(at=at):
                user = next(self.users)
                route = self.proxy.route(self.server.ports["imap"], Fault("reset", at, TO_SERVER, b"APPEND"))
                made = self.make([message], self.hub(user, port=route.port, connections=1))
                made.poll(expect=None)
                self.assertEqual(route.met, 1)
                self.drain(made)
                agent.assert_same(self, self.remote(user).octets("INBOX"), [message])

    def test_an_agent_killed_while_it_waits_for_the_answer_sends_no_second_copy(self):
        user = next(self.users)
        route = self.proxy.route(self.server.ports["imap"], Fault("stall", word=b"OK [APPENDUID", times=2))
        made = self.make(self.messages[:1], self.hub(user, port=route.port))
        made.start()
        peers.wait_until(lambda: route.met > 0, what="the lost answer")
        made.stop(how=9)
        self.assertEqual(len(self.remote(user).octets("INBOX")), 1)
        self.proxy.heal()
        self.drain(made)
        agent.assert_same(self, self.remote(user).octets("INBOX"), self.messages[:1])

    def test_what_is_too_big_is_returned_with_the_servers_words(self):
        user = next(self.users)
        big = corpus.message(8, seed=43, size=4_000_000)
        made = self.make([big], self.hub(user))
        made.poll(expect=1)
        self.assertEqual(self.queue(made), [])
        kept = made.kept("Undelivered")
        agent.assert_same(self, [one for one in kept if b"multipart/report" not in one], [big])
        self.assertIn(b"larger than the maximum size", b"".join(kept).replace(b"\r\n ", b" "))
        self.assertEqual(self.remote(user).octets("INBOX"), [])

    def test_a_full_mailbox_waits_and_is_returned_in_the_end(self):
        user = next(self.users)
        made = self.make(self.messages[:1], self.hub(user), retry={"schedule": "1s", "give_up": "2s"})
        self.fill_up(user)
        made.poll(expect=1)
        waiting = self.queue(made)
        self.assertEqual(len(waiting), 1)
        self.assertIn("OVERQUOTA", waiting[0]["last_error"])
        self.drain(made)
        reports = [one for one in made.kept("Undelivered") if b"multipart/report" in one]
        self.assertEqual(len(reports), 1)
        self.assertIn(b"gave up: 4.2.2 NO [OVERQUOTA]", reports[0].replace(b"\r\n ", b" "))

    def fill_up(self, user):
        client = self.remote(user).client
        for _ in range(101):
            if client.append("INBOX", None, None, b"Subject: ballast\r\n\r\nx\r\n")[0] != "OK":
                return
        self.fail("the mailbox is never full")

    def test_a_password_that_is_refused_is_told_nowhere(self):
        user = next(self.users)
        made = self.make(self.messages[:1], {**self.hub(user), "password": "quite another word"})
        result = made.command("check", "--connect", expect=1)
        self.assertIn("refused the sign-in", result.stdout + result.stderr)
        result = made.command("poll", expect=1)
        log = result.stdout + result.stderr + json.dumps(self.queue(made))
        self.assertNotIn("another word", log)
        self.assertEqual(len(self.queue(made)), 1)

    def test_a_mailbox_that_is_fetched_from_and_delivered_to_does_not_fill_up(self):
        user = next(self.users)
        made = self.make(self.messages[:5], self.hub(user, folder="Archive"))
        made.configure({**made.configuration, "accounts": {"source": agent.account(
            "imap", self.server, made.source, folders=["INBOX", "Archive"])},
            "destinations": {**made.configuration["destinations"], "hub": self.hub(made.source, folder="Archive")}})
        for _ in range(3):
            made.poll(expect=None)
        agent.assert_same(self, self.remote(made.source).octets("Archive"), self.messages[:5])


if __name__ == "__main__":
    unittest.main()
