"""``tune``: measure a bundle under other serving properties here, and write the better ones into it."""

from __future__ import annotations

import json
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cdk_modelbuilder.bundle import TUNING_FILE, TUNING_FOLDER, ModelBundle
from cdk_modelbuilder.cli.deploy_command import INTERRUPTED
from cdk_modelbuilder.cli.output import bundle_argument, is_quiet, json_option, print_facts, print_json
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.mode import Mode

if TYPE_CHECKING:
    from cdk_modelbuilder.tuning import Objective, TuningResult
    from cdk_modelbuilder.tuning.attempt import Attempt
    from cdk_modelbuilder.tuning.space import Value

_WORDS: dict[str, Value | None] = {"none": None, "true": True, "false": False}


@click.command(
    "tune",
    short_help="Measure other serving properties here, and keep the better ones.",
    epilog="Example: cdk-modelbuilder tune build/churn --within p99=50 --concurrency 1,8,32 --minutes 10",
)
@bundle_argument
@click.option("--list", "only_list", is_flag=True, help="Print what can be tuned, and end.")
@click.option(
    "--set",
    "wished",
    multiple=True,
    metavar="NAME=VALUES",
    help="Values to try, such as workers=1,2,4; repeat. Default: what changes only the speed.",
)
@click.option(
    "--goal",
    default="throughput",
    show_default=True,
    type=click.Choice(["throughput", "latency", "cost"]),
    help="What to make large, or small.",
)
@click.option("--figure", default="p99", show_default=True, help="With --goal latency: which, such as first_token_p50.")
@click.option("--within", multiple=True, metavar="LATENCY=MS", help="A bound to keep, such as p99=100; repeat.")
@click.option(
    "--per", default="requests", show_default=True, type=click.Choice(["requests", "tokens"]), help="What is counted."
)
@click.option(
    "--price",
    "prices",
    multiple=True,
    metavar="N | TYPE=N",
    help="With --goal cost: what an hour of the instance costs; or a price for each type, repeat.",
)
@click.option("--concurrency", metavar="N[,N...]", help="Users, each of whom waits for the answer. Default: 8.")
@click.option("--rate", metavar="N[,N...]", help="Requests a second instead, which do not wait for each other.")
@click.option(
    "--arrivals",
    default="poisson",
    show_default=True,
    type=click.Choice(["poisson", "constant"]),
    help="How those of --rate are spaced.",
)
@click.option("--requests", type=click.Path(path_type=Path), help="File with a request a line. Default: the sample.")
@click.option("--trials", default=24, show_default=True, help="Configurations to try, the bundle's own among them.")
@click.option("--minutes", default=30.0, show_default=True, help="Time for all of it.")
@click.option("--finalists", default=3, show_default=True, help="How many of the best are measured again.")
@click.option("--repeats", default=4, show_default=True, help="How often they and the bundle's own are.")
@click.option("--warm-up-seconds", default=2.0, show_default=True, help="Load of an attempt that is not counted.")
@click.option("--min-seconds", default=5.0, show_default=True, help="Shortest measurement.")
@click.option("--max-seconds", default=30.0, show_default=True, help="Longest one.")
@click.option("--width", default=0.05, show_default=True, help="It ends at this relative width of the interval.")
@click.option("--container/--process", "in_container", default=None, help="Default: as the bundle's server allows.")
@click.option("--command", "server", metavar="COMMAND", help="Start the server so, instead of in a container.")
@click.option("--gpus", help="With --container: how many GPUs, or all.")
@click.option("--memory-mb", type=int, help="With --container: MiB beyond which it is ended.")
@click.option("--cpus", type=float, help="With --container: processors.")
@click.option("--seed", default=0, show_default=True, help="Of every choice by chance.")
@click.option("--fresh", is_flag=True, help="Begin anew, even if an interrupted run could go on.")
@click.option("--show-log", is_flag=True, help="Show the servers' logs.")
@json_option
def command(
    *,
    bundle: str,
    only_list: bool,
    wished: tuple[str, ...],
    concurrency: str | None,
    rate: str | None,
    arrivals: str,
    requests: Path | None,
    in_container: bool | None,
    server: str | None,
    seed: int,
    fresh: bool,
    show_log: bool,
    as_json: bool,
    **rest: Any,
) -> None:
    """Start the bundle's server under other properties, one after the other, and send load to each.

    The best are measured again beside the bundle's own, in random order; what is better by more than chance goes into
    tuning.json, with a table and a plot, and `deploy` uses it on instances like this machine. Ctrl-C loses nothing:
    the same command goes on.
    """
    opened = ModelBundle.load(bundle)
    if only_list:
        _print_dimensions(opened)
        return
    from cdk_modelbuilder.tuning import Budget, Timing  # noqa: PLC0415 - --help needs none of it

    started = time.monotonic()
    container = {name: rest[name] for name in ("gpus", "memory_mb", "cpus") if rest[name] is not None}
    if container.get("gpus", "all") != "all":
        container["gpus"] = _number(container["gpus"], "--gpus", int)
    result = _tuned(
        opened,
        bundle,
        objective=_objective(rest),
        dimensions=_dimensions(wished) if wished else None,
        concurrency=None if concurrency is None else _numbers(concurrency, "--concurrency", int),
        rate=None if rate is None else _numbers(rate, "--rate", float),
        arrivals=arrivals,
        requests=requests,
        budget=Budget(
            trials=rest["trials"],
            seconds=60 * rest["minutes"],
            finalists=rest["finalists"],
            repeats=rest["repeats"],
        ),
        timing=Timing(
            warm_up_seconds=rest["warm_up_seconds"],
            min_seconds=rest["min_seconds"],
            max_seconds=rest["max_seconds"],
            relative_width=rest["width"],
        ),
        mode=None if in_container is None else Mode.LOCAL_CONTAINER if in_container else Mode.LOCAL_PROCESS,
        command=None if server is None else shlex.split(server),
        seed=seed,
        resume=not fresh,
        on_attempt=None if as_json or is_quiet() else _Teller(started),
        on_log=(lambda line: click.echo(line, err=True)) if show_log else None,
        **container,
    )
    if as_json:
        print_json(result.to_json())
    else:
        _print(opened, result)


def _tuned(opened: ModelBundle, path: str, **options: Any) -> TuningResult:
    try:
        return opened.tune(**options)
    except KeyboardInterrupt:
        click.echo(f"interrupted; what was measured is kept: the same command of {path} goes on there", err=True)
        sys.exit(INTERRUPTED)


class _Teller:
    """A line on standard error for each attempt."""

    def __init__(self, started: float) -> None:
        self._started, self._count = started, 0

    def __call__(self, attempt: Attempt) -> None:
        from cdk_modelbuilder.tuning.report.table import words_of  # noqa: PLC0415

        self._count += 1
        minutes, seconds = divmod(int(time.monotonic() - self._started), 60)
        phase = "search" if attempt.phase == "search" else f"round {attempt.round}"
        click.echo(f"{minutes:3d}:{seconds:02d}  {self._count:3d}  {phase:8}  {words_of(attempt)}", err=True)


def _print(bundle: ModelBundle, result: TuningResult) -> None:
    from cdk_modelbuilder.tuning.change import spec_diff  # noqa: PLC0415
    from cdk_modelbuilder.tuning.files import PAGE_FILE, PLOT_FILE  # noqa: PLC0415
    from cdk_modelbuilder.tuning.report.table import table  # noqa: PLC0415

    click.echo(table(result))
    click.echo()
    click.echo(f"Result: {result.sentence}.")
    for note in result.notes:
        click.echo(f"note: {note}", err=True)
    if result.is_better and result.environment:
        click.echo()
        click.echo(spec_diff(bundle.container, result.environment))
    if result.is_better and result.content_type is not None:
        click.echo(f"Requests are sent as {result.content_type}.")
    folder = bundle.path / TUNING_FOLDER
    written = [bundle.path / TUNING_FILE, folder / PAGE_FILE, folder / PLOT_FILE]
    click.echo(f"Written: {', '.join(str(path) for path in written if path.exists())}")


def _print_dimensions(bundle: ModelBundle) -> None:
    from cdk_modelbuilder.tuning.dimensions import offers_of  # noqa: PLC0415
    from cdk_modelbuilder.tuning.hardware import hardware_here  # noqa: PLC0415

    facts = {}
    for name, offer in offers_of(bundle, hardware_here()).items():
        tried = ", ".join("as it is" if value is None else str(value) for value in offer.values)
        facts[name] = f"{offer.meaning}; {f'tried: {tried}' if tried else 'tried when it is named'}"
    print_facts(facts)


def _objective(given: dict[str, Any]) -> Objective:
    from cdk_modelbuilder.tuning import Objective  # noqa: PLC0415

    bounds = {}
    for one in given["within"]:
        name, sign, text = one.partition("=")
        if not sign:
            raise UsageError(f"--within {one} has no bound.", remedy="Write it as p99=100, in milliseconds.")
        bounds[name] = _number(text, f"--within {name}", float)
    return Objective(
        goal=given["goal"],
        figure=given["figure"],
        bounds=bounds,
        per=given["per"],
        price_per_hour=_prices(given["prices"]),
    )


def _prices(given: Sequence[str]) -> float | dict[str, float] | None:
    if not given:
        return None
    if len(given) == 1 and "=" not in given[0]:
        return float(_number(given[0], "--price", float))
    found = {}
    for one in given:
        name, sign, text = one.partition("=")
        if not sign:
            raise UsageError(f"--price {one} beside others has no type.", remedy="Write it as ml.g5.xlarge=1.41.")
        found[name] = _number(text, f"--price {name}", float)
    return found


def _dimensions(wished: Sequence[str]) -> dict[str, list[Value | None]]:
    found: dict[str, list[Value | None]] = {}
    for one in wished:
        name, sign, text = one.partition("=")
        if not sign or not text:
            raise UsageError(f"--set {one} has no values.", remedy="Write it as workers=1,2,4.")
        found.setdefault(name, []).extend(_value(part.strip()) for part in text.split(","))
    return found


def _value(text: str) -> Value | None:
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    try:
        number = json.loads(text)
    except ValueError:
        return text
    return number if isinstance(number, int | float) else text


def _numbers(text: str, option: str, kind: Callable[[str], Any]) -> list[Any]:
    return [_number(part.strip(), option, kind) for part in text.split(",")]


def _number(text: str, option: str, kind: Callable[[str], Any]) -> Any:
    try:
        return kind(text)
    except ValueError:
        raise UsageError(f"{option} is {text!r}.", remedy="Give a number.") from None
