"""Many accounts in one poll: how well the waiting of one is used for the others."""
from .. import measuring
from ..corpus import Corpus
from ..mail_server import MailServer
from ..report import Table
from ..wire import Wire
from . import common

EACH = 20
USUAL = ("mbsync", "mpop", "fdm", "fetchmail")
SINGLES = 5  # of the accounts polled alone, to compare with


def run(chosen, report):
    users = [f"user{number:02}" for number in range(1, (10 if chosen.small else 50) + 1)]
    server = MailServer(users)
    wire = Wire(*server.ports.values())
    try:
        holdings = {user: server.fill_box(user, Corpus().realistic(EACH, tag=user)) for user in users}
        for milliseconds in (0, 20):
            for protocol in chosen.protocols:
                report.add(compete(chosen, server, wire, holdings, protocol, milliseconds))
        for protocol in chosen.protocols:
            report.add(look_again(chosen, server, wire, holdings, protocol, 100))
    finally:
        wire.stop()
        server.stop()


def accounts_of(chosen, server, wire, holdings, protocol):
    made = [server.account(user, protocol, chosen.tls) for user in holdings]
    for account in made:
        account.port = wire.ports[account.port] if wire else account.port
    return made


def compete(chosen, server, wire, holdings, protocol, milliseconds):
    wire.round_trip(milliseconds)
    field = common.field(chosen, protocol, USUAL, bare=False)
    digests = [digest for holding in holdings.values() for digest in holding.digests]
    label = f"{milliseconds} ms" if milliseconds else "loopback"
    field.race(f"{len(holdings)} accounts, {label}, {protocol}",
               accounts_of(chosen, server, wire if milliseconds else None, holdings, protocol), digests,
               wire if milliseconds else None)
    table = Table(f"{len(holdings)} accounts × {EACH} messages in one poll, {protocol.upper()}, {label}: {len(digests)} messages, "
                  f"{sum(one.octets for one in holdings.values()) / 1e6:.0f} MB", common.columns(bool(milliseconds)),
                  common.rows(field.runs, bool(milliseconds)), proofs=field.proofs)
    rivals = {kind.name: common.ratio(field.runs, kind.name) for kind in field.runs if kind is not common.Mailstead}
    if milliseconds and rivals:
        fastest = min(rivals, key=rivals.get)
        table.at_least(f"the fastest peer ({fastest}) ÷ Mailstead", rivals[fastest], 3)
    elif "mbsync" in rivals:
        table.at_least("mbsync ÷ Mailstead", rivals["mbsync"], 2)
    return table


def look_again(chosen, server, wire, holdings, protocol, milliseconds):
    """All accounts in one poll against some of them polled alone, turn by turn."""
    made = accounts_of(chosen, server, wire, holdings, protocol)
    standing = measuring.Standing(common.Mailstead, made, sum(len(one) for one in holdings.values()))
    walls = {"all": []} | {account.name: [] for account in made[:SINGLES]}
    try:
        wire.round_trip(0)
        standing.fetch()
        wire.round_trip(milliseconds)
        standing.look()
        for _ in range(chosen.rounds):
            for name, each in walls.items():
                command = standing.contender.command(*([] if name == "all" else [name]))
                each.append(standing.look(wire, command=command))
    finally:
        wire.round_trip(0)
        standing.remove()
    return nothing_new_table(walls, len(made), protocol, milliseconds)


def nothing_new_table(walls, count, protocol, milliseconds):
    table = Table(f"Nothing new, {count} accounts in one poll, {protocol.upper()}, round trip {milliseconds} ms",
                  ["polled", "wall s", "CPU ms", "round trips"])
    for name, runs in walls.items():
        table.rows.append([name, f"{measuring.median(runs, 'wall'):.3f}", f"{measuring.median(runs, 'cpu') * 1000:.0f}",
                           f"{measuring.fewest_trips(runs):.0f}"])
    slowest = max(measuring.median(runs, "wall") for name, runs in walls.items() if name != "all")
    table.at_most("all ÷ the slowest alone", measuring.median(walls["all"], "wall") / slowest, 1.5)
    return table
