"""deploy() says what becomes of a bundle's tuning, and writes what was wished into the app."""

from __future__ import annotations

import shutil

import pytest

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.deploying.account import Account
from cdk_modelbuilder.deploying.options import DeployOptions
from cdk_modelbuilder.deploying.planning import plan_app
from cdk_modelbuilder.generating.plan import AppPlan
from cdk_modelbuilder.generating.stack_source import stack_source
from cdk_modelbuilder.tuning.result import served_by
from tests.aws_stand_in import mended_aws
from tests.tuning.scripted import result


@pytest.fixture
def account():
    with mended_aws():
        yield Account.open()


def planned(bundle, account, folder, **options) -> tuple[AppPlan, list[str]]:
    said: list[str] = []
    return plan_app(bundle, DeployOptions(**options), account, folder, before=None, say=said.append), said


def test_what_becomes_of_it(account, line_bundles, tmp_path):
    shutil.copytree(line_bundles.first.path, tmp_path / "line")
    bundle = ModelBundle.read(tmp_path / "line")
    made = result(
        environment={"SAGEMAKER_MODEL_SERVER_WORKERS": "2"}, served=served_by(bundle), root_sha256=bundle.root_sha256
    )
    made.save(bundle.path)
    _, said = planned(bundle, account, tmp_path, instance_type="ml.c6i.large")
    assert f"the tuning of {bundle.name} of 2026-11-26 is used: SAGEMAKER_MODEL_SERVER_WORKERS=2" in said
    plan, said = planned(bundle, account, tmp_path, instance_type="ml.c6i.xlarge")
    assert any("is not used: it was measured on 2 processors" in line for line in said)
    assert "tuning=" not in stack_source(plan.endpoints[0])
    plan, said = planned(bundle, account, tmp_path, instance_type="ml.c6i.xlarge", tuning="always")
    assert any("is used" in line for line in said)
    assert 'tuning="always"' in stack_source(plan.endpoints[0])
    _, said = planned(bundle, account, tmp_path, instance_type="ml.c6i.large", tuning="never")
    assert not any("tuning" in line for line in said)
