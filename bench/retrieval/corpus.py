"""Generated mail of realistic sizes, always the same for the same seed, made by cutting pieces out of a prepared text.

Sizes follow a log-normal distribution (median 12 KB, mean 41 KB, at most 2 MB), drawn evenly and shuffled, so that 200 messages
have the median and the mean of 20,000. Small mail is plain text, larger mail has an HTML alternative, large mail attachments.
"""
import base64
import hashlib
import math
import random
import statistics

MEDIAN, SIGMA, LARGEST = 12_000, 1.58, 2_000_000
SMALLEST = 700
POOL = 1 << 20
WORDS = ("the of and to in is for that you on with this are be as at from your have not was will can we if or by all an it "
         "please meeting invoice attached regards tomorrow project review version account delivery question answer").split()


class Pool:
    """A megabyte each of text and of base64, in whole lines."""

    def __init__(self, seed):
        rng = random.Random(seed)
        lines, size = [], 0
        while size < POOL:
            line = " ".join(rng.choices(WORDS, k=rng.randint(3, 13)))
            lines.append(line)
            size += len(line) + 2
        self.text = "\r\n".join(lines).encode() + b"\r\n"
        encoded = base64.b64encode(rng.randbytes(POOL * 3 // 4))
        self.base64 = b"".join(encoded[i:i + 76] + b"\r\n" for i in range(0, len(encoded), 76))

    @staticmethod
    def cut(source, rng, size):
        """About `size` octets in whole lines; the source is repeated for more than it holds."""
        start = source.index(b"\n", rng.randrange(len(source) // 2)) + 1
        piece = source[start:start + size]
        if len(piece) < size:
            piece += source * ((size - len(piece)) // len(source)) + source[:(size - len(piece)) % len(source)]
        return piece[:piece.rfind(b"\n") + 1] or b"\r\n"


def realistic_sizes(count, seed):
    normal = statistics.NormalDist(math.log(MEDIAN), SIGMA)
    sizes = [min(LARGEST, max(SMALLEST, int(math.exp(normal.inv_cdf((i + 0.5) / count))))) for i in range(count)]
    random.Random(f"sizes:{seed}").shuffle(sizes)
    return sizes


class Corpus:
    def __init__(self, seed=77):
        self.seed = seed
        self.pool = Pool(seed)

    def message(self, number, size, tag="m"):
        rng = random.Random(f"{self.seed}:{tag}:{number}")
        head = (f"Return-Path: <sender{number % 997}@example.net>\r\n"
                f"Received: from mx{number % 7}.example.net by mail.example.org with ESMTPS id {rng.getrandbits(48):012x}\r\n"
                f"\tfor <alice@example.org>; Mon, 02 Nov 2026 10:{number // 60 % 60:02}:{number % 60:02} +0000\r\n"
                f"From: Sender {number % 997} <sender{number % 997}@example.net>\r\nTo: alice@example.org\r\n"
                f"Subject: Message {number} about {rng.choice(WORDS)}\r\n"
                f"Date: Mon, 02 Nov 2026 10:{number // 60 % 60:02}:{number % 60:02} +0000\r\n"
                f"Message-ID: <{tag}.{self.seed}.{number}@example.net>\r\nMIME-Version: 1.0\r\n").encode()
        return head + self.body(rng, max(0, size - len(head) - 60))

    def body(self, rng, size):
        cut = self.pool.cut
        if size < 4_000:
            return b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + cut(self.pool.text, rng, size)
        text = b"--=-b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + cut(self.pool.text, rng, min(size // 4, 6_000))
        left = size - len(text)
        if size < 40_000:
            rest = (b"--=-b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html><body>\r\n" + cut(self.pool.text, rng, left) +
                    b"</body></html>\r\n")
            kind = b"alternative"
        else:
            rest = (b"--=-b\r\nContent-Type: application/pdf; name=report.pdf\r\nContent-Transfer-Encoding: base64\r\n"
                    b"Content-Disposition: attachment; filename=report.pdf\r\n\r\n" + cut(self.pool.base64, rng, left))
            kind = b"mixed"
        return b'Content-Type: multipart/' + kind + b'; boundary="=-b"\r\n\r\n' + text + rest + b"--=-b--\r\n"

    def realistic(self, count, tag="m"):
        for number, size in enumerate(realistic_sizes(count, f"{self.seed}:{tag}"), 1):
            yield self.message(number, size, tag)

    def small(self, count, tag="s"):
        for number in range(1, count + 1):
            yield self.message(number, SMALLEST, tag)


def digest(data):
    return hashlib.sha256(data).hexdigest()
