"""Plans the bundle of a framework's model."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from cdk_modelbuilder.building.hosting import HostingWishes, host_for
from cdk_modelbuilder.building.payload_code import add_payload_source, payload_classes
from cdk_modelbuilder.building.plan import Plan
from cdk_modelbuilder.building.runtime import runtime_for
from cdk_modelbuilder.dependencies import extracted_source
from cdk_modelbuilder.dependencies.local_source import SCRIPT_MODULES, Importer, LocalSource, collect, is_local
from cdk_modelbuilder.dependencies.options import DependencyOptions
from cdk_modelbuilder.errors import ModelError, SchemaError
from cdk_modelbuilder.frameworks import FrameworkAdapter, adapter_for
from cdk_modelbuilder.schema.codecs import Codec, Marshaller
from cdk_modelbuilder.schema.schema_builder import SchemaBuilder


def plan_for_model(
    model: Any,
    model_dir: Path,
    *,
    schema: SchemaBuilder,
    options: DependencyOptions,
    model_format: str | None,
    predict_method: str | None,
    trust: Sequence[str],
    wishes: HostingWishes,
) -> Plan:
    """Save ``model`` into ``model_dir`` and plan the rest; the arguments are ModelBuilder's."""
    adapter = adapter_for(model)
    adapter.check(model)
    method, expected, output, notes = _choose_method(adapter, model, schema, predict_method)
    server = wishes.server_for(adapter)
    folder = model_dir / server.data_folder
    folder.mkdir(parents=True, exist_ok=True)
    model_format = model_format or server.data_format(adapter.name)
    saved = adapter.save(model, folder, model_format=model_format, trust=trust, sample=schema.sample_input)
    if saved.requirements is not None and options.requirements is None:
        options = replace(options, requirements=folder / saved.requirements)
    marshaller = server.wire(Marshaller(schema.input_codec, output), saved.description)
    names = [name.rpartition(".") for name in saved.pickle_globals]
    source, moved = _shipped_modules(names, saved.modules, payload_classes(marshaller))
    host = host_for(
        adapter,
        saved.reads_since or adapter.version(),
        server=server,
        read_by=saved.read_by,
        wishes=wishes,
        python=saved.python,
    )
    if saved.requirements is not None and options.requirements is None:
        options = replace(options, requirements=folder / saved.requirements)
    runtime = runtime_for(
        adapter,
        adapter.version(),
        host=host,
        source=source,
        modules={name: Importer("the saved model") for name in saved.modules if not is_local(name)},
        marshaller=marshaller,
        options=options,
    )
    return Plan(
        framework={"name": adapter.name, "version": adapter.version()},
        description={
            **saved.description,
            "class": saved.model_class,
            "format": saved.data_format,
            "predict_method": method,
            "pickle_globals": list(saved.pickle_globals),
            "reproducible": saved.reproducible,
        },
        notes=(*notes, *saved.notes, *runtime.notes),
        template=saved.template,
        data_folder=server.data_folder,
        template_values={"moved_modules": moved, **saved.template_values, "method": method},
        source=source,
        runtime=runtime,
        schema=schema,
        expected=expected,
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
    misfits: list[str] = []
    for method in [wanted] if wanted else methods:
        try:
            prediction = adapter.predict(model, schema.sample_input, method)
        except Exception as error:
            if misfits:  # the first method took the sample: it is sample_output that does not fit
                misfits.append(f"{method}() raises {type(error).__name__}")
                continue
            raise ModelError(
                f"the model rejects sample_input: {type(error).__name__}: {error}.",
                remedy="Give a sample of the kind that the model was trained on: same columns, same order, same types.",
            ) from error
        codec = _codec_for(prediction, schema)
        if codec is None:
            misfits.append(f"{method}() gives {_shape_of(prediction)}")
            continue
        notes = [] if method == methods[0] else [f"the endpoint calls {method}(), because sample_output looks like it."]
        return method, prediction, codec, notes
    raise SchemaError(
        f"sample_output is a {schema.output_codec.summary()}, but for sample_input {', '.join(misfits)}.",
        remedy="Give as sample_output what the model returns for it, for example model.predict(sample_input).",
    )


def _codec_for(prediction: Any, schema: SchemaBuilder) -> Codec | None:
    """A codec for predictions like this one: the sample's, or the same with the prediction's own dtype."""
    sampled = schema.output_codec
    try:
        own = schema.derive(prediction, "the prediction")
    except SchemaError:
        own = sampled
    if own.name == sampled.name == "numpy":
        return own if own.spec["shape"] == sampled.spec["shape"] else None
    try:
        return None if sampled.difference(prediction) else sampled
    except (TypeError, AttributeError):
        return None


def _shipped_modules(
    names: Sequence[tuple[str, str, str]], modules: Sequence[str], payloads: Sequence[type]
) -> tuple[LocalSource, dict[str, str]]:
    """The local source of a pickle's globals and of payload classes, and where the globals of scripts moved to."""
    needed = {*modules, *(module for module, _, _ in names)} - {*SCRIPT_MODULES}
    source = collect(sorted(module for module in needed if is_local(module)))
    of_scripts = [(module, name) for module, _, name in names if module in SCRIPT_MODULES]
    things = [getattr(sys.modules[module], name) for module, name in of_scripts]
    add_payload_source(source, payloads, things)
    return source, {module: extracted_source.MODULE_NAME for module, _ in of_scripts}


def _shape_of(value: Any) -> str:
    shape = getattr(value, "shape", None)
    return f"shape {shape}" if shape is not None else f"a {type(value).__name__}"
