"""The packages of any bundle: from ``dependencies.json``, else from ``requirements.lock``, which older bundles have."""

from __future__ import annotations

import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from cdk_modelbuilder.bundle import LOCK_FILE, PYLOCK_FILE, ModelBundle
from cdk_modelbuilder.dependencies.lock_file import WHEELS_FOLDER, index_options_of, read_pins
from cdk_modelbuilder.dependencies.pin import Pin
from cdk_modelbuilder.dependencies.pylock_text import file_hashes
from cdk_modelbuilder.dependencies.record import Origin, PackageRecord, read_record
from cdk_modelbuilder.dependencies.resolution import as_requirement
from cdk_modelbuilder.dependencies.target import Target
from cdk_modelbuilder.errors import BundleError


def packages_of(bundle: ModelBundle) -> tuple[PackageRecord, ...]:
    """The packages, sorted by name; those of an older bundle know little more than their line.

    Raises:
        BundleError: The file is missing or malformed.
    """
    record = read_record(bundle)
    if record is not None:
        return tuple(sorted(record.packages, key=lambda one: one.name))
    return tuple(_from_pin(pin) for pin in sorted(pins_of(bundle), key=lambda one: one.name))


def pins_of(bundle: ModelBundle) -> list[Pin]:
    """The lines of ``requirements.lock``.

    Raises:
        BundleError: The file is missing or malformed.
    """
    path = bundle.path / LOCK_FILE
    try:
        return read_pins(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise BundleError(f"{path} cannot be read: {error}.", remedy="Restore the file, or build again.") from None


def pylock_hashes(bundle: ModelBundle) -> dict[str, tuple[str, ...]]:
    """Normalised name -> digests of its files, of the bundle's ``pylock.toml``; empty without one.

    Raises:
        BundleError: It is malformed.
    """
    path = bundle.path / PYLOCK_FILE
    try:
        packages = tomllib.loads(path.read_text("utf-8")).get("packages", [])
        return {canonicalize_name(one["name"]): file_hashes(one) for one in packages}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BundleError(f"{path} cannot be read: {error}.", remedy="Restore the file, or build again.") from None


def target_of(bundle: ModelBundle) -> Target:
    """The container's interpreter, as far as the bundle says it.

    Raises:
        BundleError: ``dependencies.json`` is malformed.
    """
    record = read_record(bundle)
    if record is not None:
        return Target(record.target_python, record.target_machine, image=record.image)
    return Target(bundle.container.image.python or str(bundle.info["python"]).rpartition(".")[0])


def wheels_of(bundle: ModelBundle) -> Path | None:
    """The wheels in the bundle, if it has any and they are here."""
    folder = _install_folder(bundle) / WHEELS_FOLDER
    return folder.resolve() if folder.is_dir() else None


def container_options(bundle: ModelBundle) -> list[str]:
    """Options of pip that the container's requirements name: where packages come from."""
    return index_options_of(_container_text(bundle))


def installed_from_wheels(bundle: ModelBundle) -> list[Pin]:
    """What the container installs from the bundle's own wheels, without an index; empty if it asks one.

    Raises:
        BundleError: The container's file is malformed.
    """
    lines = _container_text(bundle).splitlines()
    if "--no-index" not in lines:
        return []
    return read_pins("".join(f"{line}\n" for line in lines if not line.startswith("--")))


def _container_text(bundle: ModelBundle) -> str:
    path = _install_folder(bundle) / "requirements.txt"
    return path.read_text("utf-8") if path.is_file() else ""


def _install_folder(bundle: ModelBundle) -> Path:
    """Where the packages' file lies: with the code, or where the bundle's own image is built from."""
    image = bundle.path / "image"
    if (image / "requirements.txt").is_file():
        return image
    return (bundle.model_dir / (bundle.container.requirements_file or "code/requirements.txt")).parent


def _from_pin(pin: Pin) -> PackageRecord:
    url = Requirement(as_requirement(pin)).url or ""
    origin: Origin = "vcs" if url.startswith("git+") else "url" if url else "index"
    return PackageRecord(pin.name, pin.version, pin.requirement, pin.reason, origin, hashes=pin.hashes)
