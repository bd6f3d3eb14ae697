"""Command line of the server: ``python -m cdk_modelbuilder.serving --model-dir DIR``."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from cdk_modelbuilder.integrity import verifier
from cdk_modelbuilder.serving import variables
from cdk_modelbuilder.serving.server import ServerOptions, serve

DEFAULTS = ServerOptions(model_dir="/opt/ml/model")
_PROPERTIES = {
    "port": (variables.PORT, f"port to listen on; 0 takes a free one (default: {DEFAULTS.port})"),
    "workers": (variables.WORKERS, "processes (default: 1)"),
    "threads": (variables.THREADS, "requests a worker handles at a time (default: 1)"),
    "max_batch_size": (variables.MAX_BATCH_SIZE, "requests for one call of the model (default: what its code says)"),
    "max_batch_delay_ms": (variables.MAX_BATCH_DELAY_MS, "ms to wait for more of them (default: likewise)"),
    "max_payload_bytes": (variables.MAX_PAYLOAD_BYTES, "largest body (default: 25 MiB)"),
    "stuck_after": (variables.STUCK_AFTER, f"seconds until /ping fails (default: {DEFAULTS.stuck_after:g})"),
}


def main() -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(
        prog="python -m cdk_modelbuilder.serving",
        description="Serve a bundle's model folder over the SageMaker hosting contract (GET /ping, POST /invocations).",
        epilog="The MODELBUILDER_* variables of the bundle's container spec must be set; "
        "`cdk-modelbuilder run BUNDLE` does that.",
    )
    # SageMaker starts every container with this word.
    parser.add_argument("command", nargs="?", choices=["serve"], default="serve", help="may be left out")
    parser.add_argument("--model-dir", default=DEFAULTS.model_dir, help="model folder (default: %(default)s)")
    parser.add_argument("--host", default=DEFAULTS.host, help="address to listen on (default: %(default)s)")
    parser.add_argument("--fd", type=int, dest="descriptor", help="listen on this inherited socket instead")
    for name, (variable, meaning) in _PROPERTIES.items():
        parser.add_argument(f"--{name.replace('_', '-')}", help=f"{meaning}; also as {variable}")
    parser.add_argument("--parent", type=int, help="stop when the process with this id is gone")
    arguments = vars(parser.parse_args())
    del arguments["command"]
    try:
        options = ServerOptions(**arguments | _numbers(arguments))
    except variables.VariableError as error:
        sys.stderr.write(f"the server was not started: {error}.\n")
        sys.exit(variables.WRONG_VARIABLE_EXIT_CODE)
    try:
        # Before any worker starts: a tampered folder is one clear line, not a crash in each of them.
        verifier.verify_from_environment(Path(options.model_dir))
    except (verifier.IntegrityError, OSError) as error:
        sys.exit(f"the model folder was refused: {error}")
    serve(options)


def _numbers(arguments: dict[str, str | None]) -> dict[str, object]:
    """The properties that are numbers: from the command line, else from the environment, else as usual."""
    found: dict[str, object] = {}
    for name, (variable, _) in _PROPERTIES.items():
        text, called = arguments[name], f"--{name.replace('_', '-')}"
        if text is None:
            text, called = os.environ.get(variable), variable
        value = variables.number(text, variable, called=called)
        found[name] = getattr(DEFAULTS, name) if value is None else value
    return found


if __name__ == "__main__":
    main()
