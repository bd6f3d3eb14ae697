"""PyTorch modules in every format: what is kept, how they are called, and what is refused."""

from __future__ import annotations

import json
import sys
import tempfile
import types
import warnings
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk_modelbuilder.errors import ModelError
from tests.frameworks.packaged import build, public_version, served

torch = pytest.importorskip("torch", exc_type=ImportError)
pytestmark = pytest.mark.slow

import safetensors.torch  # noqa: E402
from torch import nn  # noqa: E402

from cdk_modelbuilder.frameworks import adapter_for, torch_modules  # noqa: E402
from cdk_modelbuilder.frameworks.pytorch import PyTorchAdapter  # noqa: E402
from cdk_modelbuilder.frameworks.pytorch.skeleton import save_skeleton  # noqa: E402
from cdk_modelbuilder.frameworks.registry import open_model  # noqa: E402
from cdk_modelbuilder.integrity.unpickle import load_pickle  # noqa: E402
from tests.frameworks import torch_nets  # noqa: E402

ADAPTER = PyTorchAdapter()
X = np.random.default_rng(0).normal(size=(6, 4))


def answer_of(module, *values):
    module.eval()
    with torch.inference_mode():
        return module(*values)


@pytest.fixture
def regressor():
    torch.manual_seed(0)
    module = torch_nets.Regressor()
    module(torch.tensor(X, dtype=torch.float32)).sum().backward()  # as after training: gradients, moved averages
    return module


def test_source_keeps_everything_and_takes_batches_of_any_size(regressor, tmp_path):
    regressor.train()
    expected = answer_of(regressor, torch.tensor(X, dtype=torch.float32)).numpy()
    regressor.train()
    bundle = build(regressor, X, expected, tmp_path)
    assert regressor.training
    assert regressor.drop.training
    info = json.loads((bundle.path / "bundle.json").read_text())
    assert info["framework"] == {"name": "pytorch", "version": torch.__version__.partition("+")[0]}
    assert info["model"]["format"] == "source"
    assert any("training mode" in note for note in info["notes"])
    names = set(info["model"]["pickle_globals"])
    assert {"tests.frameworks.torch_nets.Regressor", "torch.nn.modules.linear.Linear"} <= names
    assert not any("tensor" in name.lower() for name in names)  # all numbers are in the other file
    with served(bundle) as predictor:
        np.testing.assert_allclose(predictor.predict(X), expected, rtol=1e-6)
        one = answer_of(regressor, torch.tensor(X[:1], dtype=torch.float32)).numpy()
        np.testing.assert_allclose(predictor.predict(X[:1]), one, rtol=1e-5)
        assert predictor.predict(X[:1]).dtype == np.float32


def test_the_same_module_gives_the_same_bytes(regressor, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        ADAPTER.save(regressor, tmp_path / name, model_format=None, trust=(), sample=X)
    for file in ("skeleton.pkl", "weights.safetensors"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


@pytest.mark.parametrize("model_format", ["export", "torchscript"])
def test_traced_models_give_the_same_bytes_without_paths_and_samples(model_format, tmp_path):
    module = nn.Sequential(nn.Linear(4, 2), nn.ReLU()).eval()
    secret = np.full((3, 4), 0.123456, dtype=np.float32)
    found = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        ADAPTER.save(module, tmp_path / name, model_format=model_format, trust=(), sample=secret)
        (file,) = (tmp_path / name).iterdir()
        found.append(file.read_bytes())
    assert found[0] == found[1]
    assert str(Path(torch.__file__).parent).encode() not in found[0]
    assert secret[0, :2].tobytes() not in found[0]


def test_tied_weights_are_saved_once_and_tied_again(regressor, tmp_path):
    from safetensors import safe_open

    ADAPTER.save(regressor, tmp_path, model_format=None, trust=(), sample=X)
    with safe_open(tmp_path / "weights.safetensors", "pt") as weights:
        keys = set(weights.keys())
    assert len(keys & {"block.first.weight", "block.second.weight"}) == 1
    assert {"block.shift", "norm.running_mean"} <= keys


@pytest.mark.parametrize("model_format", ["export", "torchscript"])
def test_formats_without_classes_take_other_batches_too(model_format, tmp_path):
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3))
    images = np.random.default_rng(0).normal(size=(1, 1, 4, 4)).astype(np.float32)  # one: an exporter's hard case
    bundle = build(module, images, answer_of(module, torch.tensor(images)).numpy(), tmp_path, model_format=model_format)
    assert [path.name for path in (bundle.path / "model").iterdir() if path.name.startswith("model.")] == [
        {"export": "model.pt2", "torchscript": "model.pt"}[model_format]
    ]
    five = np.repeat(images, 5, axis=0)
    with served(bundle) as predictor:
        np.testing.assert_allclose(predictor.predict(five), answer_of(module, torch.tensor(five)).numpy(), rtol=1e-5)


@pytest.mark.heavy
def test_a_dict_is_the_keyword_arguments_and_tensors_give_tensors(tmp_path):
    torch.manual_seed(0)
    module = torch_nets.Ratings()
    sample = {"user": torch.tensor([1, 2]), "age": torch.tensor([[0.1], [0.2]])}
    expected = answer_of(module, *sample.values())
    for model_format in (None, "export"):
        bundle = build(module, sample, expected, tmp_path, model_format=model_format)
        with served(bundle) as predictor:
            found = predictor.predict(sample)
            assert torch.allclose(found["score"], expected["score"])
            assert found["user"].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("sample", "kind"),
    [
        ([[0.5, 1.0], [2.0, 3.0]], list),
        (np.ones((2, 2), dtype=">f8"), np.ndarray),
        (torch.ones(2, 2), torch.Tensor),
        ((np.ones((2, 2)),), np.ndarray),
    ],
)
def test_the_answer_is_of_the_kind_of_the_input(sample, kind):
    module = nn.Linear(2, 1)
    assert type(ADAPTER.predict(module, sample, "forward")) is kind
    assert type(ADAPTER.predict(module, sample, "forward_list")) is list


def test_the_answer_is_what_the_output_sample_is(tmp_path):
    module = nn.Linear(4, 2)
    expected = answer_of(module, torch.tensor(X, dtype=torch.float32))
    bundle = build(module, X, expected, tmp_path)
    with served(bundle) as predictor:
        assert torch.allclose(predictor.predict(X[:2]), expected[:2])


def test_a_method_of_ones_own_is_called_by_name(regressor, tmp_path):
    expected = answer_of(regressor, torch.tensor(X, dtype=torch.float32)).argmax(dim=1).numpy()
    bundle = build(regressor, X, expected, tmp_path, predict_method="predict")
    with served(bundle) as predictor:
        assert predictor.predict(X).tolist() == expected.tolist()


def test_what_only_runs_a_module_is_taken_off(tmp_path):
    module = nn.Linear(4, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the compiler's own imports
        wrapped = torch.compile(nn.DataParallel(module))
    assert adapter_for(wrapped).name == "pytorch"
    saved = ADAPTER.save(wrapped, tmp_path, model_format=None, trust=(), sample=X)
    assert saved.model_class == "torch.nn.modules.linear.Linear"
    assert [note.split()[1] for note in saved.notes if "left out" in note] == ["OptimizedModule", "DataParallel"]


def test_hooks_travel_with_their_source(tmp_path):
    module = nn.Linear(4, 2)
    module.register_forward_hook(torch_nets.double)
    expected = answer_of(module, torch.tensor(X, dtype=torch.float32)).numpy()
    with served(build(module, X, expected, tmp_path)) as predictor:
        np.testing.assert_allclose(predictor.predict(X), expected, rtol=1e-6)


def test_transformer_layers_with_functions_in_their_attributes(tmp_path):
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, activation=nn.functional.gelu)
    module = nn.Sequential(nn.TransformerEncoder(layer, 2, enable_nested_tensor=False), nn.LSTM(8, 3, batch_first=True))
    sample = torch.randn(2, 5, 8)
    expected = answer_of(module, sample)
    bundle = build(module, sample, expected, tmp_path)
    with served(bundle) as predictor:
        output, (hidden, _) = predictor.predict(sample)
        assert torch.allclose(output, expected[0], rtol=1e-5)
        assert torch.allclose(hidden, expected[1][0], rtol=1e-5)


def test_packages_are_found(regressor, tmp_path):
    expected = answer_of(regressor, torch.tensor(X, dtype=torch.float32)).numpy()
    options = {"dependencies": {"custom": [public_version("torch")]}}
    bundle = build(regressor, X, expected, tmp_path, **options)
    names = [line.partition("==")[0] for line in (bundle.path / "requirements.lock").read_text().splitlines()]
    assert {"torch", "safetensors", "numpy"} <= set(names)


def test_fixed_batches_are_said(tmp_path):
    saved = ADAPTER.save(
        torch_nets.OfFixedBatch(), tmp_path, model_format="export", trust=(), sample=np.ones((4, 2), dtype=np.float32)
    )
    program = torch.export.load(tmp_path / "model.pt2").module()
    with pytest.raises(Exception, match=r"4"):
        program(torch.ones(6, 2))
    assert any("batches of the sample's size only" in note for note in saved.notes)


@pytest.mark.heavy
def test_a_head_on_a_model_of_transformers(tmp_path):
    transformers = pytest.importorskip("transformers", exc_type=ImportError)
    from tests.frameworks import tiny_models

    tiny_models.bert("BertModel").save_pretrained(tmp_path / "pretrained")
    bert = transformers.BertModel.from_pretrained(tmp_path / "pretrained", local_files_only=True)
    module = torch_nets.Judge(bert)
    assert adapter_for(module).name == "pytorch"
    sample = {"input_ids": np.array([[2, 5, 3]]), "attention_mask": np.ones((1, 3), dtype=np.int64)}
    expected = answer_of(module, *(torch.from_numpy(value) for value in sample.values())).numpy()
    bundle = build(module, sample, expected, tmp_path)
    assert str(tmp_path).encode() not in (bundle.path / "model" / "skeleton.pkl").read_bytes()
    assert bert.name_or_path == str(tmp_path / "pretrained")
    with served(bundle) as predictor:
        np.testing.assert_allclose(predictor.predict(sample), expected, rtol=1e-5)


def test_half_precision_takes_and_gives_full_precision(tmp_path):
    module = nn.Linear(4, 2).to(torch.bfloat16)
    expected = answer_of(module, torch.tensor(X, dtype=torch.bfloat16)).float().numpy()
    with served(build(module, X, expected, tmp_path)) as predictor:
        np.testing.assert_array_equal(predictor.predict(X), expected)


class Local(nn.Module):
    """Has a function that no module names."""

    def __init__(self):
        super().__init__()
        self.act = lambda x: x + 1

    def forward(self, x):
        return self.act(x)


def _lazy():
    return nn.Sequential(nn.LazyLinear(2))


def _meta():
    return nn.Linear(2, 2, device="meta")


@pytest.mark.parametrize(("make", "message"), [(_lazy, "lazy and never saw data"), (_meta, "on the meta device")])
def test_modules_without_numbers_are_refused(make, message):
    with pytest.raises(ModelError, match=message):
        ADAPTER.check(make())


def _parametrized():
    return nn.utils.parametrizations.weight_norm(nn.Linear(2, 2))


def _sparse():
    module = nn.Linear(2, 2)
    module.mask = torch.eye(2).to_sparse()
    return module


def _program_of_fx():
    return torch.fx.symbolic_trace(nn.Linear(2, 2))


@pytest.mark.parametrize(
    ("make", "model_format", "message"),
    [
        (Local, None, r"cannot be taken apart.*lambda"),
        (_parametrized, None, "remove_parametrizations"),
        (_sparse, None, "of the kind sparse_coo"),
        (_program_of_fx, None, "not on the allow-list"),
        (torch_nets.Branching, "export", "cannot be exported"),
        (torch_nets.Branching, "onnx", "is not one that PyTorch models"),
    ],
)
def test_what_a_format_cannot_keep_is_refused(make, model_format, message, tmp_path):
    with pytest.raises(ModelError, match=message):
        ADAPTER.save(make(), tmp_path, model_format=model_format, trust=(), sample=np.ones((4, 2), dtype=np.float32))


def test_classes_of_unknown_libraries_need_trust(tmp_path, monkeypatch):
    library = types.ModuleType("some_library")
    library.Special = type("Special", (nn.Linear,), {"__module__": "some_library"})
    monkeypatch.setitem(sys.modules, "some_library", library)
    module = nn.Sequential(library.Special(4, 2))
    with pytest.raises(ModelError, match=r"some_library\.Special.*trust=\['some_library\.Special'\]"):
        ADAPTER.save(module, tmp_path, model_format=None, trust=(), sample=X)
    saved = ADAPTER.save(module, tmp_path, model_format=None, trust=("some_library.*",), sample=X)
    assert "some_library" in saved.modules  # so that its package is pinned


def test_what_is_not_installed_is_named(tmp_path, monkeypatch):
    torch.save(nn.Linear(2, 2), tmp_path / "model.pt")
    monkeypatch.setitem(sys.modules, "safetensors.torch", None)
    with pytest.raises(ModelError, match="pip install safetensors"):
        ADAPTER.save(nn.Linear(4, 2), tmp_path, model_format=None, trust=(), sample=X)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ModelError, match="a model of pytorch, and torch is not installed here"):
        open_model(tmp_path / "model.pt", trust=())


def test_a_state_dict_is_no_model():
    weights = nn.Linear(2, 2).state_dict()
    assert isinstance(weights, OrderedDict)
    with pytest.raises(ModelError, match="load_state_dict"):
        adapter_for(weights).check(weights)


def test_files_are_told_apart_and_opened(tmp_path):
    module = nn.Sequential(nn.Linear(4, 2), nn.ReLU())
    sample = torch.tensor(X, dtype=torch.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(module).save(tmp_path / "script.pt")
        torch.export.save(torch.export.export(module, (sample,)), tmp_path / "program.pt2")
    whole = nn.Sequential(torch_nets.Block(4, nn.functional.relu), nn.BatchNorm1d(4), nn.Linear(4, 2))
    torch.save(whole.eval(), tmp_path / "whole.pt")
    with pytest.raises(ModelError, match=r"3 models: program\.pt2, script\.pt, whole\.pt"):
        ADAPTER.open(tmp_path, trust=())
    for name in ("script.pt", "program.pt2", "whole.pt"):
        assert ADAPTER.opens(tmp_path / name)
        model = ADAPTER.open(tmp_path / name, trust=())
        assert ADAPTER.recognises(model)
        expected = answer_of(whole if name == "whole.pt" else module, sample)
        assert torch.allclose(ADAPTER.predict(model, sample, "forward"), expected)
        (tmp_path / name[:5]).mkdir()
        saved = ADAPTER.save(model, tmp_path / name[:5], model_format=None, trust=(), sample=sample)
        assert saved.data_format == {"s": "torchscript", "p": "export", "w": "source"}[name[0]]


class Evil:
    def __reduce__(self):
        return print, ("executed",)


def test_files_that_name_what_nobody_vouched_for_are_not_loaded(tmp_path, capsys):
    torch.save(Evil(), tmp_path / "evil.pt")
    with pytest.raises(ModelError, match=r"builtins\.print"):
        ADAPTER.open(tmp_path / "evil.pt", trust=())
    torch.save(nn.Linear(2, 2).state_dict(), tmp_path / "weights.pt")
    with pytest.raises(ModelError, match="load_state_dict"):
        ADAPTER.open(tmp_path / "weights.pt", trust=())
    torch.save(nn.Linear(2, 2), tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    with pytest.raises(ModelError, match=r"before 1\.6"):
        ADAPTER.open(tmp_path / "old.pt", trust=())
    (tmp_path / "text.pt").write_text("PK\x03\x04 nothing")
    assert not ADAPTER.opens(tmp_path / "text.pt")
    assert "executed" not in capsys.readouterr().out


@given(
    st.recursive(st.integers(0, 5), lambda inner: st.lists(inner, max_size=4) | st.tuples(inner, inner), max_leaves=9)
)
def test_tensors_come_back_in_any_place_and_as_often_as_they_were_there(shape):
    """Each number stands for a tensor; the same number for the same one."""
    tensors = [torch.full((number,), float(number)) for number in range(6)]
    tensors[1] = nn.Parameter(tensors[1], requires_grad=False)

    def placed(item):
        return tensors[item] if isinstance(item, int) else type(item)(map(placed, item))

    module = nn.Identity()
    module.held = placed(shape)
    with tempfile.TemporaryDirectory() as folder:
        names = save_skeleton(module, Path(folder), ())
        numbers = safetensors.torch.load_file(Path(folder) / "weights.safetensors")
        made = {}

        def outside(name):
            kind, _, key, needs_gradient = name
            value = nn.Parameter(numbers[key], needs_gradient) if kind == "parameter" else numbers[key]
            return made.setdefault(name, value)

        loaded = load_pickle(str(Path(folder) / "skeleton.pkl"), [list(name) for name in names], {}, outside)
    seen = {}

    def compare(found, expected):
        if not isinstance(expected, torch.Tensor):
            assert type(found) is type(expected)
            for one, other in zip(found, expected, strict=True):
                compare(one, other)
            return
        assert type(found) is type(expected)
        assert torch.equal(found, expected)
        assert seen.setdefault(id(expected), found) is found

    compare(loaded.held, module.held)


def test_look_alikes_are_not_plain_pytorch():
    assert not torch_modules.is_module(object())
    assert not torch_modules.is_module(np.zeros(2))
    kind = type("BertModel", (nn.Module,), {"__module__": "transformers.models.bert.modeling_bert"})
    assert not torch_modules.is_module(kind())
