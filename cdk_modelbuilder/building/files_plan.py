"""Plans a bundle without code: files that the model server reads itself, here, in S3 or on a hub; or an image alone."""

from __future__ import annotations

import os
from pathlib import Path

from cdk_modelbuilder.building.adapters_plan import AdaptersPlan, place_adapters
from cdk_modelbuilder.building.hosting import Host, HostingWishes, host_for_files
from cdk_modelbuilder.building.language_model_plan import ServingPlan, ServingWishes, plan_serving
from cdk_modelbuilder.building.model_source import HubModel, S3Model
from cdk_modelbuilder.building.plan import Plan
from cdk_modelbuilder.building.runtime import Runtime, terms_without_packages
from cdk_modelbuilder.container_spec import ModelData
from cdk_modelbuilder.dependencies.evidence import Evidence
from cdk_modelbuilder.dependencies.local_source import LocalSource
from cdk_modelbuilder.errors import ModelError, UsageError
from cdk_modelbuilder.language_models.model_facts import is_language_model
from cdk_modelbuilder.language_models.server_rules import is_served_as_language_model
from cdk_modelbuilder.schema.schema_builder import SchemaBuilder
from cdk_modelbuilder.servers import ModelServer, ServerAdapter, known_servers, server_adapter
from cdk_modelbuilder.servers.own_image import OwnImage
from cdk_modelbuilder.staging import place_file

Source = Path | HubModel | S3Model | None

_PICKLES = (".bin", ".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".joblib")
_WEIGHTS = (".safetensors", ".gguf", ".onnx")


def reads_files(source: object, wishes: HostingWishes) -> bool:
    """Whether ``source`` is planned here.

    That is what is elsewhere, folders for a server that runs no code of a bundle, and language models for DJL Serving,
    whose LMI reads them itself. A folder with Python of its own is for its Python engine.
    """
    if isinstance(source, HubModel | S3Model):
        return True
    if not isinstance(source, Path) or wishes.server is None:
        return False
    if wishes.server == ModelServer.DJL_SERVING:
        return is_language_model(source) and not any(source.glob("*.py"))
    return server_adapter(wishes.server).template is None


def plan_for_files(
    source: Source,
    model_dir: Path,
    *,
    schema: SchemaBuilder,
    wishes: HostingWishes,
    serving: ServingWishes,
    trust: tuple[str, ...],
) -> Plan:
    """Put what there is of ``source`` into ``model_dir``; None is an image that holds its model.

    Raises:
        ModelError: The folder holds what no such server reads, or pickles that nobody has vouched for; or a language
            model that is not whole.
        UsageError: No server is named, or one that runs the bundle's code; or a language model does not fit.
        NoMatchingImage: AWS has no image for it.
    """
    server = _server(source, wishes)
    told: ServingPlan | None = None
    speaks = is_served_as_language_model(server.name) and (source is not None or bool(serving.said))
    if speaks:  # before anything is placed: it may be hundreds of GB
        told, wishes = plan_serving(source, server.name, serving, wishes)
    if wishes.verifying and not isinstance(source, Path):
        raise UsageError(
            "verifying_image checks the bundle's own files, and this model's are elsewhere.",
            remedy="Give the path of a folder, or leave it out.",
        )
    notes = [f"{server.title} reads the model itself; the sample was not tried here."]
    if not wishes.verifying:
        notes.append("nothing in the container verifies the files; verifying_image=True has its entry point do that.")
    if isinstance(source, Path):
        _place(source, model_dir, trust)
        place_adapters(serving.adapters, model_dir)
        data_format, kind = "files", "folder"
    elif isinstance(source, HubModel):
        data_format, kind = "hub", source.name
        notes += _hub_notes(source)
    elif isinstance(source, S3Model):
        data_format, kind = "s3", source.uri
        notes.append(
            f"the files at {source.uri} are referenced, not copied: who may write there decides what is served."
        )
    else:
        data_format, kind = "none", "image"
        notes = ["the image holds its model: nothing of it was checked."]
    adapters = AdaptersPlan(serving.adapters, server.name, serving.overrides) if serving.adapters else None
    host = host_for_files(server, wishes, None if adapters is None else adapters.can_run_in)
    notes += () if told is None else told.notes
    return Plan(
        framework={"name": "none", "version": "none"},
        description={
            "class": "none",
            "format": data_format,
            "pickle_globals": [],
            "reproducible": True,
            "source": kind,
        },
        notes=(*notes, *host.notes),
        template="",
        template_values={},
        source=LocalSource(),
        runtime=_runtime(host, schema),
        schema=schema,
        model_source=source,
        model_data=_model_data(source),
        serving=told,
    )


def _model_data(source: Source) -> ModelData | None:
    if isinstance(source, S3Model):
        return ModelData(form="s3", uri=source.uri)
    return None if isinstance(source, Path) else ModelData(form="none")


def _server(source: Source, wishes: HostingWishes) -> ServerAdapter:
    able = [name for name in known_servers() if server_adapter(name).for_files() is not None]
    if source is None:
        return server_adapter(wishes.server) if wishes.server else OwnImage()
    if wishes.server is None:
        raise UsageError(
            "model= names files that are not here, and nothing says which model server is to read them.",
            remedy=f"Give model_server=, one of {', '.join(able)}; or download=True, which gets the files first.",
        )
    named = server_adapter(wishes.server)
    chosen = named.for_files()
    if chosen is None:
        raise UsageError(
            f"{named.title} runs the bundle's own code and reads no files from elsewhere by itself.",
            remedy=f"Take one of {', '.join(able)}; or give download=True, or the path of a folder.",
        )
    return chosen


def _runtime(host: Host, schema: SchemaBuilder) -> Runtime:
    return Runtime(host, (), terms_without_packages(host), Evidence(), schema.marshaller)


def _hub_notes(hub: HubModel) -> list[str]:
    needs = "a network, and hub_token_secret= where the model is gated"
    found = [f"the container downloads {hub.name} from the hub when it starts, which needs {needs}."]
    if not hub.is_pinned:
        found.append(
            f"{hub.name} is not pinned to a commit, so what is served can change: write {hub.name}@<commit>, with the "
            "commit's 40 hexadecimal digits."
        )
    return found


def _place(folder: Path, model_dir: Path, trust: tuple[str, ...]) -> None:
    if not folder.is_dir():
        raise ModelError(f"{folder} is a file.", remedy="Give the folder with config.json, tokenizer and weights.")
    pickles, weights = [], 0
    for parent, folders, files in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(parent, name)
            relative = path.relative_to(folder)
            if name.startswith("."):
                continue
            if path.suffix in _PICKLES:
                pickles.append(relative.as_posix())
            weights += path.suffix in _WEIGHTS
            place_file(path, model_dir / relative)
    if pickles and not weights and "*" not in trust:
        raise ModelError(
            f"{folder} has its weights as pickles ({', '.join(pickles[:3])}), which run code where they are loaded.",
            remedy="Save it as safetensors: model.save_pretrained(folder). If you know where the files are from, "
            "trust=['*'] takes them as they are.",
        )
    if pickles and weights:
        for name in pickles:
            (model_dir / name).unlink()  # beside safetensors, no server reads them
