"""Models, bundles and keys that many tests share. Every key is made up here; the user's own is never touched."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

MASTER_KEY = "5a" * 32

# How long an example takes says something of the machine and nothing of the code.
settings.register_profile("no-clock", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("no-clock")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell's background jobs, and so these tests and what they start when they are one, inherit that it is ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def own_master_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("MODELBUILDER_PRIVATE_KEY", "MODELBUILDER_PRIVATE_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MODELBUILDER_MASTER_KEY", MASTER_KEY)
    monkeypatch.setenv("MODELBUILDER_MASTER_KEY_FILE", str(tmp_path / "no" / "master.key"))


@pytest.fixture(scope="session")
def tumours() -> SimpleNamespace:
    """A real data set, a classifier trained on it, and the data as a DataFrame."""
    import pandas as pd
    import xgboost
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer()
    X, y = data.data, data.target
    model = xgboost.XGBClassifier(n_estimators=10, max_depth=3, random_state=0).fit(X, y)
    return SimpleNamespace(X=X, y=y, model=model, frame=pd.DataFrame(X, columns=data.feature_names))


@pytest.fixture(scope="session")
def tumour_bundle(tumours, tmp_path_factory):
    """A bundle of that classifier. Shared: copy it before changing it."""
    from cdk_modelbuilder import ModelBuilder, SchemaBuilder

    path = tmp_path_factory.mktemp("shared") / "tumour"
    schema = SchemaBuilder(tumours.X[:5], tumours.y[:5])
    return ModelBuilder(model=tumours.model, schema_builder=schema, model_path=path, signing_key=MASTER_KEY).build()


@pytest.fixture
def regression() -> SimpleNamespace:
    """A linear model on few numbers, for what needs no real data."""
    from sklearn.linear_model import LinearRegression

    X = np.arange(12, dtype=float).reshape(6, 2)
    y = X @ [1.0, 2.0]
    return SimpleNamespace(X=X, y=y, model=LinearRegression().fit(X, y))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what an earlier run has passed: it is named line by line in the file ``PASSED_BEFORE``."""
    if "PASSED_BEFORE" not in os.environ:
        return
    passed = set(Path(os.environ["PASSED_BEFORE"]).read_text("utf-8").splitlines())
    again = [item for item in items if item.nodeid in passed]
    config.hook.pytest_deselected(items=again)
    items[:] = [item for item in items if item.nodeid not in passed]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Note what passed in the file ``PASSED_HERE``, and see that nothing was skipped for want of an install."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return
    if "PASSED_HERE" in os.environ:
        passed = sorted({report.nodeid for report in reporter.stats.get("passed", [])})
        Path(os.environ["PASSED_HERE"]).write_text("".join(f"{nodeid}\n" for nodeid in passed), "utf-8")
    if "EVERYTHING_INSTALLED" not in os.environ:
        return
    # Where everything is said to be installed, as in CI, a skipped test must not hide that it is not.
    words = ("not installed", "could not import", "browser tests need", "no java here")
    missing = [
        report.nodeid
        for report in reporter.stats.get("skipped", [])
        if any(word in str(report.longrepr) for word in words)
    ]
    if missing:
        reporter.section("skipped, although everything is said to be installed")
        reporter.line("\n".join(missing))
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
