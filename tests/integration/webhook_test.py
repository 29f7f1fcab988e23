"""A web service as destination: Python's own HTTP server, behind TLS. Every message once and whole, signed; what it
refuses comes back, what it cannot take now is tried again."""
import base64
import hashlib
import hmac
import http.server
import json
import ssl
import threading
import unittest

import agent
import corpus
import peers


class Service:
    """Takes POSTs over TLS; `judge` answers (status, words) to what arrived."""

    def __init__(self, certificate, key):
        service = self
        self.arrived, self.judge, self.connections = [], lambda headers, body: (200, "ok"), 0

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, words = service.judge(self.headers, body)
                if status < 300:
                    service.arrived.append((self.headers, body))
                self.send_response(status)
                self.send_header("Content-Length", str(len(words)))
                self.end_headers()
                self.wfile.write(words.encode())

            def do_OPTIONS(self):
                self.send_response(204)
                self.send_header("Allow", "POST")
                self.end_headers()

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Webhook(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.messages = corpus.corpus(30, seed=23) + [corpus.message(930, size=3_000_000)]
        cls.server = peers.Dovecot(users=("alice",))
        cls.addClassCleanup(cls.server.stop)
        cls.server.fill("alice", cls.messages)

    def setUp(self):
        self.directory = peers.Directory("webhook")
        self.addCleanup(self.directory.remove)
        self.authority, certificate, key = peers.make_certificates(str(self.directory.path))
        self.service = Service(certificate, key)
        self.addCleanup(self.service.stop)

    def make(self, **hook):
        hook = {"type": "webhook", "url": f"https://localhost:{self.service.port}/mail?box=alice",
                "tls_options": {"ca_file": self.authority}, **hook}
        made = agent.Agent({"accounts": {"source": agent.account("imap", self.server, "alice")},
                            "destinations": {"hook": hook, "home": {"type": "mailbox", "user": "me"}},
                            "default_destination": "hook"})
        self.addCleanup(made.remove)
        made.add_user()
        return made

    def test_every_message_once_and_signed(self):
        made = self.make(secret="s3cret", headers={"Authorization": "Bearer token", "X-Box": "alice"}, to=["alice"])
        self.assertIn("POST", made.command("check", "--connect").stdout)
        made.poll()
        agent.assert_same(self, [base64.b64decode(json.loads(body)["message"]) for _, body in self.service.arrived], self.messages)
        keys = set()
        for headers, body in self.service.arrived:
            signed = hmac.new(b"s3cret", headers["X-Mailstead-Time"].encode() + b"." + body, hashlib.sha256).hexdigest()
            self.assertEqual(headers["X-Mailstead-Signature"], "sha256=" + signed)
            self.assertEqual((headers["Authorization"], headers["X-Box"]), ("Bearer token", "alice"))
            self.assertEqual(json.loads(body)["recipients"], ["alice"])
            keys.add(headers["Idempotency-Key"])
        self.assertEqual(len(keys), len(self.messages))

    def test_a_rule_notifies_and_the_message_goes_its_way(self):
        made = self.make(format="notice")
        made.configuration.update(default_destination="home", rules=[
            {"name": "tell", "if": {"size": {"over": "1MB"}}, "continue": True, "then": [{"notify": "hook"}]}])
        made.configure(made.configuration)
        made.poll()
        (_, notice), = self.service.arrived
        self.assertEqual(json.loads(notice)["size"], len(self.messages[-1]))
        self.assertNotIn("message", json.loads(notice))
        agent.assert_same(self, made.kept(), self.messages)

    def test_raw(self):
        made = self.make(format="raw")
        made.poll()
        agent.assert_same(self, [body for _, body in self.service.arrived], self.messages)

    def test_refused_comes_back_and_busy_waits(self):
        seen = []

        def judge(headers, body):
            subject = json.loads(body)["subject"]
            seen.append(headers["Idempotency-Key"])
            if len(seen) == 1:
                return 500, "not yet"
            return (422, "we do not want it") if headers["Idempotency-Key"] == seen[0] else (200, subject or "")

        self.service.judge = judge
        made = self.make()
        made.poll(expect=1)
        self.assertEqual([one["last_error"] for one in json.loads(made.command("queue", "list", "--json").stdout)],
                         ["500 Internal Server Error: not yet"])
        made.command("queue", "retry")
        made.poll(expect=1)
        self.assertEqual(json.loads(made.command("queue", "list", "--json").stdout), [])
        self.assertEqual(len(self.service.arrived), len(self.messages) - 1)
        self.assertEqual(seen.count(seen[0]), 2)  # the same key again
        made.configure({**made.configuration, "accounts": {}, "listeners": {"imap": {"address": "127.0.0.1:0", "tls": "none"}}})
        made.start()
        self.assertIn(b"we do not want it", b"".join(made.read_mailbox("Undelivered")))

    def test_a_certificate_that_does_not_verify_gets_nothing(self):
        made = self.make(tls_options={})
        made.poll(expect=1)
        self.assertEqual(self.service.arrived, [])
        self.assertIn("certificate", json.loads(made.command("queue", "list", "--json").stdout)[0]["last_error"])


if __name__ == "__main__":
    unittest.main()
