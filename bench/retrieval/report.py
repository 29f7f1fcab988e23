"""What was measured, as tables with what the project asks for beside it, for people and as JSON."""
import json
import os
import platform
import shutil
import subprocess
from dataclasses import dataclass, field


@dataclass
class Asked:
    """A promise and what came of it."""

    what: str
    measured: str
    met: bool


@dataclass
class Table:
    title: str
    columns: list
    rows: list = field(default_factory=list)
    asked: list = field(default_factory=list)
    proofs: list = field(default_factory=list)

    def at_least(self, what, value, limit, unit=""):
        self.asked.append(Asked(f"{what}: at least {limit:g}{unit}", f"{value:.2f}{unit}", value >= limit))

    def at_most(self, what, value, limit, unit=""):
        self.asked.append(Asked(f"{what}: at most {limit:g}{unit}", f"{value:.2f}{unit}", value <= limit))

    def show(self):
        lines = [f"\n### {self.title}\n", row(self.columns), "|---|" + "---:|" * (len(self.columns) - 1), *map(row, self.rows)]
        if self.asked:
            lines += ["", row(("asked", "measured", "")), "|---|---:|---|"]
            lines += [row((one.what, one.measured, "met" if one.met else "missed")) for one in self.asked]
        lines += ["", *self.proofs] if self.proofs else []
        return "\n".join(lines)

    def as_json(self):
        return {"title": self.title, "columns": self.columns, "rows": self.rows, "asked": [vars(one) for one in self.asked],
                "proofs": self.proofs}


def row(cells):
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def machine():
    model = platform.machine()
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        model = next((line.split(":", 1)[1].strip() for line in info if line.startswith("model name")), model)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{len(os.sched_getaffinity(0))} cores ({model}), {memory:.0f} GB, Linux {platform.release().split('-')[0]}"


def versions(kinds):
    dovecot = shutil.which("dovecot", path="/usr/sbin:/usr/bin:/sbin:/bin")
    server = subprocess.run([dovecot, "--version"], capture_output=True, text=True, check=True).stdout.split()[0]
    said = [kind.version() for kind in kinds if not kind.missing()] + [f"dovecot {server}"]
    return ", ".join(one for one in dict.fromkeys(said) if one)


class Report:
    def __init__(self, path):
        self.path = path
        self.header = []
        self.tables = []

    def head(self, *lines):
        self.header += lines
        print("\n".join(lines), flush=True)

    def add(self, table):
        self.tables.append(table)
        print(table.show(), flush=True)

    def save(self):
        if self.path:
            with open(self.path, "w", encoding="utf-8") as out:
                json.dump({"header": self.header, "tables": [table.as_json() for table in self.tables]}, out, indent=2)
