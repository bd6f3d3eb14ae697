"""``run``: serve a bundle on this machine."""

from __future__ import annotations

import signal
import sys

import click

from cdk_modelbuilder.cli.checked_bundle import open_checked
from cdk_modelbuilder.cli.output import bundle_argument, json_option, print_json
from cdk_modelbuilder.deployment import start_process


@click.command(
    "run",
    short_help="Serve a bundle here, as the endpoint would.",
    epilog="Example: cdk-modelbuilder run build/churn --port 8080",
)
@bundle_argument
@click.option("--port", default=8080, show_default=True, help="Port on 127.0.0.1; 0 takes a free one.")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1), help="Server processes.")
@json_option
def command(bundle: str, port: int, workers: int, *, as_json: bool) -> None:
    """Serve BUNDLE from its container spec in a process on this machine, until Ctrl-C.

    GET /ping and POST /invocations answer as in a container. The log goes to standard error, one JSON object a line.
    """
    opened = open_checked(bundle)
    process = start_process(opened, port=port, workers=workers, on_log=lambda line: click.echo(line, err=True))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if as_json:
        print_json({"name": opened.name, "pid": process.pid, "url": process.url})
    else:
        click.echo(f"{opened.name} is ready: POST {process.url}{opened.container.invocations_path} (Ctrl-C ends it)")
    sys.stdout.flush()
    try:
        status = process.wait()
    except KeyboardInterrupt:
        status = 0
    finally:
        process.stop()
    sys.exit(1 if status else 0)
