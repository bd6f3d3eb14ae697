"""``dependencies.json``: what a bundle needs at run time, why, and where it comes from, for tools and for reviewers.

``requirements.lock`` says what is installed; this says the rest: which modules a package brings, what it requires, its
license, what the container's image has already, what was left out, and which source lies beside ``inference.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, get_args

from cdk_modelbuilder.dependencies.record_fields import FieldError, Fields
from cdk_modelbuilder.errors import BundleError
from cdk_modelbuilder.integrity import verifier

if TYPE_CHECKING:
    from cdk_modelbuilder.bundle import ModelBundle

RECORD_FILE = "dependencies.json"
FORMAT_VERSION = 1

Origin = Literal["index", "vcs", "url", "wheel", "vendored"]
Packaging = Literal["install", "wheels", "image"]


@dataclass(frozen=True, slots=True)
class PackageRecord:
    """One package of a bundle.

    Attributes:
        name: Normalised distribution name.
        version: The version that is installed; None where the requirement leaves it open.
        requirement: The line of ``requirements.lock``.
        reason: Why it is there, in words.
        origin: Where it comes from: ``index``, ``vcs``, ``url``, ``wheel`` or ``vendored``.
        modules: Names that are imported from it, sorted.
        requires: Normalised names of other packages of the bundle that it requires, sorted.
        license: SPDX expression, or what the package says, on one line; None if it says nothing.
        in_image: Version that the container's image brings; None if it brings none, or nothing is known.
        installed_by_container: Whether the container installs it when it starts.
        hashes: ``sha256:<hex>`` of each file that may be installed.
    """

    name: str
    version: str | None
    requirement: str
    reason: str
    origin: Origin = "index"
    modules: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    license: str | None = None
    in_image: str | None = None
    installed_by_container: bool = True
    hashes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain data for the file."""
        return {
            "name": self.name,
            "version": self.version,
            "requirement": self.requirement,
            "reason": self.reason,
            "origin": self.origin,
            "modules": sorted(self.modules),
            "requires": sorted(self.requires),
            "license": self.license,
            "in_image": self.in_image,
            "installed_by_container": self.installed_by_container,
            "hashes": sorted(self.hashes),
        }

    @classmethod
    def from_fields(cls, fields: Fields) -> PackageRecord:
        """From one object of the list ``packages``."""
        return cls(
            name=fields.text("name"),
            version=fields.optional_text("version"),
            requirement=fields.text("requirement"),
            reason=fields.text("reason"),
            origin=fields.choice("origin", get_args(Origin)),
            modules=fields.texts("modules"),
            requires=fields.texts("requires"),
            license=fields.optional_text("license"),
            in_image=fields.optional_text("in_image"),
            installed_by_container=fields.flag("installed_by_container"),
            hashes=fields.texts("hashes"),
        )


@dataclass(frozen=True, slots=True)
class VendoredRecord:
    """Source of a package or module that lies in the bundle itself.

    Attributes:
        source: Where it came from, in words or as an address; no path of the machine that built the bundle.
        version: Its version; None if it has none.
    """

    source: str
    version: str | None = None


@dataclass(frozen=True, slots=True)
class DependencyRecord:
    """Everything in ``dependencies.json``.

    Attributes:
        packages: Sorted by name.
        python: Minor version of the Python that built the bundle.
        target_python: Minor version of the container's Python.
        target_machine: ``x86_64`` or ``aarch64``.
        image: What the container's image is called.
        checked: Whether an index was asked that every package is to be had for that Python and platform.
        packaging: Where the container gets them: ``install`` at its start, ``wheels`` of the bundle, or its ``image``.
        left_out: What was found and not taken -> why.
        vendored: Module or package that is shipped as source -> where it came from.
    """

    packages: tuple[PackageRecord, ...]
    python: str
    target_python: str
    target_machine: str
    image: str
    checked: bool
    packaging: Packaging = "install"
    left_out: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    vendored: Mapping[str, VendoredRecord] = field(default_factory=lambda: MappingProxyType({}))

    def to_json(self) -> dict[str, Any]:
        """Plain data for the file, in an order that depends on the content alone."""
        return {
            "format_version": FORMAT_VERSION,
            "packages": [package.to_json() for package in sorted(self.packages, key=lambda one: one.name)],
            "python": self.python,
            "target_python": self.target_python,
            "target_machine": self.target_machine,
            "image": self.image,
            "checked": self.checked,
            "packaging": self.packaging,
            "left_out": dict(sorted(self.left_out.items())),
            "vendored": {
                name: {"source": one.source, "version": one.version} for name, one in sorted(self.vendored.items())
            },
        }

    @classmethod
    def from_json(cls, data: Any) -> DependencyRecord:
        """The record in plain data.

        Raises:
            BundleError: A part is missing, of the wrong type, or of a newer format.
        """
        try:
            fields = Fields(data, RECORD_FILE)
            found_version = fields.number("format_version")
            if found_version > FORMAT_VERSION:
                raise BundleError(
                    f"{RECORD_FILE} has format version {found_version}; this version reads up to {FORMAT_VERSION}.",
                    remedy="Upgrade cdk-modelbuilder.",
                )
            vendored = fields.objects_by_name("vendored")
            return cls(
                packages=tuple(PackageRecord.from_fields(one) for one in fields.objects("packages")),
                python=fields.text("python"),
                target_python=fields.text("target_python"),
                target_machine=fields.text("target_machine"),
                image=fields.text("image"),
                checked=fields.flag("checked"),
                packaging=fields.choice("packaging", get_args(Packaging)),
                left_out=fields.texts_by_name("left_out"),
                vendored={
                    name: VendoredRecord(one.text("source"), one.optional_text("version"))
                    for name, one in vendored.items()
                },
            )
        except FieldError as error:
            raise BundleError(f"{error}", remedy="Restore the file from version control, or build again.") from None


def read_record(bundle: ModelBundle) -> DependencyRecord | None:
    """The record of a bundle; None for one that was built before there were such files.

    Raises:
        BundleError: The file cannot be read, or is malformed.
    """
    path = bundle.path / RECORD_FILE
    try:
        return DependencyRecord.from_json(verifier.parse_json_object(path.read_bytes(), RECORD_FILE))
    except FileNotFoundError:
        return None
    except (OSError, verifier.IntegrityError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise BundleError(
            f"{path} cannot be read: {reason}", remedy="Restore it from version control, or build again."
        ) from None
