"""What the scenarios share: who takes part, and the rows of their tables."""
from .. import measuring
from ..ours import BareLimit, Mailstead
from ..rivals import RIVALS


def field(chosen, protocol, usual, bare=True):
    """Mailstead, the bare limit where there is one, and the peers that speak the protocol: those asked for, else the usual."""
    names = usual if chosen.peers is None else chosen.peers
    kinds = [Mailstead, *([BareLimit] if bare else []), *(RIVALS[name] for name in names if protocol in RIVALS[name].protocols)]
    return measuring.Field(kinds, chosen.rounds)


def ratio(runs, name):
    """How many times longer the contender of that name takes than Mailstead; None if it did not take part."""
    other = next((kind for kind in runs if kind.name == name), None)
    return other and measuring.median(runs[other], "wall") / measuring.median(runs[Mailstead], "wall")


def rows(runs, with_trips=False):
    """(program, wall s, CPU ms, peak RSS MB, [round trips], runs, it ÷ Mailstead), the fastest first."""
    ours = measuring.median(runs[Mailstead], "wall")
    made = []
    for kind, each in sorted(runs.items(), key=lambda item: measuring.median(item[1], "wall")):
        wall, cpu, rss = (measuring.median(each, what) for what in ("wall", "cpu", "rss"))
        trips = [f"{measuring.fewest_trips(each):.0f}"] if with_trips else []
        made.append([kind.name, f"{wall:.3f}", f"{cpu * 1000:.0f}", f"{rss / 1e6:.1f}", *trips, len(each),
                     "" if kind is Mailstead else f"{wall / ours:.2f}"])
    return made


def columns(with_trips=False):
    return ["program", "wall s", "CPU ms", "peak RSS MB", *(["round trips"] if with_trips else []), "runs", "it ÷ Mailstead"]
