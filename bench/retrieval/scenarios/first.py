"""A first download on loopback: how fast mail comes home when the wire does not count."""
from ..corpus import Corpus
from ..mail_server import MailServer
from ..report import Table
from . import common

USUAL = ("mbsync", "mbsync-no-fsync", "mpop", "fdm", "fetchmail", "getmail", "offlineimap")


def run(chosen, report):
    server = MailServer(["alice"])
    try:
        holding = server.fill_box("alice", Corpus().realistic(chosen.messages or (200 if chosen.small else 2_000)))
        for protocol in chosen.protocols:
            report.add(compete(chosen, server, holding, protocol))
    finally:
        server.stop()


def compete(chosen, server, holding, protocol):
    field = common.field(chosen, protocol, USUAL)
    field.race(f"first, {protocol}", [server.account("alice", protocol, chosen.tls)], holding.digests)
    table = Table(f"First download, {protocol.upper()}, TLS {chosen.tls}: {len(holding)} messages, {holding.octets / 1e6:.0f} MB, "
                  "loopback", common.columns(), common.rows(field.runs), proofs=field.proofs)
    peer, times = {"imap": ("mbsync", 3), "pop3": ("mpop", 2)}[protocol]
    if peer_ratio := common.ratio(field.runs, peer):
        table.at_least(f"{peer} ÷ Mailstead", peer_ratio, times)
    if protocol == "imap":
        table.at_most("Mailstead ÷ bare limit", 1 / common.ratio(field.runs, "bare limit"), 2)
    return table
