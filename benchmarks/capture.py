"""Finding out what a model needs, in an environment of 139 packages or more; mlflow and the SageMaker SDK beside it."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

from benchmarks.measure import ROOT, Row, Settings, best_and_median, seconds

TARGET = 0.5
PACKAGES = ("sagemaker==3.27.0", "mlflow==3.17.2", "xgboost-cpu==3.2.0", "scikit-learn>=1.7,<1.10", "pandas>=2.2,<4")


def rows(settings: Settings) -> list[Row]:
    python = install(settings.scratch)
    if python is None:
        return [
            Row("capture of a small XGBoost model", "not measured", "the environment could not be installed", None,
                f"< {TARGET} s", None, note="It needs a package index, and 1.5 GB of disk.")
        ]  # fmt: skip
    ours = [_answer(python, "ours", settings.scratch) for _ in range(2 if settings.quick else 5)]
    beyond = min(run["capture"] - run["bare"] for run in ours)
    bare = min(run["bare"] for run in ours)
    count = int(ours[0]["distributions"])
    what = f"capture of a small XGBoost model among {count} packages, beyond the interpreter that runs the sample"
    best = min(ours, key=lambda run: run["capture"] - run["bare"])
    measured = Row(
        what=what,
        measured=best_and_median([run["capture"] - run["bare"] for run in ours]),
        limit=f"that interpreter alone {seconds(bare)}",
        ratio=beyond / bare,
        target=f"< {TARGET} s",
        reached=beyond < TARGET,
        note=f"{len(ours)} fresh processes. It finds {int(best['found'])} packages, the framework among them. Of it, "
        f"reading what is installed takes {seconds(best['scan'])}.",
    )
    whole = min(run["capture"] for run in ours)
    peers = [("mlflow", "mlflow's infer_pip_requirements", "it loads the model in a process of its own, too")]
    if not settings.quick:
        peers.append(("reference", "the SageMaker SDK 3.27.0", "pip list and pip show alone, without its own process"))
    return [
        measured,
        *(_peer(whole, _answer(python, mode, settings.scratch), name, note) for mode, name, note in peers),
    ]


def _peer(whole: float, took: dict[str, float], name: str, note: str) -> Row:
    return Row(
        what=f"the same capture, the whole of it, against {name}",
        measured=seconds(whole),
        limit=seconds(took["seconds"]),
        ratio=whole / took["seconds"],
        target="-",
        reached=None,
        note=f"{name} finds {int(took['found'])} packages; {note}.",
    )


def _answer(python: str, mode: str, scratch: Path) -> dict[str, float]:
    child = subprocess.run(
        [python, "-m", "benchmarks.capture", mode, str(scratch)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    found: dict[str, float] = json.loads(child.stdout.splitlines()[-1])
    return found


def install(scratch: Path) -> str | None:
    """The interpreter of an environment with all of them and this package; None if that fails. It is kept."""
    kept = Path(sys.prefix) if sys.prefix != sys.base_prefix else scratch
    folder = kept / "reference-capture"
    python, done = folder / "bin" / "python", folder / "installed.txt"
    # An editable install knows the entry points of the day it was made: where they changed since, it is made again.
    ours = hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()
    wanted = "\n".join((*PACKAGES, ours))
    try:
        if not done.exists() or done.read_text(encoding="utf-8") != wanted:
            subprocess.run([sys.executable, "-m", "venv", folder], check=True)
            pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            subprocess.run([*pip, *PACKAGES, "--editable", str(ROOT)], check=True, stdout=sys.stderr)
            done.write_text(wanted, encoding="utf-8")
    except (OSError, subprocess.CalledProcessError):
        return None
    return str(python)


def ours(scratch: str) -> dict[str, float]:
    """One build, in which the run of the sample is timed with and without capture."""
    import time

    from cdk_modelbuilder import ModelBuilder, SchemaBuilder, builder
    from cdk_modelbuilder.building.rehearsal import Request, rehearse
    from cdk_modelbuilder.dependencies.installed import Installed

    model, features, labels = _model()
    times: dict[str, float] = {}
    capture = builder.answer_sample

    def timed(plan, model_dir, environment):
        body, content_type = plan.marshaller.encode_request(plan.schema.sample_input)
        request = Request(model_dir, body, content_type, environment)
        rehearse(request, None)  # so that no file is read for the first time below
        start = time.perf_counter()
        rehearse(request, None)
        bare = time.perf_counter()
        here = Installed.scan()  # what it did before, to choose the image, it does again
        times["modules"] = len(here.owners_by_module)
        scanned = time.perf_counter()
        captured = capture(plan, model_dir, environment)
        end = time.perf_counter()
        times.update(bare=bare - start, scan=scanned - bare, capture=end - bare, distributions=len(list(here)))
        return captured

    builder.answer_sample = timed
    bundle = ModelBuilder(
        model=model, schema_builder=SchemaBuilder(features[:5], labels[:5]), model_path=Path(scratch) / "captured"
    ).build()
    lines = (bundle.path / "requirements.lock").read_text(encoding="utf-8").splitlines()
    return {**times, "found": len([line for line in lines if not line.startswith("#")])}


def mlflow(scratch: str) -> dict[str, float]:
    """mlflow's capture for the same model."""
    import shutil
    import time

    import mlflow.models
    import mlflow.xgboost

    model, _, _ = _model()
    folder = Path(scratch) / "mlflow"
    shutil.rmtree(folder, ignore_errors=True)
    mlflow.xgboost.save_model(model, folder, pip_requirements=["xgboost"])
    start = time.perf_counter()
    found = mlflow.models.infer_pip_requirements(str(folder), "xgboost")
    return {"seconds": time.perf_counter() - start, "found": len(found)}


def reference(_scratch: str) -> dict[str, float]:
    """How the SageMaker SDK maps modules to packages; its own child fails here without an AWS configuration."""
    import importlib.util
    import sysconfig
    import time

    place = Path(sysconfig.get_paths()["purelib"], "sagemaker", "serve", "detector", "pickle_dependencies.py")
    spec = importlib.util.spec_from_file_location("pickle_dependencies", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    start = time.perf_counter()
    packages = module.get_all_installed_packages()
    found = module.map_package_names_to_files([package["name"] for package in packages])
    return {"seconds": time.perf_counter() - start, "found": len(found)}


def _model():
    import xgboost
    from sklearn.datasets import load_breast_cancer

    features, labels = load_breast_cancer(return_X_y=True)
    return xgboost.XGBClassifier(n_estimators=20, max_depth=3, random_state=0).fit(features, labels), features, labels


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](sys.argv[2])))
