"""Why no image fits, and what comes nearest."""

from __future__ import annotations

from collections.abc import Sequence

from cdk_modelbuilder.images.catalogue import ContainerImage
from cdk_modelbuilder.images.errors import NoMatchingImage
from cdk_modelbuilder.images.fitness import Fit, SavedFiles, fit
from cdk_modelbuilder.images.host import Host
from cdk_modelbuilder.images.regions import neighbours

_MOST_NAMED = 5
_OTHERWISE = "use the model server 'builtin', which has an image of its own, or name an image of yours by its URI."


def no_match(
    images: Sequence[ContainerImage], files: SavedFiles, host: Host, servers: Sequence[str]
) -> NoMatchingImage:
    """The error for images of which none fits, with the first demand that none of them meets."""
    able = [image for image in images if fit(image, files) is not Fit.NOT]
    if not able:
        held = _named([f"{image.frameworks.get(files.framework) or 'none'} ({image.name})" for image in images])
        return NoMatchingImage(
            f"No image of {_servers(servers)} reads what {files.distribution} {files.version} saved; "
            f"they bring {held}.",
            remedy=f"Save the model with one of these, {_OTHERWISE}",
        )
    for name, is_met in host.demands():
        left = [image for image in able if is_met(image)]
        if not left:
            return _refusals[name](able, files, host)
        able = left
    return _retired(able, files, servers)


def _no_processor(images: Sequence[ContainerImage], files: SavedFiles, host: Host) -> NoMatchingImage:
    offered = _named([f"{image.processor} on {image.architecture} ({image.name})" for image in _one_a_kind(images)])
    return NoMatchingImage(
        f"No {files.framework} image is for {host.processor} on {host.architecture}; on offer are {offered}.",
        remedy=f"Choose an instance type of such a kind, {_OTHERWISE}",
    )


def _no_python(images: Sequence[ContainerImage], files: SavedFiles, host: Host) -> NoMatchingImage:
    offered = _named([f"{image.python} ({image.name})" for image in images])
    return NoMatchingImage(
        f"No {files.framework} image has Python {host.python}; on offer are {offered}.",
        remedy="Build the bundle under one of these Pythons, ship the code as a source file instead of pickling it, "
        f"{_OTHERWISE}",
    )


def _no_region(images: Sequence[ContainerImage], files: SavedFiles, host: Host) -> NoMatchingImage:
    near = neighbours(host.region or "", images[0].accounts)
    return NoMatchingImage(
        f"AWS offers no {files.framework} image in {host.region!r}.",
        remedy=(f"Deploy to {near}, " if near else "Copy an image into a registry of your own, ") + _OTHERWISE,
    )


def _retired(images: Sequence[ContainerImage], files: SavedFiles, servers: Sequence[str]) -> NoMatchingImage:
    first = images[0]
    return NoMatchingImage(
        f"Every {files.framework} image of {_servers(servers)} that fits is retired; of {first.name}: {first.retired}",
        remedy=f"To run it nonetheless, name its server: model_server={first.model_server!r}; or {_OTHERWISE}",
    )


_refusals = {"processor": _no_processor, "python": _no_python, "region": _no_region}


def _one_a_kind(images: Sequence[ContainerImage]) -> list[ContainerImage]:
    kinds = {(image.processor, image.architecture): image for image in reversed(images)}
    return [kinds[kind] for kind in sorted(kinds)]


def _servers(servers: Sequence[str]) -> str:
    return "the model server " + servers[0] if len(servers) == 1 else f"the model servers {', '.join(servers)}"


def _named(texts: Sequence[str]) -> str:
    more = [f"{len(texts) - _MOST_NAMED} more"] if len(texts) > _MOST_NAMED else []
    return ", ".join([*texts[:_MOST_NAMED], *more])
