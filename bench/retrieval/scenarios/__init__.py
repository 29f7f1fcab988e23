"""One file per scenario: what is set up, who takes part, what is asked of Mailstead."""
from . import accounts, delayed, first, idle, memory, nothing_new

ALL = {"first": first, "delayed": delayed, "nothing-new": nothing_new, "accounts": accounts, "memory": memory, "idle": idle}
