"""Tensors on a GPU: sent as their values, and back on the CPU. Skipped where there is no CUDA device."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from cdk_modelbuilder.schema.codecs.torch_tensors import CODEC  # noqa: E402 - after the check for torch
from tests.schema.codec_checks import codec_of, through  # noqa: E402

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")

SAMPLES = {
    "float32": lambda: torch.tensor([[0.5, float("nan")], [-1.5, float("inf")]]),
    "bfloat16": lambda: torch.tensor([[0.5, 2.0]]).bfloat16(),
    "float8": lambda: torch.tensor([[0.5, 2.0]]).to(torch.float8_e4m3fn),
    "int64": lambda: torch.tensor([2**62 + 1, -1]),
    "bool": lambda: torch.tensor([True, False]),
    "complex64": lambda: torch.tensor([1 + 2j]),
    "0-d": lambda: torch.tensor(1.5),
    "transposed": lambda: torch.arange(6.0).reshape(2, 3).T,
    "sparse COO": lambda: torch.tensor([[0.0, 2.0], [3.0, 0.0]]).to_sparse().coalesce(),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_tensor_on_a_gpu_comes_back_on_the_cpu(name):
    here = SAMPLES[name]()
    there = here.cuda()
    codec = codec_of(CODEC, there)
    for content_type in codec.content_types:
        found = through(codec, there, content_type)
        assert found.device.type == "cpu"
        assert (found.dtype, found.shape, found.layout) == (here.dtype, here.shape, here.layout)
        one, other = (item.to_dense() if item.layout != torch.strided else item for item in (found, here))
        one, other = (torch.view_as_real(item) if item.is_complex() else item for item in (one, other))
        assert torch.equal(one.float().nan_to_num(nan=7.0), other.float().nan_to_num(nan=7.0))


def test_gradients_stay_on_the_gpu():
    weights = torch.ones(3, device="cuda", requires_grad=True) * 2
    codec = codec_of(CODEC, weights)
    found = through(codec, weights, codec.content_types[0])
    assert not found.requires_grad
    assert found.tolist() == [2.0, 2.0, 2.0]
