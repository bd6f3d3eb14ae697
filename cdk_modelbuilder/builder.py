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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Never, NoReturn

from cdk_modelbuilder._version import __version__
from cdk_modelbuilder.building import code_folder, server_files
from cdk_modelbuilder.building.arguments import (
    check_sources,
    checked_env,
    checked_secrets,
    holds_files,
    hosting_wishes,
    name_and_path,
)
from cdk_modelbuilder.building.bundle_texts import write_texts
from cdk_modelbuilder.building.container import container_spec_of, environment_of, layout_of
from cdk_modelbuilder.building.kept_tuning import keep_tuning
from cdk_modelbuilder.building.model_plan import plan_for_model
from cdk_modelbuilder.building.model_source import HubModel, S3Model, check_downloads, download, read_source
from cdk_modelbuilder.building.naming import default_name
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
from cdk_modelbuilder.migration import (
    BUILD_PARAMETERS,
    BUILDER_METHODS,
    BUILDER_PARAMETERS,
    refuse_attribute,
    refuse_parameters,
)
from cdk_modelbuilder.mode import Mode
from cdk_modelbuilder.schema.schema_builder import SchemaBuilder
from cdk_modelbuilder.servers import ModelServer
from cdk_modelbuilder.spec import InferenceSpec
from cdk_modelbuilder.staging import staged_folder

if TYPE_CHECKING:
    from cdk_modelbuilder.building.language_model_plan import ServingWishes
    from cdk_modelbuilder.language_models import Overrides
    from cdk_modelbuilder.predictor import Predictor

Progress = Callable[[str, int, int], object]
"""Called with a step's name, the bytes done and the bytes in all (0 where nothing is counted)."""

_log = logging.getLogger("cdk_modelbuilder")


class ModelBuilder:
    """Packages a trained model, or your own InferenceSpec, as a signed bundle.

    Args:
        model: A fitted model of a known framework; the path of its file or folder; ``s3://bucket/prefix/``, a hub id
            such as ``org/model@revision``, or an MLflow URI. This or ``inference_spec``; neither for an image that
            holds its model.
        inference_spec: Your own loading and calling.
        schema_builder: Samples of the input and the output.
        name: The bundle's name: letters, digits and hyphens. Default: the last part of ``model_path``, or what the
            model, its class or the spec's class is called, such as ``xgb-classifier``.
        model_path: Folder of the bundle. Default: ``build/<name>``. A folder with the files of an ``inference_spec``
            is taken for its ``artifacts``, as the SageMaker SDK does; the bundle goes to ``build/<name>`` then.
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
        max_payload_mb: MiB of the largest request and answer, up to 1024 for asynchronous endpoints. Default: 25, what
            InvokeEndpoint takes, or what the server can.
        invocation_timeout_seconds: How long an answer may take, up to 3600 for asynchronous endpoints. Default: 60,
            what InvokeEndpoint waits.
        download: Get a hub's model now and package it; by default the container does, when it starts.
        serving: Values of a language model's server to take instead of what is chosen from the model's files and
            ``instance_type``: :class:`~cdk_modelbuilder.language_models.Overrides` or a dict with its names, such as
            ``{"max_length": 8192}``. False: choose and reckon nothing. docs/language-models.md.
        model_files: Folder of a copy here of a language model that is in S3 or on a hub, from which the values are
            chosen; it is read and not packaged.
        lora_adapters: LoRA adapters on a language model: what requests call each, and the folder that PEFT wrote. They
            are packaged and signed with it, and the server loads them. docs/lora.md.
        hub_token_secret: Name or ARN of the secret of AWS Secrets Manager with the token of a hub's model that the
            container downloads; ``#field`` at its end for a field of its JSON. On this machine it is ``HF_TOKEN``.
        verifying_image: Have the stack build an image on top of the chosen one whose entry point verifies the model's
            folder before the server starts. That of ``model_server="builtin"`` does so anyway.
        model_format: Another file format than the framework's default, such as ``"skops"``.
        predict_method: Method of the model to call. Default: the first of ``predict``, ``predict_proba``, ... whose
            answer looks like the output sample.
        trust: Patterns of globals (``"package.module.*"``) that may be pickled beyond the allow-list.
        archive: Also write ``model.tar.gz``, which endpoints need; without it the files go to S3 as they are, once
            published. Default: an archive, but for folders of language models, which are too large for one.
        mode: Where ``deploy()`` runs the bundle by default.
        signing_key: The master key: 64 hexadecimal digits or 32 bytes. Default: ``MODELBUILDER_MASTER_KEY``, else the
            user's key file, which is made on first use.
        signing_private_key: A private key of ECDSA on P-256 (PEM): its file or its text. The bundle is signed with it
            too, so that a container needs a public key only. Default: ``MODELBUILDER_PRIVATE_KEY`` (the text), else
            the file that ``MODELBUILDER_PRIVATE_KEY_FILE`` names, else no such signature.
        unknown: Refused.

    Raises:
        UsageError: Arguments that contradict each other, or one that only the SageMaker SDK's has; the message says
            what replaces it (docs/coming-from-sagemaker-sdk.md).

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
        max_payload_mb: int | None = None,
        invocation_timeout_seconds: int | None = None,
        download: bool = False,
        serving: Overrides | Mapping[str, Any] | bool | None = None,
        model_files: str | Path | None = None,
        lora_adapters: Mapping[str, str | Path] | None = None,
        hub_token_secret: str | None = None,
        verifying_image: bool = False,
        model_format: str | None = None,
        predict_method: str | None = None,
        trust: Sequence[str] = (),
        archive: bool | None = None,
        mode: Mode = Mode.SAGEMAKER_ENDPOINT,
        signing_key: str | bytes | None = None,
        signing_private_key: str | Path | None = None,
        **unknown: Never,
    ) -> None:
        refuse_parameters("ModelBuilder()", unknown, BUILDER_PARAMETERS, ModelBuilder)
        check_sources(model, inference_spec, schema_builder, image_uri)
        if inference_spec is not None and artifacts is None and holds_files(model_path):
            artifacts, model_path = model_path, None
        named_after = default_name(model if inference_spec is None else inference_spec, image_uri)
        self.name, self.model_path = name_and_path(name, model_path, named_after)
        self.model, self.inference_spec, self.schema_builder = model, inference_spec, schema_builder
        self.artifacts = None if artifacts is None else Path(artifacts)
        self.role_arn, self.env_vars = role_arn, checked_env(env_vars or {})
        self.dependencies = DependencyOptions.parse(dependencies)
        self._wishes = hosting_wishes(
            model_server,
            image_uri,
            base_image,
            instance_type,
            has_model=model is not None or inference_spec is not None,
            verifying=verifying_image,
            max_payload_mb=max_payload_mb,
            invocation_timeout_seconds=invocation_timeout_seconds,
        )
        self._serving: ServingWishes | None = None
        if serving is not None or model_files is not None or lora_adapters is not None:
            from cdk_modelbuilder.building.language_model_plan import serving_wishes  # noqa: PLC0415 - for these alone

            self._serving = serving_wishes(
                serving, model_files, self.env_vars, lora_adapters, server=self._wishes.server, name=self.name
            )
        self._secrets = checked_secrets(hub_token_secret)
        self.model_format, self.predict_method, self.trust = model_format, predict_method, tuple(trust)
        self.archive, self.mode, self.download = archive, mode, download
        self.signing_key, self.signing_private_key = signing_key, signing_private_key

    def __getattr__(self, name: str) -> NoReturn:
        refuse_attribute(self, name, BUILDER_METHODS)

    def deploy(self, **options: Any) -> Predictor:
        """Build, then run the bundle where ``mode`` says; see :func:`cdk_modelbuilder.deployment.deploy`."""
        return self.build().deploy(**options)

    def build(
        self,
        mode: Mode | None = None,
        role_arn: str | None = None,
        *,
        progress: Progress | None = None,
        **unknown: Never,
    ) -> ModelBundle:
        """Make the bundle and return it.

        Args:
            mode: Instead of the builder's.
            role_arn: Instead of the builder's.
            progress: Told of every step, for a progress bar.
            unknown: Refused; what the SageMaker SDK's build() takes, with what replaces it.

        Raises:
            ModelBuilderError: With what was wrong and what to do; nothing is left half-written, and a bundle that
                was there before is as it was.
        """
        refuse_parameters("build()", unknown, BUILD_PARAMETERS, self.build)
        mode, role_arn = mode or self.mode, role_arn or self.role_arn
        report = progress or _silent
        private_key = find_private_key(self.signing_private_key)
        with staged_folder(self.model_path, may_replace=is_bundle) as staging:
            model_dir = staging / MODEL_FOLDER
            plan = self._save(model_dir, report)
            layout = layout_of(plan, self._wishes, name=self.name)
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
            archived = self.archive if self.archive is not None else plan.serving is None
            archive = staging / ARCHIVE_FILE if archived and plan.model_data is None else None
            with seal(model_dir, name=self.name, archive=archive, progress=report) as sealed:
                bundle_key = BundleKey.derive(key.secret, sealed.manifest.root_sha256)
                signature = sign(sealed.manifest, bundle_key)
                public_signature = None if private_key is None else private_key.sign(sealed.manifest.data)
                sealed.finish(signature, public_signature)
            spec = container_spec_of(
                plan,
                packed,
                sealed.manifest,
                layout,
                environment=environment,
                key_id=bundle_key.key_id,
                archive=archived,
                secrets=self._secrets,
                role_arn=role_arn,
            )
            facts = {"builder_version": __version__, "mode": mode.name, "name": self.name}
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
            keep_tuning(self.model_path, staging)
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
        check_downloads(source, self._secrets, download=self.download)
        if isinstance(source, HubModel) and self.download:
            source = download(source)
        if source is None or isinstance(source, Path | HubModel | S3Model):
            from cdk_modelbuilder.building.files_plan import plan_for_files, reads_files  # noqa: PLC0415 - see above
            from cdk_modelbuilder.building.language_model_plan import ServingWishes  # noqa: PLC0415

            if source is None or reads_files(source, self._wishes):
                return plan_for_files(
                    source,
                    model_dir,
                    schema=self.schema_builder,
                    wishes=self._wishes,
                    serving=self._serving or ServingWishes(env_vars=dict(self.env_vars)),
                    trust=self.trust,
                )
        if self._serving is not None and self._serving.adapters:
            raise UsageError(
                "lora_adapters was given, and the model's folder has code of its own, which runs the model.",
                remedy="Load them in that code, or give the folder without its *.py.",
            )
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
