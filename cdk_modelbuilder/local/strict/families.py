"""The containers that strict mode stands in for."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass

from cdk_modelbuilder.container_spec import ContainerSpec
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.servers import ModelServer


@dataclass(frozen=True, slots=True)
class Family:
    """Containers that answer alike.

    Attributes:
        name: What ``--family`` calls it.
        title: What it stands in for.
        needs: Modules that it takes here, beside those of the bundle's code: what the container has of its own.
    """

    name: str
    title: str
    needs: tuple[str, ...] = ()


FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        Family("mms", "sagemaker-inference on Multi Model Server"),
        Family("torchserve", "sagemaker-pytorch-inference on TorchServe"),
        Family("huggingface", "sagemaker-huggingface-inference-toolkit on Multi Model Server"),
        Family("sklearn", "sagemaker-containers, as in the scikit-learn images"),
        Family("xgboost", "sagemaker-containers, as in the XGBoost images"),
        Family(
            "mlflow",
            "MLflow's scoring server behind nginx, as in the images that MLflow makes for SageMaker",
            ("pandas",),
        ),
        Family("ray", "Ray Serve behind the front of AWS's Ray images"),
        Family("djl_serving", "DJL Serving's Python engine, as in the DJL and LMI images"),
        Family("smd", "tornado, as in the SageMaker Distribution images"),
        Family("tensorflow_serving", "the Python service before TensorFlow Serving", ("requests", "tensorflow")),
    )
}
"""Name -> family. What each one's rules are is in ``opening``, which only the server's process imports."""


def family_of(container: ContainerSpec) -> Family:
    """The family of the container's model server.

    Raises:
        UsageError: Strict mode has no rules for it, or they take a package that is not here.
    """
    name = container.model_server
    if name == ModelServer.MMS and "huggingface" in f"{container.image.repository} {container.image.uri}":
        name = "huggingface"
    if name in FAMILIES:
        family = FAMILIES[name]
        _check_needs(family)
        return family
    if name == ModelServer.BUILTIN:
        raise UsageError(
            "strict mode is for other servers than our own, which is what a process runs anyway.",
            remedy="Leave strict out.",
        )
    if name == ModelServer.TRITON:
        raise UsageError(
            "strict mode has no rules of Triton's: a process speaks its protocol anyway, as the bundle's schema does.",
            remedy="Leave strict out, or run the container itself: mode=Mode.LOCAL_CONTAINER.",
        )
    raise UsageError(
        f"strict mode has no rules for the model server {name!r}; it has them for {', '.join(FAMILIES)}.",
        remedy="Run the container itself: mode=Mode.LOCAL_CONTAINER.",
    )


def _check_needs(family: Family) -> None:
    missing = [module for module in family.needs if importlib.util.find_spec(module) is None]
    if missing:
        raise UsageError(
            f"strict mode for {family.name} takes {', '.join(missing)}, which the container has and this Python lacks.",
            remedy=f"pip install {' '.join(missing)}, or run the container itself: mode=Mode.LOCAL_CONTAINER.",
        )
