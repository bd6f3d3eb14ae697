"""The image that a container runs: here already, pulled, or built from the bundle's image folder."""

from __future__ import annotations

import contextlib
import hashlib
import io
import re
import tarfile
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.errors import LocalEndpointError, UsageError
from cdk_modelbuilder.local.container.engine import Engine
from cdk_modelbuilder.local.container.options import ContainerOptions
from cdk_modelbuilder.local.container.pulling import pull
from cdk_modelbuilder.local.container.refusals import NO_SPACE, no_space
from cdk_modelbuilder.local.container.registry import image_uri

_BASE_LABEL = "cdk-modelbuilder.base"
_LAST_LINES = 25
_locks: dict[str, threading.Lock] = {}
_all_locks = threading.Lock()


@dataclass(frozen=True, slots=True)
class LocalImage:
    """An image that the daemon has.

    Attributes:
        name: What the daemon knows it by.
        id: ``sha256:`` and the digest of its configuration.
        user: Whom its processes run as; empty for root.
        architecture: In Docker's words, such as ``amd64``.
    """

    name: str
    id: str
    user: str
    architecture: str


def prepare_image(
    engine: Engine, bundle: ModelBundle, options: ContainerOptions, say: Callable[[str], object]
) -> LocalImage:
    """The bundle's image, which the daemon has when this returns.

    Args:
        engine: The daemon.
        bundle: The bundle.
        options: When to pull, and how to log in.
        say: Called with each line about a pull or a build.

    Raises:
        LocalEndpointError: It cannot be pulled or built.
        UsageError: Nobody knows where it is.
    """
    uri = image_uri(bundle.container.image, options.region)
    with _one_at_a_time(f"{bundle.path}\n{uri}"):  # copies of one endpoint start together
        return _prepared(engine, bundle, uri, options, say)


def _prepared(
    engine: Engine, bundle: ModelBundle, uri: str, options: ContainerOptions, say: Callable[[str], object]
) -> LocalImage:
    reference = bundle.container.image
    if reference.build is None:
        return _present(engine, uri, options, say, architecture=reference.architecture)
    context = bundle.path / reference.build
    if not (context / "Dockerfile").is_file():
        raise UsageError(f"{context} has no Dockerfile to build the image from.", remedy="Build the bundle again.")
    tag = f"{_repository(bundle.name)}:{context_digest(context, uri)[:16]}"
    base = find_image(engine.api, uri)
    built = find_image(engine.api, tag)
    if built is not None and options.pull != "always":
        recorded = (built["Config"].get("Labels") or {}).get(_BASE_LABEL)
        if base is None or recorded == base["Id"]:  # a base that was removed meanwhile is not fetched for nothing
            return _image(tag, built)
    below = _present(engine, uri, options, say, architecture=reference.architecture)
    say(f"building {tag} on {uri}")
    _build(engine.api, context, tag, below, say)
    found = find_image(engine.api, tag)
    assert found is not None
    if built is not None and built["Id"] != found["Id"]:
        _forget(engine.api, str(built["Id"]))  # it has lost its tag to the new one
    return _image(tag, found)


def find_image(api: Any, name: str) -> dict[str, Any] | None:
    """What the daemon knows of an image; None if it does not have it."""
    from docker.errors import ImageNotFound, NotFound  # noqa: PLC0415 - an extra

    try:
        found: dict[str, Any] = api.inspect_image(name)
    except (ImageNotFound, NotFound):
        return None
    return found


def context_digest(context: Path, base: str) -> str:
    """What names an image: a SHA-256 (hex) over every file that it is built from, and over the name of its base."""
    digest = hashlib.sha256(f"cdk-modelbuilder/local-image/v1\n{base}\n".encode())
    for path in _files(context):
        name = path.relative_to(context).as_posix().encode()
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").digest()
        digest.update(len(name).to_bytes(4, "big") + name + content)
    return digest.hexdigest()


@contextlib.contextmanager
def _one_at_a_time(what: str) -> Iterator[None]:
    with _all_locks:
        lock = _locks.setdefault(what, threading.Lock())
    with lock:
        yield


def _present(
    engine: Engine, uri: str, options: ContainerOptions, say: Callable[[str], object], *, architecture: str
) -> LocalImage:
    found = None if options.pull == "always" else find_image(engine.api, uri)
    if found is None and options.pull == "never":
        raise LocalEndpointError(
            f"{engine} has no image {uri}, and pull='never' forbids to fetch it.",
            remedy="Give pull='missing', or pull or build it yourself.",
        )
    if found is None:
        pull(engine, uri, architecture=architecture, session=options.session, say=say)
        found = find_image(engine.api, uri)
        assert found is not None
    return _image(uri, found)


def _forget(api: Any, image: str) -> None:
    from docker.errors import APIError  # noqa: PLC0415 - an extra

    with contextlib.suppress(APIError):  # a container runs it
        api.remove_image(image)


def _image(name: str, found: dict[str, Any]) -> LocalImage:
    return LocalImage(
        name, str(found["Id"]), str(found["Config"].get("User") or ""), str(found.get("Architecture", ""))
    )


def _repository(name: str) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    return f"cdk-modelbuilder/{words or 'model'}"


def _files(context: Path) -> list[Path]:
    return sorted(path for path in context.rglob("*") if path.is_file())


def _build(api: Any, context: Path, tag: str, below: LocalImage, say: Callable[[str], object]) -> None:
    from docker.errors import APIError  # noqa: PLC0415 - an extra

    lines: list[str] = []
    with tempfile.TemporaryFile() as archive:
        _pack(context, archive)
        archive.seek(0)
        try:
            for event in api.build(
                fileobj=archive,
                custom_context=True,
                tag=tag,
                buildargs={"BASE_IMAGE": below.name},
                labels={_BASE_LABEL: below.id},
                rm=True,
                forcerm=True,
                decode=True,
            ):
                if "error" in event:
                    raise _build_failure(tag, str(event["error"]).strip(), lines)
                for line in str(event.get("stream", "")).splitlines():
                    if line.strip():
                        lines.append(line)
                        say(line)
        except APIError as error:
            raise _build_failure(tag, str(error.explanation or error), lines) from None


def _pack(context: Path, archive: IO[bytes]) -> None:
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as packed:
        for path in _files(context):
            member = tarfile.TarInfo(path.relative_to(context).as_posix())
            data = path.read_bytes()
            member.size, member.mode = len(data), 0o644
            packed.addfile(member, io.BytesIO(data))


def _build_failure(tag: str, reason: str, lines: list[str]) -> LocalEndpointError:
    said = "".join(f"  {line}\n" for line in lines[-_LAST_LINES:])
    if any(NO_SPACE in line for line in (reason, *lines[-_LAST_LINES:])):
        return no_space(f"the image {tag}")
    return LocalEndpointError(
        f"the image {tag} was not built: {reason.rstrip('.')}. Its last words:\n{said}",
        remedy="The reason is in these lines; where pip finds no index, PIP_INDEX_URL in the base image names one.",
    )
