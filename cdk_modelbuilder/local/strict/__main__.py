"""The server of strict mode: ``python -m cdk_modelbuilder.local.strict``; ``LocalProcess`` starts it."""

from __future__ import annotations

import argparse
import json
import os
import socket
import sys
from pathlib import Path

import uvicorn
from uvicorn.supervisors import Multiprocess

from cdk_modelbuilder.container_spec import ModelData
from cdk_modelbuilder.integrity import verifier
from cdk_modelbuilder.local.strict.app import StrictApp
from cdk_modelbuilder.local.strict.families import FAMILIES
from cdk_modelbuilder.local.strict.opening import open_rules
from cdk_modelbuilder.serving import stand_in
from cdk_modelbuilder.serving.log import configure, log
from cdk_modelbuilder.serving.server import GRACE_SECONDS, stop_with

_OPTIONS = "MODELBUILDER_STRICT_OPTIONS"


def create_app() -> StrictApp:
    """The application of one worker, from the options in the environment."""
    options = json.loads(os.environ[_OPTIONS])
    configure()
    if options["workers"] > 1:
        stop_with(os.getppid())
    stand_in.install()
    sys.modules["modelbuilder_verify"] = verifier  # code that could have been replaced does not check itself
    del sys.modules["cdk_modelbuilder.serving"]  # by which the bundle's code tells our server from a toolkit
    limit = options["max_payload_bytes"]
    return StrictApp(open_rules(options["family"], Path(options["model_dir"]), max_payload_bytes=limit))


def main() -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m cdk_modelbuilder.local.strict", description=__doc__)
    parser.add_argument("--family", required=True, choices=FAMILIES, help="whose rules")
    parser.add_argument("--model-dir", required=True, help="a bundle's model/ folder")
    parser.add_argument("--fd", type=int, required=True, help="listening socket that was inherited")
    parser.add_argument("--workers", type=int, default=1, help="processes")
    parser.add_argument("--max-payload-bytes", type=int, required=True, help="largest body")
    parser.add_argument("--parent", type=int, required=True, help="stop when the process with this id is gone")
    options = parser.parse_args()
    sys.dont_write_bytecode = True
    try:
        verifier.verify_from_environment(Path(options.model_dir))
    except (verifier.IntegrityError, OSError) as error:
        sys.exit(f"the model folder was refused: {error}")
    _move_paths(options.model_dir)
    os.environ[_OPTIONS] = json.dumps(vars(options))
    configure()
    stop_with(options.parent)
    listener = socket.socket(fileno=options.fd)
    listener.set_inheritable(True)
    config = uvicorn.Config(
        "cdk_modelbuilder.local.strict.__main__:create_app",
        factory=True,
        http="httptools",
        ws="none",
        interface="asgi3",
        server_header=False,
        proxy_headers=False,
        lifespan="on",
        log_config=None,
        access_log=False,
        workers=options.workers,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    log("listening", strict=options.family, workers=options.workers, pid=os.getpid())
    if options.workers > 1:
        Multiprocess(config, sockets=[listener]).run()
    else:
        uvicorn.Server(config).run(sockets=[listener])


def _move_paths(model_dir: str) -> None:
    """Let variables that name the container's model folder name the one here."""
    inside = ModelData().mount_path
    for name, value in os.environ.items():
        if value == inside or value.startswith(f"{inside}/"):
            os.environ[name] = model_dir + value[len(inside) :]


if __name__ == "__main__":
    main()
