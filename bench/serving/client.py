"""An IMAP client that costs as little as it can: it sends, and reads on until its tagged answer is the last line."""
import re
import socket

CHUNK = 1 << 20
LONGEST = 300  # seconds for one answer: then the server hangs


class Client:
    def __init__(self, side, folder="INBOX", read_only=False):
        self.socket = socket.create_connection(("127.0.0.1", side.port), timeout=LONGEST)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray(CHUNK)
        self.number = 0
        self.until(b"* ")
        self.ask(f'LOGIN "{side.user}" "{side.password}"')
        if folder:
            self.ask(f'{"EXAMINE" if read_only else "SELECT"} "{folder}"')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def tag(self):
        self.number += 1
        return b"t%d" % self.number

    def until(self, start):
        """Reads until the last line begins with `start`; how many octets came, and the last of them."""
        view, tail, octets = memoryview(self.buffer), b"", 0
        while True:
            got = self.socket.recv_into(self.buffer)
            if not got:
                raise SystemExit(f"bench: the server closed the connection after {tail!r}")
            octets += got
            tail = (tail + bytes(view[max(0, got - 512):got]))[-512:]
            if tail.endswith(b"\r\n"):
                last = tail[tail.rfind(b"\n", 0, -2) + 1:]
                if last.startswith(start):
                    return octets, last

    def ask(self, command):
        """One command to its end; how many octets were answered."""
        tag = self.tag()
        self.socket.sendall(tag + b" " + command.encode() + b"\r\n")
        octets, last = self.until(tag + b" ")
        if not last.startswith(tag + b" OK"):
            raise SystemExit(f"bench: {command[:80]}: {last!r}")
        return octets

    def text(self, command):
        """The whole answer; for comparisons outside of what is timed."""
        tag, said = self.tag(), b""
        self.socket.sendall(tag + b" " + command.encode() + b"\r\n")
        end = re.compile(rb"(?:^|\r\n)" + tag + rb" (OK|NO|BAD)[^\r\n]*\r\n$")
        while not end.search(said[-2000:]):
            said += self.socket.recv(CHUNK)
        return said

    def append_many(self, folder, messages):
        """APPENDs sent ahead, as LITERAL+ allows; the last answer tells that all are kept."""
        parts = []
        for message in messages:
            tag = self.tag()
            parts += [b'%s APPEND "%s" {%d+}\r\n' % (tag, folder.encode(), len(message)), message, b"\r\n"]
        self.socket.sendall(b"".join(parts))
        _, last = self.until(tag + b" ")
        if not last.startswith(tag + b" OK"):
            raise SystemExit(f"bench: APPEND: {last!r}")
