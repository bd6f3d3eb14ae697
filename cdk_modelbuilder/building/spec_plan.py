"""Plans the bundle of an InferenceSpec."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cdk_modelbuilder.building.hosting import HostingWishes, host_for
from cdk_modelbuilder.building.payload_code import payload_classes
from cdk_modelbuilder.building.plan import Plan
from cdk_modelbuilder.building.runtime import runtime_for
from cdk_modelbuilder.building.spec_hooks import checked_model_id, checked_settings, prepare
from cdk_modelbuilder.building.spec_shipping import ship_spec
from cdk_modelbuilder.dependencies.options import DependencyOptions
from cdk_modelbuilder.frameworks import FrameworkAdapter, ReadBy, adapter_named, known_frameworks
from cdk_modelbuilder.schema.schema_builder import SchemaBuilder
from cdk_modelbuilder.servers import ModelServer
from cdk_modelbuilder.spec import InferenceSpec

GENERIC_FRAMEWORK = "sklearn"
"""Its image is the plainest Python that AWS offers, so it also runs what needs no framework."""


def plan_for_spec(
    spec: InferenceSpec,
    model_dir: Path,
    *,
    schema: SchemaBuilder,
    artifacts: Path | None,
    options: DependencyOptions,
    trust: Sequence[str],
    wishes: HostingWishes,
) -> Plan:
    """Put ``spec`` and its files into ``model_dir`` and plan the rest; the arguments are ModelBuilder's."""
    prepare(spec, artifacts)
    settings, model_id = checked_settings(spec), checked_model_id(spec)
    shipped = ship_spec(spec, model_dir, artifacts=artifacts, trust=trust, payloads=payload_classes(schema.marshaller))
    adapter = _framework_of({name.partition(".")[0] for name in shipped.source.imports})
    version = None if adapter is None else adapter.version()
    hosted = adapter or adapter_named(GENERIC_FRAMEWORK)
    server = wishes.server_for_code(hosted)
    host = host_for(
        hosted,
        version,
        server=server,
        read_by=ReadBy.ANY,
        wishes=wishes,
        python=shipped.python,
    )
    runtime = runtime_for(
        hosted,
        version,
        host=host,
        source=shipped.source,
        modules={},
        marshaller=server.wire(schema.marshaller, {}),
        options=options,
    )
    return Plan(
        framework={"name": "none" if adapter is None else adapter.name, "version": version or "none"},
        description={
            "class": f"{type(spec).__module__}.{type(spec).__qualname__}",
            **({} if model_id is None else {"id": model_id}),
            "format": "cloudpickle" if shipped.python else "source",
            "pickle_globals": [".".join(name) for name in shipped.state_globals],
            "reproducible": shipped.python is None,
        },
        notes=(*shipped.notes, *runtime.notes),
        template="inference/inference_spec.py.jinja",
        template_values={**shipped.template_values, **settings},
        source=shipped.source,
        runtime=runtime,
        schema=schema,
    )


def _framework_of(imported: set[str]) -> FrameworkAdapter | None:
    """The framework whose image is to run the spec; the generic one last, as the others' images bring it too."""
    found = [adapter for adapter in map(adapter_named, known_frameworks()) if adapter.imported_as in imported]
    found.sort(key=lambda adapter: (adapter.name == GENERIC_FRAMEWORK, adapter.model_servers[0] == ModelServer.BUILTIN))
    return found[0] if found else None
