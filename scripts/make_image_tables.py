"""Make the tables of the image catalogue, and the list in docs/images.md, from public sources.

Example:
    git clone https://github.com/aws/deep-learning-containers /tmp/dlc
    python scripts/make_image_tables.py --dlc /tmp/dlc

The wheels it reads (sagemaker-core, botocore) are downloaded with pip unless --wheel names them; nothing is installed.
With --check nothing is written: exit code 1 says that a committed file is not what the sources give. The same sources
give the same bytes. Facts that no source states lie in cdk_modelbuilder/images/making/facts.toml. The work is done by
cdk_modelbuilder.images.making, which `cdk-modelbuilder images refresh` calls too.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from packaging.utils import canonicalize_name, parse_wheel_filename

from cdk_modelbuilder.errors import ModelBuilderError
from cdk_modelbuilder.images.making import refresh

WHEELS = ("sagemaker-core==2.27.0", "botocore==1.44.5")
ROOT = Path(__file__).resolve().parent.parent


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dlc", type=Path, required=True, help="clone of aws/deep-learning-containers, bare or not")
    parser.add_argument(
        "--wheel",
        type=Path,
        action="append",
        default=[],
        help=f"wheel already downloaded ({', '.join(WHEELS)}); repeat",
    )
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file would change")
    parser.add_argument("--root", type=Path, default=ROOT, help="repository to write to (default: this one)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        given = {parse_wheel_filename(wheel.name)[0] for wheel in options.wheel}
        for requirement in WHEELS:
            if canonicalize_name(requirement.partition("==")[0]) not in given:
                pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir"]
                subprocess.run([*pip, "--dest", folder, requirement], check=True)
        wheels = [*options.wheel, *Path(folder).glob("*.whl")]
        tables = options.root / "cdk_modelbuilder" / "images"
        try:
            found = refresh(options.dlc, wheels, tables, page=options.root / "docs" / "images.md")
        except ModelBuilderError as error:
            parser.exit(1, f"{error}\n")
    if not options.check:
        found.write()
    for path in [*found.texts, *found.gone]:
        said = "differs from" if options.check else "made from"
        sys.stderr.write(f"{path.relative_to(options.root)}: {said} sources\n")
    sys.stderr.write("".join(f"  {line}\n" for line in found.changes))
    return int(options.check and not found.is_current)


if __name__ == "__main__":
    sys.exit(main())
