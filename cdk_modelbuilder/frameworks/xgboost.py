"""XGBoost: Booster and the scikit-learn style classes, saved as UBJ, which holds no code."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cdk_modelbuilder.errors import ModelError
from cdk_modelbuilder.frameworks.base import SavedModel
from cdk_modelbuilder.images.read_by import ReadBy

MODEL_FILE = "model.ubj"

# Constructor parameters that change predictions but are not part of XGBoost's own file.
_KEPT_PARAMETERS = ("enable_categorical", "feature_types", "missing")


class XGBoostAdapter:
    """``xgboost.Booster``, ``XGBClassifier``, ``XGBRegressor``, ``XGBRanker`` and the random-forest variants."""

    name = "xgboost"
    model_servers: Sequence[str] = ("xgboost", "builtin")
    distribution = "xgboost"
    provided_by: Sequence[str] = ("xgboost-cpu",)

    def recognises(self, model: object) -> bool:
        return type(model).__module__ in ("xgboost.core", "xgboost.sklearn")

    def opens(self, path: Path) -> bool:
        return path.is_file() and path.suffix == ".ubj"

    def open(self, path: Path, *, trust: Sequence[str]) -> Any:  # noqa: ARG002 - UBJ needs no trust
        import xgboost  # noqa: PLC0415

        try:
            return xgboost.Booster(model_file=path)
        except xgboost.core.XGBoostError as error:
            raise ModelError(
                f"{path} is no model that XGBoost {xgboost.__version__} reads: {str(error).splitlines()[0]}.",
                remedy="Save it again with save_model().",
            ) from None

    def check(self, model: Any) -> None:
        if type(model).__name__ == "DMatrix":
            raise ModelError("model is a DMatrix, which is data.", remedy="Give the Booster that was trained on it.")
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
        if model_format not in (None, "ubj"):
            raise ModelError(
                f"model_format {model_format!r} is not one that XGBoost models are saved in.",
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
        )

    def version(self) -> str:
        import xgboost  # noqa: PLC0415

        return str(xgboost.__version__)


def _is_booster(model: object) -> bool:
    return type(model).__name__ == "Booster"


def _parameters(model: Any) -> dict[str, Any]:
    chosen = {name: model.get_params().get(name) for name in _KEPT_PARAMETERS}
    return {
        name: value
        for name, value in chosen.items()
        if value is not None and not (isinstance(value, float) and math.isnan(value))
    }
