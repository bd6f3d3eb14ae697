"""The script that makes the table: against small made-up wheels, and against the real ones where they are at hand."""

import gzip
import importlib.util
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "make_instance_table.py"
# Wheels (joined with os.pathsep) to hold the committed table against.
WHEELS = "INSTANCE_TABLE_WHEELS"
pytestmark = pytest.mark.skipif(not SCRIPT.exists(), reason="needs the repository's scripts/ folder")


def described(name, *, nvme=False, gpus=None, architectures=("x86_64",)):
    entry = {
        "InstanceType": name,
        "VCpuInfo": {"DefaultVCpus": 4},
        "MemoryInfo": {"SizeInMiB": 16384},
        "ProcessorInfo": {"SupportedArchitectures": list(architectures)},
        "InstanceStorageSupported": bool(nvme),
    }
    if nvme:
        entry["InstanceStorageInfo"] = {"NvmeSupport": nvme}
    if gpus:
        entry["GpuInfo"] = {
            "Gpus": [{"Count": gpus, "Manufacturer": "NVIDIA", "Name": "A10G", "MemoryInfo": {"SizeInMiB": 22888}}]
        }
    return entry


HAND_WRITTEN = [
    *(f"ml.p2.{size}" for size in ("xlarge", "8xlarge", "16xlarge")),
    *(f"ml.p3.{size}" for size in ("2xlarge", "8xlarge", "16xlarge")),
    *("ml.dl1.24xlarge", "ml.p6e-gb200.36xlarge", "ml.trn2.48xlarge"),
]


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("make_instance_table", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Sources:
    """Two wheels that say of three types what the real ones say of three hundred."""

    def __init__(self, folder):
        self.root = folder / "root"
        (self.root / "docs").mkdir(parents=True)
        page = (
            "before\n<!-- instances: made by scripts/make_instance_table.py -->\nold\n<!-- instances: end -->\nafter\n"
        )
        (self.root / "docs" / "instances.md").write_text(page, encoding="utf-8")
        self.lint = folder / "cfn_lint-9.9.9-py3-none-any.whl"
        self.moto = folder / "moto-8.8.8-py3-none-any.whl"
        self.offers = {
            "description": "no region",
            "us-east-1": {"enum": ["ml.m5.large", "ml.m5.2xlarge", "ml.g5.xlarge"]},
            "af-south-1": {"enum": ["ml.m5.2xlarge"]},
        }
        self.api = ["ml.m5.large", "ml.g5.xlarge", *HAND_WRITTEN]
        self.ec2 = {
            "m5.large": described("m5.large", architectures=("i386", "x86_64")),
            "m5.2xlarge": described("m5.2xlarge"),
            "g5.xlarge": described("g5.xlarge", nvme="required", gpus=1),
        }

    def arguments(self):
        data = "cfnlint/data/schemas"
        schema = {"definitions": {"ProductionVariant": {"properties": {"InstanceType": {"enum": self.api}}}}}
        with zipfile.ZipFile(self.lint, "w") as wheel:
            wheel.writestr(f"{data}/extensions/aws_sagemaker_hosting/instancetype_enum.json", json.dumps(self.offers))
            wheel.writestr(f"{data}/providers/us-east-1.json", json.dumps({"AWS::SageMaker::EndpointConfig": "abc"}))
            wheel.writestr(f"{data}/resources/abc.json", json.dumps(schema))
            wheel.writestr(f"{data}/version.json", json.dumps({"schema_date": "2026-10-20T22:11:15Z"}))
        with zipfile.ZipFile(self.moto, "w") as wheel:
            content = gzip.compress(json.dumps(self.ec2).encode())
            wheel.writestr("moto/ec2/resources/instance_types.json.gz", content)
        return ["--root", str(self.root), "--wheel", str(self.lint), "--wheel", str(self.moto)]

    def made(self, name):
        return (self.root / "cdk_modelbuilder" / "instances" / name).read_text(encoding="utf-8")


@pytest.fixture
def sources(tmp_path):
    return Sources(tmp_path)


def test_makes_the_table_and_then_finds_it_current(script, sources, capsys):
    arguments = sources.arguments()
    assert script.main([*arguments, "--check"]) == 1
    assert "types.json: differs from sources" in capsys.readouterr().err
    assert script.main(arguments) == 0
    assert script.main([*arguments, "--check"]) == 0

    types = json.loads(sources.made("types.json"))
    assert types["as_of"] == "2026-10-20"
    assert types["sources"] == ["cfn-lint 9.9.9", "moto 8.8.8"]
    assert types["types"]["ml.g5.xlarge"] == {
        "accelerator": {"count": 1, "manufacturer": "NVIDIA", "memory_mib": 22888, "name": "A10G"},
        "architecture": "x86_64",
        "in_api": True,
        "local_nvme": True,
        "memory_mib": 16384,
        "vcpus": 4,
    }
    assert types["types"]["ml.m5.2xlarge"]["in_api"] is False
    assert types["types"]["ml.p3.8xlarge"]["accelerator"]["count"] == 4

    offers = json.loads(sources.made("offers.json"))["regions"]
    assert offers == {"af-south-1": {"m5": "2xlarge"}, "us-east-1": {"g5": "xlarge", "m5": "large 2xlarge"}}

    page = (sources.root / "docs" / "instances.md").read_text(encoding="utf-8")
    assert page.startswith("before\n")
    assert page.endswith("-->\nafter\n")
    assert "| `ml.m5` | large to 2xlarge (2) | 4 | 16 | | x86_64 | no | 2 |" in page
    assert "| `ml.g5` | xlarge | 4 | 16 | NVIDIA A10G, 22 GiB each | x86_64 | yes | 1 |" in page
    assert "old" not in page


def test_a_type_is_a_line(script, sources):
    script.main(sources.arguments())
    lines = sources.made("types.json").splitlines()
    assert sum(line.startswith('    "ml.') for line in lines) == 3 + len(HAND_WRITTEN)
    assert max(map(len, lines)) < 260


def test_changed_table_fails_the_check(script, sources):
    arguments = sources.arguments()
    script.main(arguments)
    table = sources.root / "cdk_modelbuilder" / "instances" / "types.json"
    table.write_text(table.read_text(encoding="utf-8").replace("16384", "16385", 1), encoding="utf-8")
    assert script.main([*arguments, "--check"]) == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda sources: sources.api.append("ml.z9.large"), "no facts of ['ml.z9.large']"),
        (lambda sources: sources.api.remove("ml.p3.8xlarge"), "facts for nothing of ['ml.p3.8xlarge']"),
        (
            lambda sources: sources.ec2.update({"g5.xlarge": described("g5.xlarge", nvme="unsupported")}),
            "g5.xlarge: local storage that is not NVMe",
        ),
    ],
)
def test_a_fact_left_open_stops_it(script, sources, capsys, change, said):
    change(sources)
    with pytest.raises(SystemExit) as caught:
        script.main(sources.arguments())
    assert caught.value.code == 1
    assert said in capsys.readouterr().err


def test_help_shows_an_example():
    done = subprocess.run([sys.executable, str(SCRIPT), "--help"], check=True, capture_output=True, text=True)
    assert "Example:" in done.stdout
    assert "--check" in done.stdout


@pytest.mark.skipif(not os.environ.get(WHEELS), reason=f"{WHEELS} names no wheels to hold the committed table against")
def test_committed_table_is_that_of_the_real_sources(script):
    wheels = [part for wheel in os.environ[WHEELS].split(os.pathsep) for part in ("--wheel", wheel)]
    assert script.main(["--check", *wheels]) == 0
