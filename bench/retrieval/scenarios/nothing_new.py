"""The poll that most polls are: everything was fetched before, lies on the server still, and nothing came since."""
from .. import measuring
from ..corpus import Corpus
from ..mail_server import MailServer
from ..report import Table
from ..wire import Wire
from . import common

# Others need minutes for what they have of 10,000 messages already.
USUAL = {1_000: ("mbsync", "mpop", "fdm", "fetchmail", "getmail", "offlineimap"), 10_000: ("mbsync", "mpop", "fdm"),
         100_000: ("mbsync", "mpop")}
ROUND_TRIP = 20
TRIPS = {"imap": 5, "pop3": 6}
CPU_MS = {"imap": 15, "pop3": 60}  # by POP3 for a listing of 100,000


def run(chosen, report):
    sizes = (chosen.messages,) if chosen.messages else (1_000,) if chosen.small else tuple(USUAL)
    server = MailServer([f"box{size}" for size in sizes])
    wire = Wire(*server.ports.values())
    walls = {protocol: [] for protocol in chosen.protocols}
    try:
        for size in sizes:
            measuring.say(f"nothing new: filling a mailbox of {size}")
            server.fill_box(f"box{size}", Corpus().small(size))
            for protocol in chosen.protocols:
                table, wall = compete(chosen, server, wire, size, protocol)
                walls[protocol].append(wall)
                if protocol == "imap" and len(walls["imap"]) == len(sizes) > 1:
                    table.at_most(f"wall with {sizes[-1]} messages ÷ with {sizes[0]}", walls["imap"][-1] / walls["imap"][0], 1.1)
                report.add(table)
    finally:
        wire.stop()
        server.stop()


def compete(chosen, server, wire, size, protocol):
    field = common.field(chosen, protocol, USUAL.get(size, ("mbsync", "mpop")), bare=False)
    account = server.account(f"box{size}", protocol, chosen.tls)
    account.port = wire.ports[account.port]
    field.look_again(f"nothing new of {size}, {protocol}", [account], size, wire, ROUND_TRIP)
    ours = field.runs[common.Mailstead]
    table = Table(f"Nothing new, {protocol.upper()}, TLS {chosen.tls}: {size} messages left on the server, round trip {ROUND_TRIP} ms",
                  common.columns(True) + ["KB down"], proofs=field.proofs)
    down = {kind.name: measuring.median(runs, "octets_down") for kind, runs in field.runs.items()}
    table.rows = [row + [f"{down[row[0]] / 1000:.1f}"] for row in common.rows(field.runs, True)]
    table.at_most("round trips from connect to close", measuring.fewest_trips(ours), TRIPS[protocol])
    table.at_most("CPU of the whole process", measuring.median(ours, "cpu") * 1000, CPU_MS[protocol], " ms")
    return table, measuring.median(ours, "wall")
