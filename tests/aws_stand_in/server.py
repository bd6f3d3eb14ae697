"""The stand-in as a server: `python -m tests.aws_stand_in.server --port 5156`, from the repository root.

Prints the line `listening on http://127.0.0.1:PORT` to stdout once it accepts requests; moto's log goes to stderr.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Sequence
from types import FrameType

from tests.aws_stand_in.environment import CREDENTIALS, READY, process_environment
from tests.aws_stand_in.front import FRONT


def _stop(_signal: int, _frame: FrameType | None) -> None:
    os._exit(0)  # nothing here outlives the process, and taking moto apart takes a second


def _end_with_stdin() -> None:
    """Leave when the pipe on stdin breaks: that also happens when the parent was killed without a word."""
    sys.stdin.buffer.read()
    os._exit(0)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Serve a mended moto on the loopback interface.")
    parser.add_argument("--port", type=int, default=5156, help="0 takes a free one")
    parser.add_argument("--until-stdin-closes", action="store_true", help="stop with the process holding our stdin")
    parser.add_argument("--any-model-data", action="store_true", help="let models name archives that are not in S3")
    parser.add_argument("--sagemaker-runtime", help="URL that functions of custom resources call endpoints at")
    options = parser.parse_args(argv)
    if options.until_stdin_closes:  # before the slow imports: the parent may be gone by then
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)

    own = process_environment(CREDENTIALS)  # moto asks boto3 for the regions, and boto3 reads the caller's profile
    os.environ.clear()
    os.environ.update(own)

    from tests.aws_stand_in.mending import mend
    from tests.aws_stand_in.mending.model_data import must_exist

    mend()
    must_exist(not options.any_model_data)

    FRONT.sagemaker_runtime = options.sagemaker_runtime
    server = FRONT.make_server(options.port)
    os.environ["MOTO_PORT"] = str(server.server_port)
    sys.stdout.write(f"{READY}http://127.0.0.1:{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
