"""``run``: SageMaker Runtime's API on this machine, in front of bundles or of a synthesized app."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cdk_modelbuilder.cli.checked_bundle import open_checked
from cdk_modelbuilder.cli.output import json_option, print_json
from cdk_modelbuilder.cli.run_load import LoadWishes, load_options, run_and_print_load
from cdk_modelbuilder.errors import UsageError

if TYPE_CHECKING:
    from cdk_modelbuilder.local.gateway import Hosted, LocalGateway, Objects
    from cdk_modelbuilder.local.reload import Reloader

DEFAULT_PORT = 8080
_ASSEMBLY = "manifest.json"
"""A cloud assembly has it, and so has a bundle; only a bundle has a bundle.json."""


@click.command(
    "run",
    short_help="Serve bundles or a synthesized app here, behind SageMaker's own API.",
    epilog="Example: cdk-modelbuilder run build/churn build/tumour   or   cdk-modelbuilder run cdk.out --container",
)
@click.argument("targets", metavar="BUNDLE... | CDK_OUT", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--port", type=int, help=f"Port on 127.0.0.1; 0 takes a free one. Default: {DEFAULT_PORT}, if it is free."
)
@click.option("--container/--process", "in_container", help="In Docker, or as processes, which is the default.")
@click.option("--copies", default=1, show_default=True, type=click.IntRange(1), help="Servers for each bundle.")
@click.option(
    "--workers",
    type=click.IntRange(1),
    help="Processes for each server. Default: the container spec's MODELBUILDER_WORKERS, else 1.",
)
@click.option("--strict", is_flag=True, help="Answer as the container's serving toolkit will, quirks included.")
@click.option("--bare", is_flag=True, help="One bundle's own server alone: GET /ping, POST /invocations, GET /docs.")
@click.option("--async", "asynchronous", is_flag=True, help="Make the endpoints asynchronous.")
@click.option(
    "--s3",
    "objects",
    metavar="DIR|URL",
    help="Where asynchronous requests find their objects: a folder of buckets, or the URL of a local S3.",
)
@click.option(
    "--bundles",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Where the bundles of CDK_OUT lie; repeat. Default: beside it.",
)
@click.option("--memory-mb", type=int, help="With --container: MiB beyond which it is ended.")
@click.option("--cpus", type=float, help="With --container: processors.")
@click.option("--gpus", help="With --container: how many GPUs, or all.")
@click.option("--network-isolation", is_flag=True, help="With --container: no way out of it.")
@click.option(
    "--pull",
    type=click.Choice(["missing", "always", "never"]),
    help="With --container: when its image is pulled. Default: missing.",
)
@click.option("--reload", is_flag=True, help="Let each new build of a bundle take over from the one before.")
@click.option("--rebuild", metavar="COMMAND", help="With --reload: build so when a Python file changes.")
@click.option(
    "--watch",
    "sources",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="With --rebuild: a folder of sources; repeat. Default: the current one.",
)
@load_options
@json_option
def command(
    *,
    targets: tuple[Path, ...],
    port: int | None,
    in_container: bool,
    copies: int,
    workers: int | None,
    strict: bool,
    bare: bool,
    asynchronous: bool,
    objects: str | None,
    bundles: tuple[Path, ...],
    reload: bool,
    rebuild: str | None,
    sources: tuple[Path, ...],
    load: LoadWishes | None,
    as_json: bool,
    **container: Any,
) -> None:
    """Serve on this machine until Ctrl-C, from the very same container specs that are deployed.

    Applications need one variable, which is printed: AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME. boto3's sagemaker-runtime then
    talks to what runs here. Each bundle is an endpoint of its name; of CDK_OUT, what `cdk synth` writes, everything is
    started that its templates say. The log goes to standard error.
    """
    asked = {name: value for name, value in container.items() if value not in (None, False)}
    if asked and not in_container:
        raise UsageError(
            f"--{min(asked).replace('_', '-')} is for containers.", remedy="Give --container too, or leave it out."
        )
    if in_container and (strict or workers is not None):
        raise UsageError(
            f"--{'strict' if strict else 'workers'} is for processes.", remedy="Leave it out: the image decides."
        )
    if (rebuild or sources) and not reload:
        raise UsageError("--rebuild and --watch are for --reload.", remedy="Give --reload too.")
    if "gpus" in asked and asked["gpus"] != "all":
        asked["gpus"] = _count(asked["gpus"])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    start = {"in_container": in_container, "workers": workers, "strict": strict, "options": asked}
    if bare:
        _serve_bare(targets, DEFAULT_PORT if port is None else port, start, as_json=as_json)
        return
    hosted = _hosted(targets, bundles, copies=copies, asynchronous=asynchronous)
    for warning in hosted.warnings:
        click.echo(f"note: {warning}", err=True)
    with _interruptible(), _gateway(hosted, port, objects, start, quiet=load is not None) as gateway:
        if load is not None:
            run_and_print_load(gateway, load, as_json=as_json)
            return
        with _reloading(gateway, rebuild, sources) if reload else nullcontext():
            _announce(gateway, as_json=as_json)
            threading.Event().wait()


def _reloading(gateway: LocalGateway, rebuild: str | None, sources: tuple[Path, ...]) -> Reloader:
    from cdk_modelbuilder.local.reload import Reloader  # noqa: PLC0415

    containers = [one for endpoint in gateway.hosted.endpoints for model in endpoint.models for one in model.containers]
    return Reloader(
        [one.bundle for one in containers if one.bundle is not None],
        gateway.replace,
        rebuild=rebuild,
        sources=sources or (Path.cwd(),),
        say=lambda sentence: click.echo(f"note: {sentence}", err=True),
    )


@contextmanager
def _interruptible() -> Iterator[None]:
    with suppress(KeyboardInterrupt):
        yield


def _hosted(targets: tuple[Path, ...], bundles: tuple[Path, ...], *, copies: int, asynchronous: bool) -> Hosted:
    from cdk_modelbuilder.local.gateway import host_assembly, host_bundles  # noqa: PLC0415 - --help needs no server

    assemblies = [path for path in targets if (path / _ASSEMBLY).is_file() and not (path / "bundle.json").is_file()]
    if not assemblies:
        if bundles:
            raise UsageError("--bundles is for a synthesized app.", remedy="Name its folder, such as cdk.out.")
        opened = [open_checked(str(path)) for path in targets]
        return host_bundles(opened, copies=copies, asynchronous=asynchronous)
    if len(targets) > 1:
        raise UsageError(
            f"{assemblies[0]} is a synthesized app, and {len(targets) - 1} more was named.", remedy="Run it alone."
        )
    if copies > 1 or asynchronous:
        raise UsageError(
            f"--{'async' if asynchronous else 'copies'} is for bundles: a synthesized app says that itself.",
            remedy="Leave it out.",
        )
    return host_assembly(assemblies[0], bundles_in=bundles)


@contextmanager
def _gateway(
    hosted: Hosted, port: int | None, objects: str | None, start: dict[str, Any], *, quiet: bool
) -> Iterator[LocalGateway]:
    from cdk_modelbuilder.local.gateway import LocalGateway  # noqa: PLC0415
    from cdk_modelbuilder.local.starting import Starter  # noqa: PLC0415

    alone = sum(len(endpoint.models) for endpoint in hosted.endpoints) == 1

    def on_log(label: str, line: str) -> None:
        if not quiet:
            click.echo(line if alone else f"{label} | {line}", err=True)

    options: dict[str, Any] = {"start": Starter(**start), "on_log": on_log}
    if objects is not None:
        options["objects"] = _objects(objects)
    try:
        gateway = LocalGateway(hosted, port=DEFAULT_PORT if port is None else port, **options)
    except UsageError as error:
        if port is not None:
            raise
        click.echo(f"note: {error.what} A free one is taken.", err=True)
        gateway = LocalGateway(hosted, port=0, **options)
    with gateway:
        yield gateway


def _objects(where: str) -> Objects:
    from cdk_modelbuilder.local.gateway import FolderObjects, S3Objects  # noqa: PLC0415

    if not where.startswith(("http://", "https://")):
        folder = Path(where)
        if not folder.is_dir():
            raise UsageError(f"--s3 {where} is no folder.", remedy="Make it, with a folder for each bucket in it.")
        return FolderObjects(folder)
    from cdk_modelbuilder.calling.aws_clients import open_session  # noqa: PLC0415 - boto3 is an extra

    return S3Objects(open_session(None, None).client("s3", endpoint_url=where))


def _announce(gateway: LocalGateway, *, as_json: bool) -> None:
    variables = {
        "AWS_ENDPOINT_URL_SAGEMAKER": gateway.url,
        "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": gateway.url,
    }
    if as_json:
        print_json({"endpoints": list(gateway.endpoints), "environment": variables, "url": gateway.url})
    else:
        for name in gateway.endpoints:
            click.echo(f"{name} is in service: POST {gateway.url}/endpoints/{name}/invocations")
        click.echo(f"What runs, its log, and a form to try it: {gateway.url}/")
        click.echo("Applications reach it with these, and Ctrl-C ends it:")
        for name, value in variables.items():
            click.echo(f"  export {name}={value}")
    sys.stdout.flush()


def _serve_bare(targets: tuple[Path, ...], port: int, start: dict[str, Any], *, as_json: bool) -> None:
    from cdk_modelbuilder.local.starting import Starter  # noqa: PLC0415

    if len(targets) > 1:
        raise UsageError("--bare serves one bundle.", remedy="Name one, or leave --bare out.")
    opened = open_checked(str(targets[0]))
    on_log: Callable[[str], object] = lambda line: click.echo(line, err=True)  # noqa: E731
    running = Starter(**start)(opened, opened.container.environment, on_log=on_log, port=port)
    if as_json:
        print_json({"identity": running.identity, "name": opened.name, "url": running.url})
    else:
        path = opened.container.invocations_path
        click.echo(f"{opened.name} is ready: POST {running.url}{path} (Ctrl-C ends it)")
    sys.stdout.flush()
    status = 0
    with _interruptible():
        try:
            status = running.wait()
        finally:
            running.stop()
    sys.exit(1 if status else 0)


def _count(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise UsageError(f"--gpus is {text!r}.", remedy="Give a number, or all.") from None
