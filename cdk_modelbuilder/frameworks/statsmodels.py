"""statsmodels: the results of any model, as a pickle with its globals checked."""

from __future__ import annotations

import io
import pickle
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from cdk_modelbuilder.errors import ModelError
from cdk_modelbuilder.frameworks.base import SavedModel
from cdk_modelbuilder.frameworks.calls.statsmodels import call_results, load_results
from cdk_modelbuilder.frameworks.formula_names import FormulaNames, formula_names
from cdk_modelbuilder.frameworks.model_files import model_files, only_model
from cdk_modelbuilder.frameworks.model_format import check_format
from cdk_modelbuilder.frameworks.pickle_files import content_of, is_pickle_of, open_pickle
from cdk_modelbuilder.frameworks.pickles import check_globals, list_globals, matches

MODEL_FILE = "model.pkl"
_FORMATS = ("pickle", "pickle-without-data")
_METHODS = ("forecast", "get_forecast", "predict", "get_prediction")
_RESULTS = ("Results", "ResultsWrapper")
_CLASSES_FROM = ("formulaic", "patsy", "statsmodels")


class StatsmodelsAdapter:
    """Results of statsmodels: what ``fit()`` gives.

    Input: values of the independent variables, as arrays, lists of rows or DataFrames; DataFrames or dicts of columns
    for a formula; for models of time series the arguments of ``forecast`` or ``predict`` as a dict, or the number of
    steps to forecast. Output: what statsmodels gives, arrays and Series; of ``get_prediction`` and ``get_forecast`` the
    summary frame, with confidence intervals.
    """

    name = "statsmodels"
    model_servers: Sequence[str] = ("builtin",)
    imported_as = "statsmodels"
    distribution = "statsmodels"
    provided_by: Sequence[str] = ()

    def recognises(self, model: object) -> bool:
        return any(name == "Model" or name.endswith(_RESULTS) for name in _names(model))

    def opens(self, path: Path) -> bool:
        return bool(model_files(path, _is_model))

    def open(self, path: Path, *, trust: Sequence[str]) -> Any:
        file = only_model(path, _is_model)
        if not all(
            matches(".".join(name), trust) for name in content_of(file).names if name[0].startswith(_CLASSES_FROM)
        ):
            raise ModelError(
                f"{file} is a pickle of statsmodels, which evaluates the formula in it as Python when it is loaded: "
                "what runs cannot be seen before.",
                remedy="If you know where it is from and trust it, say so: trust=['statsmodels.*']. Or give the "
                "results object itself.",
            )
        import numpy  # noqa: ICN001, PLC0415 - only where it is asked for
        import pandas  # noqa: ICN001, PLC0415 - as above

        usual = [("np", numpy.__name__, ""), ("pd", pandas.__name__, "")]
        return load_results(partial(open_pickle, file, trust=trust), usual, {}, "")

    def check(self, model: Any) -> None:
        if hasattr(model, "fit"):
            raise ModelError(
                f"the {type(model).__name__} is not fitted.", remedy="Give the results: results = model.fit()."
            )

    def methods(self, model: Any) -> Sequence[str]:
        found = [name for name in _METHODS if hasattr(model, name)]
        if not found:
            raise ModelError(
                f"the {type(model).__name__} has none of the methods {', '.join(_METHODS)}.",
                remedy="Call it in your own words with an InferenceSpec.",
            )
        return found

    def predict(self, model: Any, data: Any, method: str) -> Any:
        return call_results(model, data, method)

    def save(
        self, model: Any, folder: Path, *, model_format: str | None, trust: Sequence[str], sample: Any
    ) -> SavedModel:
        check_format(
            model_format,
            _FORMATS,
            what="results of statsmodels",
            remedy="Leave it out, or give 'pickle' (with the training data) or 'pickle-without-data'.",
        )
        names = formula_names(model)
        data, lean = _pickled(model), None
        if model_format != "pickle":
            only_predict = model_format is not None
            lean = self._without_data(model, data, names, sample, only_predict=only_predict)
        if model_format == "pickle-without-data" and lean is None:
            raise ModelError(
                f"the {type(model).__name__} predicts something else, or nothing, without its training data.",
                remedy="Leave model_format out; the data goes into the bundle then.",
            )
        (folder / MODEL_FILE).write_bytes(lean or data)
        globals_ = list_globals(io.BytesIO(lean or data))
        check_globals(globals_, trust, classes_from=_CLASSES_FROM)
        has_formula = hasattr(getattr(model, "model", None), "formula")
        notes = []
        if lean is None or has_formula:
            notes.append("the bundle holds the data that the model was trained on.")
        if lean is None and not has_formula:
            notes.append("model_format='pickle-without-data' leaves it out, if predict() alone can do without.")
        return SavedModel(
            data_format="pickle" if lean is None else "pickle-without-data",
            model_class=f"{type(model).__module__}.{type(model).__qualname__}",
            template="inference/statsmodels.py.jinja",
            template_values={
                "file": MODEL_FILE,
                "globals": [list(name) for name in globals_],
                "references": [list(reference) for reference in names.references],
                "constants": dict(names.constants),
                "engine": names.engine,
            },
            modules=sorted({module for module, _ in globals_} | {*names.modules, "statsmodels"}),
            pickle_globals=[".".join(name) for name in globals_],
            notes=notes,
            description={"holds_training_data": bool(notes)},
        )

    def version(self) -> str:
        import statsmodels  # noqa: PLC0415

        return str(statsmodels.__version__)

    def _without_data(
        self, model: Any, data: bytes, names: FormulaNames, sample: Any, *, only_predict: bool
    ) -> bytes | None:
        """The pickle without the training data; None if a method answers the sample in another way then.

        ``remove_data()`` leaves out what ``predict`` of most models does not need, but not of those of time series:
        https://www.statsmodels.org/stable/generated/statsmodels.regression.linear_model.RegressionResults.remove_data.html
        """
        methods = ["predict"] if only_predict else self.methods(model)
        try:
            copy = _unpickled(data, names)
            # What they work out of the data, such as the variance of the residuals, is kept from then on.
            answers = [_answer(self, copy, sample, method) for method in methods]
            copy.remove_data()
            lean = _pickled(copy)
            copy = _unpickled(lean, names)
        except Exception:  # noqa: BLE001 - not every model can
            return None
        again = [_answer(self, copy, sample, method) for method in methods]
        return lean if answers == again and any(answers) else None


def _names(model: object) -> set[str]:
    return {base.__name__ for base in type(model).__mro__ if base.__module__.startswith("statsmodels.")}


def _is_model(path: Path) -> bool:
    return is_pickle_of(path, "statsmodels")


def _pickled(model: Any) -> bytes:
    try:
        return pickle.dumps(model, 5)
    except (pickle.PicklingError, TypeError, AttributeError, NotImplementedError) as error:
        raise ModelError(
            f"the {type(model).__name__} cannot be pickled: {error}.",
            remedy="Keep what predict() needs in an InferenceSpec.",
        ) from None


def _unpickled(data: bytes, names: FormulaNames) -> Any:
    return load_results(partial(pickle.loads, data), names.references, names.constants, names.engine)


def _answer(adapter: StatsmodelsAdapter, model: Any, sample: Any, method: str) -> bytes | None:
    """The numbers of a prediction, to compare; None if there is none."""
    import numpy as np  # noqa: PLC0415 - there, because statsmodels is

    try:
        return np.asarray(adapter.predict(model, sample, method), dtype=float).tobytes()
    except Exception:  # noqa: BLE001 - the method is not for this sample
        return None
