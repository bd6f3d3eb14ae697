"""Small packages as users keep them on their machines: in folders, in git repositories, as wheels."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from .environments import run, uv, write_project

BACKENDS = {
    "setuptools": 'requires = ["setuptools>=64"]\nbuild-backend = "setuptools.build_meta"',
    "hatchling": 'requires = ["hatchling"]\nbuild-backend = "hatchling.build"',
}

MODULE = '''"""Answers who it is, as its metadata have it, and what lies beside it."""

from importlib import metadata
from pathlib import Path

import toolz


def answer(values):
    kinds = [point.name for point in metadata.entry_points(group="{name}.kinds")]
    said = Path(__file__).parent.joinpath("said.txt").read_text("utf-8").strip()
    return {{"name": "{name}", "version": metadata.version("{name}"), "kinds": kinds, "said": said,
            "count": toolz.count(values)}}
'''


def write_package(
    folder: Path,
    name: str,
    *,
    backend: str = "setuptools",
    inside: str = ".",
    version: str = "1.2",
    fields: str = "",
) -> Path:
    """A package called ``name`` with a module, data and an entry point; its modules lie below ``inside``."""
    where = f'[tool.setuptools.packages.find]\nwhere = ["{inside}"]\n' if backend == "setuptools" else ""
    data = f'[tool.setuptools.package-data]\n{name} = ["*.txt"]\n' if backend == "setuptools" else ""
    return write_project(
        folder,
        {
            "pyproject.toml": (
                f"[build-system]\n{BACKENDS[backend]}\n\n"
                f'[project]\nname = "{name}"\nversion = "{version}"\ndependencies = ["toolz>=0.12"]\n{fields}\n'
                f'[project.entry-points."{name}.kinds"]\nplain = "{name}:answer"\n\n{where}{data}'
            ),
            f"{inside}/{name}/__init__.py": MODULE.format(name=name),
            f"{inside}/{name}/said.txt": f"{name} says so\n",
        },
    )


def git(folder: Path, *arguments: str | Path) -> str:
    """Run git there, as nobody in particular."""
    who = {f"GIT_{role}_{part}": "nobody@example.com" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
    nothing = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    return run(["git", *arguments], cwd=folder, variables={**who, **nothing})


def commit(folder: Path, message: str = "as it is") -> str:
    """Commit everything in a folder, which is made a repository if it is none; returns the commit."""
    if not (folder / ".git").is_dir():
        git(folder, "init", "--quiet", "--initial-branch", "main")
        (folder / ".gitignore").write_text("*.egg-info\n__pycache__\nbuild\n", "utf-8")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", message)
    return git(folder, "rev-parse", "HEAD")


def push(folder: Path, repositories: Path, address: str) -> None:
    """Push a folder to a bare repository that is served at ``address``."""
    bare = repositories / f"{folder.name}.git"
    if not bare.is_dir():
        git(repositories, "init", "--quiet", "--bare", "--initial-branch", "main", bare)
        git(folder, "remote", "add", "origin", f"{address}/{bare.name}")
        git(folder, "remote", "set-url", "--push", "origin", bare)
    git(folder, "push", "--quiet", "origin", "main")
    git(folder, "update-ref", "refs/remotes/origin/main", "HEAD")
    git(bare, "update-server-info")


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The files of a folder over HTTP, which is all that git needs to clone."""
    handler = partial(_Silent, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


class _Silent(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the name it is called with
        """Tests have no use for it."""


def write_wheel(folder: Path, name: str, links: Path, **details: str) -> None:
    """Build a wheel of such a package into ``links``."""
    uv("build", "--wheel", "--out-dir", links, write_package(folder, name, **details))


def spec_of(
    module: str, *, options: str = "None", kinds: Sequence[str] = ("plain",), version: str = "1.2"
) -> dict[str, str]:
    """A project whose spec asks ``module`` for its answer."""
    answer = {"name": module, "version": version, "kinds": list(kinds), "said": f"{module} says so", "count": 3}
    return {
        "spec.py": (
            f"import {module}\n\nfrom cdk_modelbuilder import InferenceSpec\n\n\n"
            "class Spec(InferenceSpec):\n    def load(self, model_dir):\n        return None\n\n"
            f"    def invoke(self, input_object, model):\n        return {module}.answer(input_object['values'])\n"
        ),
        "build.py": (
            "import sys\n\nfrom spec import Spec\n\nfrom cdk_modelbuilder import ModelBuilder, SchemaBuilder\n\n"
            f"schema = SchemaBuilder({{'values': [1, 2, 3]}}, {answer!r}, keep_samples=True)\n"
            "ModelBuilder(inference_spec=Spec(), schema_builder=schema, name='proof', model_path=sys.argv[1], "
            f"dependencies={options}).build()\n"
        ),
    }
