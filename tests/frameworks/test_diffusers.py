"""Pipelines of diffusers: real classes with tiny random weights, as objects and as folders."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cdk_modelbuilder.errors import ModelError
from tests.frameworks import tiny_models
from tests.frameworks.packaged import build, public_version, served

torch = pytest.importorskip("torch", exc_type=ImportError)
library = pytest.importorskip("diffusers", exc_type=ImportError)
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

from cdk_modelbuilder.frameworks import adapter_for  # noqa: E402
from cdk_modelbuilder.frameworks.diffusers import DiffusersAdapter  # noqa: E402

ADAPTER = DiffusersAdapter()


@pytest.fixture(autouse=True)
def _offline(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture(scope="module")
def noise_to_image():
    """A pipeline without a prompt."""
    torch.manual_seed(0)
    unet = library.UNet2DModel(
        sample_size=8, in_channels=3, out_channels=3, layers_per_block=1, block_out_channels=(8, 8), norm_num_groups=4,
        down_block_types=("DownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "UpBlock2D"),
    )  # fmt: skip
    pipe = library.DDPMPipeline(unet, library.DDPMScheduler(num_train_timesteps=10))
    pipe.set_progress_bar_config(disable=True)
    return pipe


@pytest.fixture(scope="module")
def text_to_image():
    """Stable Diffusion with tiny parts."""
    import transformers

    torch.manual_seed(0)
    unet = library.UNet2DConditionModel(
        sample_size=8, in_channels=4, out_channels=4, layers_per_block=1, block_out_channels=(8, 16), norm_num_groups=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=16, attention_head_dim=2,
    )  # fmt: skip
    vae = library.AutoencoderKL(block_out_channels=(8, 8), norm_num_groups=4, latent_channels=4,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2)  # fmt: skip
    config = transformers.CLIPTextConfig(vocab_size=16, max_position_embeddings=32, **tiny_models.SIZES)
    pipe = library.StableDiffusionPipeline(
        vae=vae,
        text_encoder=transformers.CLIPTextModel(config).eval(),
        tokenizer=tiny_models.tokenizer(),
        unet=unet,
        scheduler=library.DDIMScheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe


@pytest.mark.heavy
def test_a_prompt_gives_an_image_and_the_seed_decides_which(text_to_image, tmp_path):
    sample = {"prompt": "the film was good", "num_inference_steps": 2, "seed": 3}
    assert adapter_for(text_to_image).name == "diffusers"
    expected = ADAPTER.predict(text_to_image, sample, "generate")
    assert expected.size == (16, 16)
    bundle = build(text_to_image, sample, expected, tmp_path)
    assert not list((bundle.path / "model").rglob("*.bin"))
    with served(bundle) as predictor:
        np.testing.assert_array_equal(np.asarray(predictor.predict(sample)), np.asarray(expected))
        other = np.asarray(predictor.predict({**sample, "seed": 4}))
    assert (other != np.asarray(expected)).any()


@pytest.mark.heavy
def test_a_folder_without_a_prompt(noise_to_image, tmp_path):
    folder = tmp_path / "ddpm"
    noise_to_image.save_pretrained(folder)
    assert ADAPTER.opens(folder)
    model = ADAPTER.open(folder, trust=())
    sample = {"batch_size": 2, "num_inference_steps": 2}
    expected = ADAPTER.predict(noise_to_image, sample, "generate")
    bundle = build(model, sample, expected, tmp_path, dependencies={"custom": [public_version("torch")]})
    names = [line.partition("==")[0] for line in (bundle.path / "requirements.lock").read_text().splitlines()]
    assert {"diffusers", "torch", "pillow"} <= set(names)
    assert json.loads((bundle.path / "bundle.json").read_text())["model"]["class"] == "diffusers.DDPMPipeline"
    with served(bundle) as predictor:
        found = predictor.predict(sample)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))


def test_half_precision_only_is_found_in_the_names(noise_to_image, tmp_path):
    noise_to_image.save_pretrained(tmp_path / "half", variant="fp16")
    model = ADAPTER.open(tmp_path / "half", trust=())
    assert model.variant == "fp16"
    assert ADAPTER.predict(model, {"num_inference_steps": 1}, "generate").size == (8, 8)


def test_requests_name_no_files_and_no_code(noise_to_image):
    with pytest.raises(TypeError, match="send the image itself"):
        ADAPTER.predict(noise_to_image, {"image": "https://example.com/cat.png"}, "generate")
    with pytest.raises(ValueError, match="callback_on_step_end is not taken"):
        ADAPTER.predict(noise_to_image, {"callback_on_step_end": "x"}, "generate")


def test_folders_that_run_code_or_hold_pickles_are_refused(noise_to_image, tmp_path):
    path = tmp_path / "ddpm"
    noise_to_image.save_pretrained(path)
    index = json.loads((path / "model_index.json").read_text())
    for change, message in (
        ({"unet": ["my_unet", "Unet"]}, r"unet is a my_unet\.Unet"),
        ({"_class_name": "TomorrowPipeline"}, "has no pipeline 'TomorrowPipeline'"),
        ({"_class_name": ["my_pipeline", "Own"]}, "has no pipeline"),
    ):
        (path / "model_index.json").write_text(json.dumps({**index, **change}))
        with pytest.raises(ModelError, match=message):
            ADAPTER.open(path, trust=("*",))
    (path / "model_index.json").write_text(json.dumps(index))
    weights = path / "unet" / "diffusion_pytorch_model.safetensors"
    weights.rename(weights.with_suffix(".bin"))
    with pytest.raises(ModelError, match=r"unet/diffusion_pytorch_model\.bin, a pickle"):
        ADAPTER.open(path, trust=())


def test_a_part_alone_is_no_pipeline(noise_to_image):
    assert adapter_for(noise_to_image.unet).name == "diffusers"
    with pytest.raises(ModelError, match="one part of a pipeline"):
        ADAPTER.check(noise_to_image.unet)
    with pytest.raises(ModelError, match="is not one that pipelines of diffusers"):
        ADAPTER.save(noise_to_image, None, model_format="onnx", trust=(), sample=None)
