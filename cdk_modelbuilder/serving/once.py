"""Answers one request in a process of its own: the self-test of a bundle that ships source.

    python -m cdk_modelbuilder.serving.once MODEL_DIR CONTENT_TYPE ACCEPT ROOT_SHA256 < request > response

The builder has just hashed the folder and vouches for its root digest, so that a large model is not hashed twice.
The first line of the output is the response's content type, the rest its body.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from cdk_modelbuilder.serving.hooks import load_hooks


def main() -> None:
    """Read the request from stdin, write the response to stdout."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the model prints must not end up in the response
    model_dir, content_type, accept, root = sys.argv[1:]
    body = sys.stdin.buffer.read()
    hooks = load_hooks(Path(model_dir), vouched_root=root)
    response, response_type = hooks.answer(hooks.model_fn(model_dir), body, content_type, accept)
    with out:
        out.write(response_type.encode() + b"\n")
        out.write(response)


if __name__ == "__main__":
    main()
