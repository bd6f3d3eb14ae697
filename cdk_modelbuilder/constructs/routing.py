"""How an endpoint spreads requests over the instances or copies of a variant."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import aws_sagemaker as sagemaker

from cdk_modelbuilder.constructs.arguments import check_whole


@dataclass(frozen=True)
class Routing:
    """A routing strategy. Make one with the class methods. Source: ``ProductionVariantRoutingConfig``.

    Attributes:
        strategy: SageMaker's word for it.
        prefix_length: For prefix-aware routing: how much of the prompt is compared.
        concurrency_threshold: For prefix-aware routing: beyond how many requests another instance is taken.
    """

    strategy: str
    prefix_length: int | None = None
    concurrency_threshold: int | None = None

    @classmethod
    def random(cls) -> Routing:
        """Any instance."""
        return cls("RANDOM")

    @classmethod
    def least_outstanding_requests(cls) -> Routing:
        """The instance that has the fewest requests in work: better wherever requests take differently long."""
        return cls("LEAST_OUTSTANDING_REQUESTS")

    @classmethod
    def prefix_aware(cls, *, prefix_length: int, concurrency_threshold: int) -> Routing:
        """Prompts with the same beginning to the same instance, whose key-value cache has it.

        Args:
            prefix_length: How many bytes of the request are compared, at least 1024.
            concurrency_threshold: Requests in work beyond which another instance is taken.

        Raises:
            UsageError: Numbers that SageMaker would refuse.
        """
        check_whole("prefix_length", prefix_length, 1024)
        check_whole("concurrency_threshold", concurrency_threshold, 1)
        return cls("PREFIX_AWARE", prefix_length, concurrency_threshold)

    def render(self) -> sagemaker.CfnEndpointConfig.RoutingConfigProperty:
        """The L1 property."""
        config = sagemaker.CfnEndpointConfig
        prefix = None
        if self.prefix_length is not None or self.concurrency_threshold is not None:
            prefix = config.PrefixAwareRoutingConfigProperty(
                prefix_length=self.prefix_length, concurrency_threshold=self.concurrency_threshold
            )
        return config.RoutingConfigProperty(routing_strategy=self.strategy, prefix_aware_routing_config=prefix)
