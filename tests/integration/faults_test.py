"""Connections that break: a relay between us and Dovecot cuts, stalls, trickles, flips and doubles. Whatever it does,
nothing is lost, nothing comes twice, the source is cleaned up in the end, and each account recovers by itself.

Many accounts with the same mail meet one fault each in a single poll; then the relay heals, and the next polls must make
everything good. $MAILSTEAD_FAULT_STEP sets the octets between two cuts (CI: 1000; 100 takes minutes)."""
import os
import time
import unittest

import agent
import corpus
import fault_proxy
import peers
from fault_proxy import Fault, TO_CLIENT, TO_SERVER

STEP = int(os.environ.get("MAILSTEAD_FAULT_STEP", "1000"))
MESSAGES = corpus.corpus(8, seed=91, size=3500)
USERS = 400
MANY_AT_ONCE = """
mail_max_userip_connections = 0
service imap-login {
  service_count = 0
  client_limit = 1000
}
service pop3-login {
  service_count = 0
  client_limit = 1000
}
"""
QUICK = {"connect": "3s", "greeting": "3s", "command": "2s", "total": "60s"}  # for peers that fall silent
PATIENT = {"connect": "30s", "greeting": "30s", "command": "30s", "total": "120s"}  # for those that break, on a busy machine


class Faults(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.users = [f"u{number}" for number in range(max(USERS, 200_000 // STEP))]
        cls.server = peers.Dovecot(users=cls.users, extra=MANY_AT_ONCE)
        cls.addClassCleanup(cls.server.stop)
        cls.proxy = fault_proxy.FaultProxy()
        cls.addClassCleanup(cls.proxy.stop)
        cls.unused = iter(cls.users)

    def user(self):
        user = next(self.unused)
        self.server.fill(user, MESSAGES)
        return user

    def account(self, protocol, *faults, tls="none", **more):
        """(settings, route, user) of an account that meets these faults on its way to mail of its own."""
        user = self.user()
        route = self.proxy.route(self.server.ports[protocol + ("s" if tls == "implicit" else "")], *faults)
        settings = agent.account(protocol, self.server, user, tls, **{"after_fetch": {"do": "delete"}, "timeouts": QUICK, **more})
        settings["port"] = route.port
        return settings, route, user

    def make(self, accounts):
        """No duplicate is recognised as one: what came twice is there twice."""
        made = agent.Agent({"accounts": accounts, "duplicates": {"scope": "none"},
                            "rules": [{"name": "apart", "then": [{"deliver": "home", "folder": "${account}"}]}]})
        self.addCleanup(made.remove)
        made.add_user()
        return made

    def poll(self, made):
        """A poll that may fail for some; the report by account."""
        return made.poll(expect=None)

    def sources_left(self, users):
        return {user: left for user in users if (left := len(peers.maildir_messages(self.server.maildir(user))))}

    def all_good_in_the_end(self, made, users, polls=3):
        """Healed, a few polls bring the rest; then every account holds every message once, and no source holds any."""
        self.proxy.heal()
        for _ in range(polls):
            reports = self.poll(made)
            if not any("error" in report for report in reports.values()) and not self.sources_left(users.values()):
                break
        self.assertEqual({name: report["error"] for name, report in reports.items() if "error" in report}, {})
        self.assertEqual(self.sources_left(users.values()), {})
        last = self.poll(made)
        self.assertEqual({name: report["new"] for name, report in last.items() if report["new"]}, {})
        self.check_kept(made, users)
        made.command("check", "--data")

    def check_kept(self, made, accounts, expected=MESSAGES):
        quiet = {**made.configuration, "accounts": {}, "listeners": {"imap": {"address": "127.0.0.1:0", "tls": "none"}}}
        made.configure(quiet)
        made.start()
        wrong = {}
        for account in accounts:
            kept = corpus.digests(made.read_mailbox(account))
            if kept != corpus.digests(expected):
                wrong[account] = f"{len(kept)} for {len(expected)}, {len(set(kept))} different"
        made.stop()
        self.assertEqual(wrong, {})

    def sweep(self, protocol, faults, **more):
        accounts, routes, users = {}, {}, {}
        for number, fault in enumerate(faults):
            name = f"a{number}"
            accounts[name], routes[name], users[name] = self.account(protocol, fault, **more)
        made = self.make(accounts)
        reports = self.poll(made)
        self.assertEqual({str(fault): reports[name] for name, fault in zip(accounts, faults) if routes[name].met == 0}, {})  # else the test proves nothing
        self.all_good_in_the_end(made, users)

    def octets_of_a_session(self, protocol):
        settings, route, _ = self.account(protocol, timeouts=PATIENT)
        made = self.make({"whole": settings})
        self.assertEqual(made.poll()["whole"]["cleaned"], len(MESSAGES))
        self.assertEqual(route.connections, 1)
        return route.octets

    def cut_everywhere(self, protocol):
        octets = self.octets_of_a_session(protocol)
        self.assertGreater(octets[TO_CLIENT], 30_000)
        cuts = [Fault("cut", at, TO_CLIENT) for at in range(0, octets[TO_CLIENT] - 1, STEP)]
        cuts += [Fault("cut", at, TO_SERVER) for at in range(0, octets[TO_SERVER] - 1, max(1, STEP // 20))]
        self.sweep(protocol, cuts, timeouts=PATIENT)

    def test_imap_cut_anywhere(self):
        self.cut_everywhere("imap")

    def test_pop3_cut_anywhere(self):
        self.cut_everywhere("pop3")

    def test_imap_reset_in_clean_up(self):
        words = [(b" STORE ", TO_SERVER), (b" EXPUNGE ", TO_SERVER), (b"Store completed", TO_CLIENT), (b" EXPUNGE\r\n", TO_CLIENT),
                 (b"Expunge completed", TO_CLIENT)]
        self.sweep("imap", [Fault("reset", at, direction, word) for word, direction in words for at in (0, 4, 10)], timeouts=PATIENT)

    def test_imap_reset_while_moving(self):
        words = [(b" MOVE ", TO_SERVER), (b"COPYUID", TO_CLIENT), (b"Move completed", TO_CLIENT)]
        self.sweep("imap", [Fault("reset", at, direction, word) for word, direction in words for at in (0, 5)],
                   after_fetch={"do": "move", "folder": "Done"})

    def test_pop3_reset_in_clean_up(self):
        words = [(b"DELE ", TO_SERVER), (b"QUIT", TO_SERVER), (b"Marked to be deleted", TO_CLIENT), (b"+OK Logging out", TO_CLIENT)]
        self.sweep("pop3", [Fault("reset", at, direction, word) for word, direction in words for at in (0, 3, 20 if b"DELE" in word else 5)
                            if not (word == b"QUIT" and at == 20)])

    def test_a_flipped_bit_under_tls_breaks_the_connection_and_nothing_else(self):
        for protocol in ("imap", "pop3"):
            with self.subTest(protocol=protocol):
                self.sweep(protocol, [Fault("flip", at, direction) for direction, places in
                                      ((TO_CLIENT, (40, 1700, 4000, 9000, 20_000, 31_000)), (TO_SERVER, (30, 600, 900)))
                                      for at in places], tls="implicit")

    def test_lines_said_twice_harm_nothing(self):
        words = {"imap": [b"* FLAGS", b"* OK [UIDNEXT", b"* OK [UIDVALIDITY", b" EXISTS\r\n"], "pop3": []}
        # Said from the middle of the line on, an untagged response becomes noise that must not be taken for an answer.
        self.sweep("imap", [Fault("double", 0, TO_CLIENT, word) for word in words["imap"]])

    def silences(self, protocol, faults, made_good):
        """Each account's server falls silent once, at its point; the poll ends by its deadline and says what it waited for."""
        accounts, routes, users = {}, {}, {}
        for name, fault in faults.items():
            accounts[name], routes[name], users[name] = self.account(protocol, fault)
        made = self.make(accounts)
        reports = self.poll(made)
        self.assertEqual([name for name in faults if routes[name].met == 0], [])  # else the test proves nothing
        for name in faults:
            with self.subTest(silent=name):
                self.assertLess(reports[name]["milliseconds"], 8000)
                if "error" in reports[name]:
                    self.assertRegex(reports[name]["error"], r"^127\.0\.0\.1:\d+: no answer in time")
                else:  # a second connection of the same poll made it good
                    self.assertEqual(reports[name]["new"], len(MESSAGES))
        self.assertEqual({name for name in faults if "error" not in reports[name]}, made_good)
        self.all_good_in_the_end(made, users)

    def test_imap_silent_at_each_point(self):
        self.silences("imap", {
            "connected": Fault("stall", 0), "greeting": Fault("stall", 10), "sign-in": Fault("stall", 0, TO_SERVER, b" AUTHENTICATE "),
            "challenge": Fault("stall", 0, TO_CLIENT, b"+ "), "signed-in": Fault("stall", 0, TO_CLIENT, b" THREAD="),
            "select": Fault("stall", 0, TO_CLIENT, b"UIDVALIDITY"), "listing": Fault("stall", 0, TO_CLIENT, b"* 3 FETCH"),
            "ask-body": Fault("stall", 0, TO_SERVER, b"BODY.PEEK"), "body": Fault("stall", 9000),
            "clean-up": Fault("stall", 0, TO_SERVER, b" STORE "), "expunge": Fault("stall", 0, TO_CLIENT, b"Expunge completed"),
            "farewell": Fault("stall", 0, TO_SERVER, b" LOGOUT")}, {"farewell"})

    def test_pop3_silent_at_each_point(self):
        self.silences("pop3", {
            "connected": Fault("stall", 0), "greeting": Fault("stall", 3), "capabilities": Fault("stall", 0, TO_SERVER, b"CAPA"),
            "in-capabilities": Fault("stall", 0, TO_CLIENT, b"RESP-CODES"), "sign-in": Fault("stall", 0, TO_SERVER, b"AUTH "),
            "challenge": Fault("stall", 0, TO_CLIENT, b"+ "), "signed-in": Fault("stall", 0, TO_CLIENT, b"Logged in"),
            "list": Fault("stall", 0, TO_SERVER, b"UIDL"), "listing": Fault("stall", 0, TO_CLIENT, b"\r\n4 "),
            "retrieve": Fault("stall", 0, TO_SERVER, b"RETR 5"), "body": Fault("stall", 9000),
            "clean-up": Fault("stall", 0, TO_SERVER, b"DELE"), "farewell": Fault("stall", 0, TO_CLIENT, b"+OK Logging out")},
            # Whatever was sent several at a time is tried once more one by one.
            {"capabilities", "in-capabilities", "list", "listing", "retrieve", "body", "clean-up", "farewell"})

    def test_pop3_lines_said_twice_harm_nothing(self):
        # A whole line of each list, and noise from the middle of a line of one.
        self.sweep("pop3", [Fault("double", 0, TO_CLIENT, word) for word in (b"RESP-CODES", b"TOP\r\n", b"+OK Logged in", b"+OK Dovecot")]
                   + [Fault("double", 2, TO_CLIENT, b"\r\n3 "), Fault("double", 2, TO_CLIENT, b"\r\n5 "),
                      Fault("double", 0, TO_CLIENT, b"+OK Marked")])

    def test_what_stalls_or_trickles_delays_nobody_else(self):
        faults = {"stalls-at-once": Fault("stall", 0), "stalls-in-a-body": Fault("stall", 9000),
                  "stalls-in-clean-up": Fault("stall", 0, TO_CLIENT, b"Store completed"),
                  "unheard": Fault("stall", 0, TO_SERVER, b" SELECT "),
                  "trickles": Fault("trickle", 2000, pause=0.05)}
        accounts, users = {}, {}
        for name, fault in faults.items():
            accounts[name], _, users[name] = self.account("imap", fault)
            accounts[name]["timeouts"] = {**QUICK, "total": "8s"}
        accounts["healthy"], _, users["healthy"] = self.account("imap")
        made = self.make(accounts)
        begun = time.monotonic()
        reports = self.poll(made)
        took = time.monotonic() - begun
        self.assertLess(took, 30)
        self.assertNotIn("error", reports["healthy"])
        self.assertEqual(reports["healthy"]["new"], len(MESSAGES))
        self.assertLess(reports["healthy"]["milliseconds"], 4000)
        for name in faults:
            self.assertIn("error", reports[name], name)
        self.all_good_in_the_end(made, users)

    def test_a_running_agent_recovers_by_itself(self):
        accounts, users = {}, {}
        for number, fault in enumerate([Fault("cut", 5000, times=3), Fault("reset", 0, TO_SERVER, b" EXPUNGE ", times=2),
                                        Fault("stall", 20_000, times=1), Fault("cut", 100, TO_SERVER, times=4)]):
            name = f"a{number}"
            accounts[name], _, users[name] = self.account("imap", fault, poll="5s")
        made = self.make(accounts)
        made.start()
        try:
            # Backoff would make these wait; a user who asks does not.
            limit = time.monotonic() + 60
            while self.sources_left(users.values()) and time.monotonic() < limit:
                made.command("poll")
                time.sleep(0.5)
            self.assertEqual(self.sources_left(users.values()), {})
        finally:
            made.stop()
        self.check_kept(made, users)


if __name__ == "__main__":
    unittest.main()
