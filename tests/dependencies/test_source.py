"""The user's own source: which modules are shipped, and what of a script is."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import textwrap
import types
from pathlib import Path

import pytest

from cdk_modelbuilder.dependencies import extracted_source
from cdk_modelbuilder.dependencies.extracted_source import NoSourceError, extract
from cdk_modelbuilder.dependencies.local_source import LocalSource, collect, is_local, source_file
from cdk_modelbuilder.errors import ModelError


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Writes modules into a folder on the path; they are forgotten afterwards."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(tmp_path)

    def write(files: dict[str, str]) -> Path:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text))
        importlib.invalidate_caches()
        return tmp_path

    yield write
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


def test_a_package_with_everything_that_it_imports(place):
    place(
        {
            "mine/__init__.py": "",
            "mine/model.py": "from . import helpers\nfrom .deep.math import half\nimport numpy as np\nimport json\n",
            "mine/helpers.py": "def late():\n    from mine import lazy\n    import pandas.io\n    return lazy\n",
            "mine/lazy.py": "from .. mine import model\nfrom mine.deep import *\n",
            "mine/deep/__init__.py": "from ..other import thing\n",
            "mine/deep/math.py": "half = 0.5\n",
            "mine/other.py": "thing = 1\n",
            "mine/unused.py": "import no_such_thing\n",
            "single.py": "import mine\n",
        }
    )
    found = collect(["mine.model"])
    assert set(found.files) == {
        "mine/__init__.py", "mine/model.py", "mine/helpers.py", "mine/lazy.py", "mine/deep/__init__.py",
        "mine/deep/math.py", "mine/other.py",
    }  # fmt: skip
    assert set(found.imports) >= {"numpy", "pandas.io"}
    assert "json" not in found.imports
    assert found.files["mine/__init__.py"] == b"\n"
    assert found.files["mine/deep/math.py"] == b"half = 0.5\n"
    assert collect(["mine.model"]).files == found.files


def test_parts_of_a_namespace_package(place):
    place(
        {"shared_space/part_a/code.py": "import shared_space.part_b.more\n", "shared_space/part_b/more.py": "x = 1\n"}
    )
    found = collect(["shared_space.part_a.code"])
    assert set(found.files) == {"shared_space/part_a/code.py", "shared_space/part_b/more.py"}


def test_a_name_from_a_package_is_a_module_only_where_there_is_one(place):
    place({"kit/__init__.py": "value = 1\n", "kit/tool.py": "", "user.py": "from kit import value, tool\n"})
    assert set(collect(["user"]).files) == {"user.py", "kit/__init__.py", "kit/tool.py"}


def test_imports_that_lead_nowhere_are_kept_for_the_look_up(place):
    tried = "try:\n    import no_such_thing\nexcept ImportError:\n    pass\n"
    place({"hopeful.py": tried + "from . import x\nfrom .... import y\n"})
    assert set(collect(["hopeful"]).files) == {"hopeful.py"}
    assert "no_such_thing" in collect(["hopeful"]).imports


@pytest.mark.parametrize(
    "module",
    ["json", "os", "sys", "builtins", "numpy", "sklearn.linear_model", "cdk_modelbuilder.spec", "no_such", "a..b", ""],
)
def test_modules_that_are_not_the_users(module):
    assert not is_local(module)
    assert source_file(module) is None


def test_modules_that_are(place):
    place({"mine.py": ""})
    assert is_local("mine")
    assert is_local("__main__")
    assert is_local("tests.dependencies.test_source")
    assert source_file("__main__") is None


def test_no_installed_package_is_imported_to_find_out(place, monkeypatch):
    folder = place({"noisy/__init__.py": "raise RuntimeError('imported')\n", "noisy/part.py": ""})
    monkeypatch.setattr("cdk_modelbuilder.dependencies.local_source._installed_roots", lambda: (folder.resolve(),))
    assert source_file("noisy.part") is None
    assert "noisy" not in sys.modules


SCRIPT = """
    import math
    import xml.etree.ElementTree
    import os.path as paths
    from collections import OrderedDict as Ordered
    from functools import cache
    from math import nan
    import numpy as np

    LIMIT = 3
    NAMES = {"red", "green", "blue", "yellow", "black"}
    NESTED = {"a": [1, (2.5,), None, b"x", float("-inf")], 3: frozenset({"p", "q"})}
    model = object()  # what the script trained; never used below under this name
    data = np.zeros(3)


    def helper(value):
        return math.floor(value) + LIMIT


    alias = helper
    double = lambda value: value * 2
    triple = lambda value: value * 3


    @cache
    def slow(value):
        return alias(value)


    class Base:
        kind: "Later" = None


    class Model(Base):
        options = NESTED

        def invoke(self, data, model):
            local = [data for data in NAMES]
            return sorted(local), double(triple(helper(1.5))), slow(1), Ordered(a=nan), model

        def parse(self):
            return xml.etree.ElementTree.fromstring("<a/>").tag, paths.basename("/x/y")

        def build(self):
            return Later(), NESTED


    class Later:
        def back(self):
            return Model

    train = [print("trained") for _ in range(1)]
"""


def script(place, text: str = SCRIPT, name: str = "the_script") -> types.ModuleType:
    place({f"{name}.py": text})
    return importlib.import_module(name)


def run(text: bytes) -> dict:
    module = types.ModuleType("extracted")
    sys.modules["extracted"] = module
    try:
        exec(compile(text, "extracted.py", "exec"), vars(module))
    finally:
        del sys.modules["extracted"]
    return vars(module)


def test_a_class_with_just_what_it_uses(place, capsys):
    the_script = script(place)
    capsys.readouterr()
    text = extract([the_script.Model])
    made = run(text)
    assert capsys.readouterr().out == ""  # the training does not run again
    assert b"train" not in text
    assert "data" not in made  # parameters and locals are not the script's values of the same name
    assert "model" not in made
    model = made["Model"]()
    names, number, *rest = model.invoke(None, "m")
    assert names == sorted(the_script.NAMES)
    assert number == (1 + 3) * 6
    assert rest[0] == 4
    assert rest[1]["a"] != rest[1]["a"]
    assert rest[2] == "m"
    assert model.parse() == ("a", "y")
    later, nested = model.build()
    assert nested == the_script.NESTED
    assert type(nested[3]) is frozenset
    assert later.back() is made["Model"]
    assert model.options is made["NESTED"]


def test_what_is_extracted_is_the_same_on_every_run(place):
    folder = place({"the_script.py": SCRIPT})
    code = (
        "import sys, the_script; from cdk_modelbuilder.dependencies.extracted_source import extract;"
        "sys.stdout.buffer.write(extract([the_script.Model, the_script.Later]))"
    )
    texts = set()
    for seed in ("0", "1", "77"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True)
        texts.add(done.stdout)
    assert len(texts) == 1
    the_script = importlib.import_module("the_script")
    assert extract([the_script.Later, the_script.Model]).strip() == texts.pop().partition(b"trained\n")[2].strip()


@pytest.mark.parametrize(
    "value",
    [
        "np.zeros(3)",
        "object()",
        "[object()]",
        "{'a': np.float64(1)}",
        "Path('x')",
        "open",
        "type('T', (list,), {})([1])",
    ],
)
def test_a_value_that_cannot_be_written_out_is_refused(place, value):
    head = f"import numpy as np\nfrom pathlib import Path\nVALUE = {value}\n"
    text = head + "\n\nclass Uses:\n    def f(self):\n        return VALUE\n"
    module = script(place, text, "valued")
    if value == "open":
        assert b"open" in extract([module.Uses])  # a built-in under another name is imported
        return
    with pytest.raises(ModelError, match="Uses uses VALUE") as caught:
        extract([module.Uses])
    assert "module of its own" in caught.value.remedy


def test_a_list_that_holds_itself_is_refused(place):
    module = script(place, "VALUE = []\nVALUE.append(VALUE)\n\n\ndef uses():\n    return VALUE\n", "looped")
    with pytest.raises(ModelError, match="uses uses VALUE"):
        extract([module.uses])


def test_without_source_there_is_an_error_of_its_own():
    space: dict = {"__name__": "bare"}
    exec("class Bare:\n    pass\n", space)
    sys.modules["bare"] = types.ModuleType("bare")
    try:
        with pytest.raises(NoSourceError, match=r"bare\.Bare"):
            extract([space["Bare"]])
    finally:
        del sys.modules["bare"]


def test_the_extracted_module_brings_the_local_modules_it_imports(place):
    place({"my_helpers.py": "import numpy\n\n\ndef f():\n    return 1\n"})
    module = script(
        place, "from my_helpers import f\n\n\nclass Uses:\n    def g(self):\n        return f()\n", "importing"
    )
    source = LocalSource()
    extracted_source.add_to(source, extract([module.Uses]))
    assert set(source.files) == {"my_helpers.py", "modelbuilder_script.py"}
    assert "numpy" in source.imports
    assert b"from my_helpers import f" in source.files["modelbuilder_script.py"]
