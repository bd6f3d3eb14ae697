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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from cdk_modelbuilder._version import __version__
from cdk_modelbuilder.building import code_folder, server_files
from cdk_modelbuilder.building.bundle_texts import write_texts
from cdk_modelbuilder.building.container import container_spec_of, environment_of, layout_of
from cdk_modelbuilder.building.files_plan import plan_for_files, reads_files
from cdk_modelbuilder.building.hosting import HostingWishes
from cdk_modelbuilder.building.model_plan import plan_for_model
from cdk_modelbuilder.building.model_source import HubModel, download, read_source
from cdk_modelbuilder.building.packing import pack
from cdk_modelbuilder.building.plan import Plan
from cdk_modelbuilder.building.sealing import seal
from cdk_modelbuilder.building.self_test import answer_sample, check_seal
from cdk_modelbuilder.building.spec_plan import plan_for_spec
from cdk_modelbuilder.bundle import ARCHIVE_FILE, GOLDEN_FILE, MODEL_FOLDER, ModelBundle, is_bundle, json_bytes
from cdk_modelbuilder.dependencies.options import DependencyOptions
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.frameworks import open_model
from cdk_modelbuilder.integrity.keys import find_master_key
from cdk_modelbuilder.integrity.private_key import find_private_key
from cdk_modelbuilder.integrity.signature import BundleKey, sign
from cdk_modelbuilder.mode import Mode
from cdk_modelbuilder.schema.schema_builder import SchemaBuilder
from cdk_modelbuilder.servers import ModelServer, known_servers, server_adapter
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
        model: A fitted model of a known framework; the path of its file or folder; ``s3://bucket/prefix/``, a hub id
            such as ``org/model@revision``, or an MLflow URI. This or ``inference_spec``; neither for an image that
            holds its model.
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
        model_server: The model server: the one inside ``image_uri``, or the one whose image AWS's catalogue is asked
            for. Default: the best one for the framework.
        base_image: What the image of ``model_server="builtin"`` is built on. Default: ``python:<this version>-slim``.
        instance_type: Where it is to run, such as ``ml.g5.xlarge``: decides between images for CPU, GPU, Graviton and
            Inferentia or Trainium. Default: a CPU of Intel or AMD.
        download: Get a hub's model now and package it; by default the container does, when it starts.
        verifying_image: Have the stack build an image on top of the chosen one whose entry point verifies the model's
            folder before the server starts. That of ``model_server="builtin"`` does so anyway.
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
        base_image: str | None = None,
        instance_type: str | None = None,
        download: bool = False,
        verifying_image: bool = False,
        model_format: str | None = None,
        predict_method: str | None = None,
        trust: Sequence[str] = (),
        archive: bool = True,
        mode: Mode = Mode.SAGEMAKER_ENDPOINT,
        signing_key: str | bytes | None = None,
        signing_private_key: str | Path | None = None,
    ) -> None:
        if model is not None and inference_spec is not None:
            raise UsageError(
                "model= and inference_spec= both say what to package.",
                remedy="Give the fitted model, or an InferenceSpec that loads it.",
            )
        if model is None and inference_spec is None and image_uri is None:
            raise UsageError(
                "ModelBuilder needs a model= or an inference_spec=.",
                remedy="Give the fitted model, or an InferenceSpec that loads it; or image_uri= of an image that holds "
                "its model.",
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
        self.name, self.model_path = _name_and_path(name, model_path)
        self.model, self.inference_spec, self.schema_builder = model, inference_spec, schema_builder
        self.artifacts = None if artifacts is None else Path(artifacts)
        self.role_arn, self.env_vars = role_arn, _checked_env(env_vars or {})
        self.dependencies = DependencyOptions.parse(dependencies)
        self._wishes = _wishes(
            model_server,
            image_uri,
            base_image,
            instance_type,
            has_model=model is not None or inference_spec is not None,
            verifying=verifying_image,
        )
        self.model_format, self.predict_method, self.trust = model_format, predict_method, tuple(trust)
        self.archive, self.mode, self.download = archive, mode, download
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
            layout = layout_of(plan, name=self.name)
            environment = environment_of(plan, layout, self.env_vars)
            report("writing the inference code", 0, 0)
            if plan.server.template is not None:
                code_folder.write(plan, model_dir / "code", name=self.name, builder_version=__version__)
            server_files.write(plan.server, layout, model_dir)
            report("running the code on the sample", 0, 0)
            captured = answer_sample(plan, model_dir, environment)
            packed = pack(
                plan.runtime,
                captured,
                staging,
                name=self.name,
                own=frozenset(plan.source.distributions),
                on_progress=report,
            )
            key = find_master_key(self.signing_key, create=True)
            assert key is not None
            archive = staging / ARCHIVE_FILE if self.archive and plan.model_data is None else None
            with seal(model_dir, name=self.name, archive=archive, progress=report) as sealed:
                bundle_key = BundleKey.derive(key.secret, sealed.manifest.root_sha256)
                signature = sign(sealed.manifest, bundle_key)
                public_signature = None if private_key is None else private_key.sign(sealed.manifest.data)
                sealed.finish(signature, public_signature)
            spec = container_spec_of(
                plan,
                packed,
                sealed.manifest,
                environment=environment,
                key_id=bundle_key.key_id,
                archive=self.archive,
                role_arn=self.role_arn,
            )
            facts = {"builder_version": __version__, "mode": self.mode.name, "name": self.name}
            bundle = write_texts(
                staging,
                plan,
                packed=packed,
                manifest=sealed.manifest,
                spec=spec,
                signatures=(signature, public_signature),
                facts=facts,
            )
            check_seal(bundle, bundle_key)
            if self.schema_builder.keep_samples and captured.response_type:
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
                wishes=self._wishes,
            )
        if self.artifacts is not None:
            raise UsageError(
                "artifacts= goes with inference_spec=; a model brings its own files.",
                remedy="Leave artifacts out, or load them in an InferenceSpec.",
            )
        source = read_source(self.model)
        if isinstance(source, HubModel) and self.download:
            source = download(source)
        if source is None or reads_files(source, self._wishes):
            return plan_for_files(source, model_dir, schema=self.schema_builder, wishes=self._wishes, trust=self.trust)
        return plan_for_model(
            open_model(source, trust=self.trust) if isinstance(source, Path | str) else source,
            model_dir,
            schema=self.schema_builder,
            options=self.dependencies,
            model_format=self.model_format,
            predict_method=self.predict_method,
            trust=self.trust,
            wishes=self._wishes,
        )


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


def _wishes(
    model_server: ModelServer | str | None,
    image_uri: str | None,
    base_image: str | None,
    instance_type: str | None,
    *,
    has_model: bool,
    verifying: bool,
) -> HostingWishes:
    if image_uri is not None and model_server is None and has_model:
        raise UsageError(
            "image_uri without model_server: the files' layout depends on the server.",
            remedy=f"Name the server inside the image: {', '.join(known_servers())}.",
        )
    if image_uri is not None and base_image is not None:
        raise UsageError(
            "image_uri names an image that is ready, and base_image one to build on.", remedy="Give one of the two."
        )
    server = None if model_server is None else server_adapter(str(model_server)).name
    if instance_type is None:
        return HostingWishes(server, image_uri, base_image, verifying=verifying)
    from cdk_modelbuilder.images import processor_of  # noqa: PLC0415 - it reads the table of instance types

    return HostingWishes(
        server, image_uri, base_image, *processor_of(instance_type), has_instance_type=True, verifying=verifying
    )
