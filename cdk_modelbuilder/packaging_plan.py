"""Decides how one model or InferenceSpec is packaged: everything that the later steps of build() write down."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.container_spec import ImageReference
from cdk_modelbuilder.dependencies import extracted_source
from cdk_modelbuilder.dependencies.distributions import Pin, distributions_of
from cdk_modelbuilder.dependencies.local_source import SCRIPT_MODULES, LocalSource, collect, is_local
from cdk_modelbuilder.dependencies.options import DependencyOptions, lock_text
from cdk_modelbuilder.errors import ModelError, SchemaError, SelfTestError
from cdk_modelbuilder.frameworks import FrameworkAdapter, adapter_for
from cdk_modelbuilder.images import ImageChoice, choose_image
from cdk_modelbuilder.integrity.signature import BundleKey
from cdk_modelbuilder.packaging_spec import ShippedSpec, ship_spec
from cdk_modelbuilder.schema.codecs import Codec, CodecError, Marshaller
from cdk_modelbuilder.schema.codecs import decode as decode_body
from cdk_modelbuilder.schema.schema_builder import SchemaBuilder, derive_codec, schema_json
from cdk_modelbuilder.self_test import answer_in_child, answer_in_process, check_samples, check_seal
from cdk_modelbuilder.spec import InferenceSpec

_OWN_MODULES = ("cdk_modelbuilder",)


@dataclass(frozen=True, slots=True)
class Plan:
    """How a model is packaged.

    Attributes:
        framework: Name and version, for ``bundle.json``.
        description: Class, data format and the like, for ``bundle.json``.
        model_server: Value of the model server that fits.
        image: Container image for ``container.json``.
        notes: What the user should know.
        template: Template of the loading and predicting code.
        template_values: Values for it.
        source_files: User source: path below ``code/`` -> bytes.
        needs_stub: Whether that source imports this package.
        pins: Every package that is needed.
        container_requirements: Those lines that the image does not fulfil already.
        marshaller: Both codecs.
        schema: The samples.
        expected: The in-memory prediction for the sample, or None where there is none.
    """

    framework: Mapping[str, str]
    description: Mapping[str, Any]
    model_server: str
    image: ImageReference
    notes: tuple[str, ...]
    template: str
    template_values: Mapping[str, Any]
    source_files: Mapping[str, bytes]
    needs_stub: bool
    pins: Sequence[Pin]
    container_requirements: Sequence[str]
    marshaller: Marshaller
    schema: SchemaBuilder
    expected: Any = field(default=None)

    @property
    def schema_json(self) -> dict[str, Any]:
        """Plain data for ``schema.json``."""
        return schema_json(self.marshaller)

    @property
    def lock_text(self) -> str:
        """``requirements.lock``."""
        return lock_text(list(self.pins))

    def self_test(self, bundle: ModelBundle, key: BundleKey) -> None:
        """Run the samples through all four conversions and the generated code of ``bundle``.

        Raises:
            SelfTestError: Something of it does not work, or gives another prediction than the model in memory.
        """
        check_seal(bundle, key)
        check_samples(self.marshaller, self.schema.sample_input, self.schema.sample_output)
        content_type = self.marshaller.input.content_types[0]
        body = self.marshaller.input.encode(self.schema.sample_input, content_type)
        # User source is proven in a fresh interpreter, where a module that was not shipped is really missing.
        ask = answer_in_child if self.source_files else answer_in_process
        response, response_type = ask(bundle, body, content_type)
        try:
            prediction = decode_body(self.marshaller.output, response, response_type)
        except CodecError as error:
            raise SelfTestError(
                f"the prediction for sample_input does not look like sample_output: {error}",
                remedy="Give as sample_output what the model returns for sample_input.",
            ) from None
        if self.expected is not None and not _alike(prediction, self.expected):
            raise SelfTestError(
                "the packaged model predicts something else than the model in memory.",
                remedy="The model depends on state that its file format does not keep; package it as an InferenceSpec.",
            )


def plan_for_model(
    model: Any,
    model_dir: Path,
    *,
    schema: SchemaBuilder,
    options: DependencyOptions,
    model_format: str | None,
    predict_method: str | None,
    trust: Sequence[str],
    has_own_image: bool,
) -> Plan:
    """Save a framework's model into ``model_dir`` and plan the rest."""
    adapter = adapter_for(model)
    adapter.check(model)
    method, expected, output, notes = _choose_method(adapter, model, schema, predict_method)
    saved = adapter.save(model, model_dir, model_format=model_format, trust=trust)
    source, moved = _shipped_modules([name.rpartition(".") for name in saved.pickle_globals])
    data_format = "pickle" if saved.data_format == "skops" else saved.data_format
    choice = None if has_own_image else choose_image(adapter.name, adapter.version(), data_format=data_format)
    marshaller = Marshaller(schema.input_codec, output)
    pins = options.pins(
        {_installed_name(adapter): "the model's framework"},
        _reasons({*saved.modules, *source.imports}, "the saved model", marshaller),
        _aliases(adapter),
    )
    over_image = _over_image(pins, choice)
    return Plan(
        framework={"name": adapter.name, "version": adapter.version()},
        description={
            "class": saved.model_class,
            "format": saved.data_format,
            "predict_method": method,
            "pickle_globals": list(saved.pickle_globals),
            "reproducible": saved.reproducible,
        },
        model_server=adapter.model_server,
        image=ImageReference() if choice is None else image_reference(choice),
        notes=(*notes, *_choice_notes(choice, over_image)),
        template=saved.template,
        template_values={"moved_modules": moved, **saved.template_values, "method": method},
        source_files=source.files,
        needs_stub=_imports_this_package(source),
        pins=pins,
        container_requirements=over_image,
        marshaller=marshaller,
        schema=schema,
        expected=expected,
    )


def plan_for_spec(
    spec: InferenceSpec,
    model_dir: Path,
    *,
    schema: SchemaBuilder,
    artifacts: Path | None,
    options: DependencyOptions,
    trust: Sequence[str],
    has_own_image: bool,
) -> Plan:
    """Put an InferenceSpec and its files into ``model_dir`` and plan the rest."""
    shipped: ShippedSpec = ship_spec(spec, model_dir, artifacts=artifacts, trust=trust)
    imports = {name for name in shipped.source.imports if name.partition(".")[0] not in _OWN_MODULES}
    framework = "xgboost" if {name.partition(".")[0] for name in imports} & {"xgboost"} else "sklearn"
    installed = distributions_of([framework])
    version = _version_of(next(iter(installed), None)) if framework in {n.partition(".")[0] for n in imports} else None
    choice = None
    if not has_own_image:
        wanted = version or _newest(framework)
        choice = choose_image(framework, wanted, python=shipped.python, data_format="source")
    notes = list(shipped.notes)
    if version is None and choice is not None:
        notes.append(
            f"the InferenceSpec imports no framework that has an AWS image of its own; {choice.image.name} "
            f"(Python {choice.image.python}) runs it, and its packages are installed when the container starts."
        )
    marshaller = schema.marshaller
    aliases = {"xgboost-cpu": "xgboost"}
    roots = {} if version is None else {next(iter(installed)): "the model's framework"}
    pins = options.pins(roots, _reasons(imports, f"{shipped.class_name}'s source", marshaller), aliases)
    over_image = _over_image(pins, choice)
    return Plan(
        framework={"name": framework, "version": version or "none"},
        description={
            "class": f"{type(spec).__module__}.{type(spec).__qualname__}",
            "format": "cloudpickle" if shipped.python else "source",
            "pickle_globals": [".".join(name) for name in shipped.state_globals],
            "reproducible": shipped.python is None,
        },
        model_server=framework,
        image=ImageReference() if choice is None else image_reference(choice),
        notes=(*notes, *_choice_notes(choice, over_image)),
        template="inference/inference_spec.py.jinja",
        template_values=shipped.template_values,
        source_files=shipped.source.files,
        needs_stub=_imports_this_package(shipped.source),
        pins=pins,
        container_requirements=over_image,
        marshaller=marshaller,
        schema=schema,
    )


def image_reference(choice: ImageChoice) -> ImageReference:
    """The chosen image as the container spec holds it."""
    image = choice.image
    return ImageReference(
        repository=image.repository,
        tag=image.tag,
        accounts=dict(image.accounts),
        python=image.python,
        end_of_patch=None if image.end_of_patch is None else image.end_of_patch.isoformat(),
    )


def _choose_method(
    adapter: FrameworkAdapter, model: Any, schema: SchemaBuilder, wanted: str | None
) -> tuple[str, Any, Codec, list[str]]:
    """The prediction method whose answer looks like the output sample, that answer, and a codec for it."""
    methods = list(adapter.methods(model))
    if wanted is not None and wanted not in methods:
        raise ModelError(
            f"the {type(model).__name__} has no usable method {wanted!r}.", remedy=f"It has: {', '.join(methods)}."
        )
    misfits = []
    for method in [wanted] if wanted else methods:
        try:
            prediction = adapter.predict(model, schema.sample_input, method)
        except Exception as error:
            raise ModelError(
                f"the model rejects sample_input: {type(error).__name__}: {error}.",
                remedy="Give a sample of the kind that the model was trained on: same columns, same order, same types.",
            ) from error
        codec = _codec_for(prediction, schema.output_codec)
        if codec is None:
            misfits.append(f"{method}() gives {_shape_of(prediction)}")
            continue
        notes = [] if method == methods[0] else [f"the endpoint calls {method}(), because sample_output looks like it."]
        return method, prediction, codec, notes
    raise SchemaError(
        f"sample_output is a {schema.output_codec.summary()}, but for sample_input {', '.join(misfits)}.",
        remedy="Give as sample_output what the model returns for it, for example model.predict(sample_input).",
    )


def _codec_for(prediction: Any, sampled: Codec) -> Codec | None:
    """A codec for predictions like this one: the sample's, or the same with the prediction's own dtype."""
    try:
        own = derive_codec(prediction, "the prediction")
    except SchemaError:
        own = sampled
    if own.name == sampled.name == "numpy":
        return own if own.spec["shape"] == sampled.spec["shape"] else None
    try:
        return None if sampled.difference(prediction) else sampled
    except (TypeError, AttributeError):
        return None


def _shipped_modules(names: Sequence[tuple[str, str, str]]) -> tuple[LocalSource, dict[str, str]]:
    """The local source that a pickle's globals live in, and where classes of scripts moved to."""
    source = collect(sorted({module for module, _, _ in names if is_local(module) and module not in SCRIPT_MODULES}))
    moved = {}
    of_scripts = [(module, name) for module, _, name in names if module in SCRIPT_MODULES]
    if of_scripts:
        things = [getattr(sys.modules[module], name) for module, name in of_scripts]
        _add_extracted(source, things)
        moved = {module: extracted_source.MODULE_NAME for module, _ in of_scripts}
    return source, moved


def _add_extracted(source: LocalSource, things: Sequence[Any]) -> None:
    try:
        text = extracted_source.extract(things)
    except extracted_source.NoSourceError as error:
        raise ModelError(
            f"Python does not know the source of {error}.",
            remedy="Define the class in a file, not in a bare interpreter.",
        ) from None
    extracted_source.add_to(source, text)


def _aliases(adapter: FrameworkAdapter) -> dict[str, str]:
    return dict.fromkeys(adapter.provided_by, adapter.distribution)


def _installed_name(adapter: FrameworkAdapter) -> str:
    names = distributions_of([adapter.name])
    return next((name for name in names if name in (adapter.distribution, *adapter.provided_by)), adapter.distribution)


def _reasons(modules: set[str], user: str, marshaller: Marshaller) -> dict[str, str]:
    reasons = dict.fromkeys(distributions_of(modules), f"imported by {user}")
    for codec in (marshaller.input, marshaller.output):
        for name in distributions_of([codec.name]) if codec.name in ("numpy", "pandas") else ():
            reasons.setdefault(name, "payloads")
    return {name: reason for name, reason in reasons.items() if name != "cdk-modelbuilder"}


def _over_image(pins: Sequence[Pin], choice: ImageChoice | None) -> list[str]:
    inside = set() if choice is None else {f"{name}=={version}" for name, version in choice.image.provides.items()}
    return [pin.requirement for pin in pins if pin.requirement not in inside]


def _choice_notes(choice: ImageChoice | None, requirements: Sequence[str]) -> list[str]:
    notes = [] if choice is None else list(choice.notes)
    if requirements:
        notes.append(f"the container installs {', '.join(requirements)} when it starts; that needs a network.")
    return notes


def _imports_this_package(source: LocalSource) -> bool:
    return any(name.partition(".")[0] in _OWN_MODULES for name in source.imports)


def _version_of(distribution: str | None) -> str | None:
    from importlib.metadata import version  # noqa: PLC0415

    return None if distribution is None else version(distribution)


def _newest(framework: str) -> str:
    from cdk_modelbuilder.images import images_for  # noqa: PLC0415

    return images_for(framework)[0].framework_version


def _shape_of(value: Any) -> str:
    shape = getattr(value, "shape", None)
    return f"shape {shape}" if shape is not None else f"a {type(value).__name__}"


def _alike(found: Any, expected: Any) -> bool:
    if "numpy" not in sys.modules:
        return bool(found == expected)
    import numpy as np  # noqa: PLC0415 - loaded already

    try:
        # Sums over threads may differ in the last bits from call to call.
        np.testing.assert_allclose(np.asarray(found), np.asarray(expected), rtol=1e-6, equal_nan=True)
    except (AssertionError, TypeError, ValueError):
        return bool(np.array_equal(np.asarray(found).astype(str), np.asarray(expected).astype(str)))
    return True
