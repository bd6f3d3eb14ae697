"""Regions: the DNS suffix of each, and the accounts that own AWS's image registries there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from cdk_modelbuilder.images.errors import UnknownRegion
from cdk_modelbuilder.images.table_files import folder, read_table

_MOST_SUGGESTIONS = 5


def accounts(registry: str) -> Mapping[str, str]:
    """Region -> AWS account, for one of the registries that the tables name."""
    return _accounts(folder(), registry)


@cache
def _accounts(_: Path, registry: str) -> Mapping[str, str]:
    owners: dict[str, str] = _table()["registries"][registry]
    found = {region: account for account, regions in owners.items() for region in regions.split()}
    return MappingProxyType(dict(sorted(found.items())))


def known_regions() -> tuple[str, ...]:
    """The regions in which AWS offers any image of the catalogue, sorted."""
    return tuple(sorted({region for registry in _table()["registries"] for region in accounts(registry)}))


def _table() -> Mapping[str, Any]:
    return read_table("regions.json")


def _partition(region: str) -> Mapping[str, str] | None:
    # By the pattern of the name, as the AWS SDKs do it: so a region younger than the table has a partition too.
    partitions: list[dict[str, str]] = _table()["partitions"]
    return next((part for part in partitions if re.fullmatch(part["region_pattern"], region, flags=re.ASCII)), None)


def dns_suffix(region: str) -> str:
    """The domain under which AWS serves a region, such as ``amazonaws.com.cn`` for ``cn-north-1``.

    Raises:
        UnknownRegion: The name has no region's form.
    """
    partition = _partition(region)
    if partition is None:
        near = get_close_matches(region.lower().replace("_", "-"), known_regions(), n=_MOST_SUGGESTIONS)
        raise UnknownRegion(
            f"{region!r} is not the name of an AWS region.",
            remedy=f"Did you mean {_either(near)}?" if near else "Give a name such as 'us-east-1'.",
        )
    return partition["dns_suffix"]


def neighbours(region: str, offered: Iterable[str]) -> str:
    """The offered regions nearest to one that is not, as words: "us-east-1 or us-east-2"; empty where there is none.

    Only those of the same partition: credentials do not reach into another.
    """
    home = _partition(region)
    names = sorted(name for name in offered if _partition(name) == home)
    area, world = region.rpartition("-")[0], region.partition("-")[0]
    near = [name for name in names if name.rpartition("-")[0] == area]
    near += [name for name in names if name.partition("-")[0] == world]
    near = near or get_close_matches(region, names, n=_MOST_SUGGESTIONS)
    return _either(list(dict.fromkeys(near))[:_MOST_SUGGESTIONS])


def _either(names: list[str]) -> str:
    return " or ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)
