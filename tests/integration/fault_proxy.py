"""A relay between a client and a real server (both in the clear, on loopback) that does harm where it is told to: cuts,
stalls, trickles, flips a bit or says a line twice at a byte of either direction. One thread serves all connections.

A Fault is spent by the first connection that reaches its byte, or by every one; the rest passes unharmed."""
import dataclasses
import select
import socket
import struct
import threading
import time

TO_CLIENT, TO_SERVER = "to client", "to server"
CHUNK = 65536


@dataclasses.dataclass
class Fault:
    kind: str  # cut, reset, stall, trickle, flip, double
    at: int = 0  # octets of that direction that pass unharmed
    direction: str = TO_CLIENT
    word: bytes = b""  # counted from the first time these octets pass; b"": from the beginning
    times: int = 1  # connections that meet it; 0: every one
    pause: float = 0.01  # of trickle, between two octets


class Route:
    def __init__(self, server_port, faults, address):
        self.server_port = server_port
        self.faults = faults
        self.connections = 0
        self.open = self.most_at_once = 0
        self.met = 0  # faults that were done
        self.octets = {TO_CLIENT: 0, TO_SERVER: 0}  # of all connections
        self.listener = socket.create_server((address, 0), backlog=32)
        self.port = self.listener.getsockname()[1]

    def spend(self, fault):
        self.met += 1
        if fault.times > 0:
            fault.times -= 1
            if fault.times == 0 and fault in self.faults:
                self.faults.remove(fault)


class Pair:
    """One client's connection and ours to the server."""

    def __init__(self, route, client, server):
        self.route = route
        self.sockets = {TO_CLIENT: (server, client), TO_SERVER: (client, server)}  # (from, to)
        self.faults = list(route.faults)
        self.passed = {TO_CLIENT: 0, TO_SERVER: 0}
        self.begins = {}  # id of a fault with a word: where its count begins
        self.tails = {TO_CLIENT: b"", TO_SERVER: b""}
        self.stalled = set()
        self.trickling = {}  # direction: [octets to come, pause, time of the next]; once slow, always slow
        self.closed = False

    def close(self, reset=False):
        if self.closed:
            return
        self.closed = True
        self.route.open -= 1
        for side in self.sockets[TO_CLIENT]:
            if reset:
                side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            side.close()


class FaultProxy:
    """Listens on a port per route; each route has faults of its own, so that many accounts meet theirs in one poll."""

    def __init__(self):
        self.lock = threading.Lock()
        self.routes = {}  # listening socket: Route
        self.pairs = []
        self.wake_read, self.wake_write = socket.socketpair()
        self.ending = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def route(self, server_port, *faults, address="127.0.0.1"):
        made = Route(server_port, list(faults), address)
        with self.lock:
            self.routes[made.listener] = made
        self.wake()
        return made

    def heal(self):
        """No more harm, and every connection that still hangs is cut."""
        with self.lock:
            for route in self.routes.values():
                route.faults = []
            for pair in self.pairs:
                pair.close()
        self.wake()

    def stop(self):
        self.ending = True
        self.wake()
        self.thread.join(10)

    def wake(self):
        self.wake_write.send(b"x")

    # -- the thread

    def run(self):
        try:
            while not self.ending:
                self.turn()
        finally:
            for pair in self.pairs:
                pair.close()
            for listener in [*self.routes, self.wake_read, self.wake_write]:
                listener.close()

    def turn(self):
        with self.lock:
            self.pairs = [pair for pair in self.pairs if not pair.closed]
            sources = {self.wake_read: None, **{listener: None for listener in self.routes}}
            wait = 1.0
            for pair in self.pairs:
                for direction, (source, _) in pair.sockets.items():
                    if direction in pair.trickling and pair.trickling[direction][0]:
                        wait = min(wait, max(0.0, pair.trickling[direction][2] - time.monotonic()))
                    elif direction not in pair.stalled:
                        sources[source] = (pair, direction)
        ready = select.select(list(sources), [], [], wait)[0]
        with self.lock:
            for source in sorted(ready, key=lambda source: source in self.routes):  # those who leave before those who come
                if source in self.routes:
                    self.accept(self.routes[source])
                elif source is self.wake_read:
                    self.wake_read.recv(100)
                else:
                    pair, direction = sources[source]
                    if not pair.closed:
                        self.relay(pair, direction)
            for pair in self.pairs:
                self.trickle(pair)

    def accept(self, route):
        client = route.listener.accept()[0]
        try:
            server = socket.create_connection(("127.0.0.1", route.server_port), 5)
        except OSError:
            client.close()
            return
        for side in (client, server):
            side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.see_who_left(route)
        route.connections += 1
        route.open += 1
        route.most_at_once = max(route.most_at_once, route.open)
        self.pairs.append(Pair(route, client, server))

    def see_who_left(self, route):
        """A client that closed one connection before it made the next never had both."""
        for pair in self.pairs:
            client = pair.sockets[TO_SERVER][0]
            while (pair.route is route and not pair.closed and TO_SERVER not in pair.stalled and TO_SERVER not in pair.trickling
                   and select.select([client], [], [], 0)[0]):
                self.relay(pair, TO_SERVER)

    def relay(self, pair, direction):
        source, _ = pair.sockets[direction]
        try:
            data = source.recv(CHUNK)
        except OSError:
            data = b""
        if not data:
            pair.close()
            return
        pair.route.octets[direction] += len(data)
        if direction in pair.trickling:
            pair.trickling[direction][0] = data
        else:
            self.pass_on(pair, direction, data)

    def pass_on(self, pair, direction, data):
        """Up to the next fault, that fault, and what comes behind it."""
        fault, offset = self.next_fault(pair, direction, data)
        if fault is None:
            self.send(pair, direction, data)
            return
        self.send(pair, direction, data[:offset])
        pair.faults.remove(fault)
        pair.route.spend(fault)
        rest = data[offset:]
        if fault.kind in ("cut", "reset"):
            pair.close(reset=fault.kind == "reset")
        elif fault.kind == "stall":
            pair.stalled.add(direction)
        elif fault.kind == "trickle":
            pair.trickling[direction] = [rest, fault.pause, time.monotonic()]
        elif fault.kind == "flip":
            self.pass_on(pair, direction, bytes([rest[0] ^ 0x04]) + rest[1:])
        elif fault.kind == "double":
            end = rest.find(b"\n") + 1 or len(rest)
            self.send(pair, direction, rest[:end])
            self.pass_on(pair, direction, rest)
        else:
            raise ValueError(fault.kind)

    def next_fault(self, pair, direction, data):
        best = (None, len(data))
        begin = pair.passed[direction]
        for fault in pair.faults:
            if fault.direction != direction:
                continue
            start = self.start_of(pair, fault, direction, data)
            if start is not None and 0 <= start + fault.at - begin < best[1]:
                best = (fault, start + fault.at - begin)
        return best

    @staticmethod
    def start_of(pair, fault, direction, data):
        if not fault.word:
            return 0
        if id(fault) not in pair.begins:
            tail = pair.tails[direction]
            found = (tail + data).find(fault.word)
            if found < 0:
                return None
            pair.begins[id(fault)] = max(pair.passed[direction], pair.passed[direction] - len(tail) + found)
        return pair.begins[id(fault)]

    @staticmethod
    def send(pair, direction, data):
        if pair.closed or not data:
            return
        pair.passed[direction] += len(data)
        pair.tails[direction] = (pair.tails[direction] + data)[-64:]
        try:
            pair.sockets[direction][1].sendall(data)
        except OSError:
            pair.close()

    def trickle(self, pair):
        for direction, state in list(pair.trickling.items()):
            now = time.monotonic()
            if pair.closed or not state[0] or now < state[2]:
                continue
            self.send(pair, direction, state[0][:1])
            state[0], state[2] = state[0][1:], now + state[1]
