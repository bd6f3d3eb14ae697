"""What a bundle needs, found by running it where everything else is missing."""

from __future__ import annotations

import importlib
import itertools
import json
import sys
import textwrap
from pathlib import Path

import pytest

from cdk_modelbuilder import ModelBuilder, ModelBundle, SchemaBuilder
from cdk_modelbuilder.dependencies.record import read_record
from cdk_modelbuilder.errors import DependencyError, SelfTestError, UsageError

_numbers = itertools.count()


@pytest.fixture
def build(tmp_path, monkeypatch):
    """Builds a spec whose ``invoke`` has the body given; its module and others lie in a folder on the path."""
    folder = tmp_path / "src"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)

    def make(invoke: str, *, top: str = "", files: dict[str, str] | None = None, **options) -> ModelBundle:
        name = f"spec_{next(_numbers)}"
        body = textwrap.indent(textwrap.dedent(invoke), " " * 8)
        text = (
            f"from cdk_modelbuilder import InferenceSpec\n{textwrap.dedent(top)}\n\nclass S(InferenceSpec):\n"
            f"    def load(self, model_dir):\n        self.model_dir = model_dir\n\n"
            f"    def invoke(self, input_object, model):\n{body}\n"
        )
        (folder / f"{name}.py").write_text(text)
        for path, content in (files or {}).items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(textwrap.dedent(content))
        importlib.invalidate_caches()
        spec = importlib.import_module(name).S()
        schema = SchemaBuilder("in", "out", keep_samples=True)
        return ModelBuilder(
            inference_spec=spec, schema_builder=schema, model_path=tmp_path / "bundle", archive=False,
            dependencies=options,
        ).build()  # fmt: skip

    before = set(sys.modules)
    yield make
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


def locked(bundle: ModelBundle) -> dict[str, str]:
    lines = (bundle.path / "requirements.lock").read_text().splitlines()
    return dict(line.split("  # ") for line in lines if not line.startswith("#"))


def left_out(bundle: ModelBundle) -> dict[str, str]:
    return dict(read_record(bundle).left_out)


def test_nothing_is_needed(build):
    bundle = build("return 'out'")
    assert locked(bundle) == {}
    assert bundle.container.installs == "nothing"


def test_imports_that_only_the_running_code_makes(build, install):
    install("hidden-dist", "2.0", "its-own", files={"hidden.py": "import its_own\nanswer = its_own.answer\n"})
    install("its-own", files={"its_own.py": "answer = 'out'\n"})
    bundle = build("import importlib\nreturn importlib.import_module('hid' + 'den').answer")
    assert locked(bundle) == {
        "hidden-dist==2.0": f"imported by code/{_module(bundle)}",
        "its-own==1.0": "required by hidden-dist",
    }


def _module(bundle: ModelBundle) -> str:
    return next(path.name for path in (bundle.model_dir / "code").glob("spec_*.py"))


ENGINE = "try:\n    import turbo\nexcept ImportError:\n    turbo = None\n\n\ndef run():\n    return 'out'\n"


def test_what_a_package_can_do_without_stays_out(build, install):
    install("engine", files={"engine.py": ENGINE})
    install("turbo", files={"turbo.py": ""})
    bundle = build("import engine\nassert engine.turbo is None\nreturn engine.run()")
    assert list(locked(bundle)) == ["engine==1.0"]
    assert left_out(bundle) == {"turbo": "engine goes on without it"}


def test_what_is_only_looked_for_stays_out(build, install):
    # fmt: off
    install("prober", files={"prober.py": "from importlib.util import find_spec\nfrom importlib import metadata\n"
                                          "has = find_spec('turbo') is not None\n"
                                          "names = [d.metadata['Name'] for d in metadata.distributions()]\n"})
    # fmt: on
    install("turbo", files={"turbo.py": ""})
    bundle = build("import prober\nassert not prober.has and prober.names == ['prober'], prober.names\nreturn 'out'")
    assert list(locked(bundle)) == ["prober==1.0"]


def test_what_a_package_imports_without_declaring_it_is_needed(build, install):
    install("sloppy", files={"sloppy.py": "import forgotten\nx = forgotten.x\n"})
    install("forgotten", files={"forgotten.py": "x = 'out'\n"})
    bundle = build("import sloppy\nreturn sloppy.x")
    assert locked(bundle)["forgotten==1.0"] == "imported by sloppy"


def test_what_a_package_asks_for_in_its_error_is_let_in(build, install):
    install("frames", files={"frames.py": """
import importlib


def read():
    try:
        return importlib.import_module('parquetish').x
    except ImportError as error:
        raise ImportError("Missing optional dependency 'parquetish'") from error
"""})  # fmt: skip
    install("parquetish", files={"parquetish.py": "x = 'out'\n"})
    install("turbo", files={"turbo.py": ""})
    install("engine", files={"engine.py": ENGINE})
    bundle = build("import engine, frames\nassert engine.turbo is None\nreturn frames.read()")
    assert set(locked(bundle)) == {"engine==1.0", "frames==1.0", "parquetish==1.0"}
    assert locked(bundle)["parquetish==1.0"] == "imported by frames"


def test_what_a_package_needs_without_a_word_is_let_in_too(build, install):
    install("engine", files={"engine.py": ENGINE.replace("'out'", "turbo.x")})
    install("turbo", files={"turbo.py": "x = 'out'\n"})
    bundle = build("import engine\nreturn engine.run()")
    assert set(locked(bundle)) == {"engine==1.0", "turbo==1.0"}


def test_an_optional_import_of_the_users_that_is_installed_is_taken(build, install):
    install("turbo", files={"turbo.py": "x = 'out'\n"})
    top = "try:\n    import turbo\nexcept ImportError:\n    turbo = None\n"
    top += "try:\n    import absent_one\nexcept ImportError:\n    pass"
    bundle = build("return turbo.x", top=top)
    assert set(locked(bundle)) == {"turbo==1.0"}
    assert left_out(bundle) == {"absent_one": f"not installed here; code/{_module(bundle)} can do without it"}


def test_unless_the_user_excludes_it(build, install):
    install("turbo", files={"turbo.py": "x = 'other'\n"})
    top = "try:\n    import turbo\nexcept ImportError:\n    turbo = None"
    bundle = build("assert turbo is None\nreturn 'out'", top=top, exclude=["Turbo"])
    assert locked(bundle) == {}


def test_an_excluded_package_that_the_code_needs_is_an_error(build, install):
    install("turbo", files={"turbo.py": "x = 'out'\n"})
    with pytest.raises(
        SelfTestError, match=r"without turbo:(?s:.*)No module named 'turbo'(?s:.*)take it off that list"
    ):
        build("import turbo\nreturn turbo.x", exclude=["turbo"])


def test_local_modules_and_files_that_only_the_running_code_asks_for(build):
    files = {
        "plugins/__init__.py": "",
        "plugins/one.py": "from pathlib import Path\nfrom importlib.resources import files\n"
        "text = Path(__file__).with_name('one.txt').read_text()\n"
        "text += files('plugins').joinpath('deep/t.txt').read_text()\n",
        "plugins/one.txt": "o",
        "plugins/deep/t.txt": "ut",
        "plugins/unused.py": "",
        "plugins/unused.txt": "",
    }
    bundle = build("import importlib\nreturn importlib.import_module('plug' + 'ins.one').text", files=files)
    shipped = {
        path.relative_to(bundle.model_dir / "code").as_posix() for path in bundle.model_dir.rglob("plugins/**/*.*")
    }
    assert shipped == {"plugins/__init__.py", "plugins/one.py", "plugins/one.txt", "plugins/deep/t.txt"}
    assert ModelBundle.load(bundle.path).root_sha256 == bundle.root_sha256
    assert "data files are shipped because the code opens them: code/plugins/deep/t.txt, code/plugins/one.txt." in (
        bundle.notes
    )


@pytest.mark.parametrize("name", [".env", "conf/.token", "service.pem", "credentials", "Secrets.json", "id_rsa"])
def test_files_that_look_like_secrets_are_never_shipped(build, name):
    top = f"from pathlib import Path\nplace = Path(__file__).with_name('x').parent / {name!r}\n"
    body = "try:\n    text = place.read_text()\nexcept OSError:\n    text = 'out'\nreturn text"
    bundle = build(body, top=top, files={name: "a password"})
    assert not (bundle.model_dir / "code" / name).exists()
    assert not any("data files" in note for note in bundle.notes)


def test_an_editable_package_is_shipped_with_its_version(build, install, site, tmp_path):
    project = tmp_path / "project"
    (project / "shipped_part").mkdir(parents=True)
    (project / "shipped_part" / "__init__.py").write_text(
        "from importlib.metadata import version\nimport needed_by_it\n__version__ = version('shipped-part')\n"
    )
    install("needed-by-it", files={"needed_by_it.py": ""})
    install("shipped-part", "3.1", "needed-by-it", files={"s.pth": ""},
            direct_url={"url": project.as_uri(), "dir_info": {"editable": True}})  # fmt: skip
    (site / "s.pth").write_text(f"{project}\n")
    sys.path.append(str(project))
    try:
        bundle = build("import shipped_part\nassert shipped_part.__version__ == '3.1'\nreturn 'out'")
    finally:
        sys.path.remove(str(project))
    assert set(locked(bundle)) == {"needed-by-it==1.0"}
    assert (bundle.model_dir / "code" / "shipped_part" / "__init__.py").is_file()
    vendored = read_record(bundle).vendored["shipped-part"]
    assert vendored.version == "3.1"
    assert "git repository" in vendored.source


def test_code_that_writes_into_the_models_folder_is_refused(build):
    with pytest.raises(SelfTestError, match=r"the code wrote cache.txt into the model's folder"):
        build("open(self.model_dir + '/cache.txt', 'w').close()\nreturn 'out'")


def test_without_capture_nothing_is_found(build, install):
    install("turbo", files={"turbo.py": "x = 'out'\n"})
    bundle = build("import turbo\nreturn turbo.x", auto=False)
    assert locked(bundle) == {}
    assert read_record(bundle).packages == ()


def test_what_is_listed_is_there_with_what_it_requires(build, install, tmp_path):
    install("listed", "1.5", "below", files={"listed.py": ""})
    install("below", "0.1")
    (tmp_path / "requirements.txt").write_text("# ours\nlisted>=1\n")
    bundle = build("import listed\nreturn 'out'", auto=False, requirements=str(tmp_path / "requirements.txt"))
    assert locked(bundle) == {
        "below==0.1": "required by listed",
        "listed==1.5": "given in requirements.txt (listed>=1)",
    }


def test_pins_that_do_not_fit_together_are_named_with_their_sources(build, install):
    install("picky", "1.0", "plain>=2", files={"picky.py": ""})
    install("plain", "2.0")
    with pytest.raises(UsageError, match=r"plain==1.0 \(given in dependencies\['custom'\]\[0\]\).* picky demands"):
        build("import picky\nreturn 'out'", custom=["plain==1.0"])


def test_an_error_leaves_the_last_good_bundle_as_it_was(build, install):
    first = build("return 'out'")
    with pytest.raises(DependencyError, match=r"spec_\d+.py, line \d+ imports nobody_has_this"):
        build("import nobody_has_this")
    with pytest.raises(SelfTestError, match="on purpose"):
        build("raise RuntimeError('on purpose')")
    assert ModelBundle.load(first.path).root_sha256 == first.root_sha256


def test_the_same_environment_gives_the_same_bytes(build, install, tmp_path):
    install("engine", files={"engine.py": ENGINE})
    install("turbo", files={"turbo.py": ""})
    texts = []
    for _ in range(2):
        bundle = build("import engine\nreturn engine.run()")
        names = ("requirements.lock", "dependencies.json", "container.json")
        texts.append([(bundle.path / name).read_text() for name in names[:2]])
        assert json.loads((bundle.path / "container.json").read_text())["installs"] == "index"
    name = str(Path(_module(bundle)).stem)
    assert name
    assert [text.replace(name, "spec") for text in texts[1]] == [_renamed(text) for text in texts[0]]


def _renamed(text: str) -> str:
    import re

    return re.sub(r"spec_\d+", "spec", text)
