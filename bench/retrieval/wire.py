"""The long wire between contender and server: bench/delay, driven by its standard input."""
import json
import os
import subprocess
from dataclasses import dataclass

TOOLS = None  # the directory of bench_delay and bench_measure, set by bench/retrieve


@dataclass
class Traffic:
    """What passed during one run of a contender."""

    connections: int
    round_trips: float  # of the connection with the most
    octets_up: int
    octets_down: int


class Wire:
    def __init__(self, *server_ports):
        self.process = subprocess.Popen([os.path.join(TOOLS, "bench_delay"), *map(str, server_ports)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        listening = [int(port) for port in self.process.stdout.readline().split()]
        self.ports = dict(zip(server_ports, listening))

    def round_trip(self, milliseconds):
        self.say(f"delay {int(milliseconds * 500)}")

    def say(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def traffic(self):
        """Of the connections that ended since the last call."""
        self.say("counts")
        lines = []
        while line := self.process.stdout.readline().strip():
            lines.append(json.loads(line))
        if not lines:
            return Traffic(0, 0, 0, 0)
        return Traffic(len(lines), max(line["round_trips"] for line in lines), sum(line["up"] for line in lines),
                       sum(line["down"] for line in lines))

    def stop(self):
        self.process.stdin.close()
        self.process.wait()
