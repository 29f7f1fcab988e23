"""The ways to a real Dovecot: through a tunnel (PREAUTH), proxies, a Unix socket; client certificates, pins, Kerberos; the trace."""
import base64
import json
import os
import socket
import subprocess
import threading
import unittest

import agent
import corpus
import peers

FEW = 30


class Proxy:
    """A SOCKS5 or HTTP proxy for one connection after another, to a fixed address whatever name is asked for."""

    def __init__(self, kind, target, user=None, password=None):
        self.kind, self.target, self.user, self.password = kind, target, user, password
        self.asked = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    @staticmethod
    def exactly(client, size):
        data = b""
        while len(data) < size:
            more = client.recv(size - len(data))
            if not more:
                raise OSError("closed")
            data += more
        return data

    def socks5(self, client):
        _, count = self.exactly(client, 2)
        methods = self.exactly(client, count)
        if self.user is None:
            client.sendall(b"\x05\x00")
        elif 2 not in methods:
            client.sendall(b"\x05\xff")
            return None
        else:
            client.sendall(b"\x05\x02")
            user = self.exactly(client, self.exactly(client, 2)[1])
            password = self.exactly(client, self.exactly(client, 1)[0])
            fits = (user.decode(), password.decode()) == (self.user, self.password)
            client.sendall(b"\x01\x00" if fits else b"\x01\x01")
            if not fits:
                return None
        head = self.exactly(client, 4)
        assert head == b"\x05\x01\x00\x03", head  # by name: the proxy resolves it
        name = self.exactly(client, self.exactly(client, 1)[0]).decode()
        port = int.from_bytes(self.exactly(client, 2), "big")
        return f"{name}:{port}", b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"

    def http(self, client):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.exactly(client, 1)
        lines = head.decode().split("\r\n")
        if self.user is not None:
            wanted = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
            if f"Proxy-Authorization: Basic {wanted}" not in lines:
                client.sendall(b"HTTP/1.1 407 Authentication required\r\nContent-Length: 0\r\n\r\n")
                return None
        return lines[0].split(" ")[1], b"HTTP/1.1 200 Connection established\r\n\r\n"

    def serve(self, client):
        try:
            answer = getattr(self, self.kind)(client)
            if answer is None:
                client.close()
                return
            self.asked.append(answer[0])
            server = socket.create_connection(self.target)
            client.sendall(answer[1])
            threading.Thread(target=self.pump, args=(server, client), daemon=True).start()
            self.pump(client, server)
        except OSError:
            client.close()

    @staticmethod
    def pump(source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def stop(self):
        self.listener.close()


class Ways(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = peers.Dovecot(users=("alice", "bob"))
        cls.addClassCleanup(cls.server.stop)
        cls.messages = corpus.corpus(FEW)
        cls.server.fill("alice", cls.messages)

    def make(self, account):
        made = agent.Agent({"accounts": {"source": account}})
        self.addCleanup(made.remove)
        made.add_user()
        return made

    def retrieve(self, account):
        made = self.make(account)
        self.assertEqual(made.poll()["source"]["new"], FEW)
        self.assertEqual(made.poll()["source"]["new"], 0)
        agent.assert_same(self, made.kept(), self.messages)
        return made

    def tunnel(self):
        """Dovecot's imap, run by root, takes a socket for inetd and refuses: pipes stand between it and ours."""
        command = ["doveadm", "-c", self.server.directory / "dovecot.conf", "exec", "imap", "-u", "alice"]
        return ["sh", "-c", 'cat | "$@" | cat', "tunnel", *command]

    def test_a_tunnel_that_greets_with_preauth(self):
        made = self.retrieve({"protocol": "imap", "tunnel": self.tunnel()})
        checked = json.loads(made.command("check", "--connect", "--json").stdout)["connections"]
        facts = next(one for one in checked if one["what"] == "account source")["facts"]
        self.assertEqual(facts["signed in by"], "PREAUTH")

    def test_a_tunnel_that_fails_says_why(self):
        for command, words in (
                (["sh", "-c", "echo 'ssh: connect to host imap: Connection refused' >&2; exit 255"],
                 "tunnel sh ended with status 255: ssh: connect to host imap: Connection refused"),
                (["/nonexistent/ssh"], "tunnel /nonexistent/ssh cannot be started: No such file or directory")):
            with self.subTest(command=command):
                made = self.make({"protocol": "imap", "tunnel": command})
                self.assertIn(words, made.command("poll", expect=1).stderr)

    def test_preauth_within_a_tunnel_is_no_way_past_starttls(self):
        made = self.make({"protocol": "imap", "tunnel": self.tunnel(), "tls": "starttls", "host": "localhost",
                          "tls_options": {"ca_file": self.server.ca}, "user": "alice", "password": "x"})
        self.assertIn("PREAUTH before TLS", made.command("poll", expect=1).stderr)

    def test_a_tunnel_to_a_server_that_wants_a_sign_in_and_tls(self):
        script = self.server.directory / "relay.py"
        with open(script, "w", encoding="utf-8") as out:
            out.write("import os,socket,sys,threading\n"
                      "s=socket.create_connection((sys.argv[1],int(sys.argv[2])))\n"
                      "def up():\n"
                      "  while d:=os.read(0,65536): s.sendall(d)\n"
                      "  s.shutdown(1)\n"
                      "threading.Thread(target=up,daemon=True).start()\n"
                      "while d:=s.recv(65536): os.write(1,d)\n")
        relay = ["/usr/bin/python3", script, "%h", "%p"]
        for protocol in ("imap", "pop3"):
            for tls in ("implicit", "starttls"):
                with self.subTest(protocol=protocol, tls=tls):
                    self.retrieve({**agent.account(protocol, self.server, tls=tls), "tunnel": relay})

    def test_a_unix_socket(self):
        made = self.make({"protocol": "imap", "socket": self.server.directory / "run/nothing", "user": "alice", "password": "x"})
        self.assertIn("run/nothing: no such file or directory", made.command("poll", expect=1).stderr)
        # A Unix socket in front of the server's own port.
        path = self.server.directory / "imap.sock"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen()

            def serve():
                while True:
                    try:
                        client, _ = listener.accept()
                    except OSError:
                        return
                    server = socket.create_connection(("127.0.0.1", self.server.ports["imap"]))
                    threading.Thread(target=Proxy.pump, args=(server, client), daemon=True).start()
                    threading.Thread(target=Proxy.pump, args=(client, server), daemon=True).start()

            threading.Thread(target=serve, daemon=True).start()
            self.retrieve({"protocol": "imap", "socket": path, "user": "alice", "password": self.server.PASSWORD})
            listener.shutdown(socket.SHUT_RDWR)

    def test_proxies_resolve_the_name(self):
        for kind, scheme in (("socks5", "socks5"), ("http", "http")):
            for credentials in (None, ("carol", "pro:xy")):
                for protocol in ("imap", "pop3"):
                    with self.subTest(kind=kind, credentials=credentials, protocol=protocol):
                        target = ("127.0.0.1", self.server.ports[protocol])
                        proxy = Proxy(kind, target, *(credentials or ()))
                        self.addCleanup(proxy.stop)
                        account = agent.account(protocol, self.server, tls="starttls")
                        # A name that nobody else could resolve; what the certificate is for is pinned.
                        account.update(host="mail.invalid", proxy=f"{scheme}://127.0.0.1:{proxy.port}",
                                       tls_options={"fingerprint": self.fingerprint()})
                        if credentials:
                            account["proxy"] = {"url": account["proxy"], "user": credentials[0], "password": credentials[1]}
                        self.retrieve(account)
                        self.assertEqual(set(proxy.asked), {f"mail.invalid:{target[1]}"})

    def test_a_proxy_that_refuses_us(self):
        proxy = Proxy("socks5", ("127.0.0.1", self.server.ports["imap"]), "carol", "right")
        self.addCleanup(proxy.stop)
        account = agent.account("imap", self.server, tls="starttls")
        account["proxy"] = {"url": f"socks5://127.0.0.1:{proxy.port}", "user": "carol", "password": "wrong"}
        said = self.make(account).command("poll", expect=1).stderr
        self.assertIn("refuses the user and password", said)
        self.assertNotIn("wrong", said)

    def fingerprint(self):
        out = subprocess.run(["openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in", self.server.directory / "server.pem"],
                             check=True, capture_output=True, text=True).stdout
        return out.strip().split("=")[1]

    def test_the_pin_that_check_prints_serves(self):
        made = self.make(agent.account("imap", self.server, tls="implicit"))
        found = json.loads(made.command("check", "--connect", "--json").stdout)["connections"]
        facts = next(one for one in found if one["what"] == "account source")["facts"]
        self.assertIn("TLSv1.3", facts["tls"])
        self.assertIn("CN=localhost", facts["chain"])
        self.assertIn("CN=Test CA", facts["chain"])
        account = agent.account("imap", self.server, tls="implicit", tls_options={"pin": facts["key"]})
        self.retrieve(account)
        account["tls_options"]["pin"] = "sha256:" + "0" * 64
        self.assertIn("tls_options.pin", self.make(account).command("poll", expect=1).stderr)

    def test_the_trace_holds_the_dialogue_and_no_secret(self):
        for protocol in ("imap", "pop3"):
            for mechanism in ("plain", "login", "cram-md5", "scram-sha-256"):
                with self.subTest(protocol=protocol, mechanism=mechanism):
                    made = self.make(agent.account(protocol, self.server, tls="implicit", auth=mechanism))
                    trace = made.directory / "trace"
                    made.command("poll", "--trace", trace)
                    self.assertEqual(os.stat(trace).st_mode & 0o777, 0o600)
                    with open(trace, encoding="utf-8") as file:
                        text = file.read()
                    self.assertIn("source 0.", text)
                    self.assertIn("TLSv1.3", text)
                    self.assertIn(" S: * OK" if protocol == "imap" else " S: +OK", text)
                    self.assertIn("octets)", text)
                    secret = self.server.PASSWORD.encode()
                    for form in (secret, base64.b64encode(secret), base64.b64encode(b"\0alice\0" + secret)):
                        self.assertNotIn(form.decode(), text)
                    for message in self.messages[:3]:
                        self.assertNotIn(message.decode("latin-1").splitlines()[-1], text)
                    self.assertEqual(made.command("check", "--connect", "--trace", "-").stderr.count("connected to"), 1)


class ClientCertificate(unittest.TestCase):
    def test_external(self):
        directory = peers.Directory("client")
        self.addCleanup(directory.remove)

        def openssl(*arguments):
            subprocess.run(["openssl", *arguments], cwd=directory.path, check=True, capture_output=True)

        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key",
                "-out", "ca.pem", "-days", "30", "-subj", "/CN=Client CA")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "alice.key",
                "-out", "alice.csr", "-subj", "/CN=alice")
        openssl("x509", "-req", "-in", "alice.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "20",
                "-out", "alice.pem")
        openssl("ca", "-gencrl", "-keyfile", "ca.key", "-cert", "ca.pem", "-out", "crl.pem", "-config", self.crl_config(directory))
        with open(directory / "both.pem", "wb") as out:
            for name in ("ca.pem", "crl.pem"):
                with open(directory / name, "rb") as part:
                    out.write(part.read())
        extra = f"""
ssl_ca = <{directory / 'both.pem'}
ssl_verify_client_cert = yes
auth_ssl_username_from_cert = yes
auth_mechanisms = plain external
ssl_cert_username_field = commonName
passdb {{
  driver = static
  args = nopassword=y
  mechanisms = external
}}
"""
        server = peers.Dovecot(users=("alice",), extra=extra)
        self.addCleanup(server.stop)
        messages = corpus.corpus(5)
        server.fill("alice", messages)
        for tls in ("implicit", "starttls"):
            with self.subTest(tls=tls):
                account = agent.account("imap", server, tls=tls, auth="external")
                del account["password"]
                account["tls_options"].update(certificate=directory / "alice.pem", key=directory / "alice.key")
                made = agent.Agent({"accounts": {"source": account}})
                self.addCleanup(made.remove)
                made.add_user()
                self.assertEqual(made.poll()["source"]["new"], len(messages))

    @staticmethod
    def crl_config(directory):
        for name in ("index.txt",):
            open(directory / name, "w", encoding="utf-8").close()
        with open(directory / "crlnumber", "w", encoding="utf-8") as out:
            out.write("01\n")
        with open(directory / "crl.conf", "w", encoding="utf-8") as out:
            out.write("[ca]\ndefault_ca=a\n[a]\ndatabase=index.txt\ncrlnumber=crlnumber\ndefault_md=sha256\ndefault_crl_days=30\n")
        return "crl.conf"


class Kerberos(unittest.TestCase):
    """A realm of its own in a temporary directory, its KDC on loopback."""

    REALM = "TEST.INVALID"

    def setUp(self):
        self.directory = peers.Directory("kerberos")
        self.addCleanup(self.directory.remove)
        port = peers.free_port()
        with open(self.directory / "krb5.conf", "w", encoding="utf-8") as out:
            out.write(f"""[libdefaults]
default_realm = {self.REALM}
dns_canonicalize_hostname = false
dns_lookup_kdc = false
dns_lookup_realm = false
rdns = false
[realms]
{self.REALM} = {{
  kdc = 127.0.0.1:{port}
}}
[domain_realm]
localhost = {self.REALM}
""")
        with open(self.directory / "kdc.conf", "w", encoding="utf-8") as out:
            out.write(f"""[kdcdefaults]
kdc_listen = 127.0.0.1:{port}
kdc_tcp_listen = 127.0.0.1:{port}
[realms]
{self.REALM} = {{
  database_name = {self.directory / "principal"}
  key_stash_file = {self.directory / "stash"}
  acl_file = {self.directory / "acl"}
}}
[logging]
kdc = FILE:{self.directory / "kdc.log"}
""")
        self.environment = {**os.environ, "KRB5_CONFIG": self.directory / "krb5.conf",
                            "KRB5_KDC_PROFILE": self.directory / "kdc.conf", "KRB5CCNAME": f"FILE:{self.directory / 'ticket'}",
                            "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}
        self.run_tool("kdb5_util", "create", "-s", "-r", self.REALM, "-P", "master key")
        self.run_tool("kadmin.local", "-q", "addprinc -pw wonderland alice")
        self.run_tool("kadmin.local", "-q", "addprinc -randkey imap/localhost")
        self.run_tool("kadmin.local", "-q", "addprinc -randkey pop/localhost")
        self.run_tool("kadmin.local", "-q", f"ktadd -k {self.directory / 'keytab'} imap/localhost pop/localhost")
        os.chmod(self.directory / "keytab", 0o644)  # of the temporary realm; Dovecot's auth is another user
        self.kdc = peers.Process(["/usr/sbin/krb5kdc", "-n", "-r", self.REALM], env=self.environment,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(self.kdc.stop)
        peers.wait_for_port(port, process=self.kdc.process)
        self.server = peers.Dovecot(users=("alice",), extra=f"""
import_environment = TZ KRB5_CONFIG={self.directory / 'krb5.conf'}
auth_mechanisms = gssapi plain
auth_krb5_keytab = {self.directory / 'keytab'}
auth_gssapi_hostname = localhost
""")
        self.addCleanup(self.server.stop)

    def run_tool(self, *command, text_in=None):
        subprocess.run(command, env=self.environment, input=text_in, text=True, check=True, capture_output=True)

    def test_gssapi(self):
        messages = corpus.corpus(5)
        self.server.fill("alice", messages)
        for protocol in ("imap", "pop3"):
            with self.subTest(protocol=protocol):
                account = agent.account(protocol, self.server, tls="starttls", auth="gssapi")
                del account["password"]
                made = agent.Agent({"accounts": {"source": account}})
                self.addCleanup(made.remove)
                made.add_user()
                environment = {name: str(value) for name, value in self.environment.items()}
                if os.path.exists(self.directory / "ticket"):
                    os.remove(self.directory / "ticket")
                self.assertIn("kinit", made.command("poll", expect=1, environment=environment).stderr)
                self.run_tool("kinit", "alice", text_in="wonderland\n")
                self.assertEqual(made.poll(environment=environment)["source"]["new"], len(messages))


if __name__ == "__main__":
    unittest.main(verbosity=2)
