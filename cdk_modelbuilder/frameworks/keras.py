"""Keras 3 on PyTorch or JAX; on TensorFlow it is TensorFlow's adapter that takes its models."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cdk_modelbuilder.errors import ModelError
from cdk_modelbuilder.frameworks import keras_models
from cdk_modelbuilder.frameworks.base import SavedModel
from cdk_modelbuilder.frameworks.model_format import check_format

_BACKENDS = ("torch", "jax")


class KerasAdapter:
    """Keras 3 models whose backend is ``torch`` or ``jax``, called and saved as those on TensorFlow are."""

    name = "keras"
    model_servers: Sequence[str] = ("builtin",)
    imported_as = "keras"
    distribution = "keras"
    provided_by: Sequence[str] = ()

    def recognises(self, model: object) -> bool:
        return keras_models.backend_of(model) not in (None, "tensorflow")

    def opens(self, path: Path) -> bool:
        return keras_models.opens(path) and keras_models.current_backend() != "tensorflow"

    def open(self, path: Path, *, trust: Sequence[str]) -> Any:
        return keras_models.open_archive(path, trust)

    def check(self, model: Any) -> None:
        backend = keras_models.backend_of(model)
        if backend not in _BACKENDS:
            raise ModelError(
                f"the model runs on Keras's backend {backend!r}.",
                remedy="Save it as .keras, and load it where KERAS_BACKEND is tensorflow, torch or jax.",
            )
        keras_models.check_built(model)

    def methods(self, model: Any) -> Sequence[str]:  # noqa: ARG002 - every model has them
        return list(keras_models.FORMS)

    def predict(self, model: Any, data: Any, method: str) -> Any:
        return keras_models.predict(model, data, method)

    def save(
        self,
        model: Any,
        folder: Path,
        *,
        model_format: str | None,
        trust: Sequence[str],  # noqa: ARG002 - the format holds no Python
        sample: Any,  # noqa: ARG002 - it is not traced
    ) -> SavedModel:
        check_format(
            model_format,
            ["keras"],
            what="Keras models on this backend",
            remedy="Leave it out: they are saved as .keras.",
        )
        return keras_models.save_archive(model, folder, str(keras_models.backend_of(model)))

    def version(self) -> str:
        import keras  # noqa: PLC0415

        return str(keras.__version__)
