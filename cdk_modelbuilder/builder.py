"""ModelBuilder: from a trained model to a signed bundle.

build() goes through these steps, each of which is a module of its own:

    detect    which framework, or whose InferenceSpec        building/model_plan.py, building/spec_plan.py
    save      the model's files                              frameworks/, building/spec_shipping.py
    choose    the container image that can run it            images/, building/runtime.py
    render    inference.py and what travels beside it        building/code_folder.py, templates/
    test      the generated code on the samples, and capture building/self_test.py, building/capture.py
              by that what it needs
    pack      the packages: pinned, locked, fitted, written  building/packing.py, dependencies/
    sign      manifest and signatures, and the archive       building/sealing.py, integrity/, archive.py

It is pure: no network, no AWS call, no credentials, no region. The bundle appears whole or not at all.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from cdk_modelbuilder._version import __version__
from cdk_modelbuilder.building import code_folder
from cdk_modelbuilder.building.capture import Captured
from cdk_modelbuilder.building.model_plan import plan_for_model
from cdk_modelbuilder.building.packing import Packed, pack
from cdk_modelbuilder.building.plan import Plan
from cdk_modelbuilder.building.sealing import seal
from cdk_modelbuilder.building.self_test import answer_sample, check_seal
from cdk_modelbuilder.building.spec_plan import plan_for_spec
from cdk_modelbuilder.bundle import (
    ARCHIVE_FILE,
    BUNDLE_FILE,
    CONTAINER_FILE,
    FORMAT,
    FORMAT_VERSION,
    GOLDEN_FILE,
    LOCK_FILE,
    MODEL_FOLDER,
    PYLOCK_FILE,
    SCHEMA_FILE,
    ModelBundle,
    is_bundle,
    json_bytes,
)
from cdk_modelbuilder.container_spec import ContainerSpec, ImageReference, ModelData
from cdk_modelbuilder.dependencies.options import DependencyOptions
from cdk_modelbuilder.dependencies.record import RECORD_FILE
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.integrity import verifier
from cdk_modelbuilder.integrity.keys import find_master_key
from cdk_modelbuilder.integrity.manifest import Manifest
from cdk_modelbuilder.integrity.private_key import find_private_key
from cdk_modelbuilder.integrity.signature import BundleKey, sign
from cdk_modelbuilder.mode import Mode
from cdk_modelbuilder.schema.schema_builder import SchemaBuilder
from cdk_modelbuilder.servers import ModelServer, server_adapter
from cdk_modelbuilder.spec import InferenceSpec
from cdk_modelbuilder.staging import staged_folder

Progress = Callable[[str, int, int], object]
"""Called with a step's name, the bytes done and the bytes in all (0 where nothing is counted)."""

_log = logging.getLogger("cdk_modelbuilder")
_VARIABLE = re.compile(r"[a-zA-Z_]\w{0,1023}")
_NAME = re.compile(r"[a-zA-Z0-9](-?[a-zA-Z0-9]){0,62}")


class ModelBuilder:
    """Packages a trained model, or your own InferenceSpec, as a signed bundle.

    Args:
        model: A fitted model of a known framework (XGBoost, scikit-learn). This or ``inference_spec``.
        inference_spec: Your own loading and calling.
        schema_builder: Samples of the input and the output.
        name: The bundle's name: letters, digits and hyphens. Default: the last part of ``model_path``.
        model_path: Folder of the bundle. Default: ``build/<name>``.
        artifacts: Folder with files that the spec's ``load()`` needs; shared with the bundle, not copied, where the
            file system can.
        role_arn: IAM role for the endpoint. Default: the construct makes one with just the rights it needs.
        dependencies: ``{"auto": True}`` captures what the code imports; ``"requirements"`` (a file) and ``"custom"``
            (lines) are laid over it.
        env_vars: Variables for the container. Not for secrets: they stand in the template.
        image_uri: A container image of your own; needs ``model_server``.
        model_server: The model server inside ``image_uri``.
        model_format: Another file format than the framework's default, such as ``"skops"``.
        predict_method: Method of the model to call. Default: the first of ``predict``, ``predict_proba``, ... whose
            answer looks like the output sample.
        trust: Patterns of globals (``"package.module.*"``) that may be pickled beyond the allow-list.
        archive: Also write ``model.tar.gz``, which endpoints need. Without it the bundle is for local use.
        mode: Where ``deploy()`` runs the bundle by default.
        signing_key: The master key: 64 hexadecimal digits or 32 bytes. Default: ``MODELBUILDER_MASTER_KEY``, else the
            user's key file, which is made on first use.
        signing_private_key: A private key of ECDSA on P-256 (PEM): its file or its text. The bundle is signed with it
            too, so that a container needs a public key only. Default: ``MODELBUILDER_PRIVATE_KEY`` (the text), else
            the file that ``MODELBUILDER_PRIVATE_KEY_FILE`` names, else no such signature.

    Raises:
        UsageError: Arguments that contradict each other.

    Example:
        >>> import numpy as np
        >>> from sklearn.linear_model import LogisticRegression
        >>> X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0, 0, 1, 1])
        >>> bundle = ModelBuilder(
        ...     model=LogisticRegression().fit(X, y), schema_builder=SchemaBuilder(X, y), model_path="build/tiny"
        ... ).build()
        >>> bundle.name
        'tiny'
    """

    def __init__(
        self,
        model: Any = None,
        *,
        schema_builder: SchemaBuilder,
        inference_spec: InferenceSpec | None = None,
        name: str | None = None,
        model_path: str | Path | None = None,
        artifacts: str | Path | None = None,
        role_arn: str | None = None,
        dependencies: Mapping[str, Any] | None = None,
        env_vars: Mapping[str, str] | None = None,
        image_uri: str | None = None,
        model_server: ModelServer | str | None = None,
        model_format: str | None = None,
        predict_method: str | None = None,
        trust: Sequence[str] = (),
        archive: bool = True,
        mode: Mode = Mode.SAGEMAKER_ENDPOINT,
        signing_key: str | bytes | None = None,
        signing_private_key: str | Path | None = None,
    ) -> None:
        if (model is None) == (inference_spec is None):
            raise UsageError(
                "ModelBuilder needs either model= or inference_spec=, not both and not neither.",
                remedy="Give the fitted model, or an InferenceSpec that loads it.",
            )
        if not isinstance(schema_builder, SchemaBuilder):
            raise UsageError(
                f"schema_builder is a {type(schema_builder).__name__}.",
                remedy="Give SchemaBuilder(sample_input, sample_output).",
            )
        if inference_spec is not None and not isinstance(inference_spec, InferenceSpec):
            raise UsageError(
                f"inference_spec is a {type(inference_spec).__name__}.",
                remedy="Give an instance of a subclass of InferenceSpec.",
            )
        if image_uri is not None and model_server is None:
            raise UsageError(
                "image_uri without model_server: the files' layout depends on the server.",
                remedy=f"Name the server inside the image: {', '.join(ModelServer)}.",
            )
        self.name, self.model_path = _name_and_path(name, model_path)
        self.model, self.inference_spec, self.schema_builder = model, inference_spec, schema_builder
        self.artifacts = None if artifacts is None else Path(artifacts)
        self.role_arn, self.env_vars = role_arn, _checked_env(env_vars or {})
        self.dependencies = DependencyOptions.parse(dependencies)
        self.image_uri = image_uri
        self.model_server = None if model_server is None else _server(model_server)
        self.model_format, self.predict_method, self.trust = model_format, predict_method, tuple(trust)
        self.archive, self.mode = archive, mode
        self.signing_key, self.signing_private_key = signing_key, signing_private_key

    def build(self, *, progress: Progress | None = None) -> ModelBundle:
        """Make the bundle and return it.

        Args:
            progress: Told of every step, for a progress bar.

        Raises:
            ModelBuilderError: With what was wrong and what to do; nothing is left half-written, and a bundle that
                was there before is as it was.
        """
        report = progress or _silent
        private_key = find_private_key(self.signing_private_key)
        with staged_folder(self.model_path, may_replace=is_bundle) as staging:
            model_dir = staging / MODEL_FOLDER
            plan = self._save(model_dir, report)
            report("writing the inference code", 0, 0)
            code_folder.write(plan, model_dir / "code", name=self.name, builder_version=__version__)
            report("running the code on the sample", 0, 0)
            captured = answer_sample(plan, model_dir, self._environment(plan))
            packed = self._pack(plan, captured, staging, report)
            key = find_master_key(self.signing_key, create=True)
            assert key is not None
            archive = staging / ARCHIVE_FILE if self.archive else None
            with seal(model_dir, name=self.name, archive=archive, progress=report) as sealed:
                bundle_key = BundleKey.derive(key.secret, sealed.manifest.root_sha256)
                signature = sign(sealed.manifest, bundle_key)
                public_signature = None if private_key is None else private_key.sign(sealed.manifest.data)
                sealed.finish(signature, public_signature)
            bundle = self._write_texts(staging, plan, packed, sealed.manifest, (signature, public_signature))
            check_seal(bundle, bundle_key)
            if self.schema_builder.keep_samples:
                (staging / GOLDEN_FILE).write_bytes(json_bytes(plan.golden(captured)))
        report("done", 0, 0)
        for note in bundle.notes:
            _log.warning("%s: %s", self.name, note)
        return replace(bundle, path=self.model_path)

    def _save(self, model_dir: Path, report: Progress) -> Plan:
        model_dir.mkdir()
        report("saving the model", 0, 0)
        if self.inference_spec is not None:
            return plan_for_spec(
                self.inference_spec,
                model_dir,
                schema=self.schema_builder,
                artifacts=self.artifacts,
                options=self.dependencies,
                trust=self.trust,
                has_own_image=self.image_uri is not None,
            )
        if self.artifacts is not None:
            raise UsageError(
                "artifacts= goes with inference_spec=; a model brings its own files.",
                remedy="Leave artifacts out, or load them in an InferenceSpec.",
            )
        return plan_for_model(
            self.model,
            model_dir,
            schema=self.schema_builder,
            options=self.dependencies,
            model_format=self.model_format,
            predict_method=self.predict_method,
            trust=self.trust,
            has_own_image=self.image_uri is not None,
        )

    def _environment(self, plan: Plan) -> dict[str, str]:
        """The container's variables, but for those that name what is sealed later."""
        adapter = server_adapter(self.model_server or ModelServer(plan.model_server))
        return {**adapter.environment(ModelData().mount_path), **self.env_vars}

    def _pack(self, plan: Plan, captured: Captured, staging: Path, report: Progress) -> Packed:
        return pack(
            plan.runtime,
            captured,
            staging,
            name=self.name,
            own=frozenset(plan.source.distributions),
            server=server_adapter(self.model_server or ModelServer(plan.model_server)),
            on_progress=report,
        )

    def _write_texts(
        self, folder: Path, plan: Plan, packed: Packed, manifest: Manifest, signatures: tuple[bytes, bytes | None]
    ) -> ModelBundle:
        signature, public_signature = signatures
        server = self.model_server or ModelServer(plan.model_server)
        key_id = verifier.parse_json_object(signature, verifier.SIGNATURE_NAME)["key_id"]
        image = ImageReference(uri=self.image_uri) if self.image_uri else plan.runtime.image
        spec = ContainerSpec(
            image=replace(image, build=packed.image_folder),
            model_server=server.value,
            environment={
                **self._environment(plan),
                verifier.KEY_ID_VARIABLE: key_id,
                verifier.MANIFEST_VARIABLE: manifest.sha256,
                verifier.ROOT_VARIABLE: manifest.root_sha256,
            },
            secret_environment={verifier.KEY_VARIABLE: key_id},
            max_payload_bytes=server_adapter(server).max_payload_bytes,
            model_data=ModelData(form="archive" if self.archive else "folder"),
            execution_role_arn=self.role_arn,
            installs=packed.installs,
        )
        info: dict[str, Any] = {
            "builder_version": __version__,
            "files": {
                "container_spec": CONTAINER_FILE,
                "dependencies": RECORD_FILE,
                "lock": LOCK_FILE,
                "manifest": verifier.MANIFEST_NAME,
                "schema": SCHEMA_FILE,
                "signature": verifier.SIGNATURE_NAME,
            },
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "framework": plan.framework,
            "manifest_sha256": manifest.sha256,
            "mode": self.mode.name,
            "model": plan.description,
            "name": self.name,
            "notes": [*plan.notes, *packed.notes],
            "python": f"{sys.version_info.major}.{sys.version_info.minor}",
            "root_sha256": manifest.root_sha256,
        }
        (folder / CONTAINER_FILE).write_bytes(json_bytes(spec.to_json()))
        (folder / SCHEMA_FILE).write_bytes(json_bytes(plan.schema_json))
        (folder / LOCK_FILE).write_text(packed.lock_text, encoding="utf-8")
        (folder / RECORD_FILE).write_bytes(json_bytes(packed.record.to_json()))
        if packed.pylock is not None:
            info["files"]["pylock"] = PYLOCK_FILE
            (folder / PYLOCK_FILE).write_text(packed.pylock, encoding="utf-8")
        (folder / verifier.MANIFEST_NAME).write_bytes(manifest.data)
        (folder / verifier.SIGNATURE_NAME).write_bytes(signature)
        if public_signature is not None:
            info["files"]["public_signature"] = verifier.PUBLIC_SIGNATURE_NAME
            (folder / verifier.PUBLIC_SIGNATURE_NAME).write_bytes(public_signature)
        (folder / BUNDLE_FILE).write_bytes(json_bytes(info))
        return ModelBundle.read(folder)


def _silent(step: str, done: int, total: int) -> None:
    pass


def _name_and_path(name: str | None, model_path: str | Path | None) -> tuple[str, Path]:
    if name is None and model_path is None:
        raise UsageError(
            "ModelBuilder needs a name= or a model_path=.", remedy="Give name='churn'; the bundle is build/churn then."
        )
    path = Path("build") / str(name) if model_path is None else Path(model_path)
    chosen = path.absolute().name if name is None else name
    if not _NAME.fullmatch(chosen):
        raise UsageError(
            f"{chosen!r} cannot name a bundle.",
            remedy="Use up to 63 letters, digits and single hyphens between them: name='churn'.",
        )
    return chosen, path


def _checked_env(variables: Mapping[str, str]) -> dict[str, str]:
    for name, value in variables.items():
        if name.startswith("MODELBUILDER_") or not isinstance(value, str) or not _VARIABLE.fullmatch(name):
            raise UsageError(
                f"env_vars: {name!r} cannot be set to {type(value).__name__} {value!r}.",
                remedy="Use letters, digits and underscores, not beginning with MODELBUILDER_; values are text.",
            )
    return dict(variables)


def _server(value: ModelServer | str) -> ModelServer:
    try:
        return ModelServer(value)
    except ValueError:
        raise UsageError(
            f"model_server {value!r} is not known.", remedy=f"Give one of: {', '.join(ModelServer)}."
        ) from None
