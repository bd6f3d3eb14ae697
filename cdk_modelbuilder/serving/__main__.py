"""Command line of the server: ``python -m cdk_modelbuilder.serving --model-dir DIR``."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from cdk_modelbuilder.integrity import verifier
from cdk_modelbuilder.serving.server import ServerOptions, serve

DEFAULTS = ServerOptions(model_dir="/opt/ml/model")


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
    parser.add_argument(
        "--port",
        type=int,
        default=int(os.environ.get("SAGEMAKER_BIND_TO_PORT", DEFAULTS.port)),
        help="port to listen on; 0 takes a free one (default: %(default)s)",
    )
    parser.add_argument("--fd", type=int, dest="descriptor", help="listen on this inherited socket instead")
    parser.add_argument("--workers", type=int, default=1, help="processes (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="requests a worker handles at a time (default: 1)")
    parser.add_argument(
        "--max-payload-bytes",
        type=int,
        default=int(os.environ.get("MODELBUILDER_MAX_PAYLOAD_BYTES", DEFAULTS.max_payload_bytes)),
        help="largest body",
    )
    parser.add_argument(
        "--stuck-after",
        type=float,
        default=float(os.environ.get("MODELBUILDER_STUCK_AFTER", DEFAULTS.stuck_after)),
        help="seconds until /ping fails",
    )
    parser.add_argument("--parent", type=int, help="stop when the process with this id is gone")
    arguments = vars(parser.parse_args())
    del arguments["command"]
    options = ServerOptions(**arguments)
    try:
        # Before any worker starts: a tampered folder is one clear line, not a crash in each of them.
        verifier.verify_from_environment(Path(options.model_dir))
    except (verifier.IntegrityError, OSError) as error:
        sys.exit(f"the model folder was refused: {error}")
    serve(options)


if __name__ == "__main__":
    main()
