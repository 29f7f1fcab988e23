"""Programs that get messages: an MDA as destination; tests, filters and others in rules."""
import json
import os
import pwd
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
        cls.server = peers.Dovecot(users=("alice", "bob"))
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

    def test_it_sees_the_variables_that_are_set_for_it(self):
        made = self.make({"command": f"env > {self.out.path}/$EXTENSION.env; cat > /dev/null", "shell": True,
                          "environment": {"EXTENSION": "work", "LANG": "de_DE.UTF-8"}})
        made.poll()
        variables = self.read("work.env").decode().splitlines()
        self.assertIn("EXTENSION=work", variables)
        self.assertEqual([one for one in variables if one.startswith("LANG=")], ["LANG=de_DE.UTF-8"])

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

    def test_as_another_user_where_we_are_root(self):
        made = self.make({"command": ["/bin/sh", "-c", DELIVER + ' && pwd > "$0/home"', self.out.path], "user": "nobody"})
        if os.geteuid() != 0:
            shown = made.command("check", "--connect", expect=1)
            self.assertIn("only root can run a program as another user", shown.stdout + shown.stderr)
            made.poll(expect=1)
            self.assertEqual(os.listdir(self.out.path), [])
            return
        nobody = pwd.getpwnam("nobody")
        os.chown(self.out.path, nobody.pw_uid, nobody.pw_gid)
        self.assertIn("nobody", made.command("check", "--connect").stdout)
        made.poll()
        names = [name for name in os.listdir(self.out.path) if name.startswith("new.")]
        self.assertEqual(len(names), len(self.messages))
        for name in names:
            facts = os.stat(self.out / name)
            self.assertEqual((facts.st_uid, facts.st_gid, facts.st_mode & 0o777), (nobody.pw_uid, nobody.pw_gid, 0o600))
        home = nobody.pw_dir if os.path.isdir(nobody.pw_dir) else "/"
        self.assertEqual(self.read("home").decode().strip(), home)

    def test_one_that_is_missing_delays_all_and_refuses_none(self):
        made = self.make({"command": ["no-such-program-of-ours"]})
        made.poll(expect=1)
        waiting = json.loads(made.command("queue", "list", "--json").stdout)
        self.assertEqual(len(waiting), len(self.messages))
        shown = made.command("check", "--connect", expect=1)
        self.assertIn("there is no program no-such-program-of-ours that can be run", shown.stdout + shown.stderr)


class Lda(World):
    """Dovecot's local delivery agent: a real MDA, which looks users up and answers by sysexits."""

    messages = corpus.corpus(5, seed=19)
    LDA = "/usr/lib/dovecot/dovecot-lda"

    def deliver_to(self, user, expect=0):
        made = self.make({"command": [self.LDA, "-c", self.server.directory / "dovecot.conf", "-f", "${sender}", "-d",
                                      "${recipient}"], "to": [user]})
        made.poll(expect=expect)
        return made

    def test_it_delivers_every_message(self):
        self.deliver_to("bob")
        fresh = os.path.join(self.server.maildir("bob"), "new")
        arrived = []
        for name in os.listdir(fresh):
            with open(os.path.join(fresh, name), "rb") as file:
                arrived.append(file.read())
        self.assertEqual(len(arrived), len(self.messages))
        for message in self.messages:
            whole = message if b"\n" in message.replace(b"\r\n", b"") else message.replace(b"\r\n", b"\n")
            self.assertTrue(any(one.endswith(whole.replace(b"\r\n", b"\n")) for one in arrived), whole[:300])

    def test_a_user_it_does_not_know_is_refused_for_good(self):
        made = self.deliver_to("nobody-of-ours", expect=1)
        self.assertEqual(json.loads(made.command("queue", "list", "--json").stdout), [])
        reports = [one for one in made.kept("Undelivered") if b"multipart/report" in one.split(b"\r\n\r\n")[0]]
        self.assertEqual(len(reports), len(self.messages))
        self.assertTrue(all(b"(no such user)" in one for one in reports))


FILTER = """#!/bin/sh
# Adds a header field with the number of lines; the rest stays.
set -e
whole=$(mktemp)
trap 'rm -f "$whole"' EXIT
cat > "$whole"
echo "X-Lines: $(wc -l < "$whole")"
cat "$whole"
"""


def message(number, text="", subject="hello"):
    return (f"From: bob@example.net\r\nSubject: {subject} {number}\r\nMessage-ID: <{number}@programs.example>\r\n\r\n"
            f"{text}\r\n").encode()


class OtherMdas(World):
    """procmail and maildrop, with rules of their own that sort, keep and refuse."""

    messages = [message(1), message(2, subject="a list"), message(3, subject="refuse")]
    PROCMAIL = """DEFAULT={0}/box/
:0
* ^Subject: a list
{0}/list/
:0
* ^Subject: refuse
{{
  EXITCODE=77
  HOST
}}
"""
    MAILDROP = """DEFAULT="{0}/box"
if (/^Subject: a list/)
{{
  to "{0}/list"
}}
if (/^Subject: refuse/)
{{
  EXITCODE=77
  exit
}}
"""

    def deliver_with(self, command, rules):
        for folder in ("box", "list"):
            for part in ("cur", "new", "tmp"):
                os.makedirs(self.out / folder + "/" + part)
        path = self.out / "rules"
        with open(path, "w", encoding="utf-8", opener=lambda p, f: os.open(p, f, 0o600)) as file:
            file.write(rules.format(self.out.path))
        made = self.make({"command": [*command, path]})
        made.poll(expect=1)
        self.assertEqual(json.loads(made.command("queue", "list", "--json").stdout), [])
        for folder, expected in (("box", self.messages[0]), ("list", self.messages[1])):
            one, = os.listdir(self.out / folder + "/new")
            self.assertTrue(self.read(f"{folder}/new/{one}").endswith(expected.replace(b"\r\n", b"\n")))
        returned = made.kept("Undelivered")
        self.assertEqual(len(returned), 2)
        self.assertIn(self.messages[2], returned)

    def test_procmail(self):
        self.deliver_with(["procmail", "-f", "${sender}"], self.PROCMAIL)

    def test_maildrop(self):
        self.deliver_with(["maildrop"], self.MAILDROP)


class Rules(World):
    messages = [message(1, "buy pills"), message(2, "how are you?"), message(3, "pills again")]

    def make(self, rules, **more):
        return super().make(rules=rules, **more)

    def script(self, name, text):
        path = self.out / name
        with open(path, "w", encoding="utf-8", opener=lambda p, f: os.open(p, f, 0o755)) as file:
            file.write(text)
        return path

    def test_a_program_decides_by_status_or_output(self):
        made = self.make([
            {"name": "pills", "if": {"command": ["grep", "-q", "buy pills"]}, "then": [{"deliver": "home", "folder": "Junk"}]},
            {"name": "counted", "if": {"command": "grep -c pills", "shell": True, "exit": [0, 1], "output": {"is": "1"}},
             "then": [{"deliver": "home", "folder": "Counted"}]}])
        made.poll()
        self.assertEqual(made.kept("Junk"), [self.messages[0]])
        self.assertEqual(made.kept("Counted"), [self.messages[2]])
        self.assertEqual(made.kept("INBOX"), [self.messages[1]])

    def test_a_filter_adds_a_header_field(self):
        made = self.make([{"name": "count", "then": [{"filter": [self.script("count", FILTER)]}, {"deliver": "home"}]}])
        made.poll()
        self.assertEqual(sorted(made.kept()), sorted(b"X-Lines: 5\r\n" + one for one in self.messages))
        told = made.command("explain", "<1@programs.example>").stdout
        self.assertIn('filter "', told)
        self.assertIn("became", told)

    def test_filters_that_fail_hang_and_flood_change_nothing(self):
        for name, text, timeout, told in (
                ("fails", "cat; echo broken >&2; exit 1", "30s", "ended with status 1: broken"),
                ("hangs", "cat; exec sleep 1000", "1s", "took longer than 1s"),
                ("floods", "echo 'X-A: b'; exec yes", "30s", "wrote more than"),
                ("is silent", "cat > /dev/null", "30s", "wrote nothing"),
                ("chats", "cat > /dev/null; echo all is well", "30s", "wrote no message")):
            with self.subTest(name):
                made = self.make([{"name": "bad", "then": [{"filter": text, "shell": True, "timeout": timeout}]}])
                polled = made.command("poll")
                self.assertEqual(sorted(made.kept()), sorted(self.messages))
                told_here = made.command("explain", "<2@programs.example>").stdout
                self.assertIn(told, told_here)
                self.assertIn("the message stays as it was", told_here)
                self.assertEqual(polled.stderr.count("the message stays as it was"), 1, polled.stderr)

    def test_a_run_gets_each_message_once_and_its_failure_loses_none(self):
        made = self.make([{"name": "tell", "continue": True, "then": [
            {"run": f"cat > {self.out.path}/got.$$; exit 3", "shell": True},
            {"run": ["no-such-program-of-ours"]}]}])
        polled = made.command("poll")
        self.assertEqual(sorted(made.kept()), sorted(self.messages))
        got = [self.read(name) for name in os.listdir(self.out.path)]
        self.assertEqual(sorted(got), sorted(one.replace(b"\r\n", b"\n") for one in self.messages))
        told = made.command("explain", "<3@programs.example>").stdout
        self.assertIn("failed: ended with status 3", told)
        self.assertIn("failed: cannot be run: there is no program no-such-program-of-ours", told)
        self.assertIn("ended with status 3", polled.stderr)
        made.poll()
        self.assertEqual(len(os.listdir(self.out.path)), len(self.messages))

    def test_attachments_are_saved_under_safe_names(self):
        mail = (b"From: bob@../example.net\r\nSubject: files\r\nMessage-ID: <files@programs.example>\r\n"
                b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\ntext\r\n"
                b"--x\r\nContent-Type: application/octet-stream; name=\"../../.profile\"\r\n\r\nevil\r\n"
                b"--x\r\nContent-Disposition: attachment; filename=\"a b.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\n"
                b"JVBERg==\r\n--x--\r\n")
        made = self.make([{"name": "files", "continue": True, "then": [
            {"save_attachments": self.out / "files", "folder": "${from.domain}"}]}])
        with open(self.out / "message", "wb") as file:
            file.write(mail)
        shown = made.command("route", self.out / "message").stdout
        self.assertIn("would have an attachment saved as", shown)
        self.assertFalse(os.path.exists(self.out / "files"))
        server = peers.Dovecot(users=("alice",))
        self.addCleanup(server.stop)
        server.fill("alice", [mail])
        made.configure({**made.configuration, "accounts": {"source": agent.account("imap", server, "alice")}})
        made.poll()
        files = sorted(os.path.relpath(os.path.join(where, name), self.out.path)
                       for where, _, names in os.walk(self.out / "files") for name in names)
        self.assertEqual([os.path.basename(name) for name in files], ["a b.pdf", "attachment.profile"])
        self.assertEqual({os.path.dirname(name) for name in files}, {"files/_._example.net"})
        self.assertEqual(self.read(files[0]), b"%PDF")
        self.assertIn("save attachments: ", made.command("explain", "<files@programs.example>").stdout)

    def test_quarantine_holds_until_released_by_number(self):
        made = self.make([{"name": "odd", "if": {"command": ["grep", "-q", "pills"]},
                           "then": [{"flag": "\\Flagged"}, {"quarantine": "about pills"}]}],
                         listeners={"imap": {"address": "127.0.0.1:0", "tls": "none"}})
        made.poll()
        with open(self.out / "message", "wb") as file:
            file.write(self.messages[0])
        self.assertIn("is kept in quarantine for home", made.command("route", self.out / "message").stdout)
        waiting = json.loads(made.command("queue", "list", "--json").stdout)
        self.assertEqual([(one["quarantined"], one["last_error"]) for one in waiting], [(True, "about pills")] * 2)
        first, second = (one["id"] for one in waiting)
        self.assertIn("quarantine", made.command("queue", "list").stdout)
        self.assertIn(f"in quarantine: mailstead queue release {first}", made.command("queue", "show", str(first)).stdout)
        # Never with all others, nor by a filter.
        for words in (("release",), ("retry",), ("release", "--destination", "home"), ("retry", "--destination", "home")):
            self.assertIn("0 ", made.command("queue", *words).stdout)
        self.assertEqual(len(json.loads(made.command("queue", "list", "--json").stdout)), 2)
        self.assertEqual(made.kept(), [self.messages[1]])
        made.command("queue", "release", str(first))
        made.start()
        try:
            self.assertEqual(len(made.read_mailbox()), 2)
            made.command("queue", "release", str(second))
            self.assertEqual(sorted(made.read_mailbox()), sorted(self.messages))
            self.assertNotIn("there is no destination", made.log_text())
        finally:
            made.stop()
        told = made.command("explain", "<1@programs.example>").stdout
        self.assertIn("in quarantine for home: about pills", told)
        self.assertRegex(told, r"released +to me/INBOX")

    def test_route_runs_tests_and_filters_but_nothing_else(self):
        made = self.make([{"name": "all", "if": {"command": ["grep", "-q", "pills"]}, "then": [
            {"filter": [self.script("count", FILTER)]}, {"filter": ["false"]},
            {"run": ["touch", self.out / "touched"]}, {"deliver": "home"}]}])
        with open(self.out / "message", "wb") as file:
            file.write(self.messages[0])
        shown = made.command("route", self.out / "message").stdout
        self.assertIn('yes command "grep -q pills" ends with 0  <- ended with status 0', shown)
        self.assertIn("became", shown)
        self.assertIn('=> filter "false" ended with status 1: the message stays as it was', shown)
        self.assertIn(f'would be given to "touch {self.out.path}/touched" (rule "all"), which was not run here', shown)
        self.assertFalse(os.path.exists(self.out / "touched"))
        asked = json.loads(made.command("route", "--json", self.out / "message").stdout)[0]
        self.assertEqual(asked["runs"], [{"program": f"touch {self.out.path}/touched", "rule": "all", "run": False}])

    def test_a_running_program_does_not_hold_up_the_end(self):
        made = self.make([{"name": "slow", "if": {"command": f"echo > {self.out.path}/begun; exec sleep 1000",
                                                  "shell": True, "timeout": "10m"}, "then": [{"stop": True}]}])
        made.start()
        peers.wait_until(lambda: os.path.exists(self.out / "begun"), what="the begin of the program")
        self.assertEqual(made.stop(), 0)
        # Nothing was decided: the next poll begins anew.
        made.configure({**made.configuration, "rules": []})
        made.poll()
        self.assertEqual(sorted(made.kept()), sorted(self.messages))


if __name__ == "__main__":
    unittest.main()
