"""Writes ``model/code``: the generated inference code, the user's source, and the runtime that travels beside them."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from cdk_modelbuilder import spec as spec_module
from cdk_modelbuilder.building.payload_code import CODECS_FOLDER, travelling_modules
from cdk_modelbuilder.bundle import json_bytes
from cdk_modelbuilder.dependencies.local_source import LocalSource
from cdk_modelbuilder.dependencies.vendoring import METADATA_FOLDER
from cdk_modelbuilder.errors import ModelError
from cdk_modelbuilder.integrity import public_signature, stored_key, unpickle, verifier
from cdk_modelbuilder.rendering import render
from cdk_modelbuilder.schema.openapi import openapi_document
from cdk_modelbuilder.serving import stand_in

if TYPE_CHECKING:
    from cdk_modelbuilder.building.plan import Plan

VERIFIER_FILES = {
    "modelbuilder_verify": verifier,
    "modelbuilder_public_signature": public_signature,
    "modelbuilder_stored_key": stored_key,
}
"""Name in the bundle -> module of the package that travels under it."""
RESERVED = ("inference", "modelbuilder_runtime", METADATA_FOLDER, *VERIFIER_FILES, "cdk_modelbuilder", "setup")
"""Top-level module names of our own in that folder, and the one that SageMaker's toolkit would run as an installer."""


def write(plan: Plan, folder: Path, *, name: str, builder_version: str) -> None:
    """Write everything below ``folder``.

    Raises:
        ModelError: A module of the user has one of our names.
    """
    runtime = folder / "modelbuilder_runtime"
    (runtime / "codecs").mkdir(parents=True)
    check_names(plan.source.files)
    template = plan.server.template
    assert template is not None
    text = render(
        template,
        name=name,
        builder_version=builder_version,
        model_template=plan.template,
        data_folder=plan.data_folder,
        description=plan.description,
        **plan.template_values,
    )
    (folder / "inference.py").write_text(text, encoding="utf-8")
    for module_name, module in VERIFIER_FILES.items():
        shutil.copyfile(str(module.__file__), folder / f"{module_name}.py")
    (runtime / "__init__.py").write_text('"""What the inference code needs at run time; made by cdk-modelbuilder."""\n')
    (runtime / "schema.json").write_bytes(json_bytes(plan.schema_json))
    (runtime / "openapi.json").write_bytes(json_bytes(openapi_document(plan.marshaller, name=name)))
    shutil.copyfile(unpickle.__file__, runtime / "unpickle.py")
    for codec in travelling_modules(plan.marshaller, with_base_classes=plan.source.imports_this_package):
        shutil.copyfile(CODECS_FOLDER / f"{codec}.py", runtime / "codecs" / f"{codec}.py")
    write_source(folder, plan.source)


def write_source(folder: Path, source: LocalSource) -> None:
    """Write the user's source below ``folder``, and a stand-in for this package where it imports that.

    Raises:
        ModelError: A module of the user has one of our names.
    """
    check_names(source.files)
    for path, data in sorted(source.files.items()):
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    if source.imports_this_package:
        (folder / "cdk_modelbuilder").mkdir(exist_ok=True)
        shutil.copyfile(spec_module.__file__, folder / "cdk_modelbuilder" / "spec.py")
        shutil.copyfile(stand_in.__file__, folder / "cdk_modelbuilder" / "__init__.py")


def check_names(paths: Iterable[str]) -> None:
    """Refuse source that would take the place of a file of ours.

    Raises:
        ModelError: A module of the user has one of our names.
    """
    for path in paths:
        if path.split("/")[0].removesuffix(".py") in RESERVED:
            raise ModelError(
                f"the local module {path} has the name of a file that the bundle needs itself.",
                remedy=f"Rename it; taken are: {', '.join(RESERVED)}.",
            )
