"""A first download over a long wire: how often a client waits for an answer before it goes on."""
from .. import measuring
from ..corpus import Corpus
from ..mail_server import MailServer
from ..report import Table
from ..wire import Wire
from . import common

USUAL = ("mbsync", "mpop", "fdm", "fetchmail", "getmail", "offlineimap")
ASKED = {"imap": (("mbsync", 1.4), ("fetchmail", 50)), "pop3": (("mpop", 1.6),)}
TRIPS = {"imap": 7, "pop3": 8}


def run(chosen, report):
    server = MailServer(["alice"])
    wire = Wire(*server.ports.values())
    try:
        holding = server.fill_box("alice", Corpus().realistic(chosen.messages or (50 if chosen.small else 300)))
        for milliseconds in (20,) if chosen.small else (20, 100):
            for protocol in chosen.protocols:
                wire.round_trip(milliseconds)
                report.add(compete(chosen, server, wire, holding, protocol, milliseconds))
    finally:
        wire.stop()
        server.stop()


def compete(chosen, server, wire, holding, protocol, milliseconds):
    field = common.field(chosen, protocol, USUAL)
    account = server.account("alice", protocol, chosen.tls)
    account.port = wire.ports[account.port]
    field.race(f"{milliseconds} ms, {protocol}", [account], holding.digests, wire)
    table = Table(f"Round trip {milliseconds} ms, {protocol.upper()}, TLS {chosen.tls}: {len(holding)} messages, "
                  f"{holding.octets / 1e6:.0f} MB", common.columns(True), common.rows(field.runs, True), proofs=field.proofs)
    for peer, times in ASKED[protocol]:
        if peer_ratio := common.ratio(field.runs, peer):
            table.at_least(f"{peer} ÷ Mailstead", peer_ratio, times)
    table.at_most("round trips from connect to close", measuring.fewest_trips(field.runs[common.Mailstead]), TRIPS[protocol])
    return table
