"""spaCy: a pipeline as the folder that ``to_disk()`` writes, with the source of components of one's own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from packaging.version import Version

from cdk_modelbuilder.dependencies.local_source import SCRIPT_MODULES
from cdk_modelbuilder.errors import ModelError
from cdk_modelbuilder.frameworks.base import SavedModel
from cdk_modelbuilder.frameworks.calls.spacy import call_spacy
from cdk_modelbuilder.frameworks.model_format import check_format

MODEL_FOLDER = "pipeline"
_OWN_LIBRARIES = ("spacy", "thinc", "spacy_legacy", "spacy_loggers", "confection", "srsly")
_SAFE_TORCH = Version("2.6")
"""The first whose ``torch.load`` takes weights only, unless told otherwise; thinc does not tell it."""


class SpacyAdapter:
    """Pipelines of spaCy (``spacy.Language``).

    Input: a text, or a list, array or Series of texts. Output, for each text, by the method: ``cats`` the scores of a
    text classifier as a dict, which is the usual one where there is one; ``to_json`` what ``Doc.to_json()`` gives, the
    usual one else; ``ents`` the entities as a list of dicts; ``vector`` the document's vector as an array.
    """

    name = "spacy"
    model_servers: Sequence[str] = ("builtin",)
    imported_as = "spacy"
    distribution = "spacy"
    provided_by: Sequence[str] = ()

    def recognises(self, model: object) -> bool:
        return ("spacy.language", "Language") in {(base.__module__, base.__name__) for base in type(model).__mro__}

    def opens(self, path: Path) -> bool:
        try:
            meta = json.loads((path / "meta.json").read_bytes())
        except (OSError, ValueError):
            return False
        return (path / "config.cfg").is_file() and isinstance(meta, dict) and "lang" in meta

    def open(self, path: Path, *, trust: Sequence[str]) -> Any:  # noqa: ARG002 - the files hold no code
        import spacy  # noqa: PLC0415

        config = (path / "config.cfg").read_text("utf-8").lower()
        if ("torch" in config or "transformer" in config) and _torch_unpickles():
            raise ModelError(
                f"{path} holds weights of PyTorch, which the installed version would unpickle without looking.",
                remedy=f"Run: pip install 'torch>={_SAFE_TORCH}'",
            )
        try:
            return spacy.load(path)
        except Exception as error:
            raise ModelError(
                f"{path} cannot be loaded by spaCy {self.version()}: {_first_line(error)}.",
                remedy="Import the modules that register its components before, and use the spaCy that saved it.",
            ) from error

    def check(self, model: Any) -> None:
        try:
            model("check")
        except ValueError as error:
            if "[E109]" not in str(error) and "initialize" not in str(error):
                raise
            raise ModelError(
                f"a component of the pipeline is not trained: {_first_line(error)}.",
                remedy="Train it, or give the pipeline that was.",
            ) from None
        for name, function in _own_functions(model):
            if function.__module__ in SCRIPT_MODULES or "<" in function.__qualname__:
                raise ModelError(
                    f"the pipeline uses {name}, which {function.__module__}.{function.__qualname__} registers: no "
                    "import brings that back.",
                    remedy="Define it at the top of a module of its own, and import it from there.",
                )

    def methods(self, model: Any) -> Sequence[str]:
        classifies = any(model.get_pipe_meta(name).factory.startswith("textcat") for name in model.pipe_names)
        # All JSON documents look alike, so the first one is taken where none is named.
        usual = ["cats", "to_json"] if classifies else ["to_json", "cats"]
        return [*usual, "ents", "vector"]

    def predict(self, model: Any, data: Any, method: str) -> Any:
        return call_spacy(model, data, method)

    def save(
        self,
        model: Any,
        folder: Path,
        *,
        model_format: str | None,
        trust: Sequence[str],  # noqa: ARG002 - the files hold no code
        sample: Any,  # noqa: ARG002 - it is not traced
    ) -> SavedModel:
        check_format(
            model_format,
            ["spacy"],
            what="pipelines of spaCy",
            remedy="Leave it out: spaCy has one format.",
        )
        model.to_disk(folder / MODEL_FOLDER)
        modules = sorted({function.__module__ for _, function in _own_functions(model)})
        on_gpu = any(_is_on_gpu(pipe) for _, pipe in model.pipeline)
        return SavedModel(
            data_format="spacy",
            model_class=f"{type(model).__module__}.{type(model).__qualname__}",
            template="inference/spacy.py.jinja",
            template_values={"folder": MODEL_FOLDER, "own_modules": modules},
            modules=["spacy", *modules],
            notes=["the pipeline is on a GPU here; the endpoint runs it on the CPU."] if on_gpu else [],
            description={"lang": model.lang, "pipeline": list(model.pipe_names)},
        )

    def version(self) -> str:
        from spacy.about import __version__  # noqa: PLC0415

        return str(__version__)


def _own_functions(nlp: Any) -> Iterator[tuple[str, Any]]:
    """Name and function or class of all that the pipeline needs and that libraries of spaCy do not register."""
    found = [(f"the language {nlp.lang!r}", type(nlp))]
    for name, pipe in nlp.pipeline:
        found.append((f"the component {name!r}", pipe if hasattr(pipe, "__qualname__") else type(pipe)))
        found.append((f"the component {name!r}", _factory(nlp, name)))
    found += _registered({"nlp": nlp.config["nlp"], "components": nlp.config["components"]})
    yield from (
        (name, function)
        for name, function in found
        if getattr(function, "__module__", "").partition(".")[0] not in ("", *_OWN_LIBRARIES)
    )


def _factory(nlp: Any, name: str) -> Any:
    from spacy.util import registry  # noqa: PLC0415

    factory = nlp.get_pipe_meta(name).factory
    own = f"{nlp.lang}.{factory}"
    return registry.get("factories", own if registry.has("factories", own) else factory)


def _registered(config: Any) -> Iterator[tuple[str, Any]]:
    """Functions that a config names: ``@architectures = "own.tagger.v1"``."""
    from spacy.util import registry  # noqa: PLC0415

    for key, value in config.items():
        if isinstance(value, Mapping):
            yield from _registered(value)
        elif str(key).startswith("@"):
            yield f"the function {value!r}", registry.get(key[1:], value)


def _is_on_gpu(pipe: Any) -> bool:
    return getattr(getattr(getattr(pipe, "model", None), "ops", None), "name", None) == "cupy"


def _torch_unpickles() -> bool:
    try:
        return Version(version("torch")) < _SAFE_TORCH
    except PackageNotFoundError:
        return False


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].rstrip(".")
