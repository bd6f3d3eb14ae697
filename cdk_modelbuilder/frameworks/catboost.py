"""CatBoost: CatBoost and its classifier, regressor and ranker, saved as .cbm or JSON, which hold no code."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cdk_modelbuilder.errors import ModelError
from cdk_modelbuilder.frameworks.base import SavedModel
from cdk_modelbuilder.frameworks.model_files import model_files, only_model
from cdk_modelbuilder.frameworks.model_format import check_format
from cdk_modelbuilder.frameworks.pickle_files import is_pickle_of, open_pickle
from cdk_modelbuilder.images.read_by import ReadBy

_FILES = {"cbm": "model.cbm", "json": "model.json"}
_HEAD = 200
_PARTS_OF_JSON = (b'"ctr_data"', b'"features_info"')
"""One of them comes first."""
_RAW = "RawFormulaVal"


class CatBoostAdapter:
    """``catboost.CatBoost``, ``CatBoostClassifier``, ``CatBoostRegressor`` and ``CatBoostRanker``.

    Input: what their ``predict`` takes: DataFrames (of pandas and polars) with categorical and text columns, arrays,
    lists of rows. Output: arrays. The methods are ``predict``, ``predict_proba``, ``predict_log_proba`` and, by the
    name of CatBoost's prediction type, ``RawFormulaVal``.
    """

    name = "catboost"
    model_servers: Sequence[str] = ("builtin",)
    imported_as = "catboost"
    distribution = "catboost"
    provided_by: Sequence[str] = ()

    def recognises(self, model: object) -> bool:
        return any((base.__module__, base.__name__) == ("catboost.core", "CatBoost") for base in type(model).__mro__)

    def opens(self, path: Path) -> bool:
        return bool(model_files(path, _is_model))

    def open(self, path: Path, *, trust: Sequence[str]) -> Any:
        import catboost  # noqa: PLC0415

        file = only_model(path, _is_model)
        if is_pickle_of(file, "catboost"):
            return open_pickle(file, trust=trust)
        data_format = "json" if file.suffix == ".json" else "cbm"
        try:
            model = catboost.CatBoost().load_model(str(file), format=data_format)
            return getattr(catboost, _class_of(model))().load_model(str(file), format=data_format)
        except (
            catboost.CatBoostError,
            AttributeError,
            ValueError,
        ) as error:  # the others: what it says of its training
            raise ModelError(
                f"{file} is no model that CatBoost {catboost.__version__} reads: {_line(error)}.",
                remedy="Save it again with save_model().",
            ) from None

    def check(self, model: Any) -> None:
        kind = type(model)
        if kind.__module__ != "catboost.core":
            raise ModelError(
                f"{kind.__module__}.{kind.__qualname__} is a subclass of a class of CatBoost, whose file keeps the "
                "trees and nothing of the subclass.",
                remedy="Load its file into the class of CatBoost itself, or wrap the model in an InferenceSpec.",
            )
        if not model.is_fitted():
            raise ModelError(f"the {kind.__name__} is not fitted.", remedy="Call fit() before ModelBuilder.")

    def methods(self, model: Any) -> Sequence[str]:
        usual = ("predict", "predict_proba", "predict_log_proba")
        return [*(name for name in usual if hasattr(model, name)), _RAW]

    def predict(self, model: Any, data: Any, method: str) -> Any:
        if method == _RAW:
            return model.predict(data, prediction_type=_RAW)
        return getattr(model, method)(data)

    def save(
        self,
        model: Any,
        folder: Path,
        *,
        model_format: str | None,
        trust: Sequence[str],  # noqa: ARG002 - neither format needs trust
        sample: Any,  # noqa: ARG002 - nor a sample
    ) -> SavedModel:
        import catboost  # noqa: PLC0415

        data_format = model_format or "cbm"
        check_format(
            model_format,
            _FILES,
            what="CatBoost models",
            remedy="Give 'cbm' (the default) or 'json', which can be read in a review.",
        )
        try:
            model.save_model(str(folder / _FILES[data_format]), format=data_format)
        except catboost.CatBoostError as error:
            raise ModelError(
                f"CatBoost does not save this model as {data_format}: {_line(error)}.", remedy="Leave model_format out."
            ) from None
        return SavedModel(
            data_format=data_format,
            read_by=ReadBy.NEWER,
            model_class=f"catboost.{type(model).__name__}",
            template="inference/catboost.py.jinja",
            template_values={
                "class_name": type(model).__name__,
                "file": _FILES[data_format],
                "data_format": data_format,
            },
            modules=["catboost"],
            notes=_device_notes(model),
        )

    def version(self) -> str:
        import catboost  # noqa: PLC0415

        return str(catboost.__version__)


def _is_model(path: Path) -> bool:
    with path.open("rb") as handle:
        head = handle.read(_HEAD)
    if path.suffix == ".json":  # as XGBoost's models are
        return any(part in head for part in _PARTS_OF_JSON)
    return head.startswith(b"CBM1") or is_pickle_of(path, "catboost")


def _device_notes(model: Any) -> list[str]:
    if str(model.get_params().get("task_type")).upper() != "GPU":
        return []
    return ["the model was trained on a GPU; the endpoint predicts on the CPU."]


def _class_of(model: Any) -> str:
    """The class whose predict() fits what the file says about its training: classifiers know their labels."""
    if len(model.classes_):
        return "CatBoostClassifier"
    parameters = json.loads(model.get_metadata().get("params") or "{}")
    loss = str(parameters.get("loss_function", {}).get("type", ""))
    if loss.startswith(("YetiRank", "PairLogit", "QueryRMSE", "QuerySoftMax", "StochasticRank", "LambdaMart")):
        return "CatBoostRanker"
    return "CatBoostRegressor" if loss else "CatBoost"


def _line(error: Exception) -> str:
    return str(error).partition("\n")[0].rpartition(".cpp:")[2].lstrip("0123456789: ").rstrip(".")
