"""Programs that get messages: an MDA as destination."""
import json
import os
import unittest

import agent
import corpus
import peers

# An MDA as it should be: what is not whole has another name.
DELIVER = 'f=$(mktemp "$0/tmp.XXXXXX") && cat > "$f" && mv "$f" "$0/new.$MAILSTEAD_DELIVERY"'


class World(unittest.TestCase):
    """A server with a few messages, and a directory for what programs write."""

    messages = None

    @classmethod
    def setUpClass(cls):
        if cls.messages is None:
            raise unittest.SkipTest("only the parts of it are tested")
        cls.server = peers.Dovecot(users=("alice",))
        cls.addClassCleanup(cls.server.stop)
        cls.server.fill("alice", cls.messages)

    def setUp(self):
        self.out = peers.Directory("programs")
        self.addCleanup(self.out.remove)

    def make(self, out=None, rules=(), **more):
        """An agent whose default destination is the program `out`, or a mailbox."""
        destinations = {"home": {"type": "mailbox", "user": "me"}}
        if out:
            destinations["out"] = {"type": "pipe", **out}
        made = agent.Agent({"accounts": {"source": agent.account("imap", self.server, "alice")},
                            "destinations": destinations, "default_destination": "out" if out else "home",
                            "rules": list(rules), **more})
        self.addCleanup(made.remove)
        made.add_user()
        return made

    def read(self, name):
        with open(self.out / name, "rb") as file:
            return file.read()


class Pipe(World):
    messages = corpus.corpus(40, seed=17)

    def test_a_program_gets_every_message_once_and_whole(self):
        made = self.make({"command": ["/bin/sh", "-c", DELIVER, self.out.path], "connections": 4})
        made.poll()
        arrived = [self.read(name) for name in os.listdir(self.out.path)]
        # A message with an LF of its own is not changed at all.
        expected = [whole if b"\n" in whole.replace(b"\r\n", b"") else whole.replace(b"\r\n", b"\n")
                    for whole in self.messages]
        agent.assert_same(self, arrived, expected)

    def test_its_exit_status_decides(self):
        script = 'cat > /dev/null; echo "not for us" >&2; exit $0'
        made = self.make({"command": ["sh", "-c", script, "75"]})
        made.poll(expect=1)
        waiting = json.loads(made.command("queue", "list", "--json").stdout)
        self.assertEqual(len(waiting), len(self.messages))
        self.assertIn("4.3.0 the program ended with status 75 (try again later): not for us",
                      {one["last_error"] for one in waiting})

        configuration = made.configuration
        configuration["destinations"]["out"]["command"][3] = "67"
        made.configure(configuration)
        made.command("queue", "retry")
        made.poll(expect=1)
        self.assertEqual(json.loads(made.command("queue", "list", "--json").stdout), [])
        returned = made.kept("Undelivered")
        self.assertEqual(len(returned), 2 * len(self.messages))
        reports = [one for one in returned if b"multipart/report" in one.split(b"\r\n\r\n")[0]]
        self.assertEqual(len(reports), len(self.messages))
        self.assertTrue(all(b"5.1.1" in one and b"not for us" in one for one in reports))

    def test_one_that_hangs_is_ended_with_all_its_children(self):
        script = 'sh -c "echo \\$\\$ > $0/child; exec sleep 1000"; true'
        made = self.make({"command": ["sh", "-c", script, self.out.path], "timeout": "1s"})
        configuration = made.configuration
        configuration["accounts"]["source"]["max_messages_per_poll"] = 1
        made.configure(configuration)
        made.command("poll", "--limit", "1", expect=1)
        waiting = json.loads(made.command("queue", "list", "--json").stdout)
        self.assertIn("the program took longer than 1s", waiting[0]["last_error"])
        child = int(self.read("child"))
        peers.wait_until(lambda: not os.path.exists(f"/proc/{child}"), what="the end of the child")

    def test_one_that_is_missing_delays_all_and_refuses_none(self):
        made = self.make({"command": ["no-such-program-of-ours"]})
        made.poll(expect=1)
        waiting = json.loads(made.command("queue", "list", "--json").stdout)
        self.assertEqual(len(waiting), len(self.messages))
        shown = made.command("check", "--connect", expect=1)
        self.assertIn("there is no program no-such-program-of-ours that can be run", shown.stdout + shown.stderr)


if __name__ == "__main__":
    unittest.main()
