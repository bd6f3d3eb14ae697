"""What a container sees as its model's folder: the bundle's own, the archive unpacked, or a readable copy."""

from __future__ import annotations

import os
import shutil
import stat
import tarfile
from pathlib import Path

from cdk_modelbuilder.archive_check import check_archive
from cdk_modelbuilder.bundle import ARCHIVE_FILE, ModelBundle
from cdk_modelbuilder.errors import LocalEndpointError, UsageError
from cdk_modelbuilder.integrity import verifier
from cdk_modelbuilder.local.container.options import ContainerOptions
from cdk_modelbuilder.local.container.request import Mount


def model_mount(bundle: ModelBundle, options: ContainerOptions, folder: Path, *, by_root: bool) -> Mount | None:
    """What is mounted where; None for a model without files.

    The files lie in ``model/`` of the bundle. Where only ``model.tar.gz`` is there, it is unpacked as SageMaker would,
    after every member was compared with the manifest. A user who is not root must be able to read them too: where the
    permissions forbid that, a copy is mounted.

    Args:
        bundle: The bundle.
        options: The user's options.
        folder: An empty temporary folder for what has to be unpacked or copied.
        by_root: Whether root reads the files in the container.

    Raises:
        IntegrityError: The archive is not what was signed.
        LocalEndpointError: There is no space to unpack it.
        UsageError: The files are in S3 and no folder was given, or the folder given is none.
    """
    data = bundle.container.model_data
    if data.form == "none":
        return None
    if data.form == "s3":
        source = _given(bundle, options)
    elif bundle.model_dir.is_dir() or not bundle.archive_path.is_file():
        source = bundle.model_dir
    else:
        source = _unpacked(bundle, folder)
    source = source.resolve()
    if not by_root and not all_may_read(source):
        source = _readable_copy(source, folder / "readable")
    return Mount(source, data.mount_path)


def all_may_read(folder: Path) -> bool:
    """Whether every user may read every file below ``folder``; who may enter the folders above it does not matter."""
    readable, enterable = stat.S_IROTH, stat.S_IROTH | stat.S_IXOTH
    for place, _, names in os.walk(folder):
        if os.stat(place).st_mode & enterable != enterable:  # noqa: PTH116 - os.walk gives strings
            return False
        if not all(os.stat(os.path.join(place, name)).st_mode & readable for name in names):  # noqa: PTH116, PTH118
            return False
    return True


def _given(bundle: ModelBundle, options: ContainerOptions) -> Path:
    uri = bundle.container.model_data.uri
    if options.model_folder is None:
        raise UsageError(
            f"the files of {bundle.name} are in {uri}, which is not mounted here.",
            remedy=f"Fetch them (`aws s3 cp --recursive {uri} FOLDER`) and give model_folder=FOLDER.",
        )
    folder = Path(options.model_folder)
    if not folder.is_dir():
        raise UsageError(
            f"model_folder={str(folder)!r} is no folder.", remedy=f"Give the folder with what {uri} holds."
        )
    return folder


def _unpacked(bundle: ModelBundle, folder: Path) -> Path:
    resources = verifier.read_resources(bundle.manifest.data)
    members = {f"{verifier.METADATA_FOLDER}/{name}": data for name, data in bundle.metadata.items()}
    check_archive(bundle.archive_path, resources, members)
    place = folder / "model"
    try:
        with tarfile.open(bundle.archive_path) as archive:
            archive.extractall(place, filter="data")
    except OSError as error:
        raise LocalEndpointError(
            f"{ARCHIVE_FILE} of {bundle.name} cannot be unpacked in {folder}: {error.strerror or error}.",
            remedy="Make space there, or set TMPDIR to another folder.",
        ) from None
    return place


def _readable_copy(source: Path, place: Path) -> Path:
    try:
        shutil.copytree(source, place, copy_function=shutil.copyfile)
        for path in (place, *place.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
    except OSError as error:
        raise LocalEndpointError(
            f"{source} cannot be read by every user, and no copy of it can be made in {place.parent}: "
            f"{error.strerror or error}.",
            remedy=f"`chmod -R a+rX {source}`, or give user='root'.",
        ) from None
    return place
