"""Guardrails: how an endpoint moves from one configuration to the next, and when it moves back."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from aws_cdk import Duration
from aws_cdk import aws_sagemaker as sagemaker

from cdk_modelbuilder.constructs.arguments import check_range, check_whole, is_token, seconds
from cdk_modelbuilder.errors import UsageError

_L1 = sagemaker.CfnEndpoint


@dataclass(frozen=True)
class Capacity:
    """A part of the fleet. Make one with the class methods. Source: ``CapacitySize``.

    Attributes:
        kind: ``INSTANCE_COUNT``, ``COPY_COUNT`` or ``CAPACITY_PERCENT``.
        value: How much.
    """

    kind: str
    value: int

    @classmethod
    def percent(cls, value: int) -> Capacity:
        """A share of the whole fleet, in percent.

        Raises:
            UsageError: Outside 1 to 100.
        """
        check_whole("the capacity in percent", value, 1, 100)
        return cls("CAPACITY_PERCENT", value)

    @classmethod
    def instances(cls, count: int) -> Capacity:
        """So many instances.

        Raises:
            UsageError: Less than one.
        """
        check_whole("the number of instances", count, 1)
        return cls("INSTANCE_COUNT", count)

    @classmethod
    def copies(cls, count: int) -> Capacity:
        """So many copies of an inference component.

        Raises:
            UsageError: Less than one.
        """
        check_whole("the number of copies", count, 1)
        return cls("COPY_COUNT", count)

    def check(self, what: str, low: int, high: int, *, unit: str = "INSTANCE_COUNT") -> None:
        """Refuse percentages outside ``low`` to ``high``, and the other resource's unit.

        Raises:
            UsageError: It is so.
        """
        if self.kind == "CAPACITY_PERCENT":
            check_range(what, self.value, low, high, unit=" %")
        elif self.kind != unit:
            other = "instances" if unit == "INSTANCE_COUNT" else "copies"
            raise UsageError(f"{what} counts in {self.kind}.", remedy=f"Use Capacity.{other}() or .percent().")


@dataclass(frozen=True, kw_only=True)
class BlueGreen:
    """A new fleet beside the old one, which gets the traffic in steps. Make one with the class methods.

    Source: ``BlueGreenUpdatePolicy`` and the guide's page "Blue/Green Deployments".

    Attributes:
        kind: ``ALL_AT_ONCE``, ``CANARY`` or ``LINEAR``.
        step: The canary, or each linear step.
        bake_time: Watch the alarms so long after each step, up to an hour.
        termination_wait: Keep the old fleet so long after the last one, up to an hour.
        timeout: For the whole, 10 min to 8 h.
    """

    kind: str
    step: Capacity | None
    bake_time: Duration
    termination_wait: Duration | None
    timeout: Duration | None

    @classmethod
    def all_at_once(
        cls,
        *,
        bake_time: Duration | None = None,
        termination_wait: Duration | None = None,
        timeout: Duration | None = None,
    ) -> BlueGreen:
        """All traffic in one step. Default bake time: none."""
        bake = bake_time or Duration.seconds(0)
        return cls(kind="ALL_AT_ONCE", step=None, bake_time=bake, termination_wait=termination_wait, timeout=timeout)

    @classmethod
    def canary(
        cls,
        size: Capacity,
        *,
        bake_time: Duration,
        termination_wait: Duration | None = None,
        timeout: Duration | None = None,
    ) -> BlueGreen:
        """A small part first, the rest after the bake time. ``size`` is at most half of the fleet."""
        size.check("the canary", 1, 50)
        return cls(kind="CANARY", step=size, bake_time=bake_time, termination_wait=termination_wait, timeout=timeout)

    @classmethod
    def linear(
        cls,
        step: Capacity,
        *,
        bake_time: Duration,
        termination_wait: Duration | None = None,
        timeout: Duration | None = None,
    ) -> BlueGreen:
        """Step by step, with the bake time between. ``step`` is 10 to 50 % of the fleet."""
        step.check("the linear step", 10, 50)
        return cls(kind="LINEAR", step=step, bake_time=bake_time, termination_wait=termination_wait, timeout=timeout)

    def _waits(self) -> int:
        """How often it waits at least: between the steps, as far as their number is known."""
        step = self.step
        if self.kind != "LINEAR" or step is None or step.kind != "CAPACITY_PERCENT" or is_token(step.value):
            return 1
        return max(1, math.ceil(100 / step.value) - 1)

    def render(self) -> dict[str, Any]:
        """The L1 property, by the name of its field."""
        size = None if self.step is None else _L1.CapacitySizeProperty(type=self.step.kind, value=self.step.value)
        wait = seconds("bake_time", self.bake_time, 0, 3600)
        terminate = seconds("termination_wait", self.termination_wait, 0, 3600)
        timeout = seconds("timeout", self.timeout, 600, 28800)
        decided_later = any(is_token(number) for number in (wait, terminate, timeout))
        waiting = 0 if decided_later else (wait or 0) * self._waits() + (terminate or 0)
        if timeout is not None and not decided_later and timeout <= waiting:
            raise UsageError(
                f"timeout is {timeout} s, but waiting alone takes {waiting} s.",
                remedy="Raise timeout, or shorten bake_time and termination_wait.",
            )
        return {
            "blue_green_update_policy": _L1.BlueGreenUpdatePolicyProperty(
                traffic_routing_configuration=_L1.TrafficRoutingConfigProperty(
                    type=self.kind,
                    canary_size=size if self.kind == "CANARY" else None,
                    linear_step_size=size if self.kind == "LINEAR" else None,
                    wait_interval_in_seconds=wait,
                ),
                termination_wait_in_seconds=terminate,
                maximum_execution_timeout_in_seconds=timeout,
            )
        }


@dataclass(frozen=True, kw_only=True)
class RollingSteps:
    """What rolling updates of endpoints and of inference components have in common.

    Attributes:
        batch: 5 to 50 % of the whole at a time.
        bake_time: Watch the alarms so long after each batch, up to an hour.
        rollback_batch: At a time when going back. Default: all at once.
        timeout: For the whole, 10 min to 8 h.
    """

    batch: Capacity
    bake_time: Duration
    rollback_batch: Capacity | None = None
    timeout: Duration | None = None

    unit: ClassVar[str]
    """The kind of ``Capacity`` that counts here, beside percent."""

    def __post_init__(self) -> None:
        self.batch.check("the batch", 5, 50, unit=self.unit)
        if self.rollback_batch is not None:
            self.rollback_batch.check("the rollback batch", 5, 100, unit=self.unit)

    def fields_of_l1(self, size: Callable[..., Any]) -> dict[str, Any]:
        """The fields of the L1 property, whose capacities are made by ``size``."""
        back = self.rollback_batch
        return {
            "maximum_batch_size": size(type=self.batch.kind, value=self.batch.value),
            "wait_interval_in_seconds": seconds("bake_time", self.bake_time, 0, 3600),
            "rollback_maximum_batch_size": None if back is None else size(type=back.kind, value=back.value),
            "maximum_execution_timeout_in_seconds": seconds("timeout", self.timeout, 600, 28800),
        }


@dataclass(frozen=True, kw_only=True)
class Rolling(RollingSteps):
    """Part after part of the fleet is replaced, so little more than one fleet is paid. Source: ``RollingUpdatePolicy``.

    Attributes:
        batch: 5 to 50 % of the fleet at a time.
        bake_time: Watch the alarms so long after each batch, up to an hour.
        rollback_batch: At a time when going back. Default: all at once.
        timeout: For the whole, 10 min to 8 h.
    """

    unit: ClassVar[str] = "INSTANCE_COUNT"

    def render(self) -> dict[str, Any]:
        """The L1 property, by the name of its field."""
        return {"rolling_update_policy": _L1.RollingUpdatePolicyProperty(**self.fields_of_l1(_L1.CapacitySizeProperty))}
