"""One input after another through a target, in this process, each of them watched."""

from __future__ import annotations

import gc
import resource
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from cdk_modelbuilder.schema.codecs import CodecError
from tests.fuzz.findings import Finding, from_error
from tests.fuzz.inputs import body_and_header
from tests.fuzz.targets import ARROW, MULTIPART, Target, target
from tests.fuzz.watch import Guard, Memory

BYTES_FOR_EACH = 64
"""What a decoding may take for each byte of its body, beside the target's allowance."""

TABLES = (128 << 20, 256)
"""The same for tables in Arrow's formats, as allowance and for each byte: they are also had as Python objects."""

ROOM = 3 << 30
"""What a worker may map beyond its size when it is warm: a bomb fails to allocate before the machine suffers."""

_WRITTEN_ONE_IN = 4
_BODY_TYPES: list[Callable[[bytes], Any]] = [bytearray, bytes, memoryview]


@dataclass
class Tally:
    """What the inputs of one run came to."""

    inputs: int = 0
    values: int = 0
    most_memory: int = 0
    longest: float = 0.0


class Trial:
    """Reads inputs of targets; there is one in a process, because nothing takes an audit hook away again."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._guard = Guard()
        self._memory = Memory()
        self.tally = Tally()

    def warm_up(self, name: str) -> Target:
        """Import what the target needs, read its seeds, and limit the process to its size and some room."""
        chosen = target(name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for seed in chosen.seeds:
                try:
                    value = chosen.read(bytearray(seed.body), seed.header)
                    for number in range(len(chosen.seeds)):
                        chosen.write(value, number)
                except CodecError:
                    continue  # it is of a type that is read but not written
            body_and_header(name, 10_000, self._seed)  # makes the bombs
        return chosen

    def read(self, name: str, numbers: Iterable[int]) -> Iterator[Finding]:
        """Read those inputs of the target; what is found wrong."""
        chosen = self.warm_up(name)
        _limit_address_space()
        self.tally = Tally()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for number in numbers:
                yield from self._read_one(chosen, name, number)

    def _read_one(self, chosen: Target, name: str, number: int) -> Iterator[Finding]:
        body, header = body_and_header(name, number, self._seed)
        given = _BODY_TYPES[number % len(_BODY_TYPES)](body)
        self.tally.inputs += 1
        self._memory.reset()
        started = time.perf_counter()
        value: Any = None
        problem, taken = None, 0
        with self._guard.watching():
            try:
                value = chosen.read(given, header)
                problem = chosen.check(value)
                taken = self._memory.taken()
                self.tally.values += 1
                if number % _WRITTEN_ONE_IN == 0 and problem is None:
                    chosen.write(value, number // _WRITTEN_ONE_IN)
            except CodecError:
                pass
            except BaseException as error:  # noqa: BLE001 - whatever comes out is what is looked for
                yield from_error(name, number, error)
        self.tally.longest = max(self.tally.longest, time.perf_counter() - started)
        del value
        if self._guard.seen:
            event = self._guard.seen[0]
            yield Finding(name, number, "ran", "\n".join(self._guard.seen[:5]), event.partition(" ")[0] + event[-40:])
        if problem is not None:
            yield Finding(name, number, "unfit", str(problem)[:500], str(problem)[:40])
        taken = taken or self._memory.taken()
        self.tally.most_memory = max(self.tally.most_memory, taken)
        if taken > _bound(chosen, header, len(body)):
            told = f"{taken >> 20} MiB for a body of {len(body)} bytes, {header}"
            yield Finding(name, number, "memory", told, f"{name} {header[:30]}")
        if taken > 16 << 20:
            gc.collect()


def _bound(chosen: Target, header: str, size: int) -> int:
    if header.lower().startswith((MULTIPART, ARROW)):
        return max(TABLES[0], chosen.allowance) + TABLES[1] * size
    return chosen.allowance + BYTES_FOR_EACH * size


def _limit_address_space() -> None:
    with open("/proc/self/statm") as handle:  # noqa: PTH123
        size = int(handle.read().split()[0]) * resource.getpagesize()
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (size + ROOM, hard))
