"""Bundles in the serving software of AWS's scikit-learn and XGBoost images: ``sagemaker_containers``, unchanged."""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from cdk_modelbuilder import ModelBuilder, ModelBundle, Predictor, SchemaBuilder
from tests.conftest import MASTER_KEY
from tests.containers.serving import secrets_of
from tests.containers.toolkit import ENVIRONMENT, Container, can_mount

pytestmark = [pytest.mark.slow, pytest.mark.extra_install]

SAMPLES = Path(__file__).with_name("samples")


@pytest.fixture(scope="session")
def python() -> Path:
    return ENVIRONMENT.python()


@pytest.fixture(scope="session")
def built(tumours, tmp_path_factory) -> SimpleNamespace:
    """Three bundles: numpy with XGBoost, a table with scikit-learn, JSON with an InferenceSpec."""
    folder = tmp_path_factory.mktemp("built")
    probabilities = tumours.model.predict_proba(tumours.X)
    xgboost_bundle = build(folder / "tumour", SchemaBuilder(tumours.X[:5], probabilities[:5]), model=tumours.model)

    people = pd.DataFrame({"age": [23, 61, 40, 35, 52, 19] * 5, "town": ["Łódź", "Oslo", "a,b"] * 10})
    steps = make_column_transformer((StandardScaler(), ["age"]), (OneHotEncoder(), ["town"]))
    pipeline = make_pipeline(steps, LogisticRegression()).fit(people, people["age"] > 38)
    schema = SchemaBuilder(people[:3], pipeline.predict_proba(people[:3]))
    sklearn_bundle = build(folder / "people", schema, model=pipeline)

    artifacts = folder / "artifacts"
    artifacts.mkdir()
    (artifacts / "offset.txt").write_text("0.25")
    for part in range(3):  # enough for the verifier to use threads, which are gevent's in there
        (artifacts / f"weights-{part}.bin").write_bytes(bytes([part]) * (2 << 20))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(SAMPLES)
        import greenhouse

        spec = greenhouse.Greenhouse(digits=2)
        schema = SchemaBuilder([1.5, -40.0], [34.95, -39.75])
        spec_bundle = build(folder / "greenhouse", schema, inference_spec=spec, artifacts=artifacts)
    for module in ("greenhouse", "greenhouse_units"):
        sys.modules.pop(module)
    return SimpleNamespace(
        tumour=xgboost_bundle,
        probabilities=probabilities,
        people=sklearn_bundle,
        people_frame=people,
        people_probabilities=pipeline.predict_proba(people),
        greenhouse=spec_bundle,
    )


def build(path: Path, schema: SchemaBuilder, **options) -> ModelBundle:
    return ModelBuilder(schema_builder=schema, model_path=path, signing_key=MASTER_KEY, **options).build()


def start(python: Path, bundle: ModelBundle, base: Path, **options) -> Container:
    return Container(python, bundle, secrets_of(bundle), base, **options)


@pytest.fixture(scope="module")
def tumour(python, built, tmp_path_factory) -> Iterator[Container]:
    with start(python, built.tumour, tmp_path_factory.mktemp("tumour")) as container:
        assert container.ping() == 200, container.log
        yield container


@pytest.fixture(scope="module")
def people(python, built, tmp_path_factory) -> Iterator[Container]:
    with start(python, built.people, tmp_path_factory.mktemp("people")) as container:
        assert container.ping() == 200, container.log
        yield container


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def csv(rows: list[list[float]]) -> bytes:
    return "".join(",".join(map(repr, row)) + "\n" for row in rows).encode()


@pytest.mark.proves("xgboost", "xgboost")
@pytest.mark.proves("sklearn", "sklearn")
def test_predictor_gets_the_predictions_of_the_model_in_memory(tumour, people, built, tumours):
    for container, data, expected in (
        (tumour, tumours.X, built.probabilities),
        (people, built.people_frame, built.people_probabilities),
    ):
        bundle = container.bundle
        found = Predictor(container.url, schema=bundle.schema, container=bundle.container).predict(data)
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == expected.dtype


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8", "text/csv"])
@pytest.mark.parametrize("accept", ["application/json", "text/csv", "application/x-npy"])
def test_array_in_and_out_as(tumour, built, tumours, content_type, accept):
    rows = tumours.X[:7].tolist()
    body = csv(rows) if content_type == "text/csv" else json.dumps(rows).encode()
    answer = tumour.invoke(body, Content_Type=content_type, Accept=accept)
    assert (answer.status, answer.content_type.partition(";")[0]) == (200, accept), tumour.log
    read = {
        "application/json": json.loads,
        "text/csv": lambda body: np.loadtxt(io.BytesIO(body), delimiter=","),
        "application/x-npy": lambda body: np.load(io.BytesIO(body)),
    }[accept]
    np.testing.assert_array_equal(np.asarray(read(answer.body), dtype=np.float32), built.probabilities[:7])


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8", "text/csv"])
def test_table_in_as(people, built, content_type):
    frame = built.people_frame
    text = frame.to_csv(index=False) if content_type == "text/csv" else json.dumps(frame.to_dict("records"))
    answer = people.invoke(text.encode(), Content_Type=content_type, Accept="application/json")
    assert answer.status == 200, people.log
    np.testing.assert_array_equal(json.loads(answer.body), built.people_probabilities)


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("image/png, text/csv;q=0.4, application/json;q=0.7", "application/json"),
        ("text/*", "text/csv"),
        ("application/json; charset=utf-8", "application/json"),
    ],
)
def test_accept_header_is_negotiated(tumour, tumours, accept, chosen):
    answer = tumour.invoke(npy(tumours.X[:1]), Content_Type="application/x-npy", Accept=accept)
    assert (answer.status, answer.content_type.partition(";")[0]) == (200, chosen)


@pytest.mark.parametrize("headers", [{}, {"Accept": "*/*"}])
def test_no_preference_gets_the_native_type_as_from_the_local_server(tumour, tumours, headers):
    answer = tumour.invoke(npy(tumours.X[:1]), Content_Type="application/x-npy", **headers)
    assert (answer.status, answer.content_type) == (200, "application/x-npy")


def test_a_request_that_cannot_be_read_is_an_error_and_the_next_one_is_answered(tumour, tumours):
    # The toolkit makes every error of a hook 500, so 400, 406 and 415 are out of reach.
    assert tumour.invoke(b"[[1]]", Content_Type="application/json").status == 500
    assert "expected an array of shape (*, 30)" in tumour.log
    assert tumour.invoke(npy(tumours.X[:1]), Content_Type="application/x-npy", Accept="image/png").status == 500
    assert tumour.invoke(npy(tumours.X[:1]), Content_Type="application/x-npy").status == 200


def test_requirements_that_are_fulfilled_need_no_network(tumour):
    requirements = tumour.model_dir / "code" / "requirements.txt"
    assert "numpy==" in requirements.read_text(), "the test needs an image with other versions than here"
    assert "Requirement already satisfied: numpy==" in tumour.log
    assert "Successfully installed inference-1.0.0" in tumour.log


def test_nothing_is_written_beside_the_signed_files(tumour, people, built, tumours):
    assert tumour.invoke(npy(tumours.X[:1]), Content_Type="application/x-npy").status == 200
    for container in (tumour, people):
        signed = {name for name in container.model_files() if not name.startswith(".modelbuilder/")}
        here = container.bundle.model_dir
        assert signed == {
            path.relative_to(here).as_posix()
            for path in here.rglob("*")
            if path.is_file() and ".modelbuilder" not in path.parts
        }


@pytest.mark.skipif(not can_mount(), reason="no mount namespaces here, which a read-only folder needs")
@pytest.mark.proves("InferenceSpec", "sklearn")
def test_inference_spec_with_a_helper_module_in_a_read_only_model_folder(python, built, tmp_path):
    assert (built.greenhouse.model_dir / "code" / "greenhouse_units.py").is_file()
    with start(python, built.greenhouse, tmp_path, read_only=True) as container:
        assert container.ping() == 200, container.log
        answer = container.invoke(b"[0, 100, 36.6]", Content_Type="application/json", Accept="application/json")
        assert json.loads(answer.body) == [32.25, 212.25, 98.13]
        predictor = Predictor(container.url, schema=built.greenhouse.schema, container=built.greenhouse.container)
        assert predictor.predict([-40.0]) == [-39.75]


def test_health_checks_during_the_first_one_do_not_load_the_model_again(python, built, tmp_path):
    with start(python, built.greenhouse, tmp_path) as container:
        container.wait_until_listening()
        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(lambda _: container.ping(), range(4))) == [200] * 4, container.log
        assert container.log.count("the greenhouse is loading") == 1


def test_a_model_may_load_for_as_long_as_sagemaker_waits(built):
    spec = built.greenhouse.container
    assert int(spec.environment["SAGEMAKER_MODEL_SERVER_TIMEOUT"]) >= spec.health_check.startup_seconds


def test_changed_files_are_refused_and_named(python, built, tmp_path):
    with start(python, built.greenhouse, tmp_path) as container:
        for name in ("offset.txt", "code/greenhouse_units.py", "code/inference.py", "code/modelbuilder_verify.py"):
            path = container.model_dir / name
            original = path.read_bytes()
            path.write_bytes(original + b"#")
            said = len(container.log)
            assert container.ping() == 500
            assert container.invoke(b"[0]", Content_Type="application/json").status == 500
            assert f"{name} was changed after signing" in container.log[said:]
            path.write_bytes(original)
        added = container.model_dir / "code" / "sitecustomize.py"
        added.write_text("")
        assert container.ping() == 500
        assert "code/sitecustomize.py was not signed" in container.log
        added.unlink()
        missing = shutil.move(container.model_dir / "offset.txt", tmp_path / "moved")
        assert container.ping() == 500
        assert "offset.txt is missing" in container.log
        shutil.move(missing, container.model_dir / "offset.txt")
        assert container.ping() == 200, container.log
        assert container.invoke(b"[0]", Content_Type="application/json").status == 200


@pytest.mark.parametrize(
    ("secrets", "words"),
    [
        ({}, "the environment lacks MODELBUILDER_HMAC_KEY"),
        ({"MODELBUILDER_HMAC_KEY": "00" * 32}, "does not have the id"),
        ({"MODELBUILDER_HMAC_KEY": "{{resolve:secretsmanager:x}}"}, "is not hexadecimal"),
    ],
    ids=["absent", "of another bundle", "unresolved"],
)
def test_without_the_key_nothing_is_served(python, built, tmp_path, secrets, words):
    with Container(python, built.greenhouse, secrets, tmp_path) as container:
        assert container.ping() == 500
        assert container.invoke(b"[0]", Content_Type="application/json").status == 500
        assert words in container.log


def test_an_archive_of_another_bundle_is_refused(python, built, tmp_path):
    swapped = replace(built.greenhouse, container=built.tumour.container)
    with Container(python, swapped, secrets_of(built.tumour), tmp_path) as container:
        assert container.ping() == 500
        assert "manifest.json is not the one that was reviewed" in container.log
