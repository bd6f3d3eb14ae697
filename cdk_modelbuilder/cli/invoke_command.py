"""``invoke``: send one request."""

from __future__ import annotations

import base64
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import click

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.cli.checked_bundle import open_checked
from cdk_modelbuilder.cli.output import bundle_argument, json_option, print_json
from cdk_modelbuilder.cli.payload_files import is_text, read_body
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.local.starting import start_process
from cdk_modelbuilder.predictor import Predictor

_ACCEPT = "application/json, */*;q=0.1"
"""JSON if the endpoint can say it so; else whatever it has, such as an image."""


@click.command(
    "invoke",
    short_help="Send one request to a bundle.",
    epilog="Example: cdk-modelbuilder invoke build/churn --data '[[0.1, 0.2]]'   or   --data @rows.csv",
)
@bundle_argument
@click.option("--data", help="The request: text, @FILE, or - for standard input.")
@click.option("--golden", is_flag=True, help="Run the bundle's golden test instead.")
@click.option("--content-type", help="Type of the data. Default: from the file's ending, else application/json.")
@click.option("--accept", default=_ACCEPT, show_default=True, help="Type of the answer.")
@click.option("--url", help="A running endpoint, such as http://127.0.0.1:8080. Default: start one for this request.")
@click.option("--endpoint-name", help="An endpoint in SageMaker.")
@click.option("--inference-component-name", help="Which model on it, if it hosts inference components.")
@click.option("--region", help="AWS region of --endpoint-name. Default: the environment's.")
@click.option("--stream", is_flag=True, help="Print the answer's pieces as they arrive.")
@click.option("--output", "target", type=click.Path(path_type=Path), help="Write the answer's body to this file.")
@json_option
def command(
    *,
    bundle: str,
    data: str | None,
    golden: bool,
    content_type: str | None,
    accept: str,
    url: str | None,
    endpoint_name: str | None,
    inference_component_name: str | None,
    region: str | None,
    target: Path | None,
    stream: bool,
    as_json: bool,
) -> None:
    """Send one request to BUNDLE and print the answer's body."""
    if as_json and (stream or target):
        raise UsageError("--json was given with --stream or --output.", remedy="Give one of them.")
    where = {
        "url": url,
        "endpoint_name": endpoint_name,
        "inference_component_name": inference_component_name,
        "region": region,
    }
    remote = url is not None or endpoint_name is not None
    if not remote and (inference_component_name or region):
        raise UsageError(
            "--inference-component-name and --region say more about an endpoint in SageMaker.",
            remedy="Name it with --endpoint-name.",
        )
    if (data is None) is not golden:
        raise UsageError("invoke needs either --data or --golden.", remedy="Give the request, or run the golden test.")
    opened = ModelBundle.read(bundle) if remote else open_checked(bundle)
    if data is None:
        with _predictor(opened, where if remote else None) as predictor:
            opened.golden_test(predictor)
        click.echo("the endpoint answers as it did when the bundle was built")
        return
    body, guessed = read_body(data, opened)
    with _predictor(opened, where if remote else None) as predictor:
        if stream:
            pieces = predictor.invoke_stream(body, content_type=content_type or guessed, accept=accept)
            with _destination(target, pieces.content_type, text=is_text(pieces.content_type)) as out:
                for piece in pieces.chunks:
                    out.write(piece)
                    out.flush()
            return
        answer, answer_type = predictor.invoke(body, content_type=content_type or guessed, accept=accept)
    text = is_text(answer_type) and _is_utf8(answer)
    if as_json:
        body_or_base64 = {"body": answer.decode()} if text else {"body_base64": base64.b64encode(answer).decode()}
        print_json({**body_or_base64, "content_type": answer_type})
        return
    with _destination(target, answer_type, text=text) as out:
        out.write(answer)
        if target is None and text and not answer.endswith(b"\n"):
            out.write(b"\n")


@contextmanager
def _predictor(bundle: ModelBundle, where: dict[str, Any] | None) -> Iterator[Predictor]:
    """A predictor for the endpoint that ``where`` names, or for one that lives as long as the block."""
    if where is not None:
        with Predictor.from_bundle(bundle, **where) as predictor:
            yield predictor
        return
    process = start_process(bundle, on_log=lambda line: None)  # noqa: ARG005 - the answer is what counts
    try:
        with Predictor.from_bundle(bundle, url=process.url) as predictor:
            yield predictor
    finally:
        process.stop()


@contextmanager
def _destination(target: Path | None, content_type: str, *, text: bool) -> Iterator[BinaryIO]:
    if target is None:
        if sys.stdout.isatty() and not text:
            raise UsageError(
                f"the answer is binary ({content_type or 'of an unknown type'}), which a terminal cannot show.",
                remedy="Give --output FILE, send it to another program, or ask for --accept application/json.",
            )
        yield sys.stdout.buffer
        sys.stdout.flush()
        return
    try:
        with target.open("wb") as file:
            yield file
    except OSError as error:
        raise UsageError(f"{target} cannot be written: {error.strerror}.", remedy="Name another file.") from None


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False  # bytes that an endpoint of raw bytes labels as whatever was asked for
    return True
