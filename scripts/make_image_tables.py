"""Make the tables of the image catalogue from public sources.

Example:
    git clone https://github.com/aws/deep-learning-containers /tmp/dlc
    python scripts/make_image_tables.py --dlc /tmp/dlc

The wheels it reads (sagemaker-core, botocore) are downloaded with pip unless --wheel names them; nothing is installed.
With --check nothing is written: exit code 1 says that a committed table is not what the sources give. The same sources
give the same bytes. Facts that no source states lie in image_facts.toml, beside this file.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from packaging.markers import Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version

WHEELS = ("sagemaker-core==2.27.0", "botocore==1.44.5")
FRAMEWORKS = {"sklearn": "scikit-learn", "xgboost": "xgboost"}  # SageMaker's name -> name of the distribution
REGISTRY = "sagemaker-algorithms"  # AWS calls these accounts "SageMaker Algorithm Registry"
ROOT = Path(__file__).resolve().parent.parent
DOCS_MARKS = ("<!-- images: made by scripts/make_image_tables.py -->", "<!-- images: end -->")

Json = dict[str, Any]


class SourceError(Exception):
    """The sources contradict each other, or leave a fact open that the table needs."""


@dataclass(frozen=True)
class Dlc:
    """A clone (bare or not) of aws/deep-learning-containers, read at HEAD so that local edits cannot slip in."""

    path: Path

    def git(self, *arguments: str) -> str:
        command = ["git", "-C", str(self.path), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def files(self, folder: str) -> list[str]:
        return self.git("ls-tree", "-r", "--name-only", "HEAD", folder).split()

    def read(self, path: str) -> str:
        return self.git("show", f"HEAD:{path}")

    def source(self) -> Json:
        commit, date = self.git("log", "-1", "--format=%H %cs").split()
        return {"project": "aws/deep-learning-containers", "commit": commit, "date": date}


def flat_yaml(text: str) -> dict[str, str]:
    """Reads `key: value` lines at any depth: all that these files need, and no YAML library."""
    return dict(re.findall(r'^[ ]*([a-z_]+):[ ]*"?([^"\n]*?)"?[ ]*$', text, flags=re.MULTILINE))


def locked(lock: str, python: str) -> dict[str, str]:
    """Name -> version of what a uv.lock installs on Linux; it also lists packages of other systems, hence the walk."""
    packages: dict[str, Json] = {package["name"]: package for package in tomllib.loads(lock)["package"]}
    environment = {
        "implementation_name": "cpython",
        "platform_machine": "x86_64",
        "platform_python_implementation": "CPython",
        "platform_system": "Linux",
        "python_full_version": f"{python}.0",
        "python_version": python,
        "sys_platform": "linux",
    }
    (root,) = (name for name, package in packages.items() if "virtual" in package["source"])
    found: dict[str, str] = {}
    todo: list[Json] = [{"name": root}]
    seen: set[tuple[str, str]] = set()
    while todo:
        wanted = todo.pop()
        package = packages[wanted["name"]]
        found[canonicalize_name(package["name"])] = package["version"]
        for extra in ("", *wanted.get("extra", ())):
            if (package["name"], extra) in seen:
                continue
            seen.add((package["name"], extra))
            edges = (
                package.get("optional-dependencies", {}).get(extra, ()) if extra else package.get("dependencies", ())
            )
            todo += [edge for edge in edges if "marker" not in edge or Marker(edge["marker"]).evaluate(environment)]
    del found[canonicalize_name(root)]
    return found


def pinned(requirements: str) -> dict[str, str]:
    """Name -> version of the lines that pin one version; a range says nothing about what is inside."""
    found: dict[str, str] = {}
    for line in requirements.splitlines():
        try:
            requirement = Requirement(line.partition("#")[0].strip())
        except InvalidRequirement:
            continue  # an empty line or an option
        if exact := re.fullmatch(r"==([^,*]+)", str(requirement.specifier)):
            found[canonicalize_name(requirement.name)] = str(Version(exact[1]))
    return found


def recipe_facts(dlc: Dlc, framework: str, repository: str) -> dict[str, Json]:
    """Image version -> what the build recipes in the containers' repository say of it."""
    data = [flat_yaml(dlc.read(path)) for path in dlc.files(f"docs/src/data/{repository}/")]
    end_of_patch = {entry["version"]: entry.get("eop") for entry in data}
    facts = {}
    for path in dlc.files(f".github/config/image/{framework}/"):
        recipe = flat_yaml(dlc.read(path))
        version = recipe["prod_image"].partition(":")[2].removesuffix("-cpu-py3")
        folder = str(PurePosixPath(recipe["dockerfile"]).parent)
        if f"{folder}/uv.lock" in dlc.files(f"{folder}/"):
            provides = locked(dlc.read(f"{folder}/uv.lock"), recipe["python_version"])
        else:
            provides = pinned(dlc.read(f"{folder}/requirements.txt"))
            if arrow := re.search(r"^ARG PYARROW_VERSION=(\S+)$", dlc.read(recipe["dockerfile"]), re.MULTILINE):
                provides["pyarrow"] = arrow[1]
        facts[version] = {
            "end_of_patch": end_of_patch.get(version),
            "framework_version": recipe["framework_version"],
            "python": recipe["python_version"],
            "source": f"aws/deep-learning-containers, {folder}",
            "provides": provides,
        }
    return facts


def framework_table(framework: str, config: Json, dlc: Dlc, hand_written: Json, sources: list[Json]) -> Json:
    rows: Json = config["inference"]["versions"]
    repository = next(row["repository"] for version, row in rows.items() if "-" in version)
    facts = hand_written.get(framework, {}) | recipe_facts(dlc, framework, repository)
    left_out = hand_written["left_out"].get(framework, {})
    if open_ := set(rows) ^ (set(facts) & set(rows) | set(left_out)):
        raise SourceError(
            f"{framework} {sorted(open_)}: no facts, or left out for nothing; see scripts/image_facts.toml"
        )
    images = []
    for version in sorted(set(rows) - set(left_out)):
        row, fact = rows[version], facts[version]
        tag = [version, *row.get("processors", [])[:1], *row.get("py_versions", [])[:1]]
        images.append(
            {
                "end_of_patch": fact.get("end_of_patch"),
                "facts_from": fact["source"],
                "framework_version": fact["framework_version"],
                "processor": "cpu",
                "provides": {FRAMEWORKS[framework]: fact["framework_version"]} | fact["provides"],
                "python": fact["python"],
                "registry": REGISTRY,
                "repository": row["repository"],
                "tag": "-".join(tag),
                "version": version,
            },
        )
    images.sort(key=lambda image: (Version(image["framework_version"]), Version(image["python"])), reverse=True)
    return {
        "as_of": sources[0]["date"],
        "distribution": FRAMEWORKS[framework],
        "framework": framework,
        "images": images,
        "left_out": left_out,
        "sources": sources,
    }


def region_table(configs: Json, partitions: Json, dlc: Dlc, hand_written: Json, sources: list[Json]) -> Json:
    accounts: dict[str, str] = {}
    for framework, config in configs.items():
        for version, row in config["inference"]["versions"].items():
            if version in hand_written["left_out"].get(framework, {}):
                continue
            if (accounts := accounts or row["registries"]) != row["registries"]:
                raise SourceError(f"{framework} {version} has accounts of its own: give it a registry of its own")
    page = dlc.read("docs/reference/region_availability.md").partition("Algorithm Registry")[2].partition("\n## ")[0]
    for region, account in re.findall(r"\| ([a-z0-9-]+) \| (\d{12}) \|", page):
        if accounts.get(region) != account:
            raise SourceError(
                f"{region}: sagemaker-core says {accounts.get(region)}, deep-learning-containers {account}"
            )
    return {
        "as_of": sources[0]["date"],
        "partitions": [
            {"dns_suffix": part["outputs"]["dnsSuffix"], "name": part["id"], "region_pattern": part["regionRegex"]}
            for part in sorted(partitions["partitions"], key=lambda part: str(part["id"]))
        ],
        "registries": {REGISTRY: accounts},
        "sources": sources,
    }


def docs_page(page: str, tables: list[Json]) -> str:
    lines = [
        "| framework | image tag | library | Python | patched until | numpy | pandas |",
        "|---|---|---|---|---|---|---|",
    ]
    for table in tables:
        for image in table["images"]:
            inside = [image["provides"].get(name, "unknown") for name in ("numpy", "pandas")]
            facts = [
                f"`{image['tag']}`",
                image["framework_version"],
                image["python"],
                image["end_of_patch"] or "no date",
            ]
            lines.append(f"| {' | '.join([table['framework'], *facts, *inside])} |")
    before, _, rest = page.partition(DOCS_MARKS[0])
    after = rest.partition(DOCS_MARKS[1])[2]
    return f"{before}{DOCS_MARKS[0]}\n\n" + "\n".join(lines) + f"\n\n{DOCS_MARKS[1]}{after}"


def outputs(root: Path, dlc: Dlc, wheels: list[Path]) -> dict[Path, str]:
    """Path -> text of every file that this script makes."""
    named = {parse_wheel_filename(wheel.name)[0]: wheel for wheel in wheels}
    versions = {name: str(parse_wheel_filename(wheel.name)[1]) for name, wheel in named.items()}
    core, botocore = (canonicalize_name(requirement.partition("==")[0]) for requirement in WHEELS)
    with zipfile.ZipFile(named[core]) as wheel:
        configs = {name: json.loads(wheel.read(f"sagemaker/core/image_uri_config/{name}.json")) for name in FRAMEWORKS}
    with zipfile.ZipFile(named[botocore]) as wheel:
        partitions = json.loads(wheel.read("botocore/data/partitions.json"))
    hand_written = tomllib.loads(Path(__file__).with_name("image_facts.toml").read_text(encoding="utf-8"))
    sources: list[Json] = [dlc.source(), {"project": "sagemaker-core", "version": versions[core]}]
    tables = [framework_table(name, config, dlc, hand_written, sources) for name, config in configs.items()]
    sources = [*sources, {"project": "botocore", "version": versions[botocore]}]
    images = root / "cdk_modelbuilder" / "images"
    made = {images / "tables" / f"{table['framework']}.json": table for table in tables}
    made[images / "regions.json"] = region_table(configs, partitions, dlc, hand_written, sources)
    texts = {path: json.dumps(table, indent=2, sort_keys=True) + "\n" for path, table in made.items()}
    page = root / "docs" / "images.md"
    return texts | {page: docs_page(page.read_text(encoding="utf-8"), tables)}


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
        try:
            texts = outputs(options.root, Dlc(options.dlc), [*options.wheel, *Path(folder).glob("*.whl")])
        except SourceError as error:
            parser.exit(1, f"{error}\n")
    stale = [path for path, text in texts.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path in stale:
        sys.stderr.write(
            f"{path.relative_to(options.root)}: {'differs from' if options.check else 'made from'} sources\n"
        )
        if not options.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(texts[path], encoding="utf-8")
    return int(options.check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
