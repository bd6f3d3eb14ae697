"""``invoke``: send one request."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.cli.checked_bundle import open_checked
from cdk_modelbuilder.cli.output import bundle_argument, json_option, print_json
from cdk_modelbuilder.deployment import start_process
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.predictor import Predictor

_TYPES = {
    ".csv": "text/csv",
    ".json": "application/json",
    ".npy": "application/x-npy",
    ".txt": "text/plain",
}


@click.command(
    "invoke",
    short_help="Send one request to a bundle.",
    epilog="Example: cdk-modelbuilder invoke build/churn --data '[[0.1, 0.2]]'   or   --data @rows.csv",
)
@bundle_argument
@click.option("--data", required=True, help="The request: text, @FILE, or - for standard input.")
@click.option("--content-type", help="Type of the data. Default: from the file's ending, else application/json.")
@click.option("--accept", default="application/json", show_default=True, help="Type of the answer.")
@click.option("--url", help="A running endpoint, such as http://127.0.0.1:8080. Default: start one for this request.")
@json_option
def command(bundle: str, data: str, content_type: str | None, accept: str, url: str | None, *, as_json: bool) -> None:
    """Send one request to BUNDLE and print the answer's body."""
    body, guessed = _read(data)
    opened = ModelBundle.read(bundle) if url else open_checked(bundle)
    process = None if url else start_process(opened, on_log=lambda line: None)  # noqa: ARG005 - the answer is what counts
    address = url or (process.url if process else "")
    try:
        with Predictor(address, schema=opened.schema, container=opened.container) as predictor:
            answer, answer_type = predictor.invoke(body, content_type=content_type or guessed, accept=accept)
    finally:
        if process is not None:
            process.stop()
    if as_json:
        print_json({"body": answer.decode("utf-8", errors="replace"), "content_type": answer_type})
    else:
        sys.stdout.buffer.write(answer)
        if answer_type.startswith(("text/", "application/json")) and not answer.endswith(b"\n"):
            sys.stdout.buffer.write(b"\n")
        sys.stdout.flush()


def _read(data: str) -> tuple[bytes, str]:
    if data == "-":
        return sys.stdin.buffer.read(), "application/json"
    if not data.startswith("@"):
        return data.encode(), "application/json"
    path = Path(data[1:])
    try:
        return path.read_bytes(), _TYPES.get(path.suffix.lower(), "application/octet-stream")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.", remedy="Name an existing file after @.") from None
