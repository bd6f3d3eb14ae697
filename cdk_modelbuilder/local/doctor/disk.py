"""Free space where images, bundles and temporary files go, against what is needed."""

from __future__ import annotations

import os
import shlex
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cdk_modelbuilder.local.doctor.check import Check, Circumstances
from cdk_modelbuilder.local.doctor.docker_api import DockerApi, NoAnswerError, answering_daemon
from cdk_modelbuilder.local.doctor.docker_service import needs_container
from cdk_modelbuilder.local.doctor.finding import Finding, Outcome
from cdk_modelbuilder.local.doctor.image import image_here
from cdk_modelbuilder.local.doctor.mounts import roomiest_mount
from cdk_modelbuilder.local.doctor.platforms import Platform
from cdk_modelbuilder.local.doctor.sizes import GIBI, MEBI, size_text

_SPARE = 512 * MEBI
"""What logs, caches and the rest of a run take."""
_IMAGE_BYTES = {"cpu": 6 * GIBI, "gpu": 30 * GIBI, "neuron": 25 * GIBI}
"""What an image of AWS takes unpacked, while its layers are fetched: about, and rather too much."""
_FEW_INODES = 10_000


@dataclass(frozen=True, slots=True)
class _Place:
    """A folder that something will be written to.

    Attributes:
        what: What goes there, in words.
        path: The folder, or the nearest one above it that exists.
        needed: Bytes, with what is spared.
        reason: Where ``needed`` comes from.
        matters: Whether too little is a failure; else it is a warning.
        commands: Show what takes the space, and move it elsewhere.
    """

    what: str
    path: Path
    needed: int
    reason: str
    matters: bool
    commands: tuple[str, ...]


def _run(about: Circumstances) -> Iterator[Finding]:
    size = _bundle_bytes(about)
    temporary = _existing(Path(tempfile.gettempdir()))
    roomy = roomiest_mount()
    yield _judged(
        _Place(
            "temporary files",
            temporary,
            size + _SPARE,
            f"the model, {size_text(size)}, is unpacked there" if size else "a run needs some",
            matters=True,
            commands=(
                f"du -xhd1 {shlex.quote(str(temporary))} | sort -h | tail",
                f"export TMPDIR={shlex.quote(str((roomy or Path.home()) / 'tmp'))}; mkdir -p $TMPDIR",
            ),
        )
    )
    folder = _existing(about.bundle.path if about.bundle is not None else about.folder)
    yield _judged(
        _Place(
            "bundles",
            folder,
            2 * size + _SPARE,
            f"building this one again writes its {size_text(size)} aside first, and their archive" if size else "",
            matters=about.bundle is None,
            commands=(f"du -xhd1 {shlex.quote(str(folder))} | sort -h | tail",),
        )
    )
    yield _docker(about, roomy)


def _docker(about: Circumstances, roomy: Path | None) -> Finding:
    api = answering_daemon()
    if api is None:
        return Finding(CHECK.name, Outcome.SKIPPED, "no Docker daemon answers, so where its images lie is not known.")
    try:
        info = api.get("/info")
    except NoAnswerError as error:
        return Finding(CHECK.name, Outcome.SKIPPED, f"the Docker daemon does not say where its images lie: {error}.")
    root = Path(str(info.get("DockerRootDir", "")))
    is_elsewhere = about.system is Platform.MACOS or "Docker Desktop" in str(info.get("OperatingSystem"))
    if is_elsewhere or api.address.socket is None or not _is_here(root):
        return Finding(
            CHECK.name,
            Outcome.SKIPPED,
            f"Docker's images lie in {root} of another machine, or of Docker's virtual one; it has a disk of its own.",
            "See there what is used; Docker Desktop's settings and `colima start --disk` say how large it is.",
            ("docker system df", "docker system prune"),
        )
    needed, reason = _image_bytes(about, api)
    return _judged(
        _Place(
            "Docker's images",
            _existing(root),
            needed + _SPARE,
            reason,
            matters=needs_container(about) or needed == 0,
            commands=(
                "docker system df",
                "docker system prune  # stopped containers, networks and images without a name",
                *_moving(root, roomy),
            ),
        )
    )


def _image_bytes(about: Circumstances, api: DockerApi) -> tuple[int, str]:
    if about.bundle is None:
        return 0, ""
    image = about.bundle.container.image
    if image_here(api, image) is not None:
        return 0, "the image is here already"
    about_bytes = _IMAGE_BYTES.get(image.processor, _IMAGE_BYTES["cpu"])
    return about_bytes, f"an image for {image.processor} takes about {size_text(about_bytes)} unpacked"


def _moving(root: Path, roomy: Path | None) -> tuple[str, ...]:
    """Source: https://docs.docker.com/engine/daemon/#daemon-data-directory."""
    new = shlex.quote(str((roomy or Path("/mnt/roomy")) / "docker"))
    old = shlex.quote(str(root))
    return (
        f"# or move it all to a larger disk, such as {new}:",
        "sudo systemctl stop docker docker.socket",
        f"sudo mkdir -p {new} && sudo rsync -aHAX {old}/ {new}/",
        f'# in /etc/docker/daemon.json, put "data-root": "{new}"; a new file is {{"data-root": "{new}"}}',
        "sudo systemctl start docker",
        "docker info --format '{{.DockerRootDir}}'",
        f"sudo rm -r {old}  # once your images are listed by: docker images",
    )


def _judged(place: _Place) -> Finding:
    try:
        state = os.statvfs(place.path)
    except OSError as error:
        return Finding(CHECK.name, Outcome.WARNING, f"{place.path} cannot be looked at: {error.strerror}.")
    free = state.f_bavail * state.f_frsize
    said = f"{size_text(free)} free for {place.what} in {place.path}"
    bad = Outcome.FAILURE if place.matters else Outcome.WARNING
    if place.what != "Docker's images" and not os.access(place.path, os.W_OK):
        return Finding(
            CHECK.name,
            bad,
            f"{place.path}, for {place.what}, cannot be written.",
            "Name another, or mend its permissions.",
        )
    if free < place.needed:
        why = f": {place.reason}" if place.reason else ""
        return Finding(
            CHECK.name,
            bad,
            f"only {said}; {size_text(place.needed)} are needed{why}.",
            "See what takes the space, and make some.",
            place.commands,
        )
    if state.f_files > 0 and state.f_favail < _FEW_INODES:
        return Finding(
            CHECK.name,
            Outcome.WARNING,
            f"{said}, but only {state.f_favail} more files can be made there: it has too few inodes.",
            "Remove folders of many small files.",
            place.commands[:1],
        )
    return Finding(CHECK.name, Outcome.OK, f"{said}; {size_text(place.needed)} are needed.")


def _bundle_bytes(about: Circumstances) -> int:
    if about.bundle is None:
        return 0
    return sum(path.stat().st_size for path in about.bundle.model_dir.rglob("*") if path.is_file())


def _existing(path: Path) -> Path:
    path = path.absolute()
    return next((one for one in (path, *path.parents) if one.exists()), Path("/"))


def _is_here(root: Path) -> bool:
    try:
        return root.is_dir()
    except OSError:  # it may not be looked at, but something is there
        return True


CHECK = Check(
    "disk",
    "Disk",
    "free space and inodes for temporary files, bundles and Docker's images, against the bundle's size and its image's",
    "shows what takes the space, reclaims it, moves Docker's data (`data-root`) or temporary files (`TMPDIR`)",
    _run,
)
