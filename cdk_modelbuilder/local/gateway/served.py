"""A model as it is served in one place, and the endpoint around it, while the gateway runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cdk_modelbuilder.local.gateway.api_error import Place
from cdk_modelbuilder.local.gateway.copies import CopySet, Surroundings
from cdk_modelbuilder.local.gateway.counters import Counters
from cdk_modelbuilder.local.gateway.hosted import Component, Hosted, HostedEndpoint, HostedModel, Variant
from cdk_modelbuilder.local.gateway.model_cache import ModelCache
from cdk_modelbuilder.local.gateway.sessions import Sessions

if TYPE_CHECKING:
    from cdk_modelbuilder.local.gateway.routing import Target

REAL_TIME_BYTES = 25 << 20
SERVERLESS_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class Stage:
    """A container in its place.

    Attributes:
        name: What errors call it.
        copies: Its servers; None in a multi-model container.
        models: The target models of a multi-model container.
    """

    name: str
    copies: CopySet | None
    models: ModelCache | None = None


class Served:
    """A variant's or a component's model.

    Args:
        surroundings: The gateway.
        place: Where it is, for errors.
        model: What is served.
        variant: Name of its production variant.
        count: Copies.
        routing: How one of them is chosen.
        concurrency: Requests at a time that a serverless variant takes.

    Attributes:
        place: Where it is.
        model: What is served.
        stages: Its containers, in their order.
        counters: Requests that were answered.
        outstanding: Requests that were not.
        concurrency: Requests at a time that a serverless variant takes; None without limit.
        variant_line: The header line that names the variant in answers.
        plain: The target of a request that names none; None before the first such.
    """

    def __init__(
        self,
        surroundings: Surroundings,
        place: Place,
        model: HostedModel,
        *,
        variant: str,
        count: int,
        routing: str,
        concurrency: int | None = None,
    ) -> None:
        self.place = place
        self.model = model
        self.counters = Counters()
        self.outstanding = 0
        self.plain: Target | None = None
        self.concurrency = concurrency
        self.variant_line = b"x-Amzn-Invoked-Production-Variant: %s\r\n" % variant.encode()
        stages = []
        for container in model.containers:
            label = f"{place.endpoint}/{place.variant}/{container.name}"
            if container.multi_model:
                stages.append(Stage(container.name, None, ModelCache(surroundings, container, label)))
            else:
                assert container.bundle is not None
                copies = CopySet(
                    surroundings, container.bundle, container.environment, label=label, count=count, routing=routing
                )
                stages.append(Stage(container.name, copies))
        self.stages = tuple(stages)

    @property
    def copy_sets(self) -> list[CopySet]:
        """All sets of copies that there are now."""
        found: list[CopySet] = []
        for stage in self.stages:
            found += [stage.copies] if stage.copies is not None else []
            found += stage.models.loaded if stage.models is not None else []
        return found

    def start(self) -> None:
        """Begin to start the copies."""
        for stage in self.stages:
            if stage.copies is not None:
                stage.copies.start()

    @property
    def ready(self) -> bool:
        """Whether all copies that start by themselves have come up, or failed."""
        return all(stage.copies.ready for stage in self.stages if stage.copies is not None)

    @property
    def failure(self) -> str | None:
        """Why one of them did not come up."""
        reasons = (stage.copies.failure for stage in self.stages if stage.copies is not None)
        return next((reason for reason in reasons if reason is not None), None)


@dataclass(slots=True)
class ServedEndpoint:
    """An endpoint, while the gateway runs.

    Attributes:
        hosted: What it is.
        created: Seconds since the epoch.
        variants: The variants that serve a model.
        components: The components that serve one; an adapter is its base.
        sessions: Sessions that containers have opened.
        open: Whether it takes requests: once all copies have come up, and as long as it is not deleted.
        deleting: Whether it is being deleted.
    """

    hosted: HostedEndpoint
    created: float
    variants: dict[str, Served]
    components: dict[str, Served]
    sessions: Sessions = field(default_factory=Sessions)
    open: bool = False
    deleting: bool = False

    @property
    def served(self) -> list[Served]:
        """Everything that has copies, each once."""
        return [*self.variants.values(), *{id(one): one for one in self.components.values()}.values()]

    def refresh(self) -> None:
        """A copy came up or went down."""
        self.open = self.open or self.status in ("InService", "Failed")

    @property
    def status(self) -> str:
        """``Creating``, ``InService``, ``Failed`` or ``Deleting``, as DescribeEndpoint says it."""
        if self.deleting:
            return "Deleting"
        if self.failure is not None:
            return "Failed"
        return "InService" if all(one.ready for one in self.served) else "Creating"

    @property
    def failure(self) -> str | None:
        """Why it failed."""
        return next((one.failure for one in self.served if one.failure is not None), None)


def serve(hosted: Hosted, endpoint: HostedEndpoint, surroundings: Surroundings, now: float) -> ServedEndpoint:
    """``endpoint`` with copies, which are not started yet."""

    def place(name: str) -> Place:
        return Place(hosted.account, hosted.region, endpoint.name, name)

    variants = {one.name: _serve_variant(one, place(one.name), surroundings) for one in endpoint.variants if one.model}
    routing = {one.name: one.routing for one in endpoint.variants}
    components = {
        one.name: _serve_component(one, place(one.name), surroundings, routing)
        for one in endpoint.components
        if one.model and one.copies
    }
    for one in endpoint.components:
        if one.base in components:
            components[one.name] = components[one.base]
    return ServedEndpoint(endpoint, now, variants, components)


def _serve_variant(variant: Variant, place: Place, surroundings: Surroundings) -> Served:
    assert variant.model is not None
    return Served(
        surroundings,
        place,
        variant.model,
        variant=variant.name,
        count=variant.copies,
        routing=variant.routing,
        concurrency=variant.serverless_concurrency,
    )


def _serve_component(
    component: Component, place: Place, surroundings: Surroundings, routing: Mapping[str, str]
) -> Served:
    assert component.model is not None
    return Served(
        surroundings,
        place,
        component.model,
        variant=component.variant,
        count=component.copies,
        routing=routing.get(component.variant, "LEAST_OUTSTANDING_REQUESTS"),
    )
