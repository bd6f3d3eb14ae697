"""From modules to pinned packages, and the user's own lines laid over them."""

from __future__ import annotations

from importlib import metadata

import pytest

from cdk_modelbuilder.dependencies import distributions
from cdk_modelbuilder.dependencies.distributions import distributions_of, merge_custom, pin_closure
from cdk_modelbuilder.dependencies.options import DependencyOptions, lock_text
from cdk_modelbuilder.dependencies.pin import Pin
from cdk_modelbuilder.errors import UsageError


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Makes distributions that are found like installed ones."""

    def install(name: str, version: str, *requires: str) -> None:
        folder = tmp_path / f"{name.replace('-', '_')}-{version}.dist-info"
        folder.mkdir()
        lines = [f"Requires-Dist: {line}" for line in requires]
        (folder / "METADATA").write_text(
            "\n".join(["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *lines])
        )

    monkeypatch.syspath_prepend(tmp_path)
    return install


def pinned(pins: list[Pin]) -> dict[str, str]:
    assert [pin.name for pin in pins] == sorted(pin.name for pin in pins)
    return {pin.requirement: pin.reason for pin in pins}


def test_a_module_gives_its_distribution():
    found = distributions_of(["sklearn.linear_model", "sklearn", "yaml", "json", "no_such_module"])
    assert found == {"scikit-learn": "sklearn", "pyyaml": "yaml"}


def test_everything_required_is_pinned_too(installed):
    installed(
        "top_level", "1.0", "Middle.Part>=1", "absent", "never; sys_platform == 'plan9'", "extra-only; extra == 'x'"
    )
    installed("middle-part", "2.0", "leaf", "top-level")
    installed("leaf", "3.0+cpu")
    installed("extra_only", "4.0")
    assert pinned(pin_closure({"top-level": "imported by the model"}, {})) == {
        "leaf==3.0": "required by middle-part",
        "middle-part==2.0": "required by top-level",
        "top-level==1.0": "imported by the model",
    }


def test_extras_that_are_required_are_followed(installed):
    installed("server", "1.0", "core", "fast; extra == 'speed'", "server[speed]; extra == 'all'")
    installed("core", "1.0")
    installed("fast", "1.0")
    installed("model", "1.0", "server[all]")
    assert pinned(pin_closure({"model": "source"}, {})) == {
        "core==1.0": "required by server",
        "fast==1.0": "required by server",
        "model==1.0": "source",
        "server==1.0": "required by model",
    }


def test_xgboost_cpu_is_written_down_as_xgboost(installed):
    installed("xgboost_cpu", "3.2.0", "numpy-like")
    installed("numpy_like", "1.0")
    installed("user", "1.0", "xgboost-cpu")
    aliases = {"xgboost-cpu": "xgboost"}
    pins = pinned(pin_closure({"xgboost-cpu": "the model's framework", "user": "source"}, aliases))
    assert pins == {
        "numpy-like==1.0": "required by xgboost",
        "user==1.0": "source",
        "xgboost==3.2.0": "the model's framework",
    }


def test_metadata_of_long_ago_does_no_harm(installed):
    installed("old", "1.0", "pytz (>dev)", "leaf2")
    installed("leaf2", "1.0")
    assert set(pinned(pin_closure({"old": "r"}, {}))) == {"old==1.0", "leaf2==1.0"}


def test_versions_are_those_that_are_installed_here():
    pins = pin_closure({"scikit-learn": "the model's framework"}, {})
    for pin in pins:
        assert pin.requirement == f"{pin.name}=={metadata.version(pin.name).partition('+')[0]}"
    assert {"numpy", "scipy", "joblib", "threadpoolctl"} <= {pin.name for pin in pins}


BASE = [Pin("numpy", "numpy==2.0", "r"), Pin("scipy", "scipy==1.0", "r")]


@pytest.mark.parametrize(
    ("line", "name", "text"),
    [
        ("numpy==1.26.4", "numpy", "numpy==1.26.4"),
        ("NumPy >= 1.26  # why", "numpy", "NumPy >= 1.26"),
        ("numpy==1.26.4\t# after a tab", "numpy", "numpy==1.26.4"),
        ("Ruamel.YAML[jinja2]==0.18", "ruamel-yaml", "Ruamel.YAML[jinja2]==0.18"),
        ("pywin32==306; sys_platform == 'win32'", "pywin32", "pywin32==306; sys_platform == 'win32'"),
        ("x @ git+https://host/x@abc", "x", "x @ git+https://host/x@abc"),
        ("-e git+https://host/x@abc#egg=x", "x", "-e git+https://host/x@abc#egg=x"),
        ("--editable git+https://host/x#egg=My_X[full]", "my-x", "--editable git+https://host/x#egg=My_X[full]"),
        ("git+ssh://git@host/x.git#egg=x&subdirectory=a", "x", "git+ssh://git@host/x.git#egg=x&subdirectory=a"),
        ("git+https://host/x#subdirectory=a&egg=x  # why", "x", "git+https://host/x#subdirectory=a&egg=x"),
    ],
)
def test_lines_that_are_taken(line, name, text):
    merged = merge_custom(BASE, [line], "the test")
    assert Pin(name, text, "given in the test") in merged
    assert len([pin for pin in merged if pin.name == name]) == 1
    assert [pin.name for pin in merged] == sorted({"numpy", "scipy", name})


def test_empty_lines_and_comments_are_passed_over():
    assert merge_custom(BASE, ["", "  ", "# a comment", "   # another", "\t"], "the test") == BASE


def test_the_last_line_wins():
    assert merge_custom(BASE, ["numpy==1", "NUMPY==2"], "t")[0].requirement == "NUMPY==2"


@pytest.mark.parametrize(
    "line",
    [
        "numpy=1.0", "./local", "-e ./local", "-r other.txt", "--index-url https://host", "numpy==1 --hash=sha256:ab",
        "git+https://host/x", "-e git+https://host/x#egg=", "https://host/x.whl#egg=x", "?", "==1.0", "a b",
    ],
)  # fmt: skip
def test_lines_that_are_refused(line):
    with pytest.raises(UsageError, match="is not a requirement") as caught:
        merge_custom(BASE, ["scipy==1", line], "dependencies['custom']")
    assert repr(line) in caught.value.what
    assert caught.value.what.startswith("dependencies['custom']")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"autos": True}, "no part 'autos'"),
        ({"auto": "yes"}, "auto is True or False"),
        ({"auto": None}, "auto is True or False"),
        ({"custom": "numpy==1"}, "custom a list"),
        ({"custom": [1]}, "custom a list"),
        ({"custom": None}, "custom a list"),
        ({"custom": 5}, "custom a list"),
        ({"requirements": "no/such/file.txt"}, r"'no/such/file.txt' does not exist"),
        ({"requirements": "."}, "does not exist"),
        ({"requirements": 5}, "requirements a path"),
    ],
    ids=repr,
)
def test_options_that_are_refused(given, message):
    with pytest.raises(UsageError, match=message) as caught:
        DependencyOptions.parse(given)
    assert caught.value.remedy


def test_options_lie_over_what_was_captured(installed, tmp_path, monkeypatch):
    for name in ("framework", "captured", "both"):
        installed(name, "1.0")
    listed = tmp_path / "requirements.txt"
    listed.write_text("both==2.0\n# comment\nlisted==1.0\n")
    roots = {"framework": "the framework"}, {"captured": "imported by it", "both": "imported by it"}, {}
    options = DependencyOptions.parse({"requirements": str(listed), "custom": ["both==3.0"]})
    assert pinned(options.pins(*roots)) == {
        "both==3.0": "given in dependencies['custom']",
        "captured==1.0": "imported by it",
        "framework==1.0": "the framework",
        "listed==1.0": "given in requirements.txt",
    }
    assert pinned(DependencyOptions.parse({"auto": False}).pins(*roots)) == {"framework==1.0": "the framework"}
    assert DependencyOptions.parse(None) == DependencyOptions()


def test_the_lock_is_one_line_a_package():
    text = lock_text(BASE)
    assert text.splitlines()[1:] == ["numpy==2.0  # r", "scipy==1.0  # r"]
    assert merge_custom([], text.splitlines(), "the lock") == [
        Pin("numpy", "numpy==2.0", "given in the lock"),
        Pin("scipy", "scipy==1.0", "given in the lock"),
    ]


def test_providers_are_read_once():
    distributions_of(["numpy"])
    before = distributions._providers.cache_info().misses
    distributions_of(["numpy", "pandas"])
    assert distributions._providers.cache_info().misses == before
