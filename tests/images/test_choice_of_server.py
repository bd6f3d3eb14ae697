"""Which image is chosen among several servers, processors and frameworks, and what is said where none fits."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.images import (
    NoMatchingImage,
    ReadBy,
    UnknownFramework,
    UnknownRegion,
    choose_image,
    images_of_server,
    servers,
    table_date,
)

TORCH = {"framework": "pytorch", "framework_version": "2.6.0", "read_by": ReadBy.SAME_MAJOR}
LIGHTGBM = {"framework": "lightgbm", "framework_version": "4.6.0", "read_by": ReadBy.NEWER}


def chosen(**options):
    choice = choose_image(**options)
    return choice.image.name, choice.install_over


def test_living_images_come_before_a_retired_one_that_fits_better():
    choice = choose_image(**TORCH, servers=("torchserve", "ray"))
    assert choice.image.name == "ray:serve-ml-sagemaker-cpu-v1.4"
    assert "brings 2.10.0: the nearest of the same major version" in choice.notes[0]


def test_a_retired_image_only_if_its_server_is_named():
    with pytest.raises(NoMatchingImage) as caught:
        choose_image(**TORCH, servers=("torchserve",))
    assert "is retired" in caught.value.what
    assert "not patched it since 2026-06-30. Use the model server 'ray'" in caught.value.what
    assert "model_server='torchserve'" in caught.value.remedy

    choice = choose_image(**TORCH, servers=("torchserve",), named=True)
    assert choice.image.name == "pytorch-inference:2.6.0-cpu-py312"
    (note,) = choice.notes
    assert note.startswith("The image pytorch-inference:2.6.0-cpu-py312 is retired: AWS has not patched it since")
    assert "Use the model server 'ray' or 'builtin'" in note


def test_tgi_is_named_as_archived():
    choice = choose_image(
        "transformers", "5.0", servers=("tgi",), read_by=ReadBy.ANY, processor="gpu", named=True
    )  # fmt: skip
    assert any("archived" in note and "'vllm' or 'sglang'" in note for note in choice.notes)


def test_the_first_server_that_can_read_wins():
    assert chosen(**TORCH, servers=("mms", "ray"))[0].startswith(
        "huggingface-pytorch-inference:2.6.0-transformers5.5.3-"
    )
    assert chosen(**TORCH, servers=("ray", "mms"))[0] == "ray:serve-ml-sagemaker-cpu-v1.4"
    # The first one cannot as it is, the second one can.
    model = {"framework": "sklearn", "framework_version": "1.6.1", "read_by": ReadBy.SAME_MINOR}
    assert chosen(**model, servers=("sklearn", "smd")) == ("sagemaker-distribution-prod:3.2.0-cpu", ())
    assert chosen(**model, servers=("sklearn", "ray")) == (
        "sagemaker-scikit-learn:1.9-0-cpu-py3",
        ("scikit-learn==1.6.1",),
    )


@pytest.mark.parametrize(
    ("version", "image"),
    [
        ("2.6.0", "2.6.0"),
        ("2.2.7", "2.2.0"),
        ("2.9.1", "2.6.0"),
        ("2.0.1", "2.0.1"),
        ("2.0.0", "2.0.0"),
        ("1.0", "1.9.1"),
    ],
)
def test_the_exact_version_or_the_nearest_of_the_same_major(version, image):
    choice = choose_image(
        "pytorch", version, servers=("torchserve",), read_by=ReadBy.SAME_MAJOR, named=True
    )  # fmt: skip
    assert (choice.image.version, choice.install_over) == (image, ())


def test_of_two_equally_near_versions_the_newer():
    choice = choose_image(
        "tensorflow", "2.15.1", servers=("tensorflow_serving",), read_by=ReadBy.SAME_MAJOR, named=True
    )
    assert choice.image.version == "2.20.0"  # the only one alive
    choice = choose_image("pytorch", "1.12.5", servers=("torchserve",), read_by=ReadBy.SAME_MAJOR, named=True)
    assert choice.image.version == "1.12.1"


def test_a_framework_that_no_image_holds_is_installed():
    choice = choose_image(**LIGHTGBM, servers=("ray", "sklearn"))
    assert (choice.image.name, choice.install_over) == ("ray:serve-ml-sagemaker-cpu-v1.4", ("lightgbm==4.6.0",))
    assert "brings no lightgbm: lightgbm==4.6.0 is installed in it" in choice.notes[0]
    assert chosen(**LIGHTGBM, servers=("sklearn",)) == ("sagemaker-scikit-learn:1.9-0-cpu-py3", ("lightgbm==4.6.0",))


def test_plain_code_needs_nothing_installed():
    choice = choose_image("lightgbm", "4.6.0", servers=("sklearn",), read_by=ReadBy.ANY)
    assert (choice.install_over, choice.notes) == ((), ())


def test_code_of_no_framework_takes_the_newest_image_and_needs_no_version():
    choice = choose_image("none", None, servers=("sklearn", "ray"), read_by=ReadBy.SAME_MINOR)
    assert choice.image.name == "sagemaker-scikit-learn:1.9-0-cpu-py3"
    assert (choice.install_over, choice.notes) == ((), ())


def test_nothing_is_installed_over_a_compiled_server():
    with pytest.raises(NoMatchingImage) as caught:
        choose_image("tensorflow", "1.15.0", servers=("tensorflow_serving",), read_by=ReadBy.SAME_MAJOR)
    assert "No image of the model server tensorflow_serving reads what tensorflow 1.15.0 saved" in caught.value.what
    assert "2.20.0 (tensorflow-inference:2.20.0-cpu-py312)" in caught.value.what
    with pytest.raises(NoMatchingImage, match="none"):
        choose_image(**LIGHTGBM, servers=("vllm",))
    # Triton reads ONNX itself; everything else runs in its Python.
    assert choose_image("onnx", "1.23.2", servers=("triton",), read_by=ReadBy.NEWER).image.version == "26.05"
    with pytest.raises(NoMatchingImage, match=r"onnxruntime 1\.27\.1 saved; they bring 1\.24\.4"):
        choose_image("onnx", "1.27.1", servers=("triton",), read_by=ReadBy.NEWER)
    assert choose_image(**TORCH, servers=("triton",)).install_over == ("torch==2.6.0",)


def test_the_distribution_may_have_another_name():
    choice = choose_image("xgboost", "9.0", servers=("xgboost",), read_by=ReadBy.NEWER, distribution="xgboost-cpu")
    assert choice.install_over == ("xgboost-cpu==9.0",)


@pytest.mark.parametrize(
    ("options", "repository"),
    [
        ({"processor": "gpu"}, "huggingface-pytorch-inference"),
        ({"processor": "neuron"}, "huggingface-pytorch-inference-neuronx"),
        ({"processor": "cpu"}, "huggingface-pytorch-inference"),
    ],
)
def test_processors(options, repository):
    choice = choose_image("transformers", "4.51.3", servers=("mms",), read_by=ReadBy.SAME_MINOR, **options)
    assert (choice.image.repository, choice.image.processor) == (repository, options["processor"])
    assert choice.image.version == "4.51.3"


def test_graviton():
    options = {"servers": ("torchserve",), "architecture": "arm64"}
    assert chosen(**TORCH, **options, named=True)[0] == "pytorch-inference-arm64:2.6.0-cpu-py312-ubuntu22.04-sagemaker"
    with pytest.raises(NoMatchingImage) as caught:
        choose_image(**TORCH, servers=("ray",), architecture="arm64")
    assert "is for cpu on arm64; on offer are cpu on x86_64" in caught.value.what
    assert "gpu on x86_64" in caught.value.what
    assert "instance type" in caught.value.remedy
    assert "'builtin'" in caught.value.remedy


def test_the_host_that_a_cuda_13_image_needs():
    choice = choose_image("transformers", "5.0", servers=("sglang",), read_by=ReadBy.ANY, processor="gpu")
    assert choice.image.inference_ami == "al2023-ami-sagemaker-inference-gpu-4-1"
    assert any("InferenceAmiVersion='al2023-ami-sagemaker-inference-gpu-4-1'" in note for note in choice.notes)


def test_a_region_without_the_newest_image():
    everywhere = choose_image(**TORCH, servers=("ray",))
    assert "cn-north-1" in everywhere.image.accounts
    choice = choose_image(
        "sglang", "0.5.20", servers=("sglang",), read_by=ReadBy.SAME_MAJOR, processor="gpu", region="cn-north-1"
    )
    assert "cn-north-1" in choice.image.accounts
    assert choice.image.framework_version != "0.5.20"
    with pytest.raises(NoMatchingImage, match="AWS offers no pytorch image in 'eusc-de-east-1'"):
        choose_image(**TORCH, servers=("smd",), region="eusc-de-east-1")
    with pytest.raises(UnknownRegion, match="Did you mean us-east-1"):
        choose_image(**TORCH, servers=("ray",), region="us_east_1")


def test_frameworks_by_their_other_names():
    assert choose_image("torch", "2.10.0", read_by=ReadBy.SAME_MINOR, servers=("ray",)) == choose_image(
        "pytorch", "2.10.0", read_by=ReadBy.SAME_MINOR, servers=("ray",)
    )


def test_without_servers_those_made_for_the_framework():
    assert choose_image("tensorflow", "2.20.0", read_by=ReadBy.NEWER).image.model_server == "tensorflow_serving"
    assert choose_image("diffusers", "0.38.0", read_by=ReadBy.SAME_MINOR).image.model_server == "mms"
    with pytest.raises(UnknownFramework, match="servers="):
        choose_image(**LIGHTGBM)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"processor": "tpu"}, "processor is 'tpu'.*cpu, gpu, neuron"),
        ({"architecture": "riscv"}, "architecture is 'riscv'.*x86_64, arm64"),
    ],
)
def test_malformed_arguments(options, message):
    with pytest.raises(UsageError, match=message):
        choose_image(**TORCH, servers=("ray",), **options)


def test_unknown_server():
    with pytest.raises(UnknownFramework, match=r"'rey'.*ray"):
        choose_image(**TORCH, servers=("rey",))


@given(
    framework=st.sampled_from(["pytorch", "sklearn", "tensorflow", "transformers", "lightgbm", "onnx"]),
    version=st.none() | st.sampled_from(["0.1", "1.2.1", "2.6.0", "2.13.0", "4.51.3", "5.24.0"]),
    some=st.lists(st.sampled_from(servers()), min_size=1, max_size=4),
    read_by=st.sampled_from(ReadBy),
    processor=st.sampled_from(["cpu", "gpu", "neuron"]),
    architecture=st.sampled_from(["x86_64", "arm64"]),
    python=st.none() | st.sampled_from(["3.8", "3.10", "3.12", "3.13"]),
    region=st.none() | st.sampled_from(["us-east-1", "cn-north-1", "eusc-de-east-1"]),
    named=st.booleans(),
)
def test_a_choice_meets_every_demand_or_says_that_none_can(
    framework, version, some, read_by, processor, architecture, python, region, named
):
    host = {"processor": processor, "architecture": architecture, "python": python}
    arguments = {"servers": some, "read_by": read_by, "region": region, "named": named} | host
    candidates = [image for server in some for image in images_of_server(server)]
    meeting = [
        image
        for image in candidates
        if (image.processor, image.architecture) == (processor, architecture)
        and python in (None, image.python)
        and (region is None or region in image.accounts)
        and (named or image.retired is None)
    ]
    compiled = {"sglang", "tei", "tensorflow_serving", "tgi", "vllm"}  # nothing can be installed over these
    try:
        choice, refusal = choose_image(framework, version, **arguments), None
    except NoMatchingImage as error:
        choice, refusal = None, error
    if choice is None:
        assert refusal.remedy.endswith("by its URI.")
        assert all(image.model_server in compiled or framework == "onnx" for image in meeting)
        assert not meeting or (read_by is not ReadBy.ANY and version is not None)
        return
    assert choice.image in meeting
    assert choice == choose_image(framework, version, **arguments, today=None)
    if choice.image.retired:
        assert named
        assert any("is retired" in note for note in choice.notes)
        assert all(image.retired or image.model_server in compiled or framework == "onnx" for image in meeting)


def test_a_cold_choice_reads_only_the_tables_of_its_servers():
    code = (
        "from cdk_modelbuilder.images import choose_image, table_files, ReadBy\n"
        "choose_image('xgboost', '3.2.0', servers=('xgboost', 'ray'), read_by=ReadBy.NEWER, region='eu-west-1')\n"
        "import sys\n"
        "print(table_files._read.cache_info().currsize, 'cdk_modelbuilder.images.making' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["4", "False"]  # the index, the regions, and two tables


def test_the_date_of_the_tables_is_that_of_their_sources():
    assert table_date().year >= 2026
