"""MLflow: the folder of a model as it is, loaded by ``mlflow.pyfunc``, its code and pickles judged before."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cdk_modelbuilder.errors import ModelError
from cdk_modelbuilder.frameworks.base import SavedModel
from cdk_modelbuilder.frameworks.mlflow_folder import MODEL_FILE, MlflowFolder, read_folder
from cdk_modelbuilder.frameworks.model_format import check_format

_FOLDER = "mlflow_model"
_SCHEMES = ("models:/", "runs:/", "mlflow-artifacts:/")


class MlflowAdapter:
    """MLflow model folders, by their path or by a URI such as ``models:/churn/3``.

    Input and output are those of the model's ``python_function`` flavour: DataFrames, arrays, dicts, lists and text,
    as its signature says.
    """

    name = "mlflow"
    model_servers: Sequence[str] = ("builtin",)
    imported_as = "mlflow"
    distribution = "mlflow"
    provided_by: Sequence[str] = ("mlflow-skinny",)

    def recognises(self, model: object) -> bool:
        return isinstance(model, MlflowFolder) or type(model).__module__ == "mlflow.pyfunc"

    def opens(self, path: Path) -> bool:
        return (path / MODEL_FILE).is_file()

    def open(self, path: Path, *, trust: Sequence[str]) -> Any:
        return read_folder(path, trust=trust)

    def opens_uri(self, uri: str) -> bool:
        """Whether ``uri`` names a model of an MLflow registry, tracking server or run."""
        return uri.startswith(_SCHEMES)

    def open_uri(self, uri: str, *, trust: Sequence[str]) -> Any:
        """The same as :meth:`open` for a URI that :meth:`opens_uri`; MLflow downloads the folder.

        Where from, and with which credentials, MLflow's own settings say (``MLFLOW_TRACKING_URI``, ...).

        Raises:
            ModelError: MLflow is not installed, or does not find it; or what :meth:`open` raises.
        """
        mlflow = _mlflow()
        try:
            folder = mlflow.artifacts.download_artifacts(artifact_uri=uri)
        except Exception as error:  # whatever the store behind it raises
            raise ModelError(
                f"MLflow cannot get {uri}: {type(error).__name__}: {error}.",
                remedy="Check the URI, MLFLOW_TRACKING_URI and the credentials; or give the path of the folder.",
            ) from error
        if not self.opens(Path(folder)):
            raise ModelError(f"{uri} is no MLflow model: it has no {MODEL_FILE}.", remedy="Name the model's folder.")
        return self.open(Path(folder), trust=trust)

    def check(self, model: Any) -> None:
        if not isinstance(model, MlflowFolder):
            raise ModelError(
                f"model is a {type(model).__name__}, which is loaded already.",
                remedy="Give the path of its folder, or its URI: model='models:/churn/3'.",
            )
        _mlflow()

    def methods(self, model: Any) -> Sequence[str]:  # noqa: ARG002 - python_function has this one
        return ["predict"]

    def predict(self, model: Any, data: Any, method: str) -> Any:
        paths = list(sys.path)
        try:
            loaded = _mlflow().pyfunc.load_model(str(model.path), suppress_warnings=True)
            return getattr(loaded, method)(data)
        finally:
            sys.path[:] = paths  # MLflow puts the folder's own code first

    def save(
        self,
        model: Any,
        folder: Path,
        *,
        model_format: str | None,
        trust: Sequence[str],  # noqa: ARG002 - it was judged when it was opened
        sample: Any,  # noqa: ARG002 - it is not traced
    ) -> SavedModel:
        check_format(
            model_format,
            ["mlflow"],
            what="MLflow models",
            remedy="Leave it out: the folder is shipped as it is.",
        )
        shutil.copytree(model.path, folder / _FOLDER, ignore=shutil.ignore_patterns("__pycache__"))
        listed = model.requirements
        return SavedModel(
            data_format="mlflow",
            model_class=str(model.pyfunc.get("loader_module") or "mlflow.pyfunc"),
            template="inference/mlflow.py.jinja",
            template_values={"folder": _FOLDER},
            python=model.python,
            modules=sorted({module for module, _ in model.pickled} | {"mlflow"}),
            pickle_globals=[".".join(name) for name in model.pickled],
            requirements=None if listed is None else f"{_FOLDER}/{listed}",
            description={"flavors": sorted(map(str, model.flavors)), "mlflow_version": model.mlflow_version},
        )

    def version(self) -> str:
        return str(_mlflow().__version__)


def _mlflow() -> Any:
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # build() asks no network
    try:
        import mlflow  # noqa: PLC0415
        import mlflow.pyfunc  # noqa: PLC0415
    except ImportError:
        raise ModelError(
            "MLflow, which loads the model, is not installed.",
            remedy="Run: pip install mlflow-skinny (or mlflow, in the version that saved the model).",
        ) from None
    return mlflow
