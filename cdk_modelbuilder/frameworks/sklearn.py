"""scikit-learn: any fitted estimator or pipeline, as pickle protocol 5 with its globals checked, or as skops."""

from __future__ import annotations

import contextlib
import pickle
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from cdk_modelbuilder.errors import ModelError
from cdk_modelbuilder.frameworks.base import SavedModel
from cdk_modelbuilder.frameworks.model_files import model_files, only_model
from cdk_modelbuilder.frameworks.model_format import no_such_format
from cdk_modelbuilder.frameworks.pickle_files import SUFFIXES, content_of, open_pickle
from cdk_modelbuilder.frameworks.pickles import check_globals, list_globals, matches

PICKLE_FILE = "model.pkl"
SKOPS_FILE = "model.skops"

# Their estimators follow scikit-learn's interface but are not its own; each has an adapter.
_OTHER_FRAMEWORKS = ("catboost", "lightgbm", "statsmodels", "xgboost")


class SklearnAdapter:
    """Every fitted estimator that derives from ``sklearn.base.BaseEstimator``.

    Those of other libraries too, such as imbalanced-learn's, and pipelines that hold them: their classes are kept in
    the pickle where ``trust`` names them. Input and output are what the estimator's own method takes and gives.
    """

    name = "sklearn"
    model_servers: Sequence[str] = ("sklearn", "builtin")
    imported_as = "sklearn"
    distribution = "scikit-learn"
    provided_by: Sequence[str] = ()

    def recognises(self, model: object) -> bool:
        kind = type(model)
        bases = {(base.__module__, base.__name__) for base in kind.__mro__}
        other = any(module.split(".")[0] in _OTHER_FRAMEWORKS for module, _ in bases)
        return ("sklearn.base", "BaseEstimator") in bases and not other

    def opens(self, path: Path) -> bool:
        return bool(model_files(path, _is_model))

    def open(self, path: Path, *, trust: Sequence[str]) -> Any:
        file = only_model(path, _is_model)
        model = _open_skops(file, trust) if file.suffix == ".skops" else _open_pickle(file, trust)
        if not self.recognises(model):
            kind = type(model)
            raise ModelError(
                f"{file} holds a {kind.__module__}.{kind.__qualname__}, which is no estimator of scikit-learn.",
                remedy="Save the fitted estimator itself; for anything else write an InferenceSpec that loads it.",
            )
        return model

    def check(self, model: Any) -> None:
        from sklearn.exceptions import NotFittedError  # noqa: PLC0415
        from sklearn.utils.validation import check_is_fitted  # noqa: PLC0415

        try:
            check_is_fitted(model)
        except NotFittedError:
            raise ModelError(
                f"the {type(model).__name__} is not fitted.", remedy="Call fit() before ModelBuilder."
            ) from None

    def methods(self, model: Any) -> Sequence[str]:
        usual = ("predict", "predict_proba", "decision_function", "transform")
        found = [name for name in usual if hasattr(model, name)]
        if not found:
            raise ModelError(
                f"the {type(model).__name__} has none of the methods {', '.join(usual)}.",
                remedy="Call it in your own words with an InferenceSpec.",
            )
        return found

    def predict(self, model: Any, data: Any, method: str) -> Any:
        return getattr(model, method)(data)

    def save(
        self,
        model: Any,
        folder: Path,
        *,
        model_format: str | None,
        trust: Sequence[str],
        sample: Any,  # noqa: ARG002 - it is not traced
    ) -> SavedModel:
        if model_format in (None, "pickle"):
            return _save_pickle(model, folder, trust)
        if model_format == "skops":
            return _save_skops(model, folder, trust)
        raise no_such_format(model_format, what="scikit-learn models", remedy="Give 'pickle' (the default) or 'skops'.")

    def version(self) -> str:
        import sklearn  # noqa: PLC0415

        return str(sklearn.__version__)


def _is_model(path: Path) -> bool:
    if path.suffix == ".skops":
        return True
    if path.suffix not in SUFFIXES:
        return False
    try:
        return not content_of(path).is_of(*_OTHER_FRAMEWORKS)
    except ModelError:  # it is no pickle, which is said when it is opened
        return True


def _open_skops(path: Path, trust: Sequence[str]) -> Any:
    skops = _skops()
    try:
        unknown = skops.io.get_untrusted_types(file=path)
    except Exception as error:  # noqa: BLE001 - a zip archive with whatever in it
        raise ModelError(
            f"{path} is no file of skops: {type(error).__name__}: {error}.",
            remedy="Save it again with skops.io.dump().",
        ) from None
    _check_trust(unknown, trust)
    with _same_version(path):
        return skops.io.load(path, trusted=unknown)


def _open_pickle(path: Path, trust: Sequence[str]) -> Any:
    with _same_version(path):
        return open_pickle(path, trust=trust)


@contextlib.contextmanager
def _same_version(path: Path) -> Iterator[None]:
    """Refuses what another minor version of scikit-learn has saved, which it warns of.

    https://scikit-learn.org/stable/model_persistence.html#security-maintainability-limitations
    """
    import sklearn  # noqa: PLC0415
    from sklearn.exceptions import InconsistentVersionWarning  # noqa: PLC0415

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", InconsistentVersionWarning)
        yield
    for warning in caught:
        if not isinstance(warning.message, InconsistentVersionWarning):
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
            continue
        saved_by = str(warning.message.original_sklearn_version)
        if saved_by.split(".")[:2] != sklearn.__version__.split(".")[:2]:
            raise ModelError(
                f"{path} was saved by scikit-learn {saved_by}, and {sklearn.__version__} is installed here, which may "
                "predict something else with it.",
                remedy=f"Build where scikit-learn {saved_by} is installed, or train and save the model again.",
            )


def _save_pickle(model: Any, folder: Path, trust: Sequence[str]) -> SavedModel:
    path = folder / PICKLE_FILE
    try:
        with path.open("wb") as handle:
            pickle.Pickler(handle, protocol=5).dump(model)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise ModelError(
            f"the {type(model).__name__} cannot be pickled: {error}.",
            remedy="Lambdas and local functions are the usual cause: define them by name in a module.",
        ) from None
    with path.open("rb") as handle:
        names = list_globals(handle)
    check_globals(names, trust)
    return SavedModel(
        data_format="pickle",
        model_class=f"{type(model).__module__}.{type(model).__qualname__}",
        template="inference/sklearn_pickle.py.jinja",
        template_values={"file": PICKLE_FILE, "globals": [list(name) for name in names]},
        modules=sorted({module for module, _ in names} | {"sklearn"}),
        pickle_globals=[".".join(name) for name in names],
    )


def _save_skops(model: Any, folder: Path, trust: Sequence[str]) -> SavedModel:
    skops = _skops()
    path = folder / SKOPS_FILE
    skops.io.dump(model, path)
    unknown = skops.io.get_untrusted_types(file=path)
    _check_trust(unknown, trust)
    return SavedModel(
        data_format="skops",
        model_class=f"{type(model).__module__}.{type(model).__qualname__}",
        template="inference/sklearn_skops.py.jinja",
        template_values={"file": SKOPS_FILE, "trusted": sorted(unknown)},
        modules=["skops", "sklearn"],
        reproducible=False,
    )


def _skops() -> Any:
    try:
        import skops.io  # noqa: PLC0415
    except ImportError:
        raise ModelError(
            "the skops format needs the package skops.", remedy="Run: pip install 'cdk-modelbuilder[skops]'"
        ) from None
    return skops


def _check_trust(unknown: Sequence[str], trust: Sequence[str]) -> None:
    refused = [name for name in unknown if not matches(name, trust)]
    if refused:
        raise ModelError(
            f"skops does not trust {', '.join(refused)}.",
            remedy=f"If you do, say so: trust={refused!r}. Forests are among them: skops 0.13 and later cannot check "
            "the node indices inside a tree.",
        )
