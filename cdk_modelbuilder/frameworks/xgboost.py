"""XGBoost: Booster and the scikit-learn style classes, saved as UBJ, which holds no code."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cdk_modelbuilder.errors import ModelError
from cdk_modelbuilder.frameworks.base import SavedModel
from cdk_modelbuilder.frameworks.model_files import model_files, only_model
from cdk_modelbuilder.frameworks.model_format import check_format
from cdk_modelbuilder.frameworks.pickle_files import is_pickle_of, open_pickle
from cdk_modelbuilder.images.read_by import ReadBy

MODEL_FILE = "model.ubj"
_MODULES = ("xgboost.core", "xgboost.sklearn")
_HEAD = 100

# Constructor parameters that change predictions but are not part of XGBoost's own file.
_KEPT_PARAMETERS = ("enable_categorical", "feature_types", "missing")


class XGBoostAdapter:
    """``xgboost.Booster``, ``XGBClassifier``, ``XGBRegressor``, ``XGBRanker`` and the random-forest variants."""

    name = "xgboost"
    model_servers: Sequence[str] = ("xgboost", "builtin")
    imported_as = "xgboost"
    distribution = "xgboost"
    provided_by: Sequence[str] = ("xgboost-cpu",)

    def recognises(self, model: object) -> bool:
        return any(base.__module__ in _MODULES for base in type(model).__mro__)

    def opens(self, path: Path) -> bool:
        return bool(model_files(path, _is_model))

    def open(self, path: Path, *, trust: Sequence[str]) -> Any:
        file = only_model(path, _is_model)
        if is_pickle_of(file, "xgboost"):
            return open_pickle(file, trust=trust)
        if _is_old_binary(file):
            raise ModelError(
                f"{file} is in the binary format of old, which XGBoost 3.1 and later do not read.",
                remedy="Load it with the XGBoost that saved it and save it again: booster.save_model('model.ubj').",
            )
        return _opened(file)

    def check(self, model: Any) -> None:
        kind = type(model)
        if kind.__name__.endswith("DMatrix"):
            raise ModelError(
                f"model is a {kind.__name__}, which is data.", remedy="Give the Booster that was trained on it."
            )
        if kind.__module__ not in _MODULES:
            raise ModelError(
                f"{kind.__module__}.{kind.__qualname__} is a subclass of a class of XGBoost, whose file keeps the "
                "trees and nothing of the subclass.",
                remedy="Give the Booster (model.get_booster()), or wrap the model in an InferenceSpec.",
            )
        if _is_booster(model):
            return
        from sklearn.exceptions import NotFittedError  # noqa: PLC0415 - there, because XGBModel is built on it

        try:
            model.get_booster()
        except NotFittedError:
            raise ModelError(
                f"the {type(model).__name__} is not fitted.", remedy="Call fit() before ModelBuilder."
            ) from None

    def methods(self, model: Any) -> Sequence[str]:
        return [name for name in ("predict", "predict_proba") if hasattr(model, name)]

    def predict(self, model: Any, data: Any, method: str) -> Any:
        if _is_booster(model):
            import xgboost  # noqa: PLC0415

            if isinstance(data, str):  # a DMatrix would read a file of that name
                raise TypeError("text is no data for XGBoost")
            return model.predict(xgboost.DMatrix(data, enable_categorical=True))
        return getattr(model, method)(data)

    def save(
        self,
        model: Any,
        folder: Path,
        *,
        model_format: str | None,
        trust: Sequence[str],  # noqa: ARG002 - UBJ needs no trust
        sample: Any,  # noqa: ARG002 - nor a sample
    ) -> SavedModel:
        check_format(
            model_format,
            ["ubj"],
            what="XGBoost models",
            remedy="Leave it out: UBJ keeps the whole model and holds no code.",
        )
        model.save_model(folder / MODEL_FILE)
        parameters = {} if _is_booster(model) else _parameters(model)
        return SavedModel(
            data_format="ubj",
            read_by=ReadBy.NEWER,
            model_class=f"xgboost.{type(model).__name__}",
            template="inference/xgboost.py.jinja",
            template_values={"class_name": type(model).__name__, "parameters": parameters, "file": MODEL_FILE},
            modules=["xgboost"] if _is_booster(model) else ["xgboost", "sklearn"],
            notes=_device_notes(model),
        )

    def version(self) -> str:
        import xgboost  # noqa: PLC0415

        return str(xgboost.__version__)


def _is_model(path: Path) -> bool:
    with path.open("rb") as handle:
        head = handle.read(_HEAD)
    if head.startswith(b"{") and b"learner" in head:
        return True
    return is_pickle_of(path, "xgboost") or _is_old_binary(path)


def _is_old_binary(path: Path) -> bool:
    """Whether it begins as ``LearnerModelParam`` was written: the base score, the number of features."""
    with path.open("rb") as handle:
        head = handle.read(8)
    if head[:4] in (b"binf", b"bs64"):
        return True
    if path.suffix not in (".bin", ".bst", ".model", ".xgb") or len(head) < 8:
        return False
    base_score, features = struct.unpack("<fI", head)
    return bool(base_score == 0 or 1e-6 < abs(base_score) < 1e6) and 0 < features < 2**24


def _opened(path: Path) -> Any:
    """The model in the class that saved it, which XGBoost notes in the file."""
    import xgboost  # noqa: PLC0415

    data = bytearray(path.read_bytes())  # of a file XGBoost would go by the name
    try:
        booster = xgboost.Booster(model_file=data)
        kind = json.loads(booster.attr("scikit_learn") or "{}").get("_estimator_type")
        if kind is None:
            return booster
        if kind == "regressor" and "rank:" in booster.save_config():
            kind = "ranker"
        model = {"classifier": xgboost.XGBClassifier, "ranker": xgboost.XGBRanker}.get(kind, xgboost.XGBRegressor)()
        model.load_model(data)
    except Exception as error:  # noqa: BLE001 - beside XGBoost's own, what its damaged attributes lead to
        raise ModelError(
            f"{path} is no model that XGBoost {xgboost.__version__} reads: {str(error).splitlines()[0]}.",
            remedy="Save it again with save_model().",
        ) from None
    return model


def _device_notes(model: Any) -> list[str]:
    device = str(getattr(model, "device", None) or "cpu")
    if device.startswith("cpu"):
        return []
    return [f"the model was trained on {device}; its file holds no device, and it predicts on the CPU."]


def _is_booster(model: object) -> bool:
    return type(model).__name__ == "Booster"


def _parameters(model: Any) -> dict[str, Any]:
    chosen = {name: model.get_params().get(name) for name in _KEPT_PARAMETERS}
    return {
        name: value
        for name, value in chosen.items()
        if value is not None and not (isinstance(value, float) and math.isnan(value))
    }
