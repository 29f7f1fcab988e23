"""The programs that bench/retrieve compares: how each is configured, started from nothing, and how its messages are counted.

Each is given the setting that is fastest while it still keeps what it fetched; where a program can trade safety for speed,
both settings stand side by side.
"""
import hashlib
import imaplib
import json
import os
import pwd
import re
import shutil
import subprocess

import agent
import peers

HERE = os.path.dirname(os.path.abspath(__file__))


def write(path, text):
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(text)
    return path


def make_maildir(path):
    for part in ("cur", "new", "tmp"):
        os.makedirs(os.path.join(path, part))
    return path


def count_maildir(path):
    return sum(len(os.listdir(os.path.join(path, part))) for part in ("cur", "new"))


class Contender:
    """One program fetching all of a mailbox. A fresh object is made for each round, in an empty directory of its own."""

    name = ""
    program = ""
    protocols = ("imap", "pop3")
    statuses = (0,)

    def __init__(self, server, protocol, tls, directory):
        self.server, self.protocol, self.tls, self.directory = server, protocol, tls, directory
        self.host = "localhost" if tls == "implicit" else "127.0.0.1"
        self.port = server.ports[protocol + ("s" if tls == "implicit" else "")]
        self.user, self.password = "alice", server.PASSWORD

    def path(self, name):
        return os.path.join(self.directory, name)

    @classmethod
    def missing(cls):
        return None if shutil.which(cls.program) else f"{cls.program} is not installed"

    @classmethod
    def version(cls):
        """What the package calls itself, or the first words of --version."""
        result = subprocess.run([cls.program, "--version"], capture_output=True, text=True, check=False)
        found = re.search(r"\d+(\.\d+)+", result.stdout + result.stderr)
        return f"{cls.program} {found.group(0) if found else ''}".strip()

    def prepare(self):
        """Writes the configuration; returns the command to be measured."""
        raise NotImplementedError

    def count(self):
        """The number of messages that arrived, from what was kept."""
        raise NotImplementedError

    def verify(self, digests):
        """Beyond the count; returns a line for the report or None."""

    def finish(self):
        """Ends what prepare started."""


class Mailstead(Contender):
    name = program = "mailstead"

    @classmethod
    def missing(cls):
        return None if os.access(agent.BINARY, os.X_OK) else f"there is no {agent.BINARY} (scripts/build makes it)"

    @classmethod
    def version(cls):
        return subprocess.run([agent.BINARY, "--version"], capture_output=True, text=True, check=True).stdout.strip()

    def prepare(self):
        self.agent = agent.Agent({"accounts": {"source": agent.account(self.protocol, self.server, self.user, self.tls)}})
        self.agent.add_user()
        return [agent.BINARY, "-c", self.agent.config, "poll", "--json"]

    def count(self):
        with open(self.path("stdout"), encoding="utf-8") as out:
            said = json.load(out)["accounts"][0]
        kept = sum(box["messages"] for box in self.agent.status()["mailboxes"] if box["mailbox"] == "INBOX")
        return kept if kept == said["new"] else -1

    def verify(self, digests):
        self.agent.command("check", "--data", timeout=1800)
        quiet = {**self.agent.configuration, "accounts": {}, "listeners": {"imap": {"address": "127.0.0.1:0", "tls": "none"}}}
        self.agent.configure(quiet)
        self.agent.start()
        kept = sorted(self.kept_digests())
        self.agent.stop()
        if kept != sorted(digests):
            raise SystemExit("bench: mailstead's messages differ from those on the server")
        return "mailstead: the SHA-256 of every message matches, and so says check --data"

    def kept_digests(self, window=100):
        with imaplib.IMAP4("127.0.0.1", self.agent.listener_port("imap")) as client:
            client.login("me", "local word")
            total = int(client.select("INBOX", readonly=True)[1][0])
            for first in range(1, total + 1, window):
                _, data = client.fetch(f"{first}:{min(first + window - 1, total)}", "(BODY.PEEK[])")
                yield from (hashlib.sha256(item[1]).hexdigest() for item in data if isinstance(item, tuple))

    def finish(self):
        self.agent.remove()


class BareLimit(Contender):
    name = "bare limit"

    @classmethod
    def missing(cls):
        return None

    @classmethod
    def version(cls):
        return ""

    def prepare(self):
        trust = [self.server.ca] if self.tls == "implicit" else []
        return [os.path.join(HERE, "drain"), self.protocol, self.host, str(self.port), self.user, self.password,
                self.path("stream"), *trust]

    def count(self):
        pattern = {"imap": rb"\* \d+ FETCH \(UID \d+ BODY\[\] \{(\d+)\}\r\n", "pop3": rb"\r\n\.\r\n"}[self.protocol]
        with open(self.path("stream"), "rb") as stream:
            data = stream.read()
        if self.protocol == "pop3":
            return data.count(b"\r\n.\r\n")
        count = position = 0
        answer = re.compile(pattern)
        while found := answer.match(data, position):
            count += 1
            position = found.end() + int(found.group(1)) + len(b")\r\n")
        return count


class Mbsync(Contender):
    name = program = "mbsync"
    protocols = ("imap",)
    fsync = "yes"

    def prepare(self):
        security = f"SSLType IMAPS\nCertificateFile {self.server.ca}" if self.tls == "implicit" else "SSLType None"
        os.mkdir(self.path("mail"))
        config = write(self.path("mbsyncrc"), f"""FSync {self.fsync}

IMAPAccount source
Host {self.host}
Port {self.port}
User {self.user}
Pass "{self.password}"
{security}
AuthMechs LOGIN

IMAPStore far
Account source

MaildirStore near
Path {self.path("mail")}/
Inbox {self.path("mail/INBOX")}

Channel all
Far :far:
Near :near:
Patterns INBOX
Sync Pull
Create Near
SyncState *
""")
        return ["mbsync", "-q", "-c", config, "all"]

    def count(self):
        return count_maildir(self.path("mail/INBOX"))


class MbsyncWithoutFsync(Mbsync):
    name = "mbsync, FSync no"
    fsync = "no"


class Fetchmail(Contender):
    """By LMTP on a local socket into smtp-sink, which appends to one file: no process per message, one session, nothing synced.
    (By SMTP over TCP each message would wait 40 ms for a delayed acknowledgement.)"""

    name = program = "fetchmail"
    sink_user = ["-u", "nobody"] if os.geteuid() == 0 else []
    path_of_sink = shutil.which("smtp-sink", path="/usr/sbin:/usr/bin:/sbin:/bin")

    @classmethod
    def missing(cls):
        return super().missing() or (None if cls.path_of_sink else "smtp-sink is not installed (Debian's postfix)")

    def delivery(self):
        os.makedirs(self.path("sink"))
        os.chmod(self.path("sink"), 0o777)
        socket = self.path("lmtp")
        self.sink = peers.Process([self.path_of_sink, *self.sink_user, "-L", "-D", self.path("sink/mail"), f"unix:{socket}", "64"],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        peers.wait_until(lambda: os.path.exists(socket), what="the sink's socket")
        return f"smtphost {socket} lmtp"

    def prepare(self):
        security = f"ssl sslcertck sslcertfile {self.server.ca}" if self.tls == "implicit" else "sslproto ''"
        delivery = self.delivery()
        uidl = "no uidl" if self.protocol == "pop3" else ""
        config = write(self.path("fetchmailrc"), f"""set invisible
set no bouncemail
set no syslog
poll {self.host} protocol {self.protocol} port {self.port} {uidl} auth password
  user "{self.user}" password "{self.password}" is me here
  keep fetchall no rewrite batchlimit 0 fetchlimit 0 fetchsizelimit 0 {security}
  {delivery}
""")
        return ["fetchmail", "--silent", "--fetchmailrc", config, "--pidfile", self.path("pid"), "--idfile", self.path("ids")]

    def count(self):
        with open(self.path("sink/mail"), "rb") as stream:
            return sum(line.startswith(b"X-Mail-Args: ") for line in stream)

    def finish(self):
        if getattr(self, "sink", None):
            self.sink.stop()


class FetchmailMda(Fetchmail):
    """A process per message that appends to a file."""

    name = "fetchmail, mda"

    @classmethod
    def missing(cls):
        return Contender.missing.__func__(cls)

    def delivery(self):
        return f'mda "(cat; echo =-=end of message=-=) >>{self.path("mbox")}"'

    def count(self):
        with open(self.path("mbox"), "rb") as stream:
            return sum(line == b"=-=end of message=-=\n" for line in stream)


class Mpop(Contender):
    name = program = "mpop"
    protocols = ("pop3",)

    def prepare(self):
        security = f"tls on\ntls_starttls off\ntls_trust_file {self.server.ca}" if self.tls == "implicit" else "tls off"
        config = write(self.path("mpoprc"), f"""account default
host {self.host}
port {self.port}
{security}
auth user
user {self.user}
password {self.password}
keep on
received_header off
uidls_file {self.path("uidls")}
delivery maildir {make_maildir(self.path("mail"))}
""")
        return ["mpop", "-q", "-C", config]

    def count(self):
        return count_maildir(self.path("mail"))


class Fdm(Contender):
    name = program = "fdm"

    @classmethod
    def version(cls):
        return Contender.version.__func__(cls) if shutil.which("dpkg-query") is None else package_version("fdm")

    def prepare(self):
        kind = self.protocol + ("s" if self.tls == "implicit" else "")
        check = "no-verify" if self.tls == "implicit" else ""
        config = write(self.path("fdm.conf"), f"""set lock-file "{self.path("lock")}"
set no-received
set default-user "{pwd.getpwuid(os.geteuid()).pw_name}"
action "keep" maildir "{self.path("mail")}"
account "source" {kind} server "{self.host}" port {self.port} user "{self.user}" pass "{self.password}" {check}
match all action "keep"
""")
        return ["fdm", "-q", "-k", "-f", config, "fetch"]

    def count(self):
        return count_maildir(self.path("mail"))


class Getmail(Contender):
    """Does not deliver as root: it hands each message to a process of nobody's then."""

    name = program = "getmail"

    @staticmethod
    def own(path):
        if os.geteuid() == 0:
            for part in ("", "cur", "new", "tmp"):
                shutil.chown(os.path.join(path, part), "nobody")
        return path

    def prepare(self):
        kind = self.protocol.upper() + ("SSL" if self.tls == "implicit" else "")
        trust = f"ca_certs = {self.server.ca}" if self.tls == "implicit" else ""
        config = write(self.path("getmailrc"), f"""[retriever]
type = Simple{kind}Retriever
server = {self.host}
port = {self.port}
username = {self.user}
password = {self.password}
{trust}
[destination]
type = Maildir
path = {self.own(make_maildir(self.path("mail")))}/
{"user = nobody" if os.geteuid() == 0 else ""}
[options]
read_all = true
delete = false
verbose = 0
received = false
delivered_to = false
""")
        return ["getmail", "--getmaildir", self.directory, "--rcfile", config]

    def count(self):
        return count_maildir(self.path("mail"))


def package_version(package):
    result = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True, check=False)
    return f"{package} {result.stdout}".strip()


PEERS = {"mbsync": (Mbsync, MbsyncWithoutFsync), "fetchmail": (Fetchmail,), "fetchmail-mda": (FetchmailMda,), "mpop": (Mpop,),
         "fdm": (Fdm,), "getmail": (Getmail,)}
