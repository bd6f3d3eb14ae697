"""``inspect``: what a bundle is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click

from cdk_modelbuilder.bundle import LOCK_FILE, SERVING_FILE, ModelBundle
from cdk_modelbuilder.cli.output import bundle_argument, json_option, print_facts, print_json
from cdk_modelbuilder.errors import BundleError
from cdk_modelbuilder.schema.codecs import open_codec


@click.command(
    "inspect", short_help="Show what a bundle is.", epilog="Example: cdk-modelbuilder inspect build/churn --json"
)
@bundle_argument
@json_option
def command(bundle: str, *, as_json: bool) -> None:
    """Show what BUNDLE is: model, image, schema, packages, digests. Reads its text files only and verifies nothing."""
    opened = ModelBundle.read(bundle)
    facts, served = facts_of(opened), served_lines(opened)
    if as_json:
        print_json({**facts, **({} if opened.serving is None else {"serving": opened.serving})})
        return
    print_facts(facts)
    for line in served:
        click.echo(line)
    lines = (opened.path / LOCK_FILE).read_text("utf-8").splitlines()
    click.echo("\npackages")
    for line in lines[1:]:
        click.echo(f"  {line}")
    for note in opened.notes:
        click.echo(f"\nnote: {note}")


def facts_of(bundle: ModelBundle) -> dict[str, Any]:
    """The facts that people and machines are shown."""
    info, image = bundle.info, bundle.container.image
    return {
        "name": bundle.name,
        "model": _model(bundle),
        "format": info["model"]["format"],
        "input": _summary(bundle, "input"),
        "output": _summary(bundle, "output"),
        "image": image.uri or f"{image.repository}:{image.tag} (Python {image.python})",
        "built with": f"cdk-modelbuilder {info['builder_version']}, Python {info['python']}",
        "files": len(bundle.manifest.files),
        "root sha256": bundle.root_sha256,
        "key id": bundle.key_id,
        **({} if bundle.public_key_id is None else {"public key id": bundle.public_key_id}),
    }


def served_lines(bundle: ModelBundle) -> list[str]:
    """How a language model is served: values with their reasons, and the arithmetic; nothing for other models.

    Raises:
        BundleError: ``serving.json`` is not as build() writes it.
    """
    try:
        return [] if bundle.serving is None else list(_served(bundle.serving))
    except (AttributeError, KeyError, TypeError) as error:
        raise BundleError(
            f"{bundle.path / SERVING_FILE} is malformed: {type(error).__name__}: {error}.",
            remedy="Restore it from version control, or build again.",
        ) from None


def _model(bundle: ModelBundle) -> str:
    info, read = bundle.info, (bundle.serving or {}).get("model")
    if isinstance(read, Mapping) and "parameters" in read:
        return f"{read.get('architecture')}, {read['parameters'] / 1e9:.2f} billion parameters"
    return f"{info['model']['class']} ({info['framework']['name']} {info['framework']['version']})"


def _served(serving: Mapping[str, Any]) -> Iterator[str]:
    yield f"\nserved by {serving['server']['name']} on {serving['instance_type'] or 'any instance type'}"
    for name, entry in serving["values"].items():
        yield f"  {name:15} {entry['value']!s:>10}  {entry['reason']}"
    for adapter in serving.get("adapters", []):
        targets, base = ", ".join(adapter["targets"]), adapter["base"] or "a model that it does not name"
        yield f"  adapter {adapter['name']}: rank {adapter['rank']} on {targets}; trained on {base}"
    if serving["arithmetic"] is not None:
        yield f"  memory: {serving['arithmetic']['in_words']}"
    if serving["not_reckoned"] is not None:
        yield f"  not reckoned: {serving['not_reckoned']}"


def _summary(bundle: ModelBundle, direction: str) -> str:
    codec = open_codec(bundle.schema[direction])
    return f"{codec.summary()}: {', '.join(codec.content_types)}"
