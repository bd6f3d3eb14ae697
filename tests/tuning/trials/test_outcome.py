"""What a server's last words mean; the words are those that the servers and libraries write."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk_modelbuilder.errors import LocalEndpointError, UsageError
from cdk_modelbuilder.tuning.trials.outcome import TrialOutcome, death, short_cause, start_failure


def failed(*log: str, status: int | None = 1, out_of_memory: bool = False) -> TrialOutcome:
    error = LocalEndpointError(
        f"the server ended with status {status}.", remedy="Look.", status=status, out_of_memory=out_of_memory
    )
    return start_failure(error, log)


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 896.00 MiB.", "out-of-memory"),
        (
            "ValueError: No available memory for the cache blocks. Try increasing `gpu_memory_utilization`",
            "out-of-memory",
        ),
        (
            "ValueError: (1.00 GiB KV cache is needed, which is larger than the available KV cache memory (0.50 GiB).",
            "out-of-memory",
        ),
        ("RuntimeError: Not enough memory. Please try to increase --mem-fraction-static.", "out-of-memory"),
        ("numpy._core._exceptions._ArrayMemoryError: Unable to allocate 7.28 TiB for an array", "out-of-memory"),
        ("RuntimeError: DefaultCPUAllocator: can't allocate memory: you tried to allocate 4096 bytes", "out-of-memory"),
        ("java.lang.OutOfMemoryError: Java heap space", "out-of-memory"),
        ("terminate called after throwing an instance of 'std::bad_alloc'", "out-of-memory"),
        ("OSError: [Errno 12] Cannot allocate memory", "out-of-memory"),
        ("api_server.py: error: unrecognized arguments: --chunked-prefil", "rejected"),
        ("api_server.py: error: argument --dtype: invalid choice: 'fp7' (choose from 'auto')", "rejected"),
        ("pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig", "rejected"),
        ("error: invalid value 'x' for '--max-batch-tokens <N>': invalid digit found in string", "rejected"),
        ("the server was not started: MODELBUILDER_WORKERS is '0'; give a whole number from 1 to 256.", "rejected"),
        ("FileNotFoundError: [Errno 2] No such file or directory: 'model.safetensors'", "start-failed"),
        ("ImportError: libGL.so.1: cannot open shared object file", "start-failed"),
    ],
)
def test_words_of_servers(line, status):
    found = failed("INFO loading", line, "INFO shutting down")
    assert found.status == status
    assert line[:60] in found.cause


@pytest.mark.parametrize(
    ("code", "status"), [(-9, "out-of-memory"), (137, "out-of-memory"), (2, "rejected"), (1, "start-failed")]
)
def test_a_status_without_words(code, status):
    assert failed(status=code).status == status


def test_a_daemon_that_says_so_is_believed():
    assert failed(out_of_memory=True).status == "out-of-memory"
    assert death(1, [], out_of_memory=True)[0] == "out-of-memory"
    assert death(-11, ["segmentation fault"], out_of_memory=False) == (
        "errors",
        "the server ended under load with status -11; segmentation fault",
    )


def test_of_our_own_log_what_happened_and_not_its_json():
    line = json.dumps({"event": "model failed to load", "error": "KeyError: 'weights'", "traceback": "x" * 9999})
    assert failed(line).cause.endswith("model failed to load: KeyError: 'weights'")


@pytest.mark.parametrize("secret", ["hf_" + "a1B2" * 8, "sk-" + "abcd1234" * 3, "0f" * 32])
def test_keys_and_tokens_are_left_out(secret):
    cause = short_cause(f"denied: {secret}, go away")
    assert cause == "denied: [secret], go away"
    assert short_cause("denied: my own words", ["my own"]) == "denied: [secret] words"


@given(st.text(max_size=3000))
def test_a_cause_is_one_short_line(text):
    cause = short_cause(text)
    assert len(cause) <= 500
    assert "\n" not in cause


def test_an_outcome_that_is_none_is_refused():
    good = TrialOutcome("pruned").to_json()
    assert TrialOutcome.from_json(good) == TrialOutcome("pruned")
    with pytest.raises(UsageError, match="status is 'fine'"):
        TrialOutcome.from_json({**good, "status": "fine"})
    with pytest.raises(UsageError, match="malformed"):
        TrialOutcome.from_json({"status": "pruned"})
