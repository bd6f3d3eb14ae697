"""A bundle's server started by the user's command, told what its container's entry point makes of the variables.

Sources: aws/deep-learning-containers, ``vllm/build_artifacts/sagemaker_entrypoint.sh`` and its counterpart for SGLang:
``SM_VLLM_X_Y=v`` becomes ``--x-y v``, ``true`` the bare flag, ``false`` nothing, and a JSON list several values.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.container_spec import ContainerSpec
from cdk_modelbuilder.tuning.trials.command import ServerCommand

MODEL_DIR = "{model_dir}"
_PREFIXES = {"vllm": "SM_VLLM_", "sglang": "SM_SGLANG_"}
_MODEL_FLAGS = {"vllm": "--model", "sglang": "--model-path"}


def server_command(bundle: ModelBundle, spec: ContainerSpec, argv: Sequence[str]) -> ServerCommand:
    """The command for one configuration.

    Args:
        bundle: Whose files are served.
        spec: Its container spec with the configuration's variables.
        argv: The user's command; ``{port}`` and ``{model_dir}`` stand for the port and the model's folder.

    Raises:
        UsageError: The command says no port.
    """
    folder = str(bundle.model_dir.resolve())
    mount = spec.model_data.mount_path
    environment = {name: text.replace(mount, folder) for name, text in spec.environment.items()}
    words = [word.replace(MODEL_DIR, folder) for word in argv]
    prefix = _PREFIXES.get(spec.model_server)
    if prefix is not None:
        flags = arguments({name: text for name, text in environment.items() if name.startswith(prefix)}, prefix)
        model = _MODEL_FLAGS[spec.model_server]
        if model not in (*words, *flags):
            words += [model, folder]
        words += flags
    check = spec.health_check
    return ServerCommand(
        argv=tuple(words),
        environment=environment,
        invocations_path=spec.invocations_path,
        health_path=check.path,
        startup_seconds=check.startup_seconds,
    )


def arguments(variables: Mapping[str, str], prefix: str) -> list[str]:
    """Variables as a command line.

    >>> arguments({"SM_VLLM_DTYPE": "float32", "SM_VLLM_ENFORCE_EAGER": "true"}, "SM_VLLM_")
    ['--dtype', 'float32', '--enforce-eager']
    """
    found = []
    for name, text in sorted(variables.items()):
        flag = "--" + name.removeprefix(prefix).lower().replace("_", "-")
        if text.lower() == "false":
            continue
        found.append(flag)
        if text.lower() != "true" and text:
            found += _values(text)
    return found


def _values(text: str) -> list[str]:
    if text.startswith("["):
        try:
            return [str(one) if not isinstance(one, dict) else json.dumps(one) for one in json.loads(text)]
        except ValueError:
            return [text]
    return [text]
