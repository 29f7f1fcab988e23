"""What a Dovecot can be set up to do: mechanisms, tokens and client certificates, separators and namespaces, special use,
limits of a strict host. (The plain ways: retrieve_test.py.)"""
import http.server
import json
import os
import re
import subprocess
import threading
import unittest
import urllib.parse

import agent
import corpus
import peers

MESSAGES = corpus.corpus(12, seed=33, size=3000)


class Introspection:
    """The token service that Dovecot asks whether a token is good, and whose it is."""

    def __init__(self, tokens):
        self.asked = []
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
                self.answer(query.get("access_token", [""])[0])

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                self.answer(urllib.parse.parse_qs(body).get("token", [""])[0])

            def answer(self, token):
                service.asked.append(token)
                user = tokens.get(token)
                said = {"active": user is not None, "email": user} if user else {"error": "invalid_token", "active": False}
                body = json.dumps(said).encode()
                self.send_response(200 if user else 400)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class DovecotTest(unittest.TestCase):
    def begin(self, extra="", users=("alice",), **more):
        self.server = peers.Dovecot(users=users, extra=extra, **more)
        self.addCleanup(self.server.stop)
        return self.server

    def make(self, accounts, **more):
        made = agent.Agent({"accounts": accounts, "duplicates": {"scope": "none"},
                            "rules": [{"name": "apart", "then": [{"deliver": "home", "folder": "${account}"}]}], **more})
        self.addCleanup(made.remove)
        made.add_user()
        return made

    def log(self):
        with open(self.server.directory / "log", encoding="utf-8", errors="replace") as file:
            return file.read()

    def methods(self):
        """How each session signed in, as Dovecot saw it."""
        return re.findall(r"(imap|pop3)-login: Info: Login: user=<\w*>, method=([\w-]+)", self.log())

    def check_kept(self, made, account, expected):
        quiet = {**made.configuration, "accounts": {}, "listeners": {"imap": {"address": "127.0.0.1:0", "tls": "none"}}}
        before = made.configuration
        made.configure(quiet)
        made.start()
        try:
            agent.assert_same(self, made.read_mailbox(account), expected)
        finally:
            made.stop()
            made.configure(before)


class SigningIn(DovecotTest):
    def test_auto_takes_scram_before_the_password_and_each_mechanism_can_be_named(self):
        self.begin()
        self.server.fill("alice", MESSAGES)
        made = self.make({"auto": agent.account("imap", self.server, tls="implicit"),
                          "plain": agent.account("imap", self.server, tls="starttls", auth="plain"),
                          "login": agent.account("imap", self.server, tls="implicit", auth="login"),
                          "scram": agent.account("imap", self.server, auth="scram-sha-256"),
                          "cram": agent.account("imap", self.server, tls="implicit", auth="cram-md5")})
        for name in made.configuration["accounts"]:
            self.assertEqual(made.poll(name)[name]["new"], len(MESSAGES), name)
        found = [method for _, method in self.methods()]
        self.assertTrue(found[0].startswith("SCRAM-SHA-256"), found)
        self.assertEqual(found[1:], ["PLAIN", "LOGIN", "SCRAM-SHA-256", "CRAM-MD5"])

    def test_pop3_signs_in_by_each_mechanism(self):
        self.begin()
        self.server.fill("alice", MESSAGES)
        made = self.make({"auto": agent.account("pop3", self.server, tls="implicit"),
                          "scram": agent.account("pop3", self.server, auth="scram-sha-256"),
                          "plain": agent.account("pop3", self.server, tls="starttls", auth="plain")})
        for name in made.configuration["accounts"]:
            self.assertEqual(made.poll(name)[name]["new"], len(MESSAGES), name)
        found = [method for _, method in self.methods()]
        self.assertTrue(found[0].startswith("SCRAM-SHA-256"), found)
        self.assertEqual(found[1:], ["SCRAM-SHA-256", "PLAIN"])

    def test_a_token_signs_in_and_a_stale_one_is_refused(self):
        tokens = Introspection({"good-token": "alice"})
        self.addCleanup(tokens.stop)
        directory = peers.Directory("oauth")
        self.addCleanup(directory.remove)
        with open(directory / "oauth2.conf", "w", encoding="utf-8") as out:
            out.write(f"tokeninfo_url = http://127.0.0.1:{tokens.port}/tokeninfo?access_token=\n"
                      f"introspection_url = http://127.0.0.1:{tokens.port}/introspect\nintrospection_mode = post\n"
                      "username_attribute = email\nactive_attribute = active\nactive_value = true\n")
        self.begin(extra=f"""
auth_mechanisms = oauthbearer xoauth2
passdb {{
  driver = oauth2
  mechanisms = oauthbearer xoauth2
  args = {directory / 'oauth2.conf'}
}}
""")
        self.server.fill("alice", MESSAGES)
        accounts = {}
        for protocol in ("imap", "pop3"):
            for mechanism in ("xoauth2", "oauthbearer", "auto"):
                accounts[f"{protocol}-{mechanism}"] = agent.account(protocol, self.server, tls="implicit", auth=mechanism,
                                                                    password="good-token")
        del accounts["imap-auto"], accounts["pop3-auto"]  # a token is no password: the mechanism must be named
        made = self.make({**accounts, "stale": agent.account("imap", self.server, tls="implicit", auth="xoauth2", password="stale-token")})
        for name in accounts:
            self.assertEqual(made.poll(name)[name]["new"], len(MESSAGES), name)
        refused = made.poll("stale", expect=1)["stale"]["error"]
        self.assertNotIn("stale-token", refused)
        self.assertIn("stale-token", tokens.asked)
        self.assertEqual(sorted(set(method for _, method in self.methods())), ["OAUTHBEARER", "XOAUTH2"])

    def test_a_client_certificate_signs_in_without_a_password(self):
        self.begin(extra=f"""
auth_mechanisms = external
ssl_verify_client_cert = yes
ssl_require_crl = no
auth_ssl_require_client_cert = yes
auth_ssl_username_from_cert = yes
passdb {{
  driver = static
  mechanisms = external
  args = nopassword=y
}}
""", client_ca=True)
        self.server.fill("alice", MESSAGES)
        certificate, key = client_certificate(self.server.directory.path, "alice")
        made = self.make({})
        for protocol in ("imap", "pop3"):
            settings = agent.account(protocol, self.server, tls="implicit", auth="external")
            del settings["password"]
            settings["tls_options"] = {**settings["tls_options"], "certificate": certificate, "key": key}
            without = {**settings, "tls_options": {"ca_file": self.server.ca}}
            made.configure({**made.configuration, "accounts": {protocol: settings, "without": without}})
            self.assertEqual(made.poll(protocol)[protocol]["new"], len(MESSAGES), protocol)
            self.assertIn("error", made.poll("without", expect=1)["without"])


class SeveralConnections(DovecotTest):
    def test_a_first_download_over_three_connections_brings_every_message_once(self):
        self.begin()
        messages = corpus.corpus(2500, seed=34, size=6000)
        self.server.fill("alice", messages)
        made = self.make({"three": agent.account("imap", self.server, connections=3)})
        first = made.poll("three")["three"]
        self.assertEqual(first["new"], len(messages))
        self.assertEqual(len(self.methods()), 3)
        self.assertEqual(made.poll("three")["three"]["new"], 0)
        self.assertEqual(len(self.methods()), 4, "no further connection without a large download")
        self.check_kept(made, "three", messages)

    def test_what_the_server_refuses_is_done_without(self):
        self.begin(extra="mail_max_userip_connections = 1")
        messages = corpus.corpus(2500, seed=35, size=3000)
        self.server.fill("alice", messages)
        made = self.make({"three": agent.account("imap", self.server, connections=3)})
        report = made.poll("three")["three"]
        self.assertEqual(report["new"], len(messages))
        self.assertTrue(any("given up" in warning and "connections" in warning for warning in report["warnings"]), report)
        self.check_kept(made, "three", messages)


def client_certificate(directory, name):
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True)

    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "client.key", "-out", "client.csr",
            "-subj", f"/CN={name}")
    with open(os.path.join(directory, "client.ext"), "w", encoding="utf-8") as out:
        out.write("extendedKeyUsage=clientAuth\n")
    openssl("x509", "-req", "-in", "client.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "20", "-out", "client.pem",
            "-extfile", "client.ext")
    os.chmod(os.path.join(directory, "client.key"), 0o600)
    return os.path.join(directory, "client.pem"), os.path.join(directory, "client.key")


def namespace(separator, prefix, *lines):
    return f"""
namespace inbox {{
  inbox = yes
  separator = {separator}
  prefix = {prefix}
  {chr(10).join(lines)}
}}
"""


class Folders(DovecotTest):
    def folders(self, made, account="a"):
        return {row["folder"]: row for row in json.loads(made.command("folders", account, "--json").stdout)}

    def test_names_of_every_separator_are_told_with_slashes(self):
        for separator, prefix in ((".", "INBOX."), ("/", ""), ("/", "Mail/"), ("^", ""), ('"\\\\"', "")):
            with self.subTest(separator=separator, prefix=prefix):
                self.begin(extra=namespace(separator, prefix))
                self.server.fill("alice", MESSAGES[:4])
                self.server.fill("alice", MESSAGES[4:8], "Lists/boost")
                made = self.make({"a": agent.account("imap", self.server, folders=["INBOX", "*Lists/*"])})
                self.assertEqual(made.poll()["a"]["new"], 8)
                self.assertEqual(made.poll()["a"]["new"], 0)
                self.check_kept(made, "a", MESSAGES[:8])

    def test_special_use_and_counts_are_shown(self):
        self.begin(extra=namespace("/", "", "mailbox Spam {\nauto = subscribe\nspecial_use = \\Junk\n}",
                                   "mailbox Outbox {\nauto = create\nspecial_use = \\Sent\n}"))
        self.server.fill("alice", MESSAGES[:4])
        self.server.fill("alice", MESSAGES[4:6], "Outbox")
        made = self.make({"a": agent.account("imap", self.server)})
        rows = self.folders(made)
        self.assertEqual({name: (row["messages"], row["special_use"], row["fetched"]) for name, row in rows.items()},
                         {"INBOX": (4, "", True), "Spam": (0, "\\Junk", False), "Outbox": (2, "\\Sent", False)})

    def test_two_hundred_folders_are_walked(self):
        self.begin(extra=namespace("/", ""))
        for number in range(200):
            self.server.fill("alice", [MESSAGES[number % 12]] if number % 50 == 7 else [], f"Many/{number:03}")
        made = self.make({"a": agent.account("imap", self.server, folders=["*"])})
        self.assertEqual(made.poll()["a"]["new"], 4)
        self.server.fill("alice", [MESSAGES[5]], "Many/199")
        self.assertEqual(made.poll()["a"]["new"], 1)
        self.assertEqual(made.poll()["a"]["new"], 0)


class StrictHosts(DovecotTest):
    def test_one_connection_and_short_lines_are_enough(self):
        self.begin(extra="mail_max_userip_connections = 1\nimap_max_line_length = 1024\nprotocol imap {\nmail_max_userip_connections = 1\n}\n")
        many = corpus.corpus(300, seed=35, size=500)
        self.server.fill("alice", many)
        made = self.make({"a": agent.account("imap", self.server, after_fetch={"do": "delete"}, max_messages_per_poll=151)})
        self.assertEqual(made.poll()["a"]["new"], 151)
        self.assertEqual(made.poll()["a"]["new"], 149)
        self.assertEqual(peers.maildir_messages(self.server.maildir("alice")), [])
        self.check_kept(made, "a", many)


if __name__ == "__main__":
    unittest.main()
