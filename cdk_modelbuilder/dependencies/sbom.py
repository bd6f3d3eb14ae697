"""A software bill of materials of a bundle: CycloneDX 1.6 as JSON, https://cyclonedx.org/docs/1.6/json/.

The same bundle gives the same bytes: the serial number comes from the root digest, and there is no time in it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from packaging.requirements import InvalidRequirement, Requirement

from cdk_modelbuilder._version import __version__
from cdk_modelbuilder.bundle import ModelBundle, json_bytes
from cdk_modelbuilder.dependencies.listing import packages_of, pylock_hashes
from cdk_modelbuilder.dependencies.pin import Pin
from cdk_modelbuilder.dependencies.record import PackageRecord, VendoredRecord, read_record
from cdk_modelbuilder.dependencies.resolution import as_requirement

_SERIALS = uuid.UUID("0d1f6c1e-6f2b-5a0b-9d0b-2b6f9c4f7a31")  # the namespace of these serial numbers, made up once
_ALGORITHMS = {"md5": "MD5", "sha1": "SHA-1", "sha256": "SHA-256", "sha384": "SHA-384", "sha512": "SHA-512"}
_MODEL = "model"
_IMAGE = "image"
_PREFIX = "cdk-modelbuilder:"


def sbom_json(bundle: ModelBundle) -> bytes:
    """The bill of materials of ``bundle``: the model, its image, its packages and what each requires.

    Raises:
        BundleError: The bundle's list of packages is missing or malformed.
    """
    record = read_record(bundle)
    packages = packages_of(bundle)
    vendored: Mapping[str, VendoredRecord] = {} if record is None else record.vendored
    image = bundle.container.image
    image_name = image.uri or (f"{image.repository}:{image.tag}" if image.repository else None)
    hashes = pylock_hashes(bundle)
    components = [_package(one, one.hashes or hashes.get(one.name, ())) for one in packages]
    components += [_vendored(name, one) for name, one in sorted(vendored.items())]
    components += [] if image_name is None else [_image(image_name)]
    return json_bytes(
        {
            "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "serialNumber": f"urn:uuid:{uuid.uuid5(_SERIALS, bundle.root_sha256)}",
            "version": 1,
            "metadata": {
                "component": {
                    "type": "machine-learning-model",
                    "bom-ref": _MODEL,
                    "name": bundle.name,
                    "version": bundle.root_sha256[:12],
                    "hashes": [{"alg": "SHA-256", "content": bundle.root_sha256}],
                },
                "tools": {
                    "components": [{"type": "application", "name": "cdk-modelbuilder", "version": __version__}],
                },
            },
            "components": components,
            "dependencies": _graph(packages, vendored, has_image=image_name is not None),
        }
    )


def package_url(package: PackageRecord) -> str:
    """The package's purl, https://github.com/package-url/purl-spec.

    >>> package_url(PackageRecord("numpy", "2.4.6", "numpy==2.4.6", "why"))
    'pkg:pypi/numpy@2.4.6'
    """
    version = f"@{quote(package.version, safe='')}" if package.version else ""
    return f"pkg:pypi/{package.name}{version}{_qualifier(package)}"


def _qualifier(package: PackageRecord) -> str:
    try:
        url = Requirement(as_requirement(Pin(package.name, package.requirement, ""))).url
    except InvalidRequirement:
        return ""
    if not url:
        return ""
    name = "vcs_url" if url.startswith("git+") else "download_url"
    return f"?{name}={quote(url, safe='/:')}"


def _package(package: PackageRecord, hashes: Iterable[str]) -> dict[str, Any]:
    where = "the container installs it" if package.installed_by_container else "the image has it"
    facts = {
        "in_image": package.in_image,
        "installed": where,
        "origin": package.origin,
        "reason": package.reason,
        "requirement": package.requirement,
    }
    return {
        "type": "library",
        "bom-ref": _reference(package.name),
        "name": package.name,
        **({"version": package.version} if package.version else {}),
        "scope": "required",
        "purl": package_url(package),
        **({"licenses": [_license(package.license)]} if package.license else {}),
        **({"hashes": _hashes(hashes)} if hashes else {}),
        "properties": _properties(facts),
    }


def _vendored(name: str, vendored: VendoredRecord) -> dict[str, Any]:
    return {
        "type": "library",
        "bom-ref": f"vendored:{name}",
        "name": name,
        **({"version": vendored.version} if vendored.version else {}),
        "scope": "required",
        "properties": _properties({"origin": "vendored", "source": vendored.source}),
    }


def _image(name: str) -> dict[str, Any]:
    bare, _, tag = name.rpartition(":") if ":" in name.rpartition("/")[2] else (name, "", "")
    return {"type": "container", "bom-ref": _IMAGE, "name": bare, **({"version": tag} if tag else {})}


def _graph(
    packages: Iterable[PackageRecord], vendored: Mapping[str, VendoredRecord], *, has_image: bool
) -> list[dict[str, Any]]:
    by_name = {one.name: one for one in packages}
    required = {name for one in by_name.values() for name in one.requires}
    direct = [
        name for name, one in by_name.items() if name not in required or not one.reason.startswith("required by ")
    ]
    model = [*map(_reference, direct), *(f"vendored:{name}" for name in vendored), *([_IMAGE] if has_image else [])]
    edges = {_MODEL: model, **{f"vendored:{name}": [] for name in vendored}, **({_IMAGE: []} if has_image else {})}
    for name, one in by_name.items():
        edges[_reference(name)] = [_reference(other) for other in one.requires if other in by_name]
    return [{"ref": ref, "dependsOn": sorted(set(targets))} for ref, targets in sorted(edges.items())]


def _reference(name: str) -> str:
    return f"package:{name}"


def _license(text: str) -> dict[str, Any]:
    """An SPDX expression as such, other words as the name of a license."""
    try:
        from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression  # noqa: PLC0415
    except ImportError:  # packaging before 24.2
        return {"license": {"name": text}}
    try:
        return {"expression": str(canonicalize_license_expression(text))}
    except InvalidLicenseExpression:
        return {"license": {"name": text}}


def _hashes(hashes: Iterable[str]) -> list[dict[str, str]]:
    parts = [one.partition(":") for one in sorted(set(hashes))]
    return [{"alg": _ALGORITHMS[name], "content": digest} for name, _, digest in parts if name in _ALGORITHMS]


def _properties(facts: Mapping[str, str | None]) -> list[dict[str, str]]:
    return [{"name": _PREFIX + name, "value": value} for name, value in sorted(facts.items()) if value]
