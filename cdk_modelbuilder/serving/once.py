"""Answers one request in a process of its own: the self-test of a bundle that ships source.

    python -m cdk_modelbuilder.serving.once MODEL_DIR CONTENT_TYPE ACCEPT ROOT_SHA256 < request > response

The builder has just hashed the folder and vouches for its root digest, so that a large model is not hashed twice.
The first line of the output is the response's content type, the rest its body.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from cdk_modelbuilder.serving.hooks import load_hooks, response_of


def main() -> None:
    """Read the request from stdin, write the response to stdout."""
    # Only the bundle and the installed packages may provide modules: not the folder that build() was called from.
    sys.path[:] = [entry for entry in sys.path if entry not in ("", str(Path.cwd()))]
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the model prints must not end up in the response
    model_dir, content_type, accept, root = sys.argv[1:]
    body = sys.stdin.buffer.read()
    hooks = load_hooks(Path(model_dir), vouched_root=root)
    model = hooks.model_fn(model_dir)
    prediction = hooks.predict_fn(hooks.input_fn(body, content_type), model)
    response, response_type = response_of(hooks.output_fn(prediction, accept), accept)
    with out:
        out.write(response_type.encode() + b"\n" + response)


if __name__ == "__main__":
    main()
