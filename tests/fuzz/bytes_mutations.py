"""Changes of bytes that know no format but what most have: lengths, offsets and numbers in text."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Sequence
from random import Random

MAX_BODY = 1 << 18

_EXTREMES = [0, 1, 2, 7, 127, 128, 255, 256, 32767, 65535, 2**24, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**62, 2**63 - 1]
_NUMBERS = [b"0", b"-1", b"1e308", b"1e999", b"-0.0", b"NaN", b"9223372036854775808", b"1" * 400, b"0.1", b"2147483648"]
_TOKENS = [
    *(b"null", b"true", b'"', b"[", b"]", b"{", b"}", b",", b":", b"\\", b"\\u0000", b"\\ud800", b"\xff", b"\x00"),
    *(
        b"\r\n",
        b"\n",
        b"\r",
        b";",
        b"=",
        b"--",
        b"\xef\xbb\xbf",
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"1970-01-01",
        b"NaT",
    ),
    *(b"'descr': '|O'", b"(", b")", b"('<f8',)", b"PAR1", b"ARROW1", b"PK\x01\x02", b"\x93NUMPY", b"IEND", b"IHDR"),
]
_DIGITS = re.compile(rb"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")


def mutated(random: Random, body: bytes, others: Sequence[bytes]) -> bytes:
    """``body`` with one to eight changes; ``others`` are spliced in."""
    changed = bytearray(body)
    for _ in range(random.choice((1, 1, 1, 2, 2, 3, 5, 8))):
        random.choice(_CHANGES)(random, changed, others)
        del changed[MAX_BODY:]
    return bytes(changed)


def noise(random: Random) -> bytes:
    """Bytes, or printable text, of no format."""
    size = random.choice((0, 1, 2, 8, 30, 300))
    if random.random() < 0.5:
        return random.randbytes(size)
    return b"".join(random.choice(_TOKENS + _NUMBERS) for _ in range(size // 4))


def _place(random: Random, body: bytearray) -> int:
    return random.randrange(len(body) + 1)


def _flip(random: Random, body: bytearray, _: Sequence[bytes]) -> None:
    if body:
        body[random.randrange(len(body))] ^= 1 << random.randrange(8)


def _set(random: Random, body: bytearray, _: Sequence[bytes]) -> None:
    if body:
        body[random.randrange(len(body))] = random.choice((0, 1, 127, 128, 255, random.randrange(256)))


def _insert(random: Random, body: bytearray, _: Sequence[bytes]) -> None:
    place = _place(random, body)
    body[place:place] = random.randbytes(random.randrange(1, 9))


def _token(random: Random, body: bytearray, _: Sequence[bytes]) -> None:
    place = _place(random, body)
    body[place : place + random.choice((0, 0, 1, 4))] = random.choice(_TOKENS)


def _delete(random: Random, body: bytearray, _: Sequence[bytes]) -> None:
    place = _place(random, body)
    del body[place : place + random.choice((1, 2, 4, 8, 64))]


def _duplicate(random: Random, body: bytearray, _: Sequence[bytes]) -> None:
    place = _place(random, body)
    piece = body[place : place + random.choice((1, 4, 8, 16, 64, 512))]
    body[place:place] = piece * random.choice((1, 1, 2, 50, 1000))


def _truncate(random: Random, body: bytearray, _: Sequence[bytes]) -> None:
    if random.random() < 0.5:
        del body[_place(random, body) :]
    else:
        del body[: _place(random, body)]


def _fill(random: Random, body: bytearray, _: Sequence[bytes]) -> None:
    place = _place(random, body)
    size = min(random.choice((4, 8, 32)), len(body) - place)
    body[place : place + size] = bytes([random.choice((0, 255, 32, 128))]) * size


def _integer(random: Random, body: bytearray, _: Sequence[bytes]) -> None:
    size = random.choice((2, 4, 4, 8, 8))
    if len(body) < size:
        return
    place = random.randrange(len(body) - size + 1)
    if random.random() < 0.7:  # where formats align them
        place -= place % size
    value = random.choice((*_EXTREMES, len(body), len(body) + 1, place))
    if random.random() < 0.3:
        value = -value
    byte_order = random.choice(("<", "<", "<", ">"))
    code = {2: "H", 4: "I", 8: "Q"}[size]
    body[place : place + size] = struct.pack(byte_order + code, value % (1 << 8 * size))


def _nudge(random: Random, body: bytearray, _: Sequence[bytes]) -> None:
    size = random.choice((2, 4, 8))
    if len(body) < size:
        return
    place = random.randrange(len(body) // size) * size
    value = int.from_bytes(body[place : place + size], "little") + random.choice((-8, -1, 1, 8, 64))
    body[place : place + size] = (value % (1 << 8 * size)).to_bytes(size, "little")


def _number(random: Random, body: bytearray, _: Sequence[bytes]) -> None:
    found = list(_DIGITS.finditer(body[: 1 << 14]))
    if found:
        start, end = random.choice(found).span()
        body[start:end] = random.choice(_NUMBERS)


def _splice(random: Random, body: bytearray, others: Sequence[bytes]) -> None:
    if others:
        other = random.choice(others)
        place, start = _place(random, body), random.randrange(len(other) + 1)
        body[place : place + random.choice((0, 64, len(body)))] = other[
            start : start + random.choice((16, 256, 1 << 16))
        ]


def _swap(random: Random, body: bytearray, _: Sequence[bytes]) -> None:
    first, second = sorted((_place(random, body), _place(random, body)))
    size = min(random.choice((1, 8, 32)), second - first, len(body) - second)
    body[first : first + size], body[second : second + size] = (
        body[second : second + size],
        body[first : first + size],
    )


_CHANGES: list[Callable[[Random, bytearray, Sequence[bytes]], None]] = [
    *(_flip, _set, _insert, _token, _delete, _duplicate, _truncate, _fill),
    *(_integer, _integer, _integer, _nudge, _number, _splice, _swap),
]
