"""``run --load``: a short load test of an endpoint here, with a table and a chart."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click
import urllib3

from cdk_modelbuilder.cli.output import print_facts, print_json
from cdk_modelbuilder.cli.payload_files import read_body
from cdk_modelbuilder.errors import UsageError

if TYPE_CHECKING:
    from cdk_modelbuilder.local.gateway import LocalGateway
    from cdk_modelbuilder.local.load import LoadPlan, LoadResult


@dataclass(frozen=True, slots=True)
class LoadWishes:
    """What the user asked for.

    Attributes:
        plan: How much is sent.
        data: The request, as ``invoke --data`` takes it; None for the bundle's sample.
        content_type: Its type; None for what the data says.
        endpoint: Which endpoint; None for the only one.
    """

    plan: LoadPlan
    data: str | None
    content_type: str | None
    endpoint: str | None


def load_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options; the command gets them as ``load``, or None."""

    @click.option("--load", "wanted", is_flag=True, help="Send load for a while, print the figures, and end.")
    @click.option("--load-concurrency", default=8, show_default=True, help="Users that send at a time.")
    @click.option("--load-seconds", default=10.0, show_default=True, help="How long answers are counted.")
    @click.option("--load-think-seconds", default=0.0, show_default=True, help="How long a user waits after an answer.")
    @click.option("--load-data", help="The request: text or @FILE. Default: the bundle's sample.")
    @click.option("--load-content-type", help="Its type. Default: from the file's ending, else application/json.")
    @click.option("--load-endpoint", help="Which endpoint, if there are several.")
    @functools.wraps(function)
    def with_load(
        *,
        wanted: bool,
        load_concurrency: int,
        load_seconds: float,
        load_think_seconds: float,
        load_data: str | None,
        load_content_type: str | None,
        load_endpoint: str | None,
        **rest: Any,
    ) -> Any:
        if not wanted:
            return function(load=None, **rest)
        from cdk_modelbuilder.local.load import LoadPlan  # noqa: PLC0415 - only for --load

        plan = LoadPlan(concurrency=load_concurrency, seconds=load_seconds, think_seconds=load_think_seconds)
        return function(load=LoadWishes(plan, load_data, load_content_type, load_endpoint), **rest)

    return with_load


def run_and_print_load(gateway: LocalGateway, wishes: LoadWishes, *, as_json: bool) -> None:
    """Send the load through ``gateway`` and print what came of it.

    Raises:
        UsageError: No such endpoint, or no sample for it.
    """
    from cdk_modelbuilder.local.load import LoadRequest, run_load  # noqa: PLC0415
    from cdk_modelbuilder.local.sample_request import sample_request  # noqa: PLC0415

    name = _endpoint(gateway, wishes.endpoint)
    hosted = next(one for one in gateway.hosted.endpoints if one.name == name)
    bundle = hosted.models[0].containers[0].bundle if hosted.models else None
    if bundle is None:
        raise UsageError(f"the models of {name} are not known here.", remedy="Load a bundle's endpoint.")
    if wishes.data is None:
        body, content_type, accept = sample_request(bundle)
    else:
        (body, content_type), accept = read_body(wishes.data, bundle), "*/*"
    headers = {"Content-Type": wishes.content_type or content_type, "Accept": accept}
    request = LoadRequest(gateway.port, f"/endpoints/{name}/invocations", body, headers)
    if not as_json:
        plan = wishes.plan
        click.echo(f"{plan.concurrency} users send to {name} for {plan.warm_up_seconds + plan.seconds:g} s", err=True)
    result = run_load(request, wishes.plan, memory=[functools.partial(_memory, gateway.url, name)])
    if as_json:
        print_json({"endpoint": name, **result.to_json()})
    else:
        _print(result)


def _endpoint(gateway: LocalGateway, asked: str | None) -> str:
    names = ", ".join(gateway.endpoints)
    if asked is None:
        if len(gateway.endpoints) > 1:
            raise UsageError(f"there are several endpoints: {names}.", remedy="Say which with --load-endpoint.")
        return gateway.endpoints[0]
    if asked not in gateway.endpoints:
        raise UsageError(f"there is no endpoint {asked}.", remedy=f"There is {names}.")
    return asked


def _memory(url: str, endpoint: str) -> int | None:
    # Not urllib, which would ask a proxy that the environment names.
    with urllib3.PoolManager(retries=False) as http:
        status = http.request("GET", f"{url}/-/status").json()
    found = [
        copy["memory_bytes"]
        for one in status["endpoints"]
        if one["name"] == endpoint
        for group in (*one["variants"], *one["components"])
        for copy in group["copies"]
        if copy["memory_bytes"] is not None
    ]
    return sum(found) if found else None


def _print(result: LoadResult) -> None:
    from cdk_modelbuilder.local.load import histogram  # noqa: PLC0415

    memory = result.memory_bytes
    failed = ", ".join(f"{count} of {kind}" for kind, count in sorted(result.failures.items()))
    print_facts(
        {
            "answers": len(result.milliseconds),
            "answers a second": f"{result.answers_per_second:.1f}",
            **{f"p{percent}": _in_ms(result.percentile(percent)) for percent in (50, 90, 99)},
            "errors": f"{100 * result.error_rate:.2f} %" + (f" ({failed})" if failed else ""),
            "unanswered at the end": result.unanswered,
            "memory": "not known" if memory is None else f"{memory / 2**20:.0f} MiB",
        }
    )
    if result.milliseconds:
        click.echo()
        click.echo(histogram(result.milliseconds))


def _in_ms(value: float | None) -> str:
    return "none" if value is None else f"{value:.2f} ms"
