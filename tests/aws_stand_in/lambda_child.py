"""One invocation of a Lambda function in Python, as a process of its own: `lambda_child.py HANDLER` in its folder.

Reads `{"event": ..., "context": ..., "seconds": ...}` from stdin. Only what AWS's Python runtime brings can be
imported: the standard library, boto3 with what it needs, and the function's own files.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
import time
import traceback
from importlib.abc import MetaPathFinder
from importlib.machinery import PathFinder
from pathlib import Path

RUNTIME = {"boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3"}


class OnlyTheRuntime(MetaPathFinder):
    def __init__(self, folder):
        self.folder = folder

    def find_spec(self, name, path=None, target=None):
        if path is not None or name in RUNTIME or name in sys.stdlib_module_names:
            return None  # the other finders know
        spec = PathFinder.find_spec(name, [self.folder])
        if spec is None:
            raise ModuleNotFoundError(f"No module named '{name}' in the function's code or in its runtime", name=name)
        return spec


class Context:
    function_version = "$LATEST"

    def __init__(self, facts, seconds):
        vars(self).update(facts)
        self._end = time.monotonic() + seconds

    def get_remaining_time_in_millis(self):
        return max(0, int((self._end - time.monotonic()) * 1000))


def time_out(seconds):
    sys.stdout.write(f"Task timed out after {seconds:.2f} seconds\n")
    sys.stdout.flush()
    os._exit(1)


def main():
    folder, given = str(Path.cwd()), json.load(sys.stdin)
    module, _, function = sys.argv[1].rpartition(".")
    sys.path.insert(0, folder)
    sys.meta_path.insert(0, OnlyTheRuntime(folder))
    try:
        handler = getattr(importlib.import_module(module.replace("/", ".")), function)
        timer = threading.Timer(given["seconds"], time_out, [given["seconds"]])
        timer.daemon = True
        timer.start()
        handler(given["event"], Context(given["context"], given["seconds"]))
    except BaseException:  # noqa: BLE001 - SystemExit too: Lambda reports it as a failure of the runtime
        traceback.print_exc()
        sys.exit(1)


main()
