"""From two places to a report."""

from __future__ import annotations

import datetime as dt
import json

from cdk_modelbuilder.comparing.assemblies.assembly_report import compare_assemblies
from cdk_modelbuilder.comparing.assemblies.cloud_assembly import CloudAssembly
from cdk_modelbuilder.comparing.bundles.bundle_report import compare_bundles
from cdk_modelbuilder.comparing.places import open_place
from cdk_modelbuilder.comparing.report import Part, Report
from cdk_modelbuilder.comparing.secret_values import masked
from cdk_modelbuilder.comparing.sides import Bundles, Side, check_sides, read_side
from cdk_modelbuilder.errors import UsageError


def compare(
    old: str,
    new: str,
    *,
    path: str | None = None,
    bundles: tuple[str, str] | None = None,
    show_values: bool = False,
    today: dt.date | None = None,
) -> Report:
    """What changes for the service from ``old`` to ``new``. Nothing is written, and no work tree touched.

    Args:
        old: A folder, ``REF:path`` in the current git repository, or ``REF`` with ``path``.
        new: The same.
        path: A folder below both; it may be missing in one.
        bundles: With two cloud assemblies: where the bundles of each are, to report of those that are deployed.
        show_values: Show the values of golden tests. They are somebody's data.
        today: Whether an image is past its end is told by this date. Default: today, in UTC.

    Raises:
        UsageError: A place that is nothing, two kinds, or nothing on both sides.
        BundleError: Something that cannot be read.
    """
    today = today or dt.datetime.now(dt.UTC).date()
    sides = tuple(read_side(open_place(place, path)) for place in (old, new))
    check_sides(*sides)
    if any(isinstance(side, CloudAssembly) for side in sides):
        assemblies = [side if isinstance(side, CloudAssembly) else None for side in sides]
        parts = compare_assemblies(*assemblies)
        if bundles is not None:
            found = [_deployed(read_side(open_place(place)), side)
                     for place, side in zip(bundles, assemblies, strict=True)]  # fmt: skip
            parts += _bundle_parts(found[0], found[1], today, show_values=show_values)
    else:
        if bundles is not None:
            raise UsageError("--bundles goes with two cloud assemblies.", remedy="Leave it out.")
        one, other = (side if isinstance(side, Bundles) else Bundles() for side in sides)
        parts = _bundle_parts(one, other, today, show_values=show_values)
    return masked(Report(tuple(parts)))


def _bundle_parts(old: Bundles, new: Bundles, today: dt.date, *, show_values: bool) -> list[Part]:
    parts = []
    for folder in sorted(old.by_folder.keys() | new.by_folder.keys()):
        part = compare_bundles(
            old.by_folder.get(folder), new.by_folder.get(folder), today=today, show_values=show_values, folder=folder
        )
        if part is not None:
            parts.append(part)
    return parts


def _deployed(side: Side, assembly: CloudAssembly | None) -> Bundles:
    """Those bundles whose root digest the assembly's templates name."""
    if isinstance(side, CloudAssembly):
        raise UsageError("--bundles names a cloud assembly.", remedy="Name bundles, or folders of bundles.")
    if side is None or assembly is None:
        return Bundles()
    text = json.dumps([dict(r.properties) for stack in assembly.stacks.values() for r in stack.resources.values()])
    return Bundles({folder: bundle for folder, bundle in side.by_folder.items() if bundle.root_sha256 in text})
