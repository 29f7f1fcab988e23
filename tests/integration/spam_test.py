"""Rules that ask real spam filters: rspamd over HTTP and a socket, SpamAssassin's spamd; and none at all."""
import json
import os
import pwd
import shutil
import socket
import subprocess
import unittest

import agent
import peers

GTUBE = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"


def message(subject, body="hello"):
    return (f"From: Bob <bob@example.net>\r\nTo: alice@example.org\r\nSubject: {subject}\r\n"
            f"Message-ID: <{subject.replace(' ', '-')}@example.net>\r\n\r\n{body}\r\n").encode()


def unprivileged(directory):
    """Options for a process of its own that is not root's; the directory becomes its own."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    for where, _, files in os.walk(directory):
        for name in [where, *(os.path.join(where, one) for one in files)]:
            os.chown(name, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


class Rspamd:
    """Without rules: it knows the test message alone, which it rejects."""

    def __init__(self):
        self.directory = peers.Directory("rspamd")
        self.port, self.socket = peers.free_port(), self.directory / "normal.sock"
        here = self.directory.path
        with open(self.directory / "tld", "w", encoding="utf-8") as out:
            out.write("com\norg\nnet\nexample\n")
        with open(self.directory / "rspamd.conf", "w", encoding="utf-8") as out:
            out.write(f'options {{ filters = ""; tempdir = "{here}"; hs_cache_dir = "{here}"; url_tld = "{here}/tld";\n'
                      f'  control_socket = "{here}/control.sock mode=0600"; dns {{ nameserver = ["127.0.0.1:1"]; }} }}\n'
                      'logging { type = "console"; level = "warning"; }\n'
                      'actions { reject = 15; add_header = 6; greylist = 4; }\n'
                      f'worker "normal" {{ bind_socket = "127.0.0.1:{self.port}";\n'
                      f'  bind_socket = "{self.socket} mode=0666"; count = 1; }}\n')
        self.log = open(self.directory / "log", "ab")
        self.process = peers.Process([shutil.which("rspamd") or "/usr/bin/rspamd", "-f", "-c", self.directory / "rspamd.conf"],
                                     stdout=self.log, stderr=self.log, cwd=here, **unprivileged(here))
        peers.wait_for_port(self.port, 60, process=self.process.process)

    def stop(self):
        self.process.stop()
        self.log.close()
        self.directory.remove()


class Spamd:
    """With one rule of its own."""

    def __init__(self):
        self.directory = peers.Directory("spamd")
        self.port = peers.free_port()
        for name in ("rules", "site", "home"):
            os.mkdir(self.directory / name)
        with open(self.directory / "site/init.pre", "w", encoding="utf-8") as out:
            out.write("loadplugin Mail::SpamAssassin::Plugin::Check\n")
        with open(self.directory / "rules/10.cf", "w", encoding="utf-8") as out:
            out.write("required_score 5.0\nuse_bayes 0\nheader OUR_RULE Subject =~ /cheap watches/\nscore OUR_RULE 6.5\n"
                      "header OUR_OTHER Subject =~ /watches/\nscore OUR_OTHER 0.5\n")
        self.log = open(self.directory / "log", "ab")
        self.process = peers.Process(
            ["/usr/sbin/spamd", "--local", "-x", f"--siteconfigpath={self.directory / 'site'}",
             f"--configpath={self.directory / 'rules'}", f"--listen=127.0.0.1:{self.port}", "--max-children=1", "-s", "stderr"],
            stdout=self.log, stderr=self.log, cwd=self.directory.path,
            env={**os.environ, "HOME": self.directory / "home"}, **unprivileged(self.directory.path))
        peers.wait_for_port(self.port, 60, process=self.process.process)

    def stop(self):
        self.process.stop()
        self.log.close()
        self.directory.remove()


class Spam(unittest.TestCase):
    def make(self, filters, rules, **more):
        made = agent.Agent({"spam_filters": filters, "rules": rules, **more})
        self.addCleanup(made.remove)
        return made

    def route(self, made, text, expect=0):
        result = made.command("route", "--json", "-", text_in=text.decode(), expect=expect)
        return json.loads(result.stdout)[0]

    def folders(self, routed):
        return [one["folder"] for one in routed["deliveries"]]


class WithRspamd(Spam):
    @classmethod
    def setUpClass(cls):
        cls.server = Rspamd()
        cls.addClassCleanup(cls.server.stop)

    def test_rspamd_is_asked_over_http_and_over_a_socket(self):
        for place in ({"url": f"http://127.0.0.1:{self.server.port}"}, {"socket": self.server.socket}):
            with self.subTest(place=list(place)):
                made = self.make({"it": {"type": "rspamd", **place}},
                                 [{"name": "spam", "if": {"spam": "it", "action": "reject"},
                                   "then": [{"add_header": {"X-Score": "${spam.score}"}}, {"deliver": "home", "folder": "Junk"}]}])
                routed = self.route(made, message("watches", GTUBE))
                self.assertEqual(self.folders(routed), ["Junk"])
                self.assertEqual(routed["rules"][0]["tests"][0]["saw"], "spam, score 15.00 of 15.00, reject: GTUBE")
                routed = self.route(made, message("hello"))
                self.assertEqual(self.folders(routed), [""])
                self.assertIn("no spam, score 0.00 of 15.00, no action", routed["rules"][0]["tests"][0]["saw"])

    def test_fetched_mail_is_sorted_by_it_and_a_large_message_is_not_asked_about(self):
        server = peers.Dovecot(users=("alice",))
        self.addCleanup(server.stop)
        large = message("large", (GTUBE + "\r\n") * 5000)
        server.fill("alice", [message("good"), message("bad", GTUBE), large])
        made = self.make({"it": {"type": "rspamd", "url": f"http://127.0.0.1:{self.server.port}", "skip_larger_than": "100KB"}},
                         [{"name": "spam", "if": {"spam": "it"}, "then": [{"deliver": "home", "folder": "Junk"}]}],
                         accounts={"source": agent.account("imap", server, "alice")})
        made.add_user()
        made.poll()
        agent.assert_same(self, made.kept("Junk"), [message("bad", GTUBE)])
        agent.assert_same(self, made.kept(), [message("good"), large])
        self.assertIn("spam filter \"it\" was not asked: ", made.command("explain", "<large@example.net>").stdout)


class WithSpamAssassin(Spam):
    def test_spamd_is_asked(self):
        server = Spamd()
        self.addCleanup(server.stop)
        made = self.make({"it": {"type": "spamassassin", "host": "127.0.0.1", "port": server.port, "user": "nobody"}},
                         [{"name": "spam", "if": {"spam": "it"}, "then": [{"deliver": "home", "folder": "Junk"}]},
                          {"name": "rather", "if": {"spam": "it", "over": 0.4, "symbol": "OUR_*"},
                           "then": [{"deliver": "home", "folder": "Maybe"}]}])
        routed = self.route(made, message("cheap watches"))
        self.assertEqual(self.folders(routed), ["Junk"])
        saw = routed["rules"][0]["tests"][0]["saw"]
        self.assertTrue(saw.startswith("spam, score 7.00 of 5.00: "), saw)
        self.assertIn("OUR_RULE", saw)
        self.assertEqual(self.folders(self.route(made, message("watches"))), ["Maybe"])
        self.assertEqual(self.folders(self.route(made, message("hello"))), [""])


class WithNobody(Spam):
    """A port at which nobody is."""

    def setUp(self):
        nobody = socket.socket()  # bound, so that no one else takes the port, and not listening
        self.addCleanup(nobody.close)
        nobody.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{nobody.getsockname()[1]}"

    def test_without_an_answer_the_rule_does_not_match_and_says_so(self):
        made = self.make({"it": {"type": "rspamd", "url": self.url}},
                         [{"name": "spam", "if": {"spam": "it"}, "then": [{"discard": True}]}])
        routed = self.route(made, message("hello"))
        self.assertFalse(routed["discarded"])
        self.assertIn("rule \"spam\" could not be evaluated: spam filter \"it\" gives no verdict: ", routed["notes"][0])

    def test_with_retry_everything_waits_on_the_server_until_it_is_back(self):
        server = peers.Dovecot(users=("alice",))
        self.addCleanup(server.stop)
        messages = [message(f"number {i}") for i in range(5)]
        server.fill("alice", messages)
        made = self.make({"it": {"type": "rspamd", "url": self.url}},
                         [{"name": "spam", "if": {"spam": "it"}, "on_error": "retry", "then": [{"discard": True}]}],
                         accounts={"source": agent.account("imap", server, "alice", after_fetch={"do": "delete"})})
        made.add_user()
        for protocol in ("imap", "pop3"):
            with self.subTest(protocol):
                made.configuration["accounts"] = {"source": agent.account(protocol, server, "alice", after_fetch={"do": "delete"})}
                made.configure(made.configuration)
                for _ in range(4):  # more often than a message alone may fail
                    result = made.command("poll", expect=1)
                    self.assertIn("the message waits on its server", result.stdout + result.stderr)
        self.assertEqual(len(peers.maildir_messages(server.maildir("alice"))), 5)
        back = Rspamd()
        self.addCleanup(back.stop)
        made.configuration["spam_filters"]["it"]["url"] = f"http://127.0.0.1:{back.port}"
        made.configure(made.configuration)
        made.poll()
        agent.assert_same(self, made.kept(), messages)
        self.assertEqual(len(peers.maildir_messages(server.maildir("alice"))), 0)


if __name__ == "__main__":
    unittest.main()
