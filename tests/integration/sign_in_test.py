"""Signing in to our own servers: app passwords, and what becomes of sessions when a password goes."""
import imaplib
import json
import poplib
import subprocess
import time
import unittest

import agent
import peers

PASSWORD = "local word"


class SignIn(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.certificates = peers.Directory("certificates")
        cls.addClassCleanup(cls.certificates.remove)
        cls.ca, certificate, key = peers.make_certificates(cls.certificates.path)
        listen = {"certificate": certificate, "key": key}
        cls.agent = agent.Agent({"listeners": {"imap": {"address": "127.0.0.1:0", "tls": "none"},
                                               "imaps": {"address": "127.0.0.1:0", "tls": "implicit", **listen},
                                               "pop3": {"address": "127.0.0.1:0", "tls": "none"}}})
        cls.addClassCleanup(cls.agent.remove)
        cls.agent.add_user("me", PASSWORD)
        cls.agent.start()

    def imap(self, user="me", password=PASSWORD):
        client = imaplib.IMAP4("127.0.0.1", self.agent.listener_port("imap"))
        self.addCleanup(client.shutdown)
        client.login(user, password)
        return client

    def pop3(self, user, password):
        client = poplib.POP3("127.0.0.1", self.agent.listener_port("pop3"))
        self.addCleanup(client.close)
        client.user(user)
        client.pass_(password)
        return client

    def app_password(self, name, user="me"):
        return self.agent.command("user", "app-password", "add", user, name).stdout.strip()

    def app_passwords(self, user="me"):
        return {one["name"]: one for one in json.loads(self.agent.command("user", "app-password", "list", user, "--json").stdout)}

    def curl(self, password):
        url = f"imaps://localhost:{self.agent.listener_port('imaps')}/"
        return subprocess.run(["curl", "-sS", "--cacert", self.ca, "-u", f"me:{password}", url], capture_output=True,
                              text=True, timeout=60, check=False)

    def folders(self, password, mechanism):
        """Our own client, which can SCRAM: the folders' names, or what went wrong."""
        account = {"protocol": "imap", "host": "127.0.0.1", "port": self.agent.listener_port("imap"), "tls": "none",
                   "user": "me", "password": password, "auth": mechanism, "allow_cleartext": mechanism == "plain"}
        made = agent.Agent({"accounts": {"ours": account}}, "client")
        self.addCleanup(made.remove)
        got = made.command("folders", "ours", expect=None)
        return got.stdout if got.returncode == 0 else got.stderr

    def assert_ended(self, client):
        with self.assertRaises((imaplib.IMAP4.abort, imaplib.IMAP4.error, OSError)):
            for _ in range(20):
                client.noop()
                time.sleep(0.05)

    def test_a_password_for_each_client(self):
        phone, desk = self.app_password("phone"), self.app_password("desk")
        self.assertRegex(phone, r"^([a-z2-9]{4}-){3}[a-z2-9]{4}$")
        self.assertNotEqual(phone, desk)
        self.assertIsNone(self.app_passwords()["phone"]["last_use"])
        self.imap(password=phone)
        self.pop3("me", desk).quit()
        self.imap()
        for password in (phone, desk, PASSWORD):
            self.assertIn("INBOX", self.curl(password).stdout)
            for mechanism in ("scram-sha-256", "scram-sha-1", "plain"):
                self.assertIn("INBOX", self.folders(password, mechanism), mechanism)
        self.assertNotEqual(self.curl("wrong").returncode, 0)
        self.assertNotIn("INBOX", self.folders("wrong", "scram-sha-1"))
        peers.wait_until(lambda: self.app_passwords()["phone"]["last_use"], what="the last use to be written")
        listed = self.agent.command("user", "app-password", "list", "me").stdout
        self.assertIn("LAST USE", listed)
        self.assertNotIn(phone, listed + self.agent.log_text())
        again = self.agent.command("user", "app-password", "add", "me", "phone", expect=1)
        self.assertIn("already", again.stderr)
        # A new password leaves the others as they are, SCRAM too.
        self.agent.command("user", "passwd", "me", "--password-stdin", text_in="new word\n")
        self.assertIn("INBOX", self.folders(desk, "scram-sha-256"))
        self.assertIn("INBOX", self.folders("new word", "scram-sha-256"))
        self.agent.command("user", "passwd", "me", "--password-stdin", text_in=PASSWORD + "\n")

    def test_revocation_ends_it_at_once(self):
        lost, kept = self.app_password("lost"), self.app_password("kept")
        quiet, idle, other = self.imap(password=lost), self.imap(password=lost), self.imap(password=kept)
        idle.select("INBOX")
        idle.send(b"x IDLE\r\n")
        idle.readline()
        maildrop = self.pop3("me", lost)
        self.agent.command("user", "app-password", "revoke", "me", "lost")
        farewell = idle.readline()
        self.assertTrue(farewell.startswith(b"* BYE"), farewell)
        self.assert_ended(quiet)
        with self.assertRaises((poplib.error_proto, OSError)):
            maildrop.stat()
        self.assertEqual(other.noop()[0], "OK")
        with self.assertRaises(imaplib.IMAP4.error):
            self.imap(password=lost)
        self.imap(password=kept)
        self.assertNotIn("lost", self.app_passwords())
        self.assertIn("no app password", self.agent.command("user", "app-password", "revoke", "me", "lost", expect=1).stderr)

    def test_a_new_password_and_a_removed_user_end_their_sessions(self):
        self.agent.add_user("guest", "first")
        session = self.imap("guest", "first")
        phone = self.app_password("phone", "guest")
        by_phone = self.imap("guest", phone)
        self.agent.command("user", "passwd", "guest", "--password-stdin", text_in="second\n")
        self.assert_ended(session)
        self.assertEqual(by_phone.noop()[0], "OK")
        self.agent.command("user", "remove", "guest")
        self.assert_ended(by_phone)
        for password in ("first", "second", phone):
            with self.assertRaises(imaplib.IMAP4.error):
                self.imap("guest", password)
        self.assertIn("no user", self.agent.command("user", "app-password", "add", "guest", "x", expect=1).stderr)

    def test_names_are_checked(self):
        for name in ("", "a\nb", "x" * 65):
            self.agent.command("user", "app-password", "add", "me", name, expect=2)
        self.assertIn("no user", self.agent.command("user", "app-password", "list", "nobody", expect=1).stderr)


if __name__ == "__main__":
    unittest.main()
