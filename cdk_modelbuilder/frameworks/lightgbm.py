"""LightGBM: Booster and the scikit-learn style classes, saved as LightGBM's own text, which holds no code."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cdk_modelbuilder.errors import ModelError
from cdk_modelbuilder.frameworks.base import SavedModel
from cdk_modelbuilder.frameworks.model_files import model_files, only_model
from cdk_modelbuilder.frameworks.model_format import check_format
from cdk_modelbuilder.frameworks.pickle_files import is_pickle_of, open_pickle
from cdk_modelbuilder.images.read_by import ReadBy

MODEL_FILE = "model.txt"

# Parameters of the constructor that change predictions and that are not applied again when the text is read.
_KEPT_PARAMETERS = ("pred_early_stop", "pred_early_stop_freq", "pred_early_stop_margin", "predict_disable_shape_check")
_OF_TREES = {"raw_score": "raw_score", "pred_leaf": "pred_leaf", "pred_contrib": "pred_contrib"}
_PLAIN = (str, int, float, bool)


class LightGBMAdapter:
    """``lightgbm.Booster``, ``LGBMClassifier``, ``LGBMRegressor`` and ``LGBMRanker``.

    Input: what their ``predict`` takes: arrays, lists of rows, DataFrames (categorical columns keep their categories),
    scipy's sparse matrices. Output: arrays. The methods are ``predict`` and ``predict_proba``, and by the names of
    LightGBM's parameters ``raw_score``, ``pred_leaf`` and ``pred_contrib``.
    """

    name = "lightgbm"
    model_servers: Sequence[str] = ("builtin",)
    imported_as = "lightgbm"
    distribution = "lightgbm"
    provided_by: Sequence[str] = ()

    def recognises(self, model: object) -> bool:
        names = {(base.__module__, base.__name__) for base in type(model).__mro__}
        return bool(names & {("lightgbm.basic", "Booster"), ("lightgbm.sklearn", "LGBMModel")})

    def opens(self, path: Path) -> bool:
        return bool(model_files(path, _is_model))

    def open(self, path: Path, *, trust: Sequence[str]) -> Any:
        import lightgbm  # noqa: PLC0415

        file = only_model(path, _is_model)
        if is_pickle_of(file, "lightgbm"):
            return open_pickle(file, trust=trust)
        try:
            return lightgbm.Booster(model_file=str(file))
        except lightgbm.basic.LightGBMError as error:
            raise ModelError(
                f"{file} is no model that LightGBM {lightgbm.__version__} reads: {error}.",
                remedy="Save it again with booster.save_model().",
            ) from None

    def check(self, model: Any) -> None:
        kind = type(model)
        if kind.__module__ == "lightgbm.dask":
            raise ModelError(f"model is a {kind.__name__}.", remedy="Give model.to_local(), which needs no cluster.")
        if kind.__module__ not in ("lightgbm.basic", "lightgbm.sklearn"):
            raise ModelError(
                f"{kind.__module__}.{kind.__qualname__} is a subclass of a class of LightGBM, whose file keeps the "
                "trees and nothing of the subclass.",
                remedy="Give the Booster (model.booster_), or wrap the model in an InferenceSpec.",
            )
        if _is_booster(model):
            return
        if not model.__sklearn_is_fitted__():
            raise ModelError(f"the {kind.__name__} is not fitted.", remedy="Call fit() before ModelBuilder.")
        odd = [label for label in _classes(model) if not isinstance(label, _PLAIN)]
        if odd:
            raise ModelError(
                f"the classes of the {kind.__name__} are of type {type(odd[0]).__name__}.",
                remedy="Train it on classes that are numbers, text or truth values.",
            )

    def methods(self, model: Any) -> Sequence[str]:
        usual = [name for name in ("predict", "predict_proba") if hasattr(model, name)]
        return [*usual, *_OF_TREES]

    def predict(self, model: Any, data: Any, method: str) -> Any:
        if isinstance(data, str | Path):  # LightGBM would read a file of that name
            raise TypeError("text is no data for LightGBM")
        if method in _OF_TREES:
            return model.predict(data, **{_OF_TREES[method]: True})
        return getattr(model, method)(data)

    def save(
        self,
        model: Any,
        folder: Path,
        *,
        model_format: str | None,
        trust: Sequence[str],  # noqa: ARG002 - text needs no trust
        sample: Any,  # noqa: ARG002 - nor a sample
    ) -> SavedModel:
        check_format(
            model_format,
            ["text"],
            what="LightGBM models",
            remedy="Leave it out: LightGBM's text keeps all trees and categories, and holds no code.",
        )
        booster = model if _is_booster(model) else model.booster_
        booster.save_model(str(folder / MODEL_FILE))
        return SavedModel(
            data_format="text",
            read_by=ReadBy.NEWER,
            model_class=f"lightgbm.{type(model).__name__}",
            template="inference/lightgbm.py.jinja",
            template_values={
                "file": MODEL_FILE,
                "parameters": {} if _is_booster(model) else _parameters(model),
                "classes": _classes(model),
                "classes_dtype": str(model.classes_.dtype.str) if _classes(model) else "",
                "custom_objective": callable(getattr(model, "objective", None)),
            },
            modules=["lightgbm"],
        )

    def version(self) -> str:
        import lightgbm  # noqa: PLC0415

        return str(lightgbm.__version__)


def _is_model(path: Path) -> bool:
    with path.open("rb") as handle:
        return handle.read(13) == b"tree\nversion=" or is_pickle_of(path, "lightgbm")


def _is_booster(model: Any) -> bool:
    return not hasattr(model, "get_params")


def _classes(model: Any) -> list[Any]:
    """The labels of a classifier, in the order of the probabilities, as plain values."""
    return list(model.classes_.tolist()) if hasattr(model, "predict_proba") else []


def _parameters(model: Any) -> dict[str, Any]:
    given = model.get_params()
    return {name: given[name] for name in _KEPT_PARAMETERS if given.get(name) is not None}
