"""Courier and Cyrus from Debian's packages. They cannot be installed beside Dovecot, so scripts/packages only unpacks
them into build/peers; here each runs in a mount and process namespace of its own, where its files lie where it was
built for (an overlay over /usr and /etc), and all of it ends with its first process."""
import imaplib
import os
import pwd
import shutil
import signal
import subprocess

import corpus
import peers

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
UNPACKED = os.environ.get("MAILSTEAD_PEERS", os.path.join(ROOT, "build/peers"))
PASSWORD = peers.Dovecot.PASSWORD


class Packaged:
    """The common part: directory, ports, certificate, the namespace. `etc` in the directory lies over /etc."""

    PASSWORD = PASSWORD
    name = None

    def __init__(self):
        tree = os.path.join(UNPACKED, self.name, "usr")
        if not os.path.isdir(tree):
            raise RuntimeError(f"{tree} is missing: run scripts/packages peers")
        self.directory = peers.Directory(self.name)
        self.ports = {name: peers.free_port() for name in ("imap", "imaps", "pop3", "pop3s")}
        self.ca, self.certificate, self.key = peers.make_certificates(self.directory.path)
        for made in ("etc", "mail"):
            os.mkdir(self.directory / made)
        self.configure()
        script = self.directory / "begin"
        self.write("begin", f"""#!/bin/sh
set -e
mount -t overlay -o lowerdir={tree}:/usr overlay /usr
mount -t overlay -o lowerdir={self.directory / 'etc'}:/etc overlay /etc
mount -t tmpfs tmpfs /run
{self.script()}
wait
""", 0o755)
        self.log = open(self.directory / "log", "ab")
        self.process = peers.Process(["unshare", *([] if os.geteuid() == 0 else ["--map-root-user"]), "--mount", "--pid",
                                      "--fork", "--kill-child", "--mount-proc", "sh", script], stdout=self.log, stderr=self.log)
        try:
            for port in self.ports.values():
                peers.wait_for_port(port, process=self.process.process)
            self.started()
        except BaseException as error:
            self.process.stop(signal.SIGKILL)
            with open(self.directory / "log", encoding="utf-8", errors="replace") as log:
                raise RuntimeError(f"{self.name}: {error}: {log.read()[-2000:]}") from error

    def write(self, name, text, mode=0o644):
        path = self.directory / name
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        os.chmod(path, mode)
        return path

    def configure(self):
        """Writes the configuration files."""

    def script(self):
        """The shell commands that begin the server, each in the background."""
        raise NotImplementedError

    def started(self):
        """What is to be done once all ports answer."""

    def stop(self):
        self.process.stop(signal.SIGKILL)
        self.log.close()
        self.directory.remove()


class Courier(Packaged):
    name = "courier"

    def __init__(self, users=("alice",), capability="IMAP4rev1 UIDPLUS CHILDREN NAMESPACE SORT QUOTA IDLE"):
        self.users = users
        self.capability = capability
        super().__init__()

    def configure(self):
        for user in self.users:
            corpus.fill_maildir(self.maildir(user), [])
        accounts = "".join(f"{user}\tuid=0|gid=0|home={self.directory / 'mail'}/{user}|mail={self.maildir(user)}\n" for user in self.users)
        self.write("userdb", accounts + ".\n")  # the dot ends the table
        hashed = subprocess.run(["openssl", "passwd", "-6", self.PASSWORD], check=True, capture_output=True, text=True).stdout.strip()
        self.write("userdbshadow", "".join(f"{user}\tsystempw={hashed}\n" for user in self.users) + ".\n")
        self.write("etc/courier/authdaemonrc", """authmodulelist="authuserdb"
authmodulelistorig="authuserdb"
daemons=2
authdaemonvar=/run/courier/authdaemon
DEBUG_LOGIN=0
DEFAULTOPTIONS=""
LOGGEROPTS=""
""")
        with open(self.directory / "etc/courier/both.pem", "wb") as out:
            for part in (self.key, self.certificate):
                with open(part, "rb") as file:
                    out.write(file.read())
        shutil.copy("/etc/passwd", self.directory / "etc/passwd")
        with open(self.directory / "etc/passwd", "a", encoding="utf-8") as out:
            out.write("courier:x:0:0::/:/bin/sh\n")
        self.write("settings", f"""
PATH=/usr/bin:/usr/sbin:/bin:/sbin
MAILDIRPATH=Maildir
IMAP_CAPABILITY="{self.capability}"
IMAP_CAPABILITY_TLS="{self.capability} AUTH=PLAIN"
IMAP_KEYWORDS=1
IMAP_ACL=0
IMAP_EMPTYTRASH=
IMAP_IDLE_TIMEOUT=60
IMAP_ENHANCEDIDLE=0
IMAP_USELOCKS=1
IMAP_TRASHFOLDERNAME=Trash
IMAP_MOVE_EXPUNGE_TO_TRASH=0
IMAP_STARTTLS=YES
IMAP_TLS_REQUIRED=0
POP3AUTH="LOGIN"
POP3AUTH_TLS="LOGIN PLAIN"
POP3_STARTTLS=YES
POP3_TLS_REQUIRED=0
COURIERTLS=/usr/bin/couriertls
TLS_CERTFILE=/etc/courier/both.pem
TLS_TRUSTCERTS={self.ca}
TLS_VERIFYPEER=NONE
""")

    def script(self):
        bin_directory = "/usr/lib/courier/courier"
        imap = f"{bin_directory}/imaplogin /usr/bin/imapd Maildir"
        pop3 = f"{bin_directory}/courierpop3login {bin_directory}/courierpop3d Maildir"
        listen = "/usr/sbin/couriertcpd -address=127.0.0.1 -maxprocs=100 -maxperip=100 -nodnslookup -noidentlookup"
        data = "/run/courier/data"
        return f"""
mkdir -p /run/courier/authdaemon {data}
make=/usr/lib/courier/makedatprog
[ -x $make ] || make=/usr/lib/courier/courier-authlib/makedatprog
for name in userdb userdbshadow; do
  $make {self.directory / '$name'} {data}/$name.tmp {data}/$name.dat
done
mkdir /run/etc /run/etc-work
mount -t overlay -o lowerdir=/etc,upperdir=/run/etc,workdir=/run/etc-work overlay /etc
cp {data}/*.dat /etc/courier/
chmod 600 /etc/courier/userdbshadow.dat
set -a
. {self.directory / 'settings'}
/usr/lib/courier/courier-authlib/authdaemond &
{listen} {self.ports['imap']} {imap} &
{listen} {self.ports['pop3']} {pop3} &
IMAP_TLS=1 {listen} {self.ports['imaps']} /usr/bin/couriertls -server -tcpd {imap} &
POP3_TLS=1 POP3_STARTTLS=NO {listen} {self.ports['pop3s']} /usr/bin/couriertls -server -tcpd {pop3} &
"""

    def maildir(self, user, folder=""):
        path = self.directory / f"mail/{user}/Maildir"
        return os.path.join(path, "." + folder.replace("/", ".")) if folder else path

    def fill(self, user, messages, folder=""):
        corpus.fill_maildir(self.maildir(user, folder), messages)
        if folder:
            open(os.path.join(self.maildir(user, folder), "maildirfolder"), "w", encoding="utf-8").close()


class Cyrus(Packaged):
    name = "cyrus"

    def __init__(self, users=("alice",)):
        self.users = users
        super().__init__()

    def configure(self):
        nobody = pwd.getpwnam("nobody")  # Cyrus refuses to be root
        self.owner = (nobody.pw_uid, nobody.pw_gid)
        for made in ("lib/db", "lib/socket", "lib/proc", "lib/log", "lib/msg", "lib/ptclient", "lib/user", "lib/quota", "lib/backup",
                     "lib/sync", "lib/lock", "lib/rpm", "spool", "etc/cyrus"):
            os.makedirs(self.directory / made)
        shutil.copy("/etc/passwd", self.directory / "etc/passwd")
        with open(self.directory / "etc/passwd", "a", encoding="utf-8") as out:
            out.write(f"cyrus:x:{self.owner[0]}:{self.owner[1]}::/:/bin/sh\n")
        self.write("imapd.conf", f"""
configdirectory: {self.directory / 'lib'}
defaultpartition: default
partition-default: {self.directory / 'spool'}
idlesocket: {self.directory / 'lib'}/idle
lmtpsocket: {self.directory / 'lib'}/lmtp
notifysocket: {self.directory / 'lib'}/notify
syslog_prefix: test
cyrus_user: cyrus
admins: admin
unixhierarchysep: yes
altnamespace: yes
allowplaintext: yes
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: {self.directory / 'sasldb2'}
sasl_mech_list: PLAIN SCRAM-SHA-256
tls_server_cert: {self.certificate}
tls_server_key: {self.key}
tls_server_ca_file: {self.ca}
tls_client_ca_file: {self.ca}
tls_client_certs: optional
virtdomains: off
servername: localhost
maxlogins_per_user: 0
poptimeout: 10
specialusealways: 1
xlist-Junk: Junk
xlist-Sent: Sent
duplicatesuppression: no
""")
        services = "\n".join(
            f'  {name} cmd="/usr/lib/cyrus/bin/{program} -C {self.directory / "imapd.conf"}" listen="127.0.0.1:{self.ports[name]}" prefork=1'
            for name, program in (("imap", "imapd"), ("imaps", "imapd -s"), ("pop3", "pop3d"), ("pop3s", "pop3d -s")))
        self.write("cyrus.conf", f"""
START {{
  recover cmd="/usr/lib/cyrus/bin/ctl_cyrusdb -C {self.directory / 'imapd.conf'} -r"
}}
SERVICES {{
{services}
}}
EVENTS {{
}}
""")

    def script(self):
        set_password = "saslpasswd2 -p -c -f {file} -u localhost {user}"
        lines = [f"printf %s '{self.PASSWORD}' | /usr/sbin/" + set_password.format(file=self.directory / "sasldb2", user=user)
                 for user in (*self.users, "admin")]
        lines.append(f"chown -R cyrus {self.directory.path}")
        return "mkdir -p /run/cyrus\n" + "\n".join(lines) + f"""
/usr/sbin/cyrmaster -C {self.directory / 'imapd.conf'} -M {self.directory / 'cyrus.conf'} -p /run/cyrus/pid &
"""

    def started(self):
        with self.client("admin") as client:
            for user in self.users:
                self.ask(client.create(f'"user/{user}"'))

    def client(self, user):
        client = imaplib.IMAP4("127.0.0.1", self.ports["imap"])
        client.login(user, self.PASSWORD)
        return client

    @staticmethod
    def ask(answer):
        if answer[0] != "OK":
            raise RuntimeError(f"refused: {answer}")
        return answer[1]

    def fill(self, user, messages, folder=""):
        with self.client(user) as client:
            if folder:
                self.ask(client.create(f'"{folder}"'))
            for data in messages:
                self.ask(client.append(f'"{folder or "INBOX"}"', None, None, data))


def left_over(server, user, folder="INBOX"):
    """(flags, bytes) of each message that an IMAP server holds, by a client that is not ours."""
    client = imaplib.IMAP4("127.0.0.1", server.ports["imap"])
    try:
        client.login(user, server.PASSWORD)
        if client.select(f'"{folder}"', readonly=True)[0] != "OK":
            return []
        answer, data = client.fetch("1:*", "(FLAGS BODY.PEEK[])")
        if answer != "OK":
            return []
        return [(item[0], item[1]) for item in data if isinstance(item, tuple)]
    finally:
        client.logout()
