"""What a download occupies: one huge message, and a mailbox of very many small ones."""
from .. import measuring
from ..corpus import Corpus
from ..mail_server import MailServer
from ..report import Table
from . import common

LIMIT_MB = 64


def run(chosen, report):
    huge, many = (20_000_000, 2_000) if chosen.small else (500_000_000, 100_000)
    server = MailServer(["huge", "many"])
    corpus = Corpus()
    try:
        measuring.say("memory: filling the mailboxes")
        boxes = {"huge": (f"one message of {huge / 1e6:.0f} MB", server.fill_box("huge", [corpus.message(1, huge)])),
                 "many": (f"{many} small messages", server.fill_box("many", corpus.small(many)))}
        for protocol in chosen.protocols:
            report.add(measure(chosen, server, boxes, protocol))
    finally:
        server.stop()


def measure(chosen, server, boxes, protocol):
    table = Table(f"Memory, {protocol.upper()}, TLS {chosen.tls}", ["mailbox", "program", "peak RSS MB", "wall s", "CPU s", "runs"])
    for user, (what, holding) in boxes.items():
        field = common.field(chosen, protocol, (), bare=False)
        field.rounds = min(chosen.rounds, 3)
        field.race(f"{what}, {protocol}", [server.account(user, protocol, chosen.tls)], holding.digests)
        for kind, runs in field.runs.items():
            table.rows.append([what, kind.name, f"{measuring.median(runs, 'rss') / 1e6:.1f}",
                               f"{measuring.median(runs, 'wall'):.2f}", f"{measuring.median(runs, 'cpu'):.2f}", len(runs)])
        table.at_most(f"{what}: peak RSS", measuring.median(field.runs[common.Mailstead], "rss") / 2**20, LIMIT_MB, " MB")
        table.proofs += field.proofs
    return table
