"""``chat``: ask a language model, and print its answer as it is written."""

from __future__ import annotations

import sys

import click

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.cli.output import bundle_argument, json_option, print_json
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.predictor import Predictor


@click.command(
    "chat",
    short_help="Ask a language model that runs.",
    epilog="Example: cdk-modelbuilder chat build/llama 'Who are you?' --endpoint-name llama",
)
@bundle_argument
@click.argument("text")
@click.option("--system", help="What the model is told before.")
@click.option("--model", help="A LoRA adapter. Default: the base model.")
@click.option("--max-tokens", type=int, help="Longest answer in tokens. Default: the server's.")
@click.option("--temperature", type=float, help="0 takes the likeliest token each time. Default: the model's.")
@click.option("--url", help="A running endpoint, such as http://127.0.0.1:8080.")
@click.option("--endpoint-name", help="An endpoint in SageMaker.")
@click.option("--inference-component-name", help="Which model on it, if it hosts inference components.")
@click.option("--region", help="AWS region of --endpoint-name. Default: the environment's.")
@json_option
def command(
    *,
    bundle: str,
    text: str,
    system: str | None,
    model: str | None,
    max_tokens: int | None,
    temperature: float | None,
    url: str | None,
    endpoint_name: str | None,
    inference_component_name: str | None,
    region: str | None,
    as_json: bool,
) -> None:
    """Ask the model that serves BUNDLE; TEXT is the question, or - for standard input."""
    asked = sys.stdin.read() if text == "-" else text
    if not asked.strip():
        raise UsageError("there is nothing to ask.", remedy="Give a text, or - and standard input.")
    messages = [] if system is None else [{"role": "system", "content": system}]
    messages.append({"role": "user", "content": asked})
    with Predictor.from_bundle(
        ModelBundle.read(bundle),
        url=url,
        endpoint_name=endpoint_name,
        inference_component_name=inference_component_name,
        region=region,
    ) as predictor:
        if as_json:
            answer = predictor.chat(messages, max_tokens=max_tokens, temperature=temperature, model=model)
            print_json(answer.raw)
            return
        with predictor.chat(
            messages, max_tokens=max_tokens, temperature=temperature, model=model, stream=True
        ) as stream:
            for piece in stream:
                click.echo(piece.text, nl=False)
        click.echo()
