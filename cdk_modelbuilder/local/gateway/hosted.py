"""What is hosted: endpoints, their variants and components, the models behind them, as plain values.

Two sources make them: a list of bundles (``from_bundles.py``) and a cloud assembly (``assembly.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cdk_modelbuilder.bundle import ModelBundle

LEAST_OUTSTANDING = "LEAST_OUTSTANDING_REQUESTS"
RANDOM = "RANDOM"
LOCAL_ACCOUNT = "000000000000"
LOCAL_REGION = "us-east-1"


@dataclass(frozen=True, slots=True)
class HostedContainer:
    """One container of a model.

    Attributes:
        name: What errors call it: its hostname, or ``primary``.
        bundle: What it serves; None where no bundle was found, or in a multi-model container.
        environment: The container's variables, without secrets.
        models: Target model -> bundle, in a multi-model container.
        multi_model: Whether it is one.
    """

    name: str
    bundle: ModelBundle | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    models: Mapping[str, ModelBundle] = field(default_factory=dict)
    multi_model: bool = False


@dataclass(frozen=True, slots=True)
class HostedModel:
    """A SageMaker model.

    Attributes:
        name: Its name.
        containers: One; or several, called in series or each by its hostname.
        direct: Whether each is called by its hostname.
    """

    name: str
    containers: tuple[HostedContainer, ...]
    direct: bool = False


@dataclass(frozen=True, slots=True)
class Variant:
    """A production variant.

    Attributes:
        name: Its name.
        model: What it serves; None on an endpoint of inference components.
        weight: Its share of the requests, relative to the others'.
        copies: Instances.
        routing: How a copy is chosen.
        serverless_concurrency: Requests at a time that a serverless variant takes; None for one on instances.
        instance_type: For DescribeEndpointConfig.
        memory_mb: Memory of a serverless variant, for the same.
    """

    name: str
    model: HostedModel | None
    weight: float = 1.0
    copies: int = 1
    routing: str = LEAST_OUTSTANDING
    serverless_concurrency: int | None = None
    instance_type: str | None = None
    memory_mb: int | None = None


@dataclass(frozen=True, slots=True)
class Component:
    """An inference component.

    Attributes:
        name: Its name.
        variant: The variant it lies on.
        model: What it serves; None for an adapter.
        copies: How many of it run.
        base: For an adapter, the component that loads it.
        artifact: For an adapter, where its files are.
    """

    name: str
    variant: str
    model: HostedModel | None
    copies: int = 1
    base: str | None = None
    artifact: str | None = None


@dataclass(frozen=True, slots=True)
class AsyncSettings:
    """How an asynchronous endpoint answers.

    Attributes:
        output: ``s3://`` prefix of answers.
        failure: ``s3://`` prefix of failures; None for none.
        concurrency: Requests at a time for each instance; None lets the gateway choose.
    """

    output: str
    failure: str | None = None
    concurrency: int | None = None


@dataclass(frozen=True, slots=True)
class HostedEndpoint:
    """An endpoint.

    Attributes:
        name: Its name.
        config_name: Its configuration's name.
        variants: Production variants.
        components: Inference components.
        asynchronous: Set if it is asynchronous: then it takes no other requests.
        explains: Whether its configuration has an explainer.
    """

    name: str
    config_name: str
    variants: tuple[Variant, ...]
    components: tuple[Component, ...] = ()
    asynchronous: AsyncSettings | None = None
    explains: bool = False

    @property
    def models(self) -> tuple[HostedModel, ...]:
        """Every model on it, once."""
        found = [*(one.model for one in self.variants), *(one.model for one in self.components)]
        return tuple({model.name: model for model in found if model is not None}.values())


@dataclass(frozen=True, slots=True)
class Hosted:
    """Everything behind one gateway.

    Attributes:
        endpoints: The endpoints.
        account: AWS account that names and errors mention.
        region: AWS region likewise.
        warnings: What local mode does in another way than SageMaker would, as sentences.
    """

    endpoints: tuple[HostedEndpoint, ...]
    account: str = LOCAL_ACCOUNT
    region: str = LOCAL_REGION
    warnings: tuple[str, ...] = ()
