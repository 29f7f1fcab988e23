"""Signing in to our own servers: app passwords, and what becomes of sessions when a password goes."""
import hashlib
import imaplib
import json
import os
import pathlib
import poplib
import signal
import socket
import ssl
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
        cls.client_certificate = peers.make_client_certificate(cls.certificates.path, "me")
        other = peers.Directory("other-certificates")
        cls.addClassCleanup(other.remove)
        peers.make_certificates(other.path)
        cls.stranger_certificate = peers.make_client_certificate(other.path, "me")
        listen = {"certificate": certificate, "key": key, "client_ca": cls.ca}
        cls.agent = agent.Agent({"listeners": {"imap": {"address": "127.0.0.1:0", "tls": "none"},
                                               "imaps": {"address": "127.0.0.1:0", "tls": "implicit", **listen},
                                               "pop3": {"address": "127.0.0.1:0", "tls": "none"},
                                               "pop3s": {"address": "127.0.0.1:0", "tls": "implicit", **listen}}})
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

    def test_scram_is_bound_to_the_connection(self):
        account = {"protocol": "imap", "host": "localhost", "port": self.agent.listener_port("imaps"), "user": "me",
                   "password": PASSWORD, "tls_options": {"ca_file": self.ca}}
        for mechanism in ("scram-sha-256-plus", "scram-sha-1-plus"):
            made = agent.Agent({"accounts": {"ours": {**account, "auth": mechanism}}}, "client")
            self.addCleanup(made.remove)
            self.assertIn("INBOX", made.command("folders", "ours").stdout)
        plain = imaplib.IMAP4("127.0.0.1", self.agent.listener_port("imap"))
        self.addCleanup(plain.shutdown)
        self.assertFalse([word for word in plain.capabilities if "PLUS" in word])

    def test_a_client_certificate(self):
        context = ssl.create_default_context(cafile=self.ca)
        context.load_cert_chain(*self.client_certificate)
        with imaplib.IMAP4_SSL("localhost", self.agent.listener_port("imaps"), ssl_context=context) as client:
            self.assertIn("AUTH=EXTERNAL", client.capabilities)
            client.authenticate("EXTERNAL", lambda _: b"")
            self.assertEqual(client.select("INBOX")[0], "OK")
        client = poplib.POP3_SSL("localhost", self.agent.listener_port("pop3s"), context=context)
        self.assertIn("EXTERNAL", client.capa()["SASL"])
        self.assertTrue(client._shortcmd("AUTH EXTERNAL =").startswith(b"+OK"))
        client.quit()
        without = ssl.create_default_context(cafile=self.ca)
        with imaplib.IMAP4_SSL("localhost", self.agent.listener_port("imaps"), ssl_context=without) as client:
            self.assertNotIn("AUTH=EXTERNAL", client.capabilities)
            client.login("me", PASSWORD)
        stranger = ssl.create_default_context(cafile=self.ca)
        stranger.load_cert_chain(*self.stranger_certificate)
        with self.assertRaises((ssl.SSLError, imaplib.IMAP4.error, OSError)):
            imaplib.IMAP4_SSL("localhost", self.agent.listener_port("imaps"), ssl_context=stranger)

    def test_a_quota_that_changes_with_the_configuration(self):
        made = agent.Agent({"users": {"me": {"quota": "4KB"}}, "listeners": {"imap": {"address": "127.0.0.1:0", "tls": "none"}}})
        self.addCleanup(made.remove)
        made.add_user("me", PASSWORD)
        made.start()
        with imaplib.IMAP4("127.0.0.1", made.listener_port("imap")) as client:
            client.login("me", PASSWORD)
            self.assertEqual(client.getquotaroot("INBOX")[1][1], [b'"" (STORAGE 0 4)'])
            self.assertEqual(client.append("INBOX", None, None, b"a" * 3000)[0], "OK")
            self.assertEqual(client.getquota('""')[1], [b'"" (STORAGE 3 4)'])
            answer, words = client.append("INBOX", None, None, b"b" * 3000)
            self.assertEqual((answer, words[0][:11]), ("NO", b"[OVERQUOTA]"))
            made.configure({**made.configuration, "users": {"me": {"quota": "1MB"}}})
            made.running.process.send_signal(signal.SIGHUP)
            peers.wait_until(lambda: client.getquota('""')[1] == [b'"" (STORAGE 3 1024)'], what="the new quota")
            self.assertEqual(client.append("INBOX", None, None, b"b" * 3000)[0], "OK")

    def test_names_are_checked(self):
        for name in ("", "a\nb", "x" * 65):
            self.agent.command("user", "app-password", "add", "me", name, expect=2)
        self.assertIn("no user", self.agent.command("user", "app-password", "list", "nobody", expect=1).stderr)


class Certificates(unittest.TestCase):
    """Our own certificate, and certificates that change under an agent that runs."""

    def shown(self, port, cafile=None):
        context = ssl.create_default_context(cafile=cafile)
        if not cafile:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with socket.create_connection(("127.0.0.1", port), timeout=10) as plain, \
                context.wrap_socket(plain, server_hostname="localhost") as secured:
            return hashlib.sha256(secured.getpeercert(True)).hexdigest()

    def make(self, listeners):
        made = agent.Agent({"listeners": listeners})
        self.addCleanup(made.remove)
        made.add_user("me", PASSWORD)
        made.start()
        return made

    def test_our_own_is_made_once_and_its_fingerprint_told(self):
        made = self.make({"imaps": {"address": "127.0.0.1:0", "certificate": "auto"},
                          "pop3": {"address": "127.0.0.1:0", "tls": "starttls", "certificate": "auto"}})
        file = os.path.join(made.data, "tls", "self-signed.pem")
        self.assertEqual(os.stat(file).st_mode & 0o777, 0o600)
        shown = self.shown(made.listener_port("imaps"), cafile=file)
        spelled = ":".join(shown[i:i + 2] for i in range(0, 64, 2)).upper()
        self.assertIn(spelled, made.log_text())
        with imaplib.IMAP4_SSL("localhost", made.listener_port("imaps"),
                               ssl_context=ssl.create_default_context(cafile=file)) as client:
            client.login("me", PASSWORD)
        client = poplib.POP3("localhost", made.listener_port("pop3"))
        client.stls(ssl.create_default_context(cafile=file))
        client.user("me")
        client.pass_(PASSWORD)
        client.quit()
        made.stop()
        made.start()
        self.assertEqual(self.shown(made.listener_port("imaps")), shown)

    def test_a_renewed_certificate_is_taken_and_a_broken_one_is_not(self):
        first, second = peers.Directory("first"), peers.Directory("second")
        self.addCleanup(first.remove)
        self.addCleanup(second.remove)
        ca, certificate, key = peers.make_certificates(first.path)
        other_ca, other_certificate, other_key = peers.make_certificates(second.path)
        made = self.make({"imaps": {"address": "127.0.0.1:0", "certificate": certificate, "key": key}})
        port = made.listener_port("imaps")
        old = self.shown(port, ca)
        session = imaplib.IMAP4_SSL("localhost", port, ssl_context=ssl.create_default_context(cafile=ca))
        self.addCleanup(session.shutdown)
        session.login("me", PASSWORD)

        good = {path: pathlib.Path(path).read_bytes() for path in (other_certificate, other_key)}
        with open(certificate, "wb") as out:
            out.write(b"no certificate\n")
        made.running.process.send_signal(signal.SIGHUP)
        peers.wait_until(lambda: "the certificate of before stays in use" in made.log_text(), what="the complaint")
        self.assertIn(certificate, made.log_text())
        self.assertEqual(made.listener_port("imaps"), port)
        self.assertEqual(self.shown(port, ca), old)

        for path, source in ((certificate, other_certificate), (key, other_key)):
            with open(path, "wb") as out:
                out.write(good[source])
        made.running.process.send_signal(signal.SIGHUP)
        peers.wait_until(lambda: self.shown(port) != old, what="the new certificate")
        self.shown(port, other_ca)
        self.assertEqual(session.noop()[0], "OK", "the session of before goes on")
        self.assertEqual(session.select("INBOX")[0], "OK")


if __name__ == "__main__":
    unittest.main()
