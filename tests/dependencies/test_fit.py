"""What the image brings, what the container installs, and what differs."""

from __future__ import annotations

import pytest

from cdk_modelbuilder.dependencies.fit import fit, missing_on_target
from cdk_modelbuilder.dependencies.pin import Pin
from cdk_modelbuilder.dependencies.target import Target
from cdk_modelbuilder.errors import DependencyError

TARGET = Target("3.12", provides={"numpy": "2.1.0", "scipy": "1.15", "torch": "2.6.0"}, image="an-image:1")


def pins(*lines: str) -> list[Pin]:
    return [Pin(line.partition("==")[0].partition(" @")[0], line, "r") for line in lines]


def test_the_same_version_is_not_installed():
    fitted = fit(pins("numpy==2.1.0", "scipy==1.15.0", "other==1.0"), TARGET)
    assert [pin.requirement for pin in fitted.to_install] == ["other==1.0"]
    assert [pin.requirement for pin in fitted.pins] == ["numpy==2.1.0", "scipy==1.15.0", "other==1.0"]
    assert fitted.differing == {}


def test_another_version_is_installed_over_and_reported():
    fitted = fit(pins("numpy==2.3.0", "scipy==1.15"), TARGET)
    assert [pin.requirement for pin in fitted.to_install] == ["numpy==2.3.0"]
    assert fitted.differing == {"numpy": "2.1.0"}


def test_the_images_versions_by_choice(install):
    install("user", "1.0", "scipy>=1.16")
    fitted = fit(pins("numpy==2.3.0", "scipy==1.17", "user==1.0"), TARGET, versions="image")
    assert [pin.requirement for pin in fitted.pins] == ["numpy==2.1.0", "scipy==1.17", "user==1.0"]
    assert fitted.taken == {"numpy": "2.3.0"}
    assert [pin.requirement for pin in fitted.to_install] == ["scipy==1.17", "user==1.0"]


def test_what_is_fixed_is_not_up_for_choice():
    fitted = fit(pins("numpy==2.3.0"), TARGET, versions="image", fixed=["numpy"])
    assert fitted.taken == {}
    assert [pin.requirement for pin in fitted.to_install] == ["numpy==2.3.0"]


def test_a_local_version_is_on_no_public_index():
    with pytest.raises(DependencyError, match=r"torch 2.7.0\+cu121 is installed here \(r\)") as caught:
        fit(pins("torch==2.7.0+cu121"), TARGET)
    assert "'torch==2.7.0'" in caught.value.remedy
    assert "--extra-index-url" in caught.value.remedy
    assert fit(pins("torch==2.7.0+cu121"), TARGET, has_index=True).to_install[0].version == "2.7.0+cu121"


def test_unless_the_image_has_its_public_version():
    fitted = fit(pins("torch==2.6.0+cpu"), TARGET)
    assert fitted.to_install == ()
    assert fitted.pins[0].requirement == "torch==2.6.0"


@pytest.mark.parametrize("wanted", [">=3.13", "<3.12", "~=3.10.0"])
def test_a_package_that_does_not_run_on_the_containers_python(install, wanted):
    install("choosy", extra_fields=[f"Requires-Python: {wanted}"])
    with pytest.raises(DependencyError, match=r"choosy==1.0 \(r\) needs Python .* and an-image:1 has Python 3.12"):
        fit(pins("choosy==1.0"), TARGET)
    assert fit(pins("choosy==0.9"), TARGET).to_install  # nothing is known about another version


@pytest.mark.parametrize("wanted", [">=3.8", ">=3.12.4", "nonsense", ""])
def test_a_package_that_does(install, wanted):
    install("easy", extra_fields=[f"Requires-Python: {wanted}"])
    assert fit(pins("easy==1.0"), TARGET).to_install


def test_addresses_and_ranges_are_always_installed():
    lines = ("numpy @ git+https://example.com/x@abc", "other>=2")
    fitted = fit([Pin("numpy", lines[0], "r"), Pin("other", lines[1], "r")], TARGET, versions="image")
    assert [pin.requirement for pin in fitted.to_install] == list(lines)


def test_what_only_the_containers_python_needs(install):
    install("user", "1.0", "only-old; python_version < '3.9'", "only-there; python_version >= '3.12'",
            "numpy; python_version >= '3.12'", "opt; extra == 'x'")  # fmt: skip
    found = pins("user==1.0")
    assert missing_on_target(found, TARGET) == {"only-there": "user"}
    assert missing_on_target(found, Target("3.8")) == {"only-old": "user"}
    assert missing_on_target([*found, *pins("only-there==1")], TARGET) == {}
