"""Run a CDK app's script with the review plugins in its App: `python -m tests.review.reviewed_app app.py`."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import aws_cdk as cdk

from tests.review.plugins import add_plugins


def main() -> None:
    script = Path(sys.argv[1]).resolve()
    make = cdk.App.__init__

    def make_with_plugins(self, *arguments, **options):
        make(self, *arguments, **options)
        add_plugins(self)

    cdk.App.__init__ = make_with_plugins
    sys.argv = [str(script)]
    sys.path[0] = str(script.parent)  # as when the script itself is run
    runpy.run_path(str(script), run_name="__main__")


main()
