"""Projects built in an environment of two hundred distributions: the list holds what they need, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from .environments import VARYING, project

pytestmark = [pytest.mark.slow, pytest.mark.heavy, pytest.mark.extra_install]

SKLEARN = {"cloudpickle", "joblib", "narwhals", "numpy", "scikit-learn", "scipy", "threadpoolctl"}

PANDAS = {"numpy", "pandas", "python-dateutil", "pytz", "six", "tzdata"}
HTTPX = {"anyio", "certifi", "h11", "httpcore", "httpx", "idna", "typing-extensions"}
HTTP2 = {"h2", "hpack", "hyperframe"}
EVENTS = {
    "arrow", "attrs", "fqdn", "idna", "isoduration", "jsonpointer", "jsonschema", "jsonschema-specifications",
    "jupyter-events", "lark", "packaging", "python-dateutil", "python-json-logger", "pyyaml", "referencing",
    "rfc3339-validator", "rfc3986-validator", "rfc3987-syntax", "rpds-py", "six", "traitlets", "typing-extensions",
    "tzdata", "uri-template", "webcolors",
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """What a project needs, what it must be said to do without, and the arguments of its ``build.py``."""

    project: str
    needs: set[str]
    left_out: frozenset[str] = frozenset()
    arguments: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "-".join((self.project, *self.arguments))


CASES = [
    Case("pipeline", SKLEARN),
    Case("boosted", SKLEARN | {"xgboost-cpu"}, frozenset({"pandas"}), ("array",)),
    Case("boosted", SKLEARN | PANDAS | {"xgboost-cpu"}, arguments=("frame",)),
    Case("framed", SKLEARN | PANDAS),
    Case(
        "names",
        SKLEARN
        | {
            "attrs",
            "beautifulsoup4",
            "opencv-python-headless",
            "pillow",
            "python-dateutil",
            "pyyaml",
            "six",
            "soupsieve",
            "typing-extensions",
        },
    ),
    Case("transformers", SKLEARN | {"more-itertools", "toolz"}, frozenset({"features.fast"})),
    Case("extras", EVENTS, frozenset({"regex"})),
    Case("hint", HTTPX | HTTP2, frozenset({"trio"}), ("listed",)),
    Case("hint", HTTPX | HTTP2, frozenset({"click", "trio"}), ("found",)),
    Case("lazy", {"toolz", "tabulate"}),
    Case("optional", {"more-itertools", "simplejson", "tqdm", "ujson"}, frozenset({"no_such_accelerator"})),
    Case("local_files", {"inflect", "jaraco-functools", "more-itertools", "typeguard", "typing-extensions"}),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_list_is_what_the_project_needs(case, crowd, tmp_path):
    built = crowd.build(project(case.project, tmp_path), tmp_path / "bundle", *case.arguments)
    assert built.names ^ case.needs <= VARYING, built.names
    assert case.left_out <= built.record.left_out.keys()
    built.try_it()
