"""Real programs of the mail world, each in a temporary directory on a free loopback port, ended by its own process id."""
import contextlib
import grp
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import corpus


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port, seconds=15, process=None):
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if process is not None and process.poll() is not None:
            raise RuntimeError(f"the server on port {port} ended with status {process.returncode}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise RuntimeError(f"nothing listens on port {port} after {seconds} s")


def wait_until(condition, seconds=15, what="the condition"):
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError(f"{what} did not come true within {seconds} s")


def make_certificates(directory):
    """A CA and a certificate for localhost and 127.0.0.1; returns (ca, certificate, key) as paths."""
    d = pathlib.Path(directory)

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=d, check=True, capture_output=True)

    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key",
            "-out", "ca.pem", "-days", "30", "-subj", "/CN=Test CA")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "server.key",
            "-out", "server.csr", "-subj", "/CN=localhost")
    (d / "extensions").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "20",
            "-out", "server.pem", "-extfile", "extensions")
    return str(d / "ca.pem"), str(d / "server.pem"), str(d / "server.key")


def make_client_certificate(directory, name):
    """Of the CA that make_certificates() left in the directory: (certificate, key) for a client called so."""
    d = pathlib.Path(directory)

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=d, check=True, capture_output=True)

    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "client.key",
            "-out", "client.csr", "-subj", f"/CN={name}")
    (d / "client.extensions").write_text("extendedKeyUsage=clientAuth\n")
    openssl("x509", "-req", "-in", "client.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "20",
            "-out", "client.pem", "-extfile", "client.extensions")
    return str(d / "client.pem"), str(d / "client.key")


def maildir_messages(path):
    """The names of the messages in a Maildir."""
    return sorted(name for part in ("cur", "new") if os.path.isdir(os.path.join(path, part))
                  for name in os.listdir(os.path.join(path, part)))


class Directory:
    """A temporary directory that other users may pass through (servers drop their privileges)."""

    def __init__(self, name):
        self.path = tempfile.mkdtemp(prefix=f"mailstead-{name}-")
        os.chmod(self.path, 0o755)

    def __truediv__(self, name):
        return os.path.join(self.path, name)

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)


class Process:
    def __init__(self, arguments, **options):
        self.process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, start_new_session=True, **options)

    def stop(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        return self.process.returncode


class Dovecot:
    """IMAP and POP3, plain with STARTTLS and implicit TLS; as root it drops to its own users, else it runs as we do."""

    PASSWORD = "secret word"

    def __init__(self, users=("alice", "bob"), extra="", client_ca=False):
        """`extra` is appended to the configuration; `client_ca`: certificates of clients by our CA are believed."""
        self.directory = Directory("dovecot")
        self.ports = {name: free_port() for name in ("imap", "imaps", "pop3", "pop3s")}
        self.ca, certificate, key = make_certificates(self.directory.path)
        if os.geteuid() == 0:
            mail = pwd.getpwnam("nobody")
            internal, login = "dovecot", "dovenull"
        else:
            mail = pwd.getpwuid(os.geteuid())
            internal = login = mail.pw_name
        self.owner = (mail.pw_uid, mail.pw_gid)
        group = grp.getgrgid(mail.pw_gid).gr_name
        users_file = self.directory / "users"
        with open(users_file, "w", encoding="utf-8") as out:
            for user in users:
                out.write(f"{user}:{{PLAIN}}{self.PASSWORD}\n")
        for user in users:
            os.makedirs(self.maildir(user), exist_ok=True)
            for path in (self.directory / "mail", self.directory / f"mail/{user}", self.maildir(user)):
                os.chown(path, *self.owner)
        if client_ca:
            extra += f"\nssl_ca = <{self.ca}\n"
        configuration = f"""
base_dir = {self.directory / 'run'}
state_dir = {self.directory / 'state'}
log_path = {self.directory / 'log'}
protocols = imap pop3
listen = 127.0.0.1
ssl = yes
ssl_cert = <{certificate}
ssl_key = <{key}
ssl_min_protocol = TLSv1.2
disable_plaintext_auth = no
auth_mechanisms = plain login cram-md5 scram-sha-256
default_internal_user = {internal}
default_internal_group = {grp.getgrgid(pwd.getpwnam(internal).pw_gid).gr_name}
default_login_user = {login}
first_valid_uid = 1
mail_max_userip_connections = 200
mail_location = maildir:{self.directory / 'mail'}/%u/Maildir
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {users_file}
}}
userdb {{
  driver = static
  args = uid={mail.pw_name} gid={group} home={self.directory / 'mail'}/%u
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {self.ports['imap']}
  }}
  inet_listener imaps {{
    port = {self.ports['imaps']}
    ssl = yes
  }}
}}
service pop3-login {{
  chroot =
  inet_listener pop3 {{
    port = {self.ports['pop3']}
  }}
  inet_listener pop3s {{
    port = {self.ports['pop3s']}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
{extra}
"""
        with open(self.directory / "dovecot.conf", "w", encoding="utf-8") as out:
            out.write(configuration)
        self.restart()

    def restart(self):
        self.process = Process([shutil.which("dovecot", path="/usr/sbin:/usr/bin:/sbin:/bin") or "dovecot", "-F", "-c",
                                self.directory / "dovecot.conf"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            for port in self.ports.values():
                wait_for_port(port, process=self.process.process)
        except RuntimeError as error:
            with open(self.directory / "log", encoding="utf-8", errors="replace") as log:
                raise RuntimeError(f"{error}: {log.read()[-2000:]}") from error

    def maildir(self, user, folder=""):
        path = self.directory / f"mail/{user}/Maildir"
        return os.path.join(path, "." + folder.replace("/", ".")) if folder else path

    def fill(self, user, messages, folder=""):
        corpus.fill_maildir(self.maildir(user, folder), messages, self.owner if os.geteuid() == 0 else None)
        if folder:
            path = os.path.join(self.maildir(user, folder), "maildirfolder")
            open(path, "w", encoding="utf-8").close()
            if os.geteuid() == 0:
                os.chown(path, *self.owner)

    def stop(self):
        self.process.stop()
        self.directory.remove()


class SmtpSink:
    """Postfix's smtp-sink: takes every message, or misbehaves as `options` say; keeps each in a file of its own."""

    def __init__(self, *options):
        self.directory = Directory("sink")
        os.chmod(self.directory.path, 0o777)
        self.port = free_port()
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        program = shutil.which("smtp-sink", path="/usr/sbin:/usr/bin:/sbin:/bin") or "smtp-sink"
        self.process = Process([program, *user, "-d", self.directory / "%H%M%S.", *options, f"inet:127.0.0.1:{self.port}", "256"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for_port(self.port, process=self.process.process)

    def messages(self):
        """What was sent, each as (head lines that smtp-sink adds, message bytes with LF line ends)."""
        result = []
        for name in sorted(os.listdir(self.directory.path)):
            with open(self.directory / name, "rb") as file:
                result.append(file.read())
        return result

    def stop(self):
        self.process.stop()
        self.directory.remove()
