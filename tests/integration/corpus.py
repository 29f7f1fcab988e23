"""Generated mail of mixed size and encoding: always the same for the same seed, so that every byte can be compared."""
import base64
import hashlib
import itertools
import os
import quopri
import random

WORDS = "the quick brown fox jumps over lazy dogs while seven wizards boil a kettle of strange green soup".split()
LETTERS = "äöüßéèêñçøåłżščяжкйدमन会議資料東京"


def _text(rng, size):
    out = []
    length = 0
    while length < size:
        word = rng.choice(WORDS) if rng.random() < 0.9 else "".join(rng.choice(LETTERS) for _ in range(4))
        out.append(word)
        length += len(word) + 1
    lines = [" ".join(out[i:i + 12]) for i in range(0, len(out), 12)]
    if rng.random() < 0.2:
        lines.insert(rng.randrange(len(lines)), ".")  # dot-stuffing
        lines.insert(0, "..two dots")
        lines.append("From the start of a line")
    return "\r\n".join(lines) + "\r\n"


def _wrap(data):
    text = base64.b64encode(data).decode()
    return "".join(text[i:i + 76] + "\r\n" for i in range(0, len(text), 76))


def message(number, seed=1, size=None, tag="m"):
    """One message as bytes with CRLF line ends; about `size` octets, by default a realistic spread (median 12 KB)."""
    rng = random.Random(f"{seed}:{number}")
    if size is None:
        size = min(int(rng.lognormvariate(9.4, 1.25)) + 200, 2_000_000)
    subject = f"Message {number}"
    if number % 5 == 1:
        subject = "=?utf-8?b?" + base64.b64encode(f"Nächricht {number} 会議".encode()).decode() + "?="
    head = [
        f"Received: from mx{number % 7}.example.net by mail.example.org; Mon, 02 Nov 2026 10:00:00 +0000",
        f"From: Sender {number} <sender{number % 50}@example.net>",
        "To: alice@example.org",
        f"Subject: {subject}",
        f"Date: Mon, 02 Nov 2026 {number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02} +0000",
        f"Message-ID: <{tag}.{seed}.{number}@example.net>",
        "MIME-Version: 1.0",
    ]
    kind = number % 4
    if kind == 0:
        head.append("Content-Type: text/plain; charset=utf-8")
        head.append("Content-Transfer-Encoding: 8bit")
        body = _text(rng, size)
    elif kind == 1:
        head.append("Content-Type: text/plain; charset=utf-8")
        head.append("Content-Transfer-Encoding: quoted-printable")
        text = _text(rng, size // 2).replace("\r\n", "\n")
        body = quopri.encodestring(text.encode()).decode().replace("\n", "\r\n")
    elif kind == 2:
        head.append('Content-Type: multipart/mixed; boundary="=-b1"')
        body = ("preamble\r\n--=-b1\r\nContent-Type: text/plain\r\n\r\n" + _text(rng, 300).encode("ascii", "replace").decode()
                + "--=-b1\r\nContent-Type: application/octet-stream; name=data.bin\r\n"
                + "Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=data.bin\r\n\r\n"
                + _wrap(rng.randbytes(max(1, int(size * 0.73)))) + "--=-b1--\r\n")
    else:
        head.append("Content-Type: text/html; charset=utf-8")
        head.append("Content-Transfer-Encoding: base64")
        body = _wrap(("<html><body><p>" + _text(rng, int(size * 0.7)) + "</p></body></html>").encode())
    return ("\r\n".join(head) + "\r\n\r\n" + body).encode()


def corpus(count, seed=1, size=None, tag="m"):
    return [message(number, seed, size, tag) for number in range(1, count + 1)]


def digest(data):
    return hashlib.sha256(data).hexdigest()


def digests(messages):
    return sorted(digest(data) for data in messages)


_fills = itertools.count(1)  # so that a second filling of a Maildir takes names of its own


def fill_maildir(path, messages, owner=None):
    """Writes messages into a Maildir as a delivery agent would, with LF line ends."""
    fill = next(_fills)
    for part in ("cur", "new", "tmp"):
        os.makedirs(os.path.join(path, part), exist_ok=True)
    for number, data in enumerate(messages):
        name = os.path.join(path, "new", f"{1_700_000_000 + number}.M{number}P{fill}.host")
        with open(name, "wb") as out:
            out.write(data.replace(b"\r\n", b"\n"))
    if owner:
        for root, folders, files in os.walk(path):
            for entry in [root] + [os.path.join(root, name) for name in folders + files]:
                os.chown(entry, *owner)
