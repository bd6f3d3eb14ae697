"""The adapter: diffusion pipelines, as objects and as folders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cdk_modelbuilder.errors import ModelError
from cdk_modelbuilder.frameworks.base import SavedModel
from cdk_modelbuilder.frameworks.calls.diffusers import call_diffusion
from cdk_modelbuilder.frameworks.diffusers import folders
from cdk_modelbuilder.frameworks.diffusers.folders import INDEX_FILE, DiffusionFolder
from cdk_modelbuilder.frameworks.hub_folders import forget_this_machine, place_files, quiet
from cdk_modelbuilder.frameworks.model_format import check_format
from cdk_modelbuilder.frameworks.torch_modules import bases_of
from cdk_modelbuilder.images.read_by import ReadBy

_PIPELINE = "diffusers.pipelines.pipeline_utils.DiffusionPipeline"
_PART = "diffusers.models.modeling_utils.ModelMixin"
_DTYPES = ("float32", "float16", "bfloat16")


class DiffusersAdapter:
    """Pipelines of diffusers, and folders of them (``model_index.json``).

    Input: a prompt, a list of prompts, or a dict of the call's parameters (``prompt``, ``image``,
    ``num_inference_steps``, ``height``, ...). ``seed`` decides the noise and is 0 where it is not given, so that a
    request has one answer; ``None`` draws other noise each time. The answer is a PIL image, or a list of them if there
    are several.
    """

    name = "diffusers"
    model_servers: Sequence[str] = ("builtin",)
    imported_as = "diffusers"
    distribution = "diffusers"
    provided_by: Sequence[str] = ()

    def recognises(self, model: object) -> bool:
        names = bases_of(model)
        return isinstance(model, DiffusionFolder) or _PIPELINE in names or _PART in names

    def opens(self, path: Path) -> bool:
        return path.is_dir() and (path / INDEX_FILE).is_file()

    def open(self, path: Path, *, trust: Sequence[str]) -> Any:  # noqa: ARG002 - code in a folder is not run
        return folders.open_folder(path)

    def check(self, model: Any) -> None:
        if isinstance(model, DiffusionFolder):
            return
        if _PIPELINE not in bases_of(model):
            raise ModelError(
                f"the {type(model).__name__} is one part of a pipeline.", remedy="Give the pipeline that it belongs to."
            )
        if not type(model).__module__.startswith("diffusers."):
            raise ModelError(
                f"the pipeline is a {type(model).__module__}.{type(model).__qualname__}, a class of your own.",
                remedy="Make it in the load() of an InferenceSpec.",
            )

    def methods(self, model: Any) -> Sequence[str]:  # noqa: ARG002 - every pipeline is called alike
        return ["generate"]

    def predict(self, model: Any, data: Any, method: str) -> Any:  # noqa: ARG002 - there is one
        return call_diffusion(model.pipeline if isinstance(model, DiffusionFolder) else model, data)

    def save(
        self,
        model: Any,
        folder: Path,
        *,
        model_format: str | None,
        trust: Sequence[str],  # noqa: ARG002 - the format holds no code
        sample: Any,  # noqa: ARG002 - it is not traced
    ) -> SavedModel:
        check_format(
            model_format,
            ["safetensors"],
            what="pipelines of diffusers",
            remedy="Leave it out: they are saved as safetensors.",
        )
        if isinstance(model, DiffusionFolder):
            place_files(model.path, folder)
            pipe = model.pipeline
        else:
            pipe = model
            with quiet():
                pipe.save_pretrained(str(folder), safe_serialization=True)
            forget_this_machine(folder)
        libraries = {str(place[0]) for name, place in pipe.config.items() if _is_part(name, place)}
        dtype = str(pipe.dtype).rpartition(".")[2]
        return SavedModel(
            data_format="safetensors",
            model_class=f"diffusers.{type(pipe).__name__}",
            template="inference/diffusers.py.jinja",
            template_values={
                "class_name": type(pipe).__name__,
                "dtype": dtype if dtype in _DTYPES else "float32",
                "variant": folders.variant_of(folder),
            },
            read_by=ReadBy.SAME_MAJOR,
            modules=sorted({"diffusers", "torch", "PIL", *(libraries & {"transformers"})}),
            notes=["the noise is the same for each request; one that wants other noise sends 'seed'."],
        )

    def version(self) -> str:
        import diffusers  # noqa: PLC0415

        return str(diffusers.__version__)


def _is_part(name: str, place: object) -> bool:
    return not name.startswith("_") and isinstance(place, list | tuple) and len(place) == 2
