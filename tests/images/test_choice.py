"""Which image is chosen for a model, and what the user is told."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from cdk_modelbuilder.errors import ImageError, UsageError
from cdk_modelbuilder.images import NoMatchingImage, ReadBy, choose_image, images_for

MID_2026 = dt.date(2026, 9, 1)


def chosen(framework, version, **options):
    choice = choose_image(framework, version, **options)
    return choice.image.version, choice.install_over


def test_xgboost_3_2_0_gets_its_own_image():
    # The SDK gives 3.0-5 here: it takes "3.2-0" for a post-release above 3.2.0 and looks below it first.
    choice = choose_image("xgboost", "3.2.0", read_by=ReadBy.NEWER, today=MID_2026)
    assert choice.image.uri("us-east-1") == "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"
    assert choice.image.python == "3.12"
    assert choice.notes == ()
    assert choice.install_over == ()


@pytest.mark.parametrize("version", ["3.2", "3.2.0+cpu", "3.2.0.post1"])
def test_same_release_in_other_spellings(version):
    choice = choose_image("xgboost", version, read_by=ReadBy.NEWER)
    assert (choice.image.version, choice.notes) == ("3.2-0", ())


@pytest.mark.parametrize("version", ["3.0.5", "2.1.4", "1.7.4", "0.90"])
def test_newest_image_reads_older_ubj(version):
    choice = choose_image("xgboost", version, read_by=ReadBy.NEWER)
    assert (choice.image.version, choice.install_over) == ("3.2-0", ())
    assert len(choice.notes) == 1
    assert f"xgboost {version}" in choice.notes[0]
    assert "brings 3.2.0" in choice.notes[0]


@pytest.mark.parametrize(
    ("version", "over"), [("3.3.0.dev1+cpu", "3.3.0.dev1"), ("3.9.1", "3.9.1"), ("4.0.0rc1", "4.0.0rc1")]
)
def test_ubj_newer_than_every_image(version, over):
    choice = choose_image("xgboost", version, read_by=ReadBy.NEWER)
    assert choice.image.version == "3.2-0"
    assert choice.install_over == (f"xgboost=={over}",)
    assert f"xgboost {version}" in choice.notes[0]
    assert "predict other numbers" in choice.notes[0]
    assert f"xgboost=={over} is installed over it" in choice.notes[0]


@pytest.mark.parametrize("version", ["3.2.4", "3.2.1rc1"])
def test_patch_release_newer_than_the_image(version):
    choice = choose_image("xgboost", version, read_by=ReadBy.NEWER)
    assert (choice.image.version, choice.install_over) == ("3.2-0", ())
    assert "same minor version" in choice.notes[0]


def test_python_that_only_an_older_image_has():
    choice = choose_image("xgboost", "3.2.0", python="3.10", read_by=ReadBy.NEWER)
    assert (choice.image.version, choice.install_over) == ("3.0-5", ("xgboost==3.2.0",))


def test_sklearn_1_4_2():
    choice = choose_image("sklearn", "1.4.2", read_by=ReadBy.SAME_MINOR, today=MID_2026)
    assert choice.image.name == "sagemaker-scikit-learn:1.4-2-py312-cpu-py3"
    assert choice.image.python == "3.12"
    assert choice.notes == ()


@pytest.mark.parametrize(("version", "image"), [("1.9.0", "1.9-0"), ("1.4.0", "1.4-2-py312"), ("1.2.2", "1.2-1")])
def test_pickle_prefers_its_minor_version(version, image):
    assert chosen("sklearn", version, read_by=ReadBy.SAME_MINOR) == (image, ())


@pytest.mark.parametrize("version", ["1.6.1", "1.10.0", "0.24.2"])
def test_pickle_of_a_version_without_an_image(version):
    choice = choose_image("sklearn", version, read_by=ReadBy.SAME_MINOR)
    assert choice.image.version == "1.9-0"
    assert choice.install_over == (f"scikit-learn=={version}",)
    assert f"scikit-learn=={version} is installed over it" in choice.notes[0]
    assert "{'packaging': 'image'}" in choice.notes[0]


def test_pickle_prefers_a_minor_version_only_among_images_of_that_python():
    assert chosen("sklearn", "1.2.1", python="3.12", read_by=ReadBy.SAME_MINOR) == ("1.9-0", ("scikit-learn==1.2.1",))


def test_source_takes_the_newest_image_and_says_what_differs():
    choice = choose_image("sklearn", "1.4.2", read_by=ReadBy.ANY)
    assert (choice.image.version, choice.install_over) == ("1.9-0", ())
    assert "brings 1.9.0" in choice.notes[0]


@pytest.mark.parametrize("python", ["3.12", "3.12.7", "3.12.0rc1"])
def test_python_goes_by_its_minor_version(python):
    assert chosen("xgboost", "3.2.0", python=python, read_by=ReadBy.NEWER) == ("3.2-0", ())


@pytest.mark.parametrize("python", ["3.11", "3.1", "3.120", "2.7"])
def test_python_that_no_image_has(python):
    with pytest.raises(NoMatchingImage) as caught:
        choose_image("xgboost", "3.2.0", python=python, read_by=ReadBy.NEWER)
    assert f"has Python {python}; on offer are 3.12 (sagemaker-xgboost:3.2-0), 3.10 (" in caught.value.what
    assert "source file" in caught.value.remedy
    assert isinstance(caught.value, ImageError)


def test_an_image_older_than_the_files_gets_their_xgboost_installed_over():
    choice = choose_image("xgboost", "1.7.4", python="3.8", read_by=ReadBy.NEWER)  # the 3.8 image has XGBoost 1.5
    assert (choice.image.version, choice.install_over) == ("1.5-1", ("xgboost==1.7.4",))
    assert chosen("xgboost", "1.5.2", python="3.8", read_by=ReadBy.SAME_MINOR) == ("1.5-1", ())


def test_end_of_patch():
    image = choose_image("sklearn", "1.4.2", read_by=ReadBy.SAME_MINOR).image
    last_day = image.end_of_patch
    assert last_day == dt.date(2026, 10, 30)

    def notes(today):
        return choose_image("sklearn", "1.4.2", read_by=ReadBy.SAME_MINOR, today=today).notes

    assert notes(None) == notes(last_day) == ()
    (note,) = notes(last_day + dt.timedelta(days=1))
    assert "no security patches since 2026-10-30" in note


def test_no_date_is_said_too():
    choice = choose_image("xgboost", "1.7.4", python="3.9", read_by=ReadBy.NEWER, today=MID_2026)
    assert choice.notes == (
        "AWS names no end-of-patch date for the image sagemaker-xgboost:1.7-1: take it as no longer patched.",
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"framework_version": "1.4-2-py312"}, "'1.4-2-py312' is not a version of xgboost"),
        ({"framework_version": ""}, "'' is not a version"),
        ({"python": "py3"}, "python is 'py3'"),
        ({"python": "3"}, "python is '3'"),
        ({"read_by": "joblib"}, r"read_by is 'joblib'.*newer, same-minor, same-major, any"),
    ],
)
def test_malformed_arguments(options, message):
    arguments = {"framework": "xgboost", "framework_version": "3.2.0", "read_by": ReadBy.NEWER} | options
    with pytest.raises(UsageError, match=message):
        choose_image(**arguments)


VERSIONS = st.from_regex(
    r"[0-9]{1,2}(\.[0-9]{1,3}){0,3}(a[0-9]|rc[0-9])?(\.post[0-9])?(\.dev[0-9])?(\+[a-z0-9]{1,5})?",
    fullmatch=True,
)


@given(
    framework=st.sampled_from(["sklearn", "xgboost"]),
    version=VERSIONS,
    python=st.none() | st.sampled_from(["3.8", "3.9", "3.10", "3.12"]),
    read_by=st.sampled_from(ReadBy),
    today=st.none() | st.dates(),
)
def test_any_version_gets_an_image_and_the_same_one_again(framework, version, python, read_by, today):
    if python not in {None, *(image.python for image in images_for(framework))}:
        return
    choice = choose_image(framework, version, python=python, read_by=read_by, today=today)
    assert choice == choose_image(framework, version, python=python, read_by=read_by, today=today)
    assert python in {None, choice.image.python}
    # A pickle either meets the minor version that wrote it, or brings it along.
    if read_by is ReadBy.SAME_MINOR and not choice.install_over:
        made, inside = Version(version), Version(choice.image.framework_version)
        assert (made.major, made.minor) == (inside.major, inside.minor)
