"""What servers are given that run the bundle's code: files, variables, and handlers called as their sources call them.

Where the server itself can be had, tests/containers runs it. DJL Serving and the SageMaker Distribution's cannot.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import yaml

from cdk_modelbuilder import Mode, ModelBuilder, ModelBundle, SchemaBuilder
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.servers import known_servers, server_adapter
from tests.conftest import MASTER_KEY
from tests.containers.serving import secrets_of

OWN_IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/own:1"
STAND_INS = Path(__file__).with_name("stand_ins")
OF_CODE = [name for name in known_servers() if server_adapter(name).template and name != "tensorflow_serving"]


@pytest.fixture(scope="module")
def line():
    from sklearn.linear_model import LinearRegression

    X = np.arange(12, dtype=float).reshape(6, 2)
    return X, LinearRegression().fit(X, X @ [1.0, 2.0])


@pytest.fixture(scope="module")
def bundles(line, tmp_path_factory):
    """One of each server, built when it is first asked for."""
    X, model = line
    folder, made = tmp_path_factory.mktemp("bundles"), {}

    def bundle(server: str) -> ModelBundle:
        if server not in made:
            own = {} if server == "builtin" else {"image_uri": OWN_IMAGE}
            made[server] = ModelBuilder(
                model=model,
                schema_builder=SchemaBuilder(X[:2], model.predict(X[:2])),
                model_path=folder / server.replace("_", "-"),
                model_server=server,
                dependencies={"auto": False, **({} if server != "triton" else {"packaging": "image"})},
                signing_key=MASTER_KEY,
                **own,
            ).build()
        return made[server]

    return bundle


def run(bundle: ModelBundle, code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Python that sees the bundle's environment and nothing of this package."""
    spec = bundle.container
    secrets = {} if set(variables) & set(spec.secret_environment) else secrets_of(bundle)
    moved = {
        name: value.replace("/opt/ml/model", str(bundle.model_dir.resolve()))
        for name, value in spec.environment.items()
    }
    environment = {
        **moved,
        **secrets,
        "PATH": os.environ["PATH"],
        "PYTHONDONTWRITEBYTECODE": "1",
        **variables,
    }
    command = [sys.executable, "-c", textwrap.dedent(code)]
    return subprocess.run(command, env=environment, cwd=bundle.model_dir, capture_output=True, text=True)


@pytest.mark.parametrize("server", OF_CODE)
def test_every_server_has_the_hooks_and_a_process_here_answers_as_the_model(bundles, line, server):
    X, model = line
    bundle = bundles(server)
    assert "code/inference.py" in bundle.manifest.files
    assert bundle.container.model_server == server
    with bundle.deploy(mode=Mode.LOCAL_PROCESS, signing_key=MASTER_KEY) as predictor:
        np.testing.assert_allclose(predictor.predict(X), model.predict(X))


def test_packages_are_where_the_server_looks_for_them(bundles):
    places = {server: bundles(server).container.requirements_file for server in OF_CODE}
    assert places.pop("builtin") is None
    assert places.pop("triton") is None
    assert places.pop("djl_serving") == places.pop("mlflow") == "requirements.txt"
    assert set(places.values()) == {"code/requirements.txt"}
    for server, place in [*places.items(), ("djl_serving", "requirements.txt")]:
        assert place in bundles(server).manifest.files, server


@pytest.mark.proves("sklearn", "djl_serving", contract=True)
def test_djl_calls_handle(bundles, line):
    X, model = line
    bundle = bundles("djl_serving")
    properties = dict(line.split("=") for line in (bundle.model_dir / "serving.properties").read_text().splitlines())
    assert properties["engine"] == "Python"
    assert properties["option.entryPoint"] == "model.py"
    done = run(
        bundle,
        f"""
        import importlib.util, json, sys
        sys.path.append({str(STAND_INS)!r})
        from djl_python import Input
        spec = importlib.util.spec_from_file_location("model_0a1b2c3d", "model.py")
        model = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(model)
        base = {{"model_dir": {str(bundle.model_dir.resolve())!r}}}
        assert model.handle(Input(base)) is None
        ask = lambda body, **headers: model.handle(Input({{**base, **headers}}, bytearray(body)))
        good = ask(b"{json.dumps(X.tolist())}", **{{"Content-Type": "application/json", "Accept": "application/json"}})
        bad = ask(b"[[1]]", **{{"content-type": "application/json"}})
        wrong = ask(b"x", **{{"content-type": "image/png"}})
        unwanted = ask(b"[[1, 2]]", **{{"content-type": "application/json", "accept": "image/png"}})
        said = good.properties["Content-Type"], good.content[0].decode()
        print(json.dumps([*said, bad.code, wrong.code, unwanted.code]))
        """,
    )
    assert done.returncode == 0, done.stderr
    content_type, body, *codes = json.loads(done.stdout)
    assert content_type == "application/json"
    np.testing.assert_allclose(json.loads(body), model.predict(X))
    assert codes == [400, 415, 406]


@pytest.mark.proves("sklearn", "smd", contract=True)
def test_the_distributions_server_calls_its_handler(bundles, line):
    X, model = line
    bundle = bundles("smd")
    module, _, name = bundle.container.environment["SAGEMAKER_INFERENCE_CODE"].partition(".")
    done = run(
        bundle,
        f"""
        import importlib.util, sys
        from types import SimpleNamespace
        folder = {bundle.container.environment["SAGEMAKER_INFERENCE_CODE_DIRECTORY"].replace("/opt/ml/model/", "")!r}
        sys.path.insert(0, folder)
        spec = importlib.util.spec_from_file_location("{module}.py", folder + "/{module}.py")
        found = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(found)
        headers = {{"Content-Type": "application/json", "Accept": "application/json"}}
        answer = found.{name}(SimpleNamespace(body=b"{json.dumps(X.tolist())}", headers=headers))
        assert isinstance(answer, bytes), type(answer)
        print(answer.decode())
        """,
    )
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(json.loads(done.stdout), model.predict(X))


def test_ray_finds_an_application(bundles):
    bundle = bundles("ray")
    (application,) = yaml.safe_load((bundle.model_dir / "config.yaml").read_text())["applications"]
    module, _, name = application["import_path"].partition(":")
    code = (bundle.model_dir / "code" / f"{module}.py").read_text()
    assert f"\n{name} = Model.bind()\n" in code
    assert application["route_prefix"] == "/"


@pytest.mark.parametrize("server", ["djl_serving", "smd"])
def test_a_changed_folder_does_not_start(bundles, server, tmp_path):
    import shutil

    bundle = bundles(server)
    copied = tmp_path / "bundle"
    shutil.copytree(bundle.path, copied)
    code = {
        "smd": "import sys; sys.path.insert(0, 'code'); import modelbuilder_smd",
        "djl_serving": f"import sys; sys.path += [{str(STAND_INS)!r}, '.']; import model; "
        "from djl_python import Input; "
        "model.handle(Input({'model_dir': '.'}))",
    }[server]
    found = ModelBundle.read(copied)
    secrets = secrets_of(found)
    with (copied / "model" / "model.pkl").open("ab") as file:
        file.write(b"\0")
    done = run(found, code, **secrets)
    assert done.returncode != 0
    assert "model.pkl" in done.stderr.splitlines()[-1]


def test_a_server_that_cannot_run_the_framework_is_refused(line, tmp_path):
    X, model = line
    with pytest.raises(UsageError, match=r"does not run sklearn models.*leave model_server out"):
        ModelBuilder(
            model=model,
            schema_builder=SchemaBuilder(X, model.predict(X)),
            model_path=tmp_path / "b",
            model_server="tensorflow_serving",
        ).build()


def test_names_of_the_models_own_files_do_not_collide(tmp_path):
    artifacts = tmp_path / "artifacts"
    artifacts.mkdir()
    (artifacts / "config.yaml").write_text("a: 1")
    from tests.servers.spec_of_files import Files

    with pytest.raises(Exception, match=r"has a file config\.yaml, which Ray Serve needs to be its own"):
        ModelBuilder(
            inference_spec=Files(),
            artifacts=artifacts,
            schema_builder=SchemaBuilder("a", "a"),
            model_path=tmp_path / "b",
            model_server="ray",
            dependencies={"auto": False},
        ).build()
