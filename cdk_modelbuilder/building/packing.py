"""Makes the list of packages of what was captured, has it locked where that is asked for, and writes it down."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from cdk_modelbuilder.building.capture import Captured
from cdk_modelbuilder.building.image_context import IMAGE_FOLDER, write_image_context, write_server_image
from cdk_modelbuilder.building.runtime import Runtime
from cdk_modelbuilder.bundle import MODEL_FOLDER
from cdk_modelbuilder.dependencies.delivery import Delivered, deliver, notes_on, record_of, write_source
from cdk_modelbuilder.dependencies.fit import fit
from cdk_modelbuilder.dependencies.lock_file import lock_text
from cdk_modelbuilder.dependencies.package_list import PackageList, Terms, make_list
from cdk_modelbuilder.dependencies.record import DependencyRecord
from cdk_modelbuilder.errors import DependencyError, IndexUnreachableError, ToolMissingError
from cdk_modelbuilder.servers import ServerAdapter

_log = logging.getLogger("cdk_modelbuilder")


@dataclass(frozen=True, slots=True)
class Packed:
    """What the bundle's text files say about its packages.

    Attributes:
        lock_text: ``requirements.lock``.
        record: ``dependencies.json``.
        pylock: ``pylock.toml``; None where no index was asked.
        notes: What the user should know.
        installs: What the container installs when it starts: nothing, or packages from an index or from the bundle.
        image_folder: Folder of the bundle that its own image is built from; None where it needs none.
        verifies: Whether that image's entry point verifies the model's folder.
    """

    lock_text: str
    record: DependencyRecord
    pylock: str | None
    notes: tuple[str, ...]
    installs: str
    image_folder: str | None = None
    verifies: bool = False


def pack(
    runtime: Runtime,
    captured: Captured,
    staging: Path,
    *,
    name: str,
    own: frozenset[str],
    on_progress: Callable[[str, int, int], object],
) -> Packed:
    """Settle the packages and write what the container needs of them.

    Args:
        runtime: What was known before the code ran.
        captured: What the code proved to need.
        staging: The bundle's folder; the inference code is in ``model/code``.
        name: The bundle's name.
        own: Editable installs that the user's own code is from.
        on_progress: Told of the steps.

    Raises:
        DependencyError: A package cannot be had for the container.
        UsageError: The user's lists contradict each other.
    """
    terms, code, server = runtime.terms, staging / MODEL_FOLDER / "code", runtime.host.server
    # What the model needs was captured too; where a server of its own runs it, that has it.
    packages = make_list(terms, captured.roots if server.runs_model else runtime.evidence.roots)
    on_progress("packaging dependencies", 0, 0)
    packages = _locked(packages, terms).for_review()
    write_source(packages, code, own)
    if server.requirements_file is None:
        _check_baked(packages, terms, server)
    requirements = staging / MODEL_FOLDER / (server.requirements_file or "requirements.txt")
    delivered = deliver(packages, terms, requirements, takes_hashes=server.takes_hashes, on_progress=on_progress)
    record = record_of(
        packages,
        delivered,
        terms,
        python=f"{sys.version_info.major}.{sys.version_info.minor}",
        left_out=captured.left_out,
        shipped=own,
    )
    notes = (*captured.notes, *notes_on(packages, delivered, terms), *delivered.notes)
    image_folder = None
    base, start = terms.target.image, runtime.host.verified_start
    if server.own_image:
        image_folder = IMAGE_FOLDER
        write_server_image(packages, staging / image_folder, name=name, base=base)
    elif start is not None or (terms.options.packaging == "image" and packages.fitted.to_install):
        image_folder = IMAGE_FOLDER
        baked = packages if terms.options.packaging == "image" else packages.without_installs()
        write_image_context(baked, staging / image_folder, name=name, base=base, start=start)
    installs = _installs(delivered, terms)
    return Packed(
        lock_text(packages.fitted.pins),
        record,
        packages.pylock,
        notes,
        installs,
        image_folder,
        verifies=server.own_image or start is not None,
    )


def _locked(packages: PackageList, terms: Terms) -> PackageList:
    """The list as an index has it for the container, where that is asked for; a wheelhouse cannot do without."""
    options = terms.options
    if options.lock is False and options.packaging != "wheels" and not options.hashes:
        return packages
    from cdk_modelbuilder.dependencies.locking import lock  # noqa: PLC0415 - only where an index is asked

    try:
        locked = lock(
            packages.fitted.pins,
            terms.target,
            index_options=packages.merged.index_options,
            local_links=[*packages.merged.local_links, *sorted({wheel.parent for wheel in packages.wheels.values()})],
            needs_hashes=options.hashes or packages.merged.require_hashes,
            may_build=options.packaging == "wheels",
        )
    except (IndexUnreachableError, ToolMissingError) as error:
        if options.lock != "auto" or options.packaging == "wheels" or options.hashes:
            raise
        _log.info("%s", error)
        return packages
    return replace(
        packages,
        fitted=replace(
            fit(locked.pins, terms.target, fixed=(), has_index=True),
            taken=packages.fitted.taken,
        ),
        notes=(*packages.notes, *locked.notes),
        checked=True,
        pylock=locked.pylock,
        target_only={},
    )


def _installs(delivered: Delivered, terms: Terms) -> str:
    if not delivered.installed:
        return "nothing"
    return "bundle" if terms.options.packaging == "wheels" else "index"


def _check_baked(packages: PackageList, terms: Terms, server: ServerAdapter) -> None:
    """Refuse packages that a server without an installer would not have."""
    if packages.fitted.to_install and terms.options.packaging != "image":
        lines = ", ".join(pin.requirement for pin in packages.fitted.to_install)
        raise DependencyError(
            f"{server.title} installs nothing when it starts, and {terms.target.image} lacks {lines}.",
            remedy="dependencies={'packaging': 'image'} bakes them into an image on top of that one.",
        )
