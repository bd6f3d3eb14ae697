"""Make the table of hosting instance types from public sources.

Example:
    python scripts/make_instance_table.py

Where hosting offers a type comes from cfn-lint's wheel (AWS's price list), and so does which types the API takes
(CloudFormation's schema); what a type is comes from EC2's DescribeInstanceTypes, as moto's wheel records it. The wheels
are downloaded with pip unless --wheel names them; nothing is installed. With --check nothing is written: exit code 1
says that a committed table is not what the sources give. The same sources give the same bytes. Facts that no source
states lie in instance_facts.toml, beside this file.
"""

from __future__ import annotations

import argparse
import gzip
import json
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections import defaultdict
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name, parse_wheel_filename

WHEELS = ("cfn-lint==1.58.0", "moto==5.2.5")
SCHEMAS = "cfnlint/data/schemas"
OFFERS = f"{SCHEMAS}/extensions/aws_sagemaker_hosting/instancetype_enum.json"
EC2_TYPES = "moto/ec2/resources/instance_types.json.gz"
ROOT = Path(__file__).resolve().parent.parent
DOCS_MARKS = ("<!-- instances: made by scripts/make_instance_table.py -->", "<!-- instances: end -->")
SIZES = ("nano", "micro", "small", "medium", "large", "xlarge")

Json = dict[str, Any]


class SourceError(Exception):
    """The sources leave a fact open that the table needs, or contradict each other."""


def split(name: str) -> tuple[str, str]:
    """Family and size: ``ml.g5.xlarge`` -> ``("g5", "xlarge")``."""
    _, family, size = name.split(".")
    return family, size


def size_order(size: str) -> tuple[int, int]:
    """Sorts sizes as people do: large, xlarge, 2xlarge, 16xlarge."""
    number = size.removesuffix("xlarge")
    return (len(SIZES), int(number)) if number.isdigit() else (SIZES.index(size), 0)


def offers_by_region(cfn_lint: zipfile.ZipFile) -> dict[str, list[str]]:
    """Region -> names of the types that AWS's price list has for hosting there."""
    regions: Json = json.loads(cfn_lint.read(OFFERS))
    return {name: entry["enum"] for name, entry in sorted(regions.items()) if "enum" in entry}


def types_of_the_api(cfn_lint: zipfile.ZipFile) -> set[str]:
    """The values that CloudFormation's schema allows for a production variant's InstanceType."""
    digests: dict[str, str] = json.loads(cfn_lint.read(f"{SCHEMAS}/providers/us-east-1.json"))
    schema: Json = json.loads(
        cfn_lint.read(f"{SCHEMAS}/resources/{digests['AWS::SageMaker::EndpointConfig']}.json"),
    )
    return set(schema["definitions"]["ProductionVariant"]["properties"]["InstanceType"]["enum"])


def accelerator_of(described: Json) -> Json | None:
    """The accelerators of one entry of DescribeInstanceTypes; each type has one kind, or none."""
    gpus: list[Json] = described.get("GpuInfo", {}).get("Gpus", [])
    neurons: list[Json] = described.get("NeuronInfo", {}).get("NeuronDevices", [])
    found = [*gpus, *({"Manufacturer": "AWS"} | neuron for neuron in neurons)]
    if not found:
        return None
    (kind,) = found
    return {
        "count": kind["Count"],
        "manufacturer": kind["Manufacturer"],
        "memory_mib": kind["MemoryInfo"]["SizeInMiB"],
        "name": kind["Name"],
    }


def from_ec2(described: Json) -> Json:
    architectures = [name for name in described["ProcessorInfo"]["SupportedArchitectures"] if name != "i386"]
    (architecture,) = architectures
    storage = described.get("InstanceStorageInfo", {})
    if described["InstanceStorageSupported"] and storage.get("NvmeSupport") != "required":
        raise SourceError(f"{described['InstanceType']}: local storage that is not NVMe; what does KmsKeyId do there?")
    return {
        "accelerator": accelerator_of(described),
        "architecture": architecture,
        "local_nvme": described["InstanceStorageSupported"],
        "memory_mib": described["MemoryInfo"]["SizeInMiB"],
        "vcpus": described["VCpuInfo"]["DefaultVCpus"],
    }


def by_hand(family: Json, size: str) -> Json:
    facts = family["sizes"][size]
    return {
        "accelerator": family["accelerator"] | {"count": facts["accelerators"]},
        "architecture": family["architecture"],
        "local_nvme": family["local_nvme"],
        "memory_mib": facts["memory_gib"] * 1024,
        "vcpus": facts["vcpus"],
    }


def type_facts(names: set[str], api: set[str], ec2: Json, hand_written: Json) -> Json:
    """Name -> facts of every type that is offered, or that the API takes."""
    open_, superfluous, facts = [], [], {}
    for name in sorted(names | api):
        family, size = split(name)
        described = ec2.get(f"{family}.{size}")
        found = None if described is None else from_ec2(described)
        if size in hand_written.get(family, {}).get("sizes", {}):
            written = by_hand(hand_written[family], size)
            if written == found:
                superfluous.append(name)
            found = written
        if found is None:
            open_.append(name)
        else:
            facts[name] = found | {"in_api": name in api}
    superfluous += [
        f"ml.{family}.{size}"
        for family, entry in hand_written.items()
        for size in entry["sizes"]
        if f"ml.{family}.{size}" not in names | api
    ]
    if open_ or superfluous:
        raise SourceError(
            f"no facts of {open_}, facts for nothing of {superfluous}; see scripts/instance_facts.toml",
        )
    return facts


def offers_table(offers: dict[str, list[str]]) -> Json:
    """Region -> family -> sizes in one string: what changes in a region is a short line of a diff."""
    table: Json = {}
    for region, names in offers.items():
        families = defaultdict(list)
        for family, size in map(split, names):
            families[family].append(size)
        table[region] = {family: " ".join(sorted(families[family], key=size_order)) for family in sorted(families)}
    return table


def one_line_each(table: Json, depth: int) -> str:
    """JSON with a line for each entry down to a depth, and each such entry whole on its line."""

    def lines(value: Any, indent: int) -> str:
        if indent == depth or not isinstance(value, dict):
            return json.dumps(value, sort_keys=True, ensure_ascii=False)
        pad = "  " * (indent + 1)
        inner = ",\n".join(f"{pad}{json.dumps(key)}: {lines(value[key], indent + 1)}" for key in sorted(value))
        return "{\n" + inner + "\n" + "  " * indent + "}"

    return lines(table, 0) + "\n"


def in_words(accelerator: Json | None) -> str:
    if accelerator is None:
        return ""
    gib = f"{accelerator['memory_mib'] / 1024:.0f} GiB"
    return f"{accelerator['manufacturer']} {accelerator['name']}, {gib} each"


def docs_page(page: str, types: Json, offers: dict[str, list[str]]) -> str:
    families = defaultdict(list)
    for name in types:
        families[split(name)[0]].append(name)
    lines = [
        "| family | sizes | vCPUs | memory, GiB | accelerator | processor | local NVMe | regions |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for family, names in sorted(families.items()):
        names.sort(key=lambda name: size_order(split(name)[1]))
        small, large = types[names[0]], types[names[-1]]
        sizes = [split(name)[1] for name in names]
        regions = sum(any(name in there for name in names) for there in offers.values())
        cells = [
            f"`ml.{family}`",
            sizes[0] if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]} ({len(sizes)})",
            " to ".join(dict.fromkeys(str(facts["vcpus"]) for facts in (small, large))),
            " to ".join(dict.fromkeys(f"{facts['memory_mib'] / 1024:g}" for facts in (small, large))),
            in_words(small["accelerator"]),
            small["architecture"],
            "yes" if small["local_nvme"] else "no",
            str(regions) if regions else "not in the price list",
        ]
        lines.append(f"| {' | '.join(cells)} |".replace("|  |", "| |"))
    before, _, rest = page.partition(DOCS_MARKS[0])
    after = rest.partition(DOCS_MARKS[1])[2]
    return f"{before}{DOCS_MARKS[0]}\n\n" + "\n".join(lines) + f"\n\n{DOCS_MARKS[1]}{after}"


def outputs(root: Path, wheels: list[Path]) -> dict[Path, str]:
    """Path -> text of every file that this script makes."""
    named = {str(parse_wheel_filename(wheel.name)[0]): wheel for wheel in wheels}
    versions = {name: str(parse_wheel_filename(wheel.name)[1]) for name, wheel in named.items()}
    with zipfile.ZipFile(named["cfn-lint"]) as wheel:
        offers, api = offers_by_region(wheel), types_of_the_api(wheel)
        as_of = json.loads(wheel.read(f"{SCHEMAS}/version.json"))["schema_date"][:10]
    with zipfile.ZipFile(named["moto"]) as wheel:
        ec2 = json.loads(gzip.decompress(wheel.read(EC2_TYPES)))
    hand_written = tomllib.loads(Path(__file__).with_name("instance_facts.toml").read_text(encoding="utf-8"))
    types = type_facts({name for names in offers.values() for name in names}, api, ec2, hand_written)
    sources = [f"{name} {versions[name]}" for name in sorted(versions)]
    dated: Json = {"as_of": as_of, "sources": sources}
    folder = root / "cdk_modelbuilder" / "instances"
    page = root / "docs" / "instances.md"
    return {
        folder / "types.json": one_line_each(dated | {"types": types}, depth=2),
        folder / "offers.json": one_line_each(dated | {"regions": offers_table(offers)}, depth=3),
        page: docs_page(page.read_text(encoding="utf-8"), types, offers),
    }


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
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
            texts = outputs(options.root, [*options.wheel, *Path(folder).glob("*.whl")])
        except SourceError as error:
            parser.exit(1, f"{error}\n")
    stale = [path for path, text in texts.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path in stale:
        verb = "differs from" if options.check else "made from"
        sys.stderr.write(f"{path.relative_to(options.root)}: {verb} sources\n")
        if not options.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(texts[path], encoding="utf-8")
    return int(options.check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
