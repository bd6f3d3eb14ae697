"""What TensorFlow Serving's container gets. Its server is in no package: a stand-in answers as its REST API says.

Sources: https://www.tensorflow.org/tfx/serving/api_rest (the columnar format), aws/deep-learning-containers,
``scripts/docker/tensorflow/inference/sagemaker/python_service.py`` (how ``handler`` is found and called).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest

from cdk_modelbuilder import Mode, ModelBuilder, Predictor, SchemaBuilder
from cdk_modelbuilder.errors import SchemaError
from tests.conftest import MASTER_KEY
from tests.containers.serving import secrets_of

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def keras():
    pytest.importorskip("tensorflow", exc_type=ImportError)
    return pytest.importorskip("keras", exc_type=ImportError)


@pytest.fixture(scope="module")
def model(keras):
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((3,), name="features"), keras.layers.Dense(2, activation="softmax")])


@pytest.fixture(scope="module")
def bundle(model, tmp_path_factory):
    X = np.arange(6, dtype="f4").reshape(2, 3)
    return ModelBuilder(
        model=model,
        schema_builder=SchemaBuilder(X, model.predict(X, verbose=0)),
        model_path=tmp_path_factory.mktemp("tfs") / "net",
        model_server="tensorflow_serving",
        image_uri="123456789012.dkr.ecr.eu-west-1.amazonaws.com/tfs:2.21",  # AWS has none for the newest yet
        signing_key=MASTER_KEY,
    ).build()


def test_the_layout_is_the_servers(bundle):
    files = set(bundle.manifest.files)
    assert {"model/1/saved_model.pb", "model/1/variables/variables.index", "code/inference.py"} <= files
    spec = bundle.container
    assert spec.environment["SAGEMAKER_TFS_DEFAULT_MODEL_NAME"] == "model"
    installed = (bundle.path / "requirements.lock").read_text()
    assert "numpy==" in installed
    assert "tensorflow" not in installed


def test_a_process_here_answers_as_the_model(bundle, model):
    X = np.random.default_rng(0).random((5, 3), "f4")
    with bundle.deploy(mode=Mode.LOCAL_PROCESS, signing_key=MASTER_KEY) as predictor:
        np.testing.assert_allclose(predictor.predict(X), model.predict(X, verbose=0), rtol=1e-5)


@pytest.fixture
def served(bundle):
    """The address of a stand-in for the server, which has loaded the model's files."""
    import tensorflow as tf

    program = tf.saved_model.load(str(bundle.model_dir / "model" / "1"))

    class Rest(BaseHTTPRequestHandler):
        def do_POST(self):
            order = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            signature = program.signatures[order["signature_name"]]
            types = signature.structured_input_signature[1]
            inputs = {name: tf.constant(value, types[name].dtype) for name, value in order["inputs"].items()}
            outputs = {name: value.numpy().tolist() for name, value in signature(**inputs).items()}
            body = json.dumps({"outputs": outputs if len(outputs) > 1 else next(iter(outputs.values()))}).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *unused):
            pass

    with HTTPServer(("127.0.0.1", 0), Rest) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1/models/model:predict"
        server.shutdown()


SERVICE = """
    import base64, importlib.util, io, json, sys
    from collections import namedtuple
    sys.modules["tensorflow"] = None  # there is none beside the server
    spec = importlib.util.spec_from_file_location("inference", "code/inference.py")
    inference = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(inference)
    Context = namedtuple("Context", "rest_uri request_content_type accept_header timeout")
    for line in sys.stdin:
        order = json.loads(line)
        context = Context(order["uri"], order["type"], order["accept"], 30)
        body, content_type = inference.handler(io.BytesIO(base64.b64decode(order["body"])), context)
        print(json.dumps([base64.b64encode(body).decode(), content_type]))
"""


def call(bundle, *orders: dict, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **bundle.container.environment,
        **secrets_of(bundle),
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(bundle.model_dir.resolve() / "code"),
        "TFS_REST_PORTS": "8501",
        **variables,
    }
    lines = "".join(json.dumps(order) + "\n" for order in orders)
    command = [sys.executable, "-c", textwrap.dedent(SERVICE)]
    return subprocess.run(command, input=lines, env=environment, cwd=bundle.model_dir, capture_output=True, text=True)


@pytest.mark.proves("tensorflow", "tensorflow_serving", contract=True)
def test_the_service_before_the_server_speaks_the_schema(bundle, model, served):
    import base64

    X = np.random.default_rng(1).random((4, 3), "f4")
    predictor = Predictor("http://127.0.0.1:1", schema=bundle.schema, container=bundle.container)
    native = predictor._payloads.request(X)
    orders = [
        {"type": native.content_type, "accept": native.accept, "body": native.body},
        {"type": "application/json", "accept": "application/json", "body": json.dumps(X.tolist()).encode()},
    ]
    done = call(
        bundle, *({**order, "uri": served, "body": base64.b64encode(order["body"]).decode()} for order in orders)
    )
    assert done.returncode == 0, done.stderr
    answers = [(base64.b64decode(body), kind) for body, kind in map(json.loads, done.stdout.splitlines())]
    expected = model.predict(X, verbose=0)
    assert answers[1][1] == "application/json"
    np.testing.assert_allclose(json.loads(answers[1][0]), expected, rtol=1e-5)
    from cdk_modelbuilder.calling.transport import Answer

    np.testing.assert_allclose(
        predictor._payloads.value(Answer(bytearray(answers[0][0]), answers[0][1])), expected, rtol=1e-5
    )


def test_the_service_does_not_start_on_a_changed_folder(bundle):
    (variable,) = bundle.container.secret_environment
    done = call(bundle, **{variable: "00" * 32})
    assert done.returncode != 0
    assert "IntegrityError" in done.stderr


def test_tensors_of_tensorflow_are_refused(model, tmp_path):
    import tensorflow as tf

    X = tf.zeros((2, 3))
    with pytest.raises(SchemaError, match="has no TensorFlow"):
        ModelBuilder(
            model=model,
            schema_builder=SchemaBuilder(X, model(X)),
            model_path=tmp_path / "b",
            model_server="tensorflow_serving",
        ).build()
