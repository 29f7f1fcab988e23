"""What is asked of both servers. Each row is a function of (side, context) that returns seconds."""
import contextlib
import itertools
import threading
import time

from .client import Client

FOLDER = "Bench"
fresh = itertools.count(1)


@contextlib.contextmanager
def timed(into):
    begun = time.perf_counter()
    yield
    into.append(time.perf_counter() - begun)


def command(text, read_only=True):
    def row(side, _):
        spent = []
        with Client(side, read_only=read_only) as client, timed(spent):
            client.ask(text)
        return spent[0]
    return row


def sign_in(side, _):
    spent = []
    with timed(spent), Client(side):
        pass
    return spent[0]


def first_listing(side, _):
    side.forget_cache()
    return command("FETCH 1:* (UID FLAGS ENVELOPE BODYSTRUCTURE)")(side, _)


def short_commands(side, context):
    spent = []
    with Client(side, folder=None) as client, timed(spent):
        for _ in range(context.short):
            client.ask("NOOP")
    return spent[0]


def store(side, _):
    """Sets a flag on all, then takes it away; half of the time of both."""
    spent = []
    with Client(side) as client, timed(spent):
        client.ask(r"STORE 1:* +FLAGS.SILENT (\Flagged)")
        client.ask(r"STORE 1:* -FLAGS.SILENT (\Flagged)")
    return spent[0] / 2


def empty_folder(client):
    name = f"{FOLDER}{next(fresh)}"
    client.ask(f"CREATE {name}")
    return name


def copy(side, context):
    spent = []
    with Client(side) as client:
        name = empty_folder(client)
        with timed(spent):
            client.ask(f"COPY 1:{context.some} {name}")
        client.ask(f"DELETE {name}")
    return spent[0]


def expunge(side, context):
    spent = []
    with Client(side) as client:
        name = empty_folder(client)
        client.ask(f"COPY 1:{context.some} {name}")
        client.ask(f"SELECT {name}")
        client.ask(r"STORE 1:* +FLAGS.SILENT (\Deleted)")
        with timed(spent):
            client.ask("EXPUNGE")
        client.ask("SELECT INBOX")
        client.ask(f"DELETE {name}")
    return spent[0]


def append(side, context):
    spent = []
    with Client(side) as client:
        name = empty_folder(client)
        with timed(spent):
            client.append_many(name, context.uploads())
        client.ask(f"DELETE {name}")
    return spent[0]


def idle_latency(side, context):
    """From the end of a STORE by another session to the word of it, on average."""
    spent = []
    with Client(side) as waiting, Client(side) as other:
        for number in range(context.news):
            waiting.socket.sendall(b"i IDLE\r\n")
            waiting.until(b"+ ")
            begun = time.perf_counter()
            other.ask(f"STORE 1 {'+-'[number % 2]}FLAGS.SILENT (\\Answered)")
            waiting.until(b"* 1 FETCH")
            spent.append(time.perf_counter() - begun)
            waiting.socket.sendall(b"DONE\r\n")
            waiting.until(b"i OK")
    return sum(spent) / len(spent)


def crowd(side, context):
    """Many clients at once, each the same mixed work; seconds until the last is done."""
    def one(number):
        with Client(side) as client:
            for turn in range(context.turns):
                at = (number * 37 + turn * 11) % context.messages + 1
                client.ask(f"FETCH {at}:{min(at + 20, context.messages)} (UID FLAGS ENVELOPE)")
                client.ask(f"FETCH {at} (BODY.PEEK[])")
                client.ask(f"STORE {at} {'+-'[turn % 2]}FLAGS.SILENT ($Bench)")
                client.ask("NOOP")
                client.ask(f"SEARCH UID {at}:{at + 200} SEEN")
    threads = [threading.Thread(target=one, args=(number,)) for number in range(context.clients)]
    spent = []
    with timed(spent):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return spent[0]


def idle_memory(side, context):
    """Octets of memory for each of many clients in IDLE on the mailbox."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(Client(side)).ask("NOOP")
        before = side.memory()
        for _ in range(context.idlers):
            client = stack.enter_context(Client(side, folder=context.idle_folder))
            client.socket.sendall(b"i IDLE\r\n")
            client.until(b"+ ")
        return (side.memory() - before) / context.idlers
