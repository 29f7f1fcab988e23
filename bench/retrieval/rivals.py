"""The other programs, each with the settings that are fastest while it still keeps what it fetched; where a program can trade
safety for speed, both settings stand side by side."""
import os
import pwd
import shutil
import subprocess

import peers

from .contender import Contender, count_maildir, make_maildir, package_version, write


class Mbsync(Contender):
    """Maildir, a file and its fsync per message. `PullNew` alone: it does not look at old messages again."""

    name = program = "mbsync"
    protocols = ("imap",)
    fsync = "yes"

    def prepare(self):
        text = f"FSync {self.fsync}\n"
        for account in self.accounts:
            os.makedirs(self.path("mail", account.name))
            security = f"SSLType IMAPS\nCertificateFile {account.ca}" if account.tls == "implicit" else "SSLType None"
            text += f"""
IMAPAccount {account.name}
Host {account.host}
Port {account.port}
User {account.user}
Pass "{account.password}"
{security}
AuthMechs LOGIN

IMAPStore far-{account.name}
Account {account.name}

MaildirStore near-{account.name}
Path {self.path("mail", account.name)}/
Inbox {self.path("mail", account.name)}-inbox

Channel {account.name}
Far :far-{account.name}:
Near :near-{account.name}:
Sync PullNew
Create Near
SyncState *
"""
        return ["mbsync", "-q", "-c", write(self.path("mbsyncrc"), text), "-a"]

    def count(self):
        return sum(count_maildir(self.path("mail", account.name + "-inbox")) for account in self.accounts)


class MbsyncWithoutFsync(Mbsync):
    name = "mbsync, FSync no"
    fsync = "no"


class Fetchmail(Contender):
    """By LMTP on a local socket into smtp-sink, which appends to one file: no process per message, one session, nothing synced.
    (By SMTP over TCP each message would wait 40 ms for a delayed acknowledgement.)"""

    name = program = "fetchmail"
    statuses = (0, 1)  # 1: there was nothing to fetch
    new_by_flag = ("imap",)
    path_of_sink = shutil.which("smtp-sink", path="/usr/sbin:/usr/bin:/sbin:/bin")

    @classmethod
    def missing(cls):
        return super().missing() or (None if cls.path_of_sink else "smtp-sink is not installed (Debian's postfix)")

    def delivery(self):
        os.makedirs(self.path("sink"))
        os.chmod(self.path("sink"), 0o777)
        socket = self.path("lmtp")
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        self.sink = peers.Process([self.path_of_sink, *user, "-L", "-D", self.path("sink/mail"), f"unix:{socket}", "64"],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        peers.wait_until(lambda: os.path.exists(socket), what="the sink's socket")
        return f"smtphost {socket} lmtp"

    def prepare(self):
        delivery = self.delivery()
        text = "set invisible\nset no bouncemail\nset no syslog\n"
        for account in self.accounts:
            security = f"ssl sslcertck sslcertfile {account.ca}" if account.tls == "implicit" else "sslproto ''"
            uidl = ("uidl" if self.again else "no uidl") if account.protocol == "pop3" else ""
            wanted = "" if self.again else "fetchall"
            text += f"""
poll {account.name} via {account.host} protocol {account.protocol} port {account.port} {uidl} auth password
  user "{account.user}" password "{account.password}" is me here
  keep {wanted} no rewrite batchlimit 0 fetchlimit 0 fetchsizelimit 0 {security}
  {delivery}
"""
        return ["fetchmail", "--silent", "--fetchmailrc", write(self.path("fetchmailrc"), text), "--pidfile", self.path("pid"),
                "--idfile", self.path("ids")]

    def count(self):
        if not os.path.exists(self.path("sink/mail")):
            return 0
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
    """Maildir with fsync; pipelined."""

    name = program = "mpop"
    protocols = ("pop3",)

    def prepare(self):
        text = ""
        mail = make_maildir(self.path("mail"))
        for account in self.accounts:
            security = f"tls on\ntls_starttls off\ntls_trust_file {account.ca}" if account.tls == "implicit" else "tls off"
            text += f"""account {account.name}
host {account.host}
port {account.port}
{security}
auth user
user {account.user}
password {account.password}
keep on
received_header off
uidls_file {self.path("uidls-" + account.name)}
delivery maildir {mail}

"""
        return ["mpop", "-q", "-C", write(self.path("mpoprc"), text), "-a"]

    def count(self):
        return count_maildir(self.path("mail"))


class Fdm(Contender):
    """Maildir; a process of its own for each account, all at once."""

    name = program = "fdm"
    new_by_flag = ("imap",)

    @classmethod
    def version(cls):
        return Contender.version.__func__(cls) if shutil.which("dpkg-query") is None else package_version("fdm")

    def prepare(self):
        text = f"""set lock-file "{self.path("lock")}"
set no-received
set default-user "{pwd.getpwuid(os.geteuid()).pw_name}"
set maximum-size 1G
action "keep" maildir "{self.path("mail")}"
"""
        os.mkdir(self.path("cache"))
        os.chmod(self.path("cache"), 0o777)  # as root it fetches as a user of its own
        for account in self.accounts:
            kind = account.protocol + ("s" if account.tls == "implicit" else "")
            check = "no-verify" if account.tls == "implicit" else "no-cram-md5" if account.protocol == "imap" else "no-apop"
            # By IMAP it tells new from old by \Seen alone; by POP3 it keeps what it saw.
            news = {"imap": "new-only" if self.again else "", "pop3": f'new-only cache "{self.path("cache", account.name)}"'}
            text += (f'account "{account.name}" {kind} server "{account.host}" port {account.port} user "{account.user}" '
                     f'pass "{account.password}" {news[account.protocol]} {check} keep\n')
        text += 'match all action "keep"\n'
        return ["fdm", "-q", "-f", write(self.path("fdm.conf"), text), "fetch"]

    def count(self):
        return count_maildir(self.path("mail")) if os.path.isdir(self.path("mail")) else 0


class Getmail(Contender):
    """Maildir. Does not deliver as root, so root's run is nobody's."""

    name = program = "getmail"

    def prepare(self):
        mail = make_maildir(self.path("mail"))
        command = ["getmail", "--getmaildir", self.directory]
        for account in self.accounts:
            kind = account.protocol.upper() + ("SSL" if account.tls == "implicit" else "")
            trust = f"ca_certs = {account.ca}" if account.tls == "implicit" else ""
            config = write(self.path("getmailrc-" + account.name), f"""[retriever]
type = Simple{kind}Retriever
server = {account.host}
port = {account.port}
username = {account.user}
password = {account.password}
{trust}
[destination]
type = Maildir
path = {mail}/
[options]
read_all = {"false" if self.again else "true"}
delete = false
verbose = 0
received = false
delivered_to = false
""")
            command += ["--rcfile", config]
        if os.geteuid() != 0:
            return command
        for folder, _, files in os.walk(self.directory):
            for one in [folder, *(os.path.join(folder, name) for name in files)]:
                shutil.chown(one, "nobody", "nogroup")
        return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", *command]

    def count(self):
        return count_maildir(self.path("mail"))


class Offlineimap(Contender):
    """Maildir with fsync; accounts side by side, several connections each."""

    name = "offlineimap"
    program = "offlineimap"
    protocols = ("imap",)
    connections = 3

    def prepare(self):
        names = ", ".join(account.name for account in self.accounts)
        text = f"""[general]
accounts = {names}
metadata = {self.path("meta")}
maxsyncaccounts = {min(10, len(self.accounts))}
ui = quiet
"""
        for account in self.accounts:
            security = f"ssl = yes\nsslcacertfile = {account.ca}" if account.tls == "implicit" else "ssl = no"
            text += f"""
[Account {account.name}]
localrepository = near-{account.name}
remoterepository = far-{account.name}

[Repository near-{account.name}]
type = Maildir
localfolders = {self.path("mail", account.name)}

[Repository far-{account.name}]
type = IMAP
remotehost = {account.host}
remoteport = {account.port}
remoteuser = {account.user}
remotepass = {account.password}
{security}
starttls = no
auth_mechanisms = LOGIN
maxconnections = {self.connections}
readonly = True
folderfilter = lambda name: name == 'INBOX'
"""
        os.mkdir(self.path("mail"))
        return ["offlineimap", "-o", "-c", write(self.path("offlineimaprc"), text)]

    def count(self):
        return sum(count_maildir(self.path("mail", account.name, "INBOX")) for account in self.accounts)


RIVALS = {"mbsync": Mbsync, "mbsync-no-fsync": MbsyncWithoutFsync, "mpop": Mpop, "fdm": Fdm,
          "fetchmail": Fetchmail, "fetchmail-mda": FetchmailMda, "getmail": Getmail, "offlineimap": Offlineimap}
