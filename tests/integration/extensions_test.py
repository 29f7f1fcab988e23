"""The extensions of our IMAP server, over sockets against the agent itself."""
import base64
import io
import re
import socket
import unittest
import zlib

import agent


class Inflated(io.RawIOBase):
    def __init__(self, below):
        self.below, self.inflater, self.ready = below, zlib.decompressobj(-15), b""

    def readable(self):
        return True

    def readinto(self, into):
        while not self.ready:
            octets = self.below.read1(65536)
            if not octets:
                return 0
            self.ready = self.inflater.decompress(octets)
        count = min(len(into), len(self.ready))
        into[:count] = self.ready[:count]
        self.ready = self.ready[count:]
        return count


class Session:
    """A dialogue line by line; literals in answers are read whole and stand in the line they belong to."""

    def __init__(self, port, login=True):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.input = self.socket.makefile("rb")
        self.number = 0
        self.deflater = None
        self.greeting = self.line()
        if login:
            self.ok('LOGIN me "local word"')

    def send(self, octets):
        if self.deflater:
            octets = self.deflater.compress(octets) + self.deflater.flush(zlib.Z_SYNC_FLUSH)
        self.socket.sendall(octets)

    def inflate(self):
        """COMPRESS was answered by OK: both ways from here on."""
        self.deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
        self.input = io.BufferedReader(Inflated(self.input))

    def line(self):
        line = self.input.readline()
        while found := re.search(rb"\{(\d+)\}\r\n$", line):
            line += self.input.read(int(found[1])) + self.input.readline()
        return line

    def command(self, text):
        """The untagged lines, and the tagged one without its tag."""
        self.number += 1
        tag = b"x%d" % self.number
        self.send(tag + b" " + (text.encode() if isinstance(text, str) else text) + b"\r\n")
        return self.answer(tag)

    def answer(self, tag):
        lines = []
        while True:
            line = self.line()
            if not line:
                raise AssertionError(f"the connection ended; before it: {lines}")
            if line.startswith(tag + b" "):
                return lines, line[len(tag) + 1:].rstrip(b"\r\n")
            lines.append(line[:-2] if line.endswith(b"\r\n") else line)

    def ok(self, text):
        lines, end = self.command(text)
        if not end.startswith(b"OK"):
            raise AssertionError(f"{text!r}: {lines} {end}")
        return lines, end

    def append(self, message, mailbox="INBOX", before=""):
        message = message.encode() if isinstance(message, str) else message
        return self.ok(f"APPEND {mailbox} {before}{{{len(message)}+}}\r\n".encode() + message)

    def close(self):
        self.input.close()
        self.socket.close()


def mail(subject, more="", body="Hello.\r\n"):
    return f"From: Ann <ann@example.org>\r\nSubject: {subject}\r\n{more}\r\n{body}"


class Extensions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.agent = agent.Agent({"accounts": {}, "listeners": {"imap": {"address": "127.0.0.1:0", "tls": "none"}}}, "extensions")
        cls.addClassCleanup(cls.agent.remove)
        cls.agent.add_user()
        cls.agent.start()
        cls.port = cls.agent.listener_port("imap")

    def session(self, mailbox=None):
        made = Session(self.port)
        self.addCleanup(made.close)
        if mailbox:
            made.command(f"DELETE {mailbox}")
            made.ok(f"CREATE {mailbox}")
        return made

    def filled(self, mailbox, count=6):
        made = self.session(mailbox)
        for number in range(1, count + 1):
            made.append(mail(f"m{number}"), mailbox)
        made.ok(f"SELECT {mailbox}")
        return made

    def test_esearch_searchres_within_and_size(self):
        one = self.filled("Search")
        one.ok("STORE 2,4:5 +FLAGS.SILENT (\\Flagged)")
        self.assertEqual(one.ok("UID SEARCH RETURN (MIN MAX COUNT ALL SAVE) FLAGGED")[0],
                         [b'* ESEARCH (TAG "x%d") UID MIN 2 MAX 5 COUNT 3 ALL 2,4:5' % one.number])
        self.assertEqual(len(one.ok("FETCH $ (FLAGS)")[0]), 3)
        self.assertEqual(one.ok("SEARCH NOT $ YOUNGER 1000")[0], [b"* SEARCH 1 3 6"])
        self.assertEqual(one.ok("SEARCH OLDER 1000")[0], [b"* SEARCH"])
        self.assertEqual(one.ok("STATUS Search (SIZE)")[0], [b'* STATUS "Search" (SIZE %d)' % (6 * len(mail("m1")))])


    def highest(self, lines):
        return int(re.search(rb"HIGHESTMODSEQ (\d+)", b" ".join(lines))[1])

    def test_condstore_keeps_two_clients_from_overwriting_each_other(self):
        one, two = self.filled("Cond"), self.session()
        two.ok("SELECT Cond (CONDSTORE)")
        known = self.highest(one.ok("SELECT Cond")[0])
        one.ok("STORE 2 +FLAGS (\\Flagged)")
        lines, end = two.ok(f"STORE 1:3 (UNCHANGEDSINCE {known}) +FLAGS (\\Answered)")
        self.assertTrue(end.startswith(b"OK [MODIFIED 2]"), end)
        self.assertEqual(len([line for line in lines if b"MODSEQ (" in line]), 3, lines)
        self.assertEqual(two.ok("SEARCH ANSWERED")[0], [b"* SEARCH 1 3"])

    def test_a_large_store_keeps_its_condition_over_its_transactions(self):
        one, two = self.filled("Large", 20), self.session()
        for _ in range(7):
            one.ok("COPY 1:* Large")
        known = self.highest(two.ok("SELECT Large (CONDSTORE)")[0])
        one.ok("STORE 5,1200,2560 +FLAGS.SILENT (\\Flagged)")
        lines, end = two.ok(f"STORE 1:* (UNCHANGEDSINCE {known}) +FLAGS.SILENT (\\Seen)")
        self.assertTrue(end.startswith(b"OK [MODIFIED 5,1200,2560]"), end)
        self.assertEqual(two.ok("SEARCH RETURN (COUNT) SEEN")[0], [b'* ESEARCH (TAG "x%d") COUNT 2557' % two.number])

    def test_qresync_brings_a_client_up_to_date_after_a_restart(self):
        one = self.filled("Resync")
        lines, _ = one.ok("SELECT Resync")
        known = self.highest(lines)
        validity = int(re.search(rb"UIDVALIDITY (\d+)", b" ".join(lines))[1])
        self.assertEqual(one.ok("ENABLE QRESYNC")[0][0], b"* ENABLED QRESYNC")
        one.ok("STORE 2,5 +FLAGS.SILENT (\\Deleted)")
        lines, end = one.ok("EXPUNGE")
        self.assertEqual(lines, [b"* VANISHED 2,5"])
        self.assertRegex(end, rb"^OK \[HIGHESTMODSEQ \d+\]")
        one.ok("STORE 1 +FLAGS.SILENT (\\Flagged)")
        self.agent.stop()
        self.agent.start()
        type(self).port = self.agent.listener_port("imap")
        two = self.session()
        two.ok("ENABLE QRESYNC")
        lines, _ = two.ok(f"SELECT Resync (QRESYNC ({validity} {known}))")
        self.assertIn(b"* VANISHED (EARLIER) 2,5", lines)
        changed = [line for line in lines if b" FETCH " in line]
        self.assertEqual(len(changed), 1, lines)
        self.assertIn(b"UID 1 FLAGS (\\Flagged", changed[0])
        self.assertEqual(two.ok(f"UID FETCH 1:* (FLAGS) (CHANGEDSINCE {known} VANISHED)")[0][0], b"* VANISHED (EARLIER) 2,5")

    def test_an_idling_client_hears_vanished(self):
        one, two = self.filled("Idle"), self.session()
        two.ok("ENABLE QRESYNC")
        two.ok("SELECT Idle")
        two.send(b"i IDLE\r\n")
        self.assertEqual(two.line(), b"+ idling\r\n")
        one.ok("STORE 3 +FLAGS.SILENT (\\Deleted)")
        self.assertIn(b"MODSEQ (", two.line())
        one.ok("EXPUNGE")
        self.assertEqual(two.line(), b"* VANISHED 3\r\n")
        two.send(b"DONE\r\n")
        self.assertTrue(two.answer(b"i")[1].startswith(b"OK"))


    def test_sort_and_thread(self):
        one = self.session("Sort")
        for subject, sender, day, ids in [("Plums", "carol", 3, "Message-ID: <a@x>"), ("Re: Apples", "alan", 1, "Message-ID: <c@x>"),
                                          ("Re: Plums", "bea", 2, "Message-ID: <b@x>\r\nReferences: <a@x>"),
                                          ("apples", "dan", 4, "Message-ID: <d@x>")]:
            one.append(f"From: {sender}@example.org\r\nSubject: {subject}\r\nDate: {day} May 2020 10:00:00 +0000\r\n{ids}\r\n\r\nx\r\n", "Sort")
        one.ok("SELECT Sort")
        self.assertEqual(one.ok("SORT (DATE) UTF-8 ALL")[0], [b"* SORT 2 3 1 4"])
        self.assertEqual(one.ok("UID SORT (SUBJECT REVERSE FROM) UTF-8 ALL")[0], [b"* SORT 4 2 1 3"])
        self.assertEqual(one.ok("SORT (DISPLAYFROM) UTF-8 NOT SUBJECT plums")[0], [b"* SORT 2 4"])
        self.assertEqual(one.ok("THREAD REFERENCES UTF-8 ALL")[0], [b"* THREAD (1 3)(4 2)"])
        self.assertEqual(one.ok("UID THREAD ORDEREDSUBJECT UTF-8 ALL")[0], [b"* THREAD (2 4)(3 1)"])


    def test_multiappend_keeps_all_or_nothing_over_a_restart(self):
        one = self.session("Multi")
        messages = [mail(f"n{number}", body="x" * 300_000 + "\r\n").encode() for number in range(4)]
        literals = [b" (\\Seen) {%d+}\r\n" % len(message) + message for message in messages]
        lines, end = one.command(b"APPEND Multi" + b"".join(literals))
        self.assertRegex(end, rb"^OK \[APPENDUID \d+ 1:4\]")
        lines, end = one.command(b"APPEND Multi" + b"".join(literals) + b" {0+}\r\n")
        self.assertTrue(end.startswith(b"NO"), end)
        self.assertEqual(one.ok("STATUS Multi (MESSAGES)")[0], [b'* STATUS "Multi" (MESSAGES 4)'])
        cut = Session(self.port)
        cut.send(b"y APPEND Multi" + b"".join(literals)[:-1000])
        cut.close()
        self.agent.stop()
        self.agent.start()
        type(self).port = self.agent.listener_port("imap")
        two = self.session()
        two.ok("SELECT Multi")
        lines, _ = two.ok("FETCH 1:* (FLAGS BODY.PEEK[])")
        self.assertEqual(len(lines), 4)
        for line, message in zip(lines, messages):
            self.assertIn(message, line)
            self.assertIn(b"\\Seen", line)

    def test_special_use_object_ids_and_utf8_names(self):
        one = self.session("Bin")
        one.ok("DELETE Bin")
        self.assertTrue(one.command("CREATE Bin (USE (\\Trash))")[1].startswith(b"NO [USEATTR]"))
        one.ok("DELETE Trash")
        lines, end = one.ok("CREATE Bin (USE (\\Trash))")
        identity = re.search(rb"MAILBOXID \((\w+)\)", end)[1]
        self.assertIn(b"\\Trash", one.ok("LIST (SPECIAL-USE) \"\" Bin")[0][0])
        self.assertTrue(one.command("CREATE Bin2 (USE (\\Trash))")[1].startswith(b"NO [USEATTR]"))
        one.ok("RENAME Bin Korb")
        self.assertIn(b"(MAILBOXID (" + identity + b"))", one.ok("STATUS Korb (MAILBOXID)")[0][0])
        one.append(mail("m"), "Korb")
        one.ok("SELECT Korb")
        one.ok("COPY 1 Korb")
        lines, _ = one.ok("FETCH 1:2 EMAILID")
        self.assertEqual(lines[0].split(b"EMAILID")[1], lines[1].split(b"EMAILID")[1])
        one.ok("ENABLE UTF8=ACCEPT")
        one.ok('CREATE "Körbe/λ"')
        self.assertIn('* LIST (\\HasNoChildren) "/" "Körbe/λ"'.encode(), one.ok('LIST "" "Körbe/*"')[0])
        self.assertIn(b'* LIST (\\HasNoChildren) "/" "K&APY-rbe/&A7s-"', self.session().ok('LIST "" "K&APY-rbe/*"')[0])
        for name in ('"Körbe/λ"', '"Körbe"', "Korb"):
            one.ok(f"DELETE {name}")
        one.ok("CREATE Trash (USE (\\Trash))")


    def test_compression_over_parking_idling_and_bodies(self):
        one = self.filled("Deflate", 3)
        raw = Session(self.port)
        self.addCleanup(raw.close)
        self.assertIn(b"COMPRESS=DEFLATE", raw.ok("CAPABILITY")[0][0])
        raw.ok("COMPRESS DEFLATE")
        raw.inflate()
        self.assertNotIn(b"COMPRESS=DEFLATE", raw.ok("CAPABILITY")[0][0])
        self.assertTrue(raw.command("COMPRESS DEFLATE")[1].startswith(b"NO [COMPRESSIONACTIVE]"))
        raw.ok("SELECT Deflate")
        for _ in range(30):
            self.assertEqual(len(raw.ok("FETCH 1:* (FLAGS BODY.PEEK[])")[0]), 3)
        body = mail("large", body="".join(f"line {number}\r\n" for number in range(200_000)))
        raw.append(body, "Deflate")
        self.assertIn(body.encode(), raw.ok("FETCH 4 BODY.PEEK[]")[0][0])
        raw.send(b"i IDLE\r\n")
        self.assertEqual(raw.line(), b"+ idling\r\n")
        for number in (5, 6, 7):
            one.append(mail("news"), "Deflate")
            self.assertEqual(raw.line(), b"* %d EXISTS\r\n" % number)
            self.assertTrue(raw.line().endswith(b"RECENT\r\n"))
        raw.send(b"DONE\r\n")
        self.assertTrue(raw.answer(b"i")[1].startswith(b"OK"))


    def test_a_decompression_bomb_ends_its_connection_alone(self):
        one = self.session()
        bomb = self.session()
        bomb.ok("COMPRESS DEFLATE")
        bomb.inflate()
        octets = bomb.deflater.compress(b"0" * 300_000_000) + bomb.deflater.flush(zlib.Z_SYNC_FLUSH)
        try:
            bomb.socket.sendall(octets)
            while bomb.line():
                one.ok("NOOP")
        except (ConnectionError, OSError):
            pass
        one.ok("NOOP")
        with open(f"/proc/{self.agent.running.process.pid}/status", encoding="ascii") as status:
            peak = int(re.search(r"VmHWM:\s+(\d+) kB", status.read())[1])
        self.assertLess(peak, 200_000)

    def test_replace_and_savedate(self):
        one = self.filled("Drafts2", 2)
        lines, _ = one.ok(b"REPLACE 1 Drafts2 (\\Draft) {%d+}\r\n" % len(mail("next")) + mail("next").encode())
        self.assertRegex(lines[0], rb"^\* OK \[APPENDUID \d+ 3\]")
        self.assertIn(b"* 1 EXPUNGE", lines)
        self.assertEqual(one.ok("UID SEARCH DRAFT")[0], [b"* SEARCH 3"])
        self.assertTrue(one.command(b"UID REPLACE 1 Drafts2 {3+}\r\nabc")[1].startswith(b"NO"))
        self.assertEqual(len(one.ok("SEARCH SAVEDSINCE 1-Jan-2020 SAVEDATESUPPORTED")[0][0].split()), 4)
        self.assertRegex(one.ok("FETCH 1 SAVEDATE")[0][0], rb'SAVEDATE "\d\d-\w+-\d{4} ')


    def test_binary_preview_and_imap4rev2(self):
        one = self.session("Rev2")
        octets = bytes(range(256)) * 1000
        encoded = base64.encodebytes(octets).replace(b"\n", b"\r\n")
        one.append(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nDear all,\r\n welcome.\r\n--b\r\n"
                   b"Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n" + encoded + b"\r\n--b--\r\n", "Rev2")
        lines, _ = one.ok("ENABLE IMAP4rev2")
        self.assertEqual(lines, [b"* ENABLED IMAP4rev2"])
        lines, _ = one.ok("SELECT Rev2")
        self.assertIn(b'* LIST () "/" "Rev2"', lines)
        self.assertFalse([line for line in lines if b"RECENT" in line], lines)
        self.assertEqual(one.ok("FETCH 1 (BINARY.SIZE[2] PREVIEW)")[0],
                         [b'* 1 FETCH (BINARY.SIZE[2] 256000 PREVIEW "Dear all, welcome.")'])
        one.send(b"b FETCH 1 BINARY.PEEK[2]\r\n")
        begin = b"* 1 FETCH (BINARY[2] ~{256000}\r\n"
        self.assertEqual(one.input.read(len(begin) + len(octets) + 3), begin + octets + b")\r\n")
        self.assertTrue(one.answer(b"b")[1].startswith(b"OK"))
        self.assertEqual(one.ok("SEARCH 1")[0], [b'* ESEARCH (TAG "x%d") ALL 1' % one.number])


if __name__ == "__main__":
    unittest.main()
