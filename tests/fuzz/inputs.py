"""Input number ``n`` of a target, the same for a seed: each twentieth is a bomb, the others are made by chance."""

from __future__ import annotations

import functools
from random import Random
from typing import Any

from tests.fuzz.bombs import bombs_for, repeated
from tests.fuzz.bytes_mutations import mutated, noise
from tests.fuzz.headers import header_for
from tests.fuzz.structures import changed
from tests.fuzz.targets import MULTIPART, PARQUET, bodies_of, target
from tests.fuzz.text_mutations import any_json

BOMB_ONE_IN = 20


def body_and_header(name: str, number: int, seed: int) -> tuple[bytes, str]:
    """The input."""
    chosen = target(name)
    bombs = _bombs_of(name)
    turn, is_later = divmod(number, BOMB_ONE_IN)
    if not is_later and turn < len(bombs):
        return bombs[turn]
    random = Random(f"{seed}/{name}/{number}")
    valid = random.choice(chosen.seeds)
    header = header_for(random, valid.header, chosen.content_types)
    choice = random.random()
    if choice < 0.04:
        return noise(random), header
    if choice < 0.06:
        return any_json(random), header
    if choice < 0.14:  # a valid body of another target, as it is or changed
        others = _pool(valid.content_type)
        other = random.choice(others or chosen.seeds)
        body = other.body if random.random() < 0.5 else changed(random, other.body, other.content_type, ())
        return body, other.header if valid.content_type == MULTIPART and other.content_type == MULTIPART else header
    if choice < 0.15 and bombs:
        body, header = random.choice(bombs)
        return (mutated(random, body, ()) if len(body) < 50_000 else body), header
    splices = [other.body for other in chosen.seeds]
    return changed(random, valid.body, valid.content_type, splices), header


@functools.cache
def _pool(content_type: str) -> tuple[Any, ...]:
    return tuple(bodies_of(content_type))


@functools.cache
def _bombs_of(name: str) -> list[tuple[bytes, str]]:
    seeds = {seed.content_type: seed for seed in target(name).seeds}
    found = [
        (body, f"{MULTIPART}; boundary=x" if content_type == MULTIPART else seed.header)
        for content_type, seed in seeds.items()
        for body in bombs_for(content_type)
    ]
    often = repeated(seeds[PARQUET].body) if PARQUET in seeds else None
    return found if often is None else [*found[:3], (often, PARQUET), *found[3:]]
