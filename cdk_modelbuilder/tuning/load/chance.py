"""Chance that is the same each time."""

from __future__ import annotations

import random


def chance(seed: int) -> random.Random:
    """Random numbers that ``seed`` decides."""
    return random.Random(seed)  # noqa: S311 - the same each time is what is wanted
