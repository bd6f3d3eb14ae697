"""Content-Type headers: the right one, one with parameters of any kind, and those of other types."""

from __future__ import annotations

from random import Random

from tests.fuzz.bytes_mutations import mutated

_CHARSETS = [
    *("utf-8", "UTF8", "utf-16", "utf-16-le", "utf-32", "latin-1", "ascii", "cp1252", "utf-7", "idna", "punycode", ""),
    *(
        "zlib",
        "bz2",
        "hex",
        "rot13",
        "unicode_escape",
        "raw_unicode_escape",
        "undefined",
        "mbcs",
        "iso-8859-99",
        "../x",
    ),
]
_PARAMETERS = [
    *(
        "header=absent",
        "header=present",
        'header="absent"',
        "HEADER=x",
        "boundary=x",
        'boundary=""',
        "boundary",
        ";;=;",
    ),
    *("boundary=" + "a" * 5000, 'boundary="\\""', "boundary=\xff", "q=0", "charset", 'charset="\\', "x" * 3000),
]


def header_for(random: Random, header: str, read: tuple[str, ...]) -> str:
    """A header for a body whose own is ``header``; ``read`` are the types of the target."""
    choice = random.random()
    if choice < 0.75:
        return header
    if choice < 0.83:
        return f"{header}; charset={random.choice(_CHARSETS)}"
    if choice < 0.92:
        return f"{header}; {random.choice(_PARAMETERS)}"
    if choice < 0.95:
        return random.choice(read)
    if choice < 0.97:
        return header.upper()
    return mutated(random, header.encode("latin-1", "replace"), ()).decode("latin-1")
