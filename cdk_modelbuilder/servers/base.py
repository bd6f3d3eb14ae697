"""What a server adapter decides, and the model servers that there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from cdk_modelbuilder.schema.codecs import Marshaller

INVOCATION_SECONDS = 60
"""InvokeEndpoint waits so long."""
INFERENCE_CODE = "inference/inference.py.jinja"
"""Template of the four hooks that SageMaker's toolkits call."""


class ModelServer(StrEnum):
    """The model server inside a container; it decides the layout of the files."""

    BUILTIN = "builtin"
    """This project's own server, in an image of its own that the stack builds."""
    DJL_SERVING = "djl_serving"
    """DJL Serving, with its Large Model Inference containers."""
    MLFLOW = "mlflow"
    """MLflow's scoring server."""
    MMS = "mms"
    """Multi Model Server under SageMaker's toolkits, as in the Hugging Face containers."""
    RAY = "ray"
    """Ray Serve."""
    SGLANG = "sglang"
    """SGLang."""
    SKLEARN = "sklearn"
    """SageMaker's scikit-learn container."""
    SMD = "smd"
    """The inference server of the SageMaker Distribution images."""
    TEI = "tei"
    """Hugging Face Text Embeddings Inference."""
    TENSORFLOW_SERVING = "tensorflow_serving"
    """TensorFlow Serving."""
    TGI = "tgi"
    """Hugging Face Text Generation Inference."""
    TORCHSERVE = "torchserve"
    """TorchServe, as in the PyTorch containers."""
    TRITON = "triton"
    """NVIDIA Triton Inference Server."""
    VLLM = "vllm"
    """vLLM."""
    XGBOOST = "xgboost"
    """SageMaker's XGBoost container in script mode."""


class Verified(StrEnum):
    """What checks the model folder against its signature before a container serves it."""

    BY_ENTRY_POINT = "entry-point"
    """The image's entry point, which stands outside the model folder, before anything else starts."""
    BY_CODE = "inference-code"
    """The generated code, before it imports or loads anything; who can replace it can leave that out."""
    BY_NOTHING = "nothing"
    """Nothing: the server reads the files without running any code of the bundle."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What the files of one bundle are made from.

    Attributes:
        name: The bundle's name.
        mount_path: Where the container sees the model's folder.
        framework: The framework's name; ``none`` for an InferenceSpec without one.
        data_format: The format of the model's files.
        marshaller: Both directions of the schema.
        python: Minor version of the container's Python, where it is known.
        model: What servers that read the model's files themselves are told: a path in the container, or a hub's id.
        revision: The revision of a hub's model, or None.
        description: What the framework's adapter says of the saved model.
        accelerated: Whether the instance has a GPU.
        installs: Whether there may be packages for the server to install when it starts; they are in the image else.
        startup_seconds: How long a start may take.
        invocation_seconds: How long an answer may take.
        max_payload_bytes: Largest request and answer.
    """

    name: str
    mount_path: str
    framework: str
    data_format: str
    marshaller: Marshaller
    python: str | None = None
    model: str = ""
    revision: str | None = None
    description: Mapping[str, Any] = field(default_factory=dict)
    accelerated: bool = False
    installs: bool = True
    startup_seconds: int = 480
    invocation_seconds: int = INVOCATION_SECONDS
    max_payload_bytes: int = 25 << 20


class ServerAdapter(Protocol):
    """How one model server is fed. Register yours as an entry point ``cdk_modelbuilder.servers``.

    Attributes:
        name: A value of :class:`ModelServer`, or the name of a server of your own.
        title: The server's name in messages.
        template: The template of ``code/inference.py``, below ``templates/`` or ``package:path``; None for a server
            that runs no Python of the bundle.
        data_folder: Where the server wants the model's own files, below the model's folder; empty for its root.
        max_payload_bytes: Largest request body that the server takes, where the user says nothing.
        requirements_file: Where the server looks for packages to install when it starts, below the model's folder;
            None where it installs nothing.
        takes_hashes: Whether it installs that file in a way that allows for hashes.
        runs_model: Whether the bundle's Python runs the model; else it only speaks to a server that does, and needs no
            framework.
        own_image: Whether the image is built from the bundle, with all packages inside.
        verified: What checks the model's folder before it is served.
        labels_answers: Whether the answer's ``Content-Type`` says what it is. Where it does not, a client asks for one
            type and takes the answer for that.
    """

    name: str
    title: str
    template: str | None
    data_folder: str
    max_payload_bytes: int
    requirements_file: str | None
    takes_hashes: bool
    runs_model: bool
    own_image: bool
    verified: Verified
    labels_answers: bool

    def for_framework(self, framework: str) -> ServerAdapter:
        """The adapter for models of ``framework``: this one, or one that feeds the server in another way."""
        ...

    def for_files(self) -> ServerAdapter | None:
        """The adapter that has the server read a model's files itself, without code of the bundle; None for none."""
        ...

    def refusal(self, framework: str) -> str | None:
        """Why this server cannot run models of ``framework``, with the way out; None if it can."""
        ...

    def data_format(self, framework: str) -> str | None:
        """The format that models of ``framework`` must be saved in for this server; None for any."""
        ...

    def wire(self, marshaller: Marshaller, description: Mapping[str, Any]) -> Marshaller:
        """The schema as requests and answers carry it; ``marshaller`` itself where any body does.

        Args:
            marshaller: The schema.
            description: What the framework's adapter says of the saved model.

        Raises:
            SchemaError: The server's protocol has no place for such values.
        """
        ...

    def environment(self, layout: Layout) -> Mapping[str, str]:
        """Variables that the server needs."""
        ...

    def files(self, layout: Layout) -> Mapping[str, str]:
        """Text files of the server's own, by path below the model's folder, beside ``code/``."""
        ...


class PythonServer:
    """What most servers have in common that run the bundle's code.

    An adapter derives from it and says what is different.
    """

    name: str = ""
    title: str = ""
    template: str | None = INFERENCE_CODE
    data_folder = ""
    max_payload_bytes = 25 << 20
    """InvokeEndpoint's limit."""
    requirements_file: str | None = "code/requirements.txt"
    takes_hashes = True
    runs_model = True
    own_image = False
    verified = Verified.BY_CODE
    labels_answers = True

    def for_framework(self, framework: str) -> ServerAdapter:  # noqa: ARG002 - most do not care
        return self

    def for_files(self) -> ServerAdapter | None:
        return None

    def refusal(self, framework: str) -> str | None:  # noqa: ARG002 - they run what Python runs
        return None

    def data_format(self, framework: str) -> str | None:  # noqa: ARG002
        return None

    def wire(self, marshaller: Marshaller, description: Mapping[str, Any]) -> Marshaller:  # noqa: ARG002
        return marshaller

    def environment(self, layout: Layout) -> Mapping[str, str]:  # noqa: ARG002
        return {}

    def files(self, layout: Layout) -> Mapping[str, str]:  # noqa: ARG002
        return {}
