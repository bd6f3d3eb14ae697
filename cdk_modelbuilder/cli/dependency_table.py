"""The packages of a bundle as a table for people and as plain data for machines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.dependencies.listing import packages_of
from cdk_modelbuilder.dependencies.record import DependencyRecord, PackageRecord, read_record

_HEADS = ("package", "version", "where", "why")


def listed(bundle: ModelBundle) -> dict[str, Any]:
    """``dependencies.json``, or what stands for it in a bundle that has none."""
    record = read_record(bundle)
    if record is not None:
        return record.to_json()
    return {"packages": [one.to_json() for one in packages_of(bundle)], "from": "requirements.lock"}


def list_text(bundle: ModelBundle) -> str:
    """The table, what was left out and why, and what is known about the list as a whole."""
    record = read_record(bundle)
    rows = [(one.name, _version(one), _where(one, record), one.reason) for one in packages_of(bundle)]
    if record is not None:
        rows += [
            (name, one.version or "-", "source in the bundle", f"from {one.source}")
            for name, one in sorted(record.vendored.items())
        ]
    parts = [_table(rows) if rows else "the model needs no packages"]
    if record is None:
        parts.append("note: there is no dependencies.json, so what the image brings and what was left out is not known")
        return "\n\n".join(parts)
    if record.left_out:
        width = max(map(len, record.left_out))
        lines = [f"  {name:<{width}}  {reason}" for name, reason in sorted(record.left_out.items())]
        parts.append("\n".join(["left out", *lines]))
    asked = (
        "an index was asked for every package"
        if record.checked
        else "unchecked: no index was asked, these are the versions of where it was built (--check asks)"
    )
    parts.append(f"for {record.image}, Python {record.target_python} on {record.target_machine}; {asked}")
    return "\n\n".join(parts)


def _version(package: PackageRecord) -> str:
    return package.version or package.requirement.removeprefix(package.name).strip() or "any"


def _where(package: PackageRecord, record: DependencyRecord | None) -> str:
    if record is None:
        return "-"
    is_inside = package.in_image == package.version
    if not package.installed_by_container and (is_inside or record.packaging != "image"):
        return "in the image"
    where = {"install": "installed at start", "wheels": "wheel in the bundle", "image": "put into your image"}
    over = f", over {package.in_image}" if package.in_image and not is_inside else ""
    return where[record.packaging] + over


def _table(rows: Sequence[tuple[str, str, str, str]]) -> str:
    widths = [max(len(row[column]) for row in (_HEADS, *rows)) for column in range(3)]
    return "\n".join(
        "  ".join([*(f"{cell:<{width}}" for cell, width in zip(row[:3], widths, strict=True)), row[3]]).rstrip()
        for row in (_HEADS, *rows)
    )
