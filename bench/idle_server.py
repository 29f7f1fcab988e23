"""An IMAP server that is just enough for accounts that wait: every user has one INBOX in memory; messages are put in by
deliver(). One process, asyncio; TLS or plain. Run by bench/idle in a process of its own."""
import asyncio
import base64
import re
import ssl

CAPABILITIES = "IMAP4rev1 IDLE UIDPLUS SASL-IR LITERAL+ AUTH=PLAIN"


class Mailbox:
    def __init__(self):
        self.messages = []
        self.idle = []  # sessions that wait


class Session:
    def __init__(self, server, reader, writer):
        self.server, self.reader, self.writer = server, reader, writer
        self.user = self.idle_tag = None
        self.told = 0  # messages that the client knows of

    def send(self, *lines):
        for line in lines:
            self.writer.write(line.encode() + b"\r\n" if isinstance(line, str) else line)

    async def run(self):
        self.server.sessions.add(self)
        try:
            self.send(f"* OK [CAPABILITY {CAPABILITIES}] ready")
            while line := await self.reader.readline():
                if not self.answer(line.rstrip(b"\r\n").decode("latin-1")):
                    break
                await self.writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            self.leave_idle()
            self.server.sessions.discard(self)
            self.writer.close()

    def tell(self):
        count = len(self.server.mailbox(self.user).messages)
        if count > self.told:
            self.told = count
            self.send(f"* {count} EXISTS")

    def leave_idle(self):
        if self.idle_tag:
            self.server.mailbox(self.user).idle.remove(self)
            self.idle_tag = None

    def answer(self, line):
        if self.idle_tag:
            tag = self.idle_tag
            self.leave_idle()
            self.send(f"{tag} OK done")
            return True
        tag, _, rest = line.partition(" ")
        verb, _, arguments = rest.partition(" ")
        if verb.upper() == "UID":
            verb, _, arguments = arguments.partition(" ")
        handler = getattr(self, "do_" + verb.lower(), None)
        if handler is None:
            self.send(f"{tag} BAD unknown command")
            return True
        return handler(tag, arguments) is not False

    def do_capability(self, tag, _):
        self.send(f"* CAPABILITY {CAPABILITIES}", f"{tag} OK done")

    def do_noop(self, tag, _):
        self.send(f"{tag} OK done")

    def do_authenticate(self, tag, arguments):
        self.user = base64.b64decode(arguments.split()[1]).split(b"\0")[1].decode()
        self.send(f"{tag} OK [CAPABILITY {CAPABILITIES}] signed in")

    def do_list(self, tag, _):
        self.send('* LIST () "/" INBOX', f"{tag} OK done")

    def do_status(self, tag, _):
        count = len(self.server.mailbox(self.user).messages)
        self.send(f"* STATUS INBOX (MESSAGES {count} UNSEEN {count} UIDNEXT {count + 1} UIDVALIDITY 1)", f"{tag} OK done")

    def do_select(self, tag, _):
        self.told = count = len(self.server.mailbox(self.user).messages)
        self.send("* FLAGS (\\Seen \\Deleted)", f"* {count} EXISTS", "* 0 RECENT", "* OK [UIDVALIDITY 1] ok",
                  f"* OK [UIDNEXT {count + 1}] ok", f"{tag} OK [READ-WRITE] done")

    do_examine = do_select

    def do_fetch(self, tag, arguments):
        """Sets such as 3, 3:5, 3:*, 1,4: whole bodies if asked for, else facts."""
        chosen, _, items = arguments.partition(" ")
        messages = self.server.mailbox(self.user).messages
        for part in chosen.split(","):
            first, _, last = part.partition(":")
            first = int(first)
            last = len(messages) if last == "*" else int(last or first)
            for uid in range(min(first, last), min(max(first, last), len(messages)) + 1):
                if uid < 1:
                    continue
                facts = f"* {uid} FETCH (UID {uid} FLAGS () RFC822.SIZE {len(messages[uid - 1])} INTERNALDATE \"17-Jul-2023 02:44:25 +0000\""
                if re.search(r"BODY(\.PEEK)?\[", items):
                    self.send((facts + f" BODY[] {{{len(messages[uid - 1])}}}\r\n").encode() + messages[uid - 1] + b")\r\n")
                else:
                    self.send(facts + ")")
        self.send(f"{tag} OK done")

    def do_idle(self, tag, _):
        self.idle_tag = tag
        self.server.mailbox(self.user).idle.append(self)
        self.send("+ waiting")
        self.tell()

    def do_logout(self, tag, _):
        self.send("* BYE bye", f"{tag} OK done")
        return False


class Server:
    def __init__(self):
        self.mailboxes, self.sessions = {}, set()

    def mailbox(self, user):
        return self.mailboxes.setdefault(user, Mailbox())

    def deliver(self, user, message):
        box = self.mailbox(user)
        box.messages.append(message)
        for session in box.idle:
            session.tell()

    def idle(self):
        return sum(len(box.idle) for box in self.mailboxes.values())


def serve(port, certificate, key, pipe):
    """Until the pipe says ("stop",). ("idle",) answers how many sessions wait, ("deliver", user, message) nothing."""
    async def main():
        server = Server()
        context = None
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)

        async def connected(reader, writer):
            await Session(server, reader, writer).run()

        await asyncio.start_server(connected, "127.0.0.1", port, ssl=context, backlog=4096)
        ended = asyncio.Event()

        def asked():
            what, *arguments = pipe.recv()
            if what == "stop":
                ended.set()
            elif what == "idle":
                pipe.send(server.idle())
            elif what == "deliver":
                server.deliver(*arguments)
            elif what == "drop":
                for session in list(server.sessions):
                    session.writer.transport.abort()

        asyncio.get_running_loop().add_reader(pipe.fileno(), asked)
        pipe.send("ready")
        await ended.wait()

    asyncio.run(main())
