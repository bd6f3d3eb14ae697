"""What is in a tree: bundles, a cloud assembly, or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cdk_modelbuilder.comparing.assemblies.cloud_assembly import CloudAssembly, is_cloud_assembly, read_assembly
from cdk_modelbuilder.comparing.bundles.bundle_text import BundleText, is_bundle_tree, read_bundle
from cdk_modelbuilder.comparing.trees import Tree
from cdk_modelbuilder.errors import UsageError


@dataclass(frozen=True)
class Bundles:
    """One bundle, or a folder of them.

    Attributes:
        by_folder: Name of the folder -> bundle; one alone has no name.
    """

    by_folder: Mapping[str, BundleText] = field(default_factory=dict)

    @property
    def is_one(self) -> bool:
        """Whether this is a bundle, and no folder of bundles."""
        return "" in self.by_folder


Side = Bundles | CloudAssembly | None
"""None is nothing, where there may be something on the other side."""


def read_side(tree: Tree) -> Side:
    """What is in ``tree``.

    Raises:
        BundleError: It is neither bundles nor a cloud assembly, or cannot be read.
        UsageError: It is something else.
    """
    if tree.is_empty:
        return None
    if is_bundle_tree(tree):
        return Bundles({"": read_bundle(tree)})
    if is_cloud_assembly(tree):
        return read_assembly(tree)
    below = {name: tree.below(name) for name in tree.folders() if not name.startswith(".")}
    found = {name: read_bundle(inner) for name, inner in below.items() if is_bundle_tree(inner)}
    if found:
        return Bundles(found)
    raise UsageError(
        f"{tree.name} is neither a bundle, nor a folder of bundles, nor a cloud assembly (cdk.out).",
        remedy="Name the folder that build() or `cdk synth` wrote, or add --path to a commit.",
    )


def check_sides(old: Side, new: Side) -> None:
    """Refuse what cannot be compared.

    Raises:
        UsageError: Two different kinds, or nothing on both sides.
    """
    if old is None and new is None:
        raise UsageError(
            "there is nothing on either side.", remedy="Check the paths; a bundle has bundle.json, cdk.out a manifest."
        )
    kinds = [_kind(side) for side in (old, new) if side is not None]
    if len(set(kinds)) > 1:
        raise UsageError(
            f"OLD is {kinds[0]}, and NEW is {kinds[1]}.", remedy="Compare two of one kind: a bundle with a bundle."
        )


def _kind(side: Bundles | CloudAssembly) -> str:
    if isinstance(side, CloudAssembly):
        return "a cloud assembly"
    return "a bundle" if side.is_one else "a folder of bundles"
