"""Our own program under test: a configuration in a temporary directory, commands, a running agent."""
import imaplib
import json
import os
import signal
import subprocess

import corpus
import peers

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.environ.get("MAILSTEAD_BINARY", os.path.join(ROOT, "build/dev/mailstead"))


class Agent:
    def __init__(self, configuration, name="agent"):
        self.directory = peers.Directory(name)
        self.config = self.directory / "mailstead.json"
        self.data = self.directory / "data"
        configuration.setdefault("data_dir", self.data)
        configuration.setdefault("users", {"me": {}})
        configuration.setdefault("destinations", {"home": {"type": "mailbox", "user": "me", "folder": "INBOX"}})
        configuration.setdefault("default_destination", "home")
        self.configure(configuration)
        self.running = None

    def configure(self, configuration):
        self.configuration = configuration
        descriptor = os.open(self.config, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            json.dump(configuration, out, indent=2)

    def command(self, *arguments, expect=0, text_in=None, environment=None, timeout=120):
        result = subprocess.run([BINARY, "-c", self.config, *arguments], input=text_in, capture_output=True, text=True,
                                timeout=timeout, env={**os.environ, **(environment or {})}, check=False)
        if expect is not None and result.returncode != expect:
            raise AssertionError(f"mailstead {' '.join(arguments)}: status {result.returncode}, expected {expect}\n"
                                 f"{result.stdout}\n{result.stderr}")
        return result

    def poll(self, *arguments, expect=0, environment=None):
        out = self.command("poll", "--json", *arguments, expect=expect, environment=environment).stdout
        return {line["account"]: line for line in json.loads(out)["accounts"]}

    def add_user(self, name="me", password="local word"):
        self.command("user", "add", name, "--password-stdin", text_in=password + "\n")

    def start(self, environment=None):
        self.log = open(self.directory / "log", "ab")
        self.running = peers.Process([BINARY, "-c", self.config, "run"], stderr=self.log, stdout=self.log,
                                     env={**os.environ, **(environment or {})})
        peers.wait_until(lambda: self.running.process.poll() is not None or self.status()["running"], what="the agent's start")
        if self.running.process.poll() is not None:
            raise AssertionError(f"the agent ended at once: {self.log_text()}")

    def status(self):
        return json.loads(self.command("status", "--json").stdout)

    def log_text(self):
        with open(self.directory / "log", encoding="utf-8", errors="replace") as log:
            return log.read()

    def listener_port(self, name):
        for listener in self.status()["agent"]["listeners"]:
            if listener["name"] == name:
                return int(listener["address"].rsplit(":", 1)[1])
        raise AssertionError(f"there is no listener {name}")

    def stop(self, how=signal.SIGTERM):
        status = None
        if self.running:
            status = self.running.stop(how)
            self.log.close()
            self.running = None
        return status

    def remove(self):
        self.stop()
        self.directory.remove()

    def read_mailbox(self, folder="INBOX", user="me", password="local word"):
        """The bytes of every message in a mailbox, read by Python's imaplib from the running agent."""
        with imaplib.IMAP4("127.0.0.1", self.listener_port("imap")) as client:
            client.login(user, password)
            answer, _ = client.select(f'"{folder}"', readonly=True)
            if answer != "OK":
                return []
            answer, data = client.fetch("1:*", "(BODY.PEEK[])")
            return [item[1] for item in data if isinstance(item, tuple)]

    def kept(self, folder="INBOX", user="me", password="local word"):
        """The same, with the agent started only for it: accounts are taken away so that nothing new arrives."""
        configuration = dict(self.configuration)
        quiet = {**configuration, "accounts": {}, "listeners": {"imap": {"address": "127.0.0.1:0", "tls": "none"}}}
        self.configure(quiet)
        try:
            self.start()
            return self.read_mailbox(folder, user, password)
        finally:
            self.stop()
            self.configure(configuration)


def account(protocol, server, user="alice", tls="none", **more):
    """An account of a peers.Dovecot."""
    port = server.ports[protocol + ("s" if tls == "implicit" else "")]
    settings = {"protocol": protocol, "host": "localhost", "port": port, "tls": tls, "user": user,
                "password": server.PASSWORD, "tls_options": {"ca_file": server.ca}, **more}
    if tls == "none":
        settings["host"] = "127.0.0.1"
        del settings["tls_options"]
    return settings


def assert_same(test, got, expected):
    """Byte equality of two sets of messages, said in few words when they differ."""
    got, expected = corpus.digests(got), corpus.digests(expected)
    missing = [one for one in expected if one not in set(got)]
    foreign = [one for one in got if one not in set(expected)]
    test.assertEqual((len(got), len(missing), len(foreign)), (len(expected), 0, 0),
                     f"{len(got)} messages for {len(expected)}, {len(missing)} missing, {len(foreign)} foreign")
