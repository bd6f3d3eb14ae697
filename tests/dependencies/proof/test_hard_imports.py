"""Ways to import that no reader of source sees, among two hundred distributions: each is found, and nothing else."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field

import pytest

from .environments import VARYING, write_project

pytestmark = [pytest.mark.slow, pytest.mark.heavy, pytest.mark.extra_install]


@dataclass(frozen=True)
class Case:
    """The body of an ``invoke`` that returns a list of numbers, other files, and what it needs.

    Attributes:
        name: For the report.
        body: Of ``invoke``.
        needs: Packages.
        files: Other files of the project.
        ships: Those of them that are shipped.
        top: What stands above the class.
        answer: What it returns.
        imported: What ``build.py`` has imported, because the user did.
    """

    name: str
    body: str
    needs: set[str] = field(default_factory=set)
    files: dict[str, str] = field(default_factory=dict)
    ships: set[str] = field(default_factory=set)
    top: str = ""
    answer: tuple[int, ...] = (2,)

    def __str__(self) -> str:
        return self.name

    def project(self) -> dict[str, str]:
        body = textwrap.indent(textwrap.dedent(self.body).strip(), " " * 8)
        return {
            "spec.py": (
                f"from cdk_modelbuilder import InferenceSpec\n{textwrap.dedent(self.top)}\n\n"
                f"class Spec(InferenceSpec):\n    def load(self, model_dir):\n        return None\n\n"
                f"    def invoke(self, input_object, model):\n{body}\n"
            ),
            "build.py": (
                "import sys\nfrom spec import Spec\nfrom cdk_modelbuilder import ModelBuilder, SchemaBuilder\n"
                "if __name__ == '__main__':\n"
                f"    schema = SchemaBuilder([1, 2], {list(self.answer)}, keep_samples=True)\n"
                "    ModelBuilder(inference_spec=Spec(), schema_builder=schema, model_path=sys.argv[1]).build()\n"
            ),
            **{name: textwrap.dedent(text) for name, text in self.files.items()},
        }


COUNT = "count = lambda values: len(values)\n"
WORK = "def run(values):\n    return __import__('too' + 'lz').count(values)\n"
PLUGINS = {
    "plugins/__init__.py": """
        import importlib
        import pkgutil


        def found():
            names = sorted(found.name for found in pkgutil.iter_modules(__path__))
            return [importlib.import_module(f"{__name__}.{name}") for name in names]
    """,
    "plugins/one.py": "import toolz\n\nvalue = toolz.count([1])\n",
    "plugins/two.py": "value = 2\n",
}

CASES = [
    Case(
        "import_module",
        "import importlib\nreturn [importlib.import_module('too' + 'lz').count(input_object)]",
        {"toolz"},
    ),
    Case("dunder_import", "return [__import__('too' + 'lz').count(input_object)]", {"toolz"}),
    Case(
        "exec", "scope = {}\nexec('import ' + 'toolz', scope)\nreturn [scope['toolz'].count(input_object)]", {"toolz"}
    ),
    Case("star", "return [count(input_object)]", {"toolz"}, top="from toolz import *"),
    Case(
        "init_subclass",
        "return [made.count(input_object)]",
        {"toolz"},
        top="""
            made = None


            class Base:
                def __init_subclass__(cls, uses, **rest):
                    global made
                    made = __import__(uses)


            class Child(Base, uses="too" + "lz"):
                pass
        """,
    ),
    Case(
        "lazy_loader",
        "return [toolz.count(input_object)]",
        {"lazy-loader", "packaging", "toolz"},
        top="import lazy_loader\ntoolz = lazy_loader.load('toolz')",
    ),
    Case(
        "lazy_attach",
        "return [lazily.counting.count(input_object)]",
        {"lazy-loader", "packaging"},
        top="import lazily",
        files={
            "lazily/__init__.py": """
                import lazy_loader

                __getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submodules={"counting"})
            """,
            "lazily/counting.py": COUNT,
        },
        ships={"lazily/__init__.py", "lazily/counting.py"},
    ),
    Case(
        "module_getattr",
        "return [lazily.toolz.count(input_object)]",
        {"toolz"},
        top="import lazily",
        files={
            "lazily.py": "import importlib\n\n\ndef __getattr__(name):\n    return importlib.import_module(name)\n",
        },
        ships={"lazily.py"},
    ),
    Case(
        "iter_modules",
        "return [sum(plugin.value for plugin in plugins.found())]",
        {"toolz"},
        files=PLUGINS,
        ships=set(PLUGINS),
        top="import plugins",
        answer=(3,),
    ),
    Case(
        "listed_files",
        "return [len(sorted(Path(texts.__file__).parent.glob('*.txt')))]",
        files={"texts/__init__.py": "", "texts/a.txt": "a", "texts/b.txt": "b"},
        ships={"texts/__init__.py", "texts/a.txt", "texts/b.txt"},
        top="from pathlib import Path\n\nimport texts",
    ),
    Case(
        "existing_file",
        "path = Path(__file__).parent / 'values.json'\nreturn json.loads(path.read_text()) if path.exists() else [0]",
        files={"values.json": "[2]"},
        ships={"values.json"},
        top="import json\nfrom pathlib import Path",
    ),
    Case(
        "version",
        "return [int(metadata.version('toolz').split('.')[0]) + 1]",
        {"toolz"},
        top="from importlib import metadata",
        answer=(2,),
    ),
    Case(
        "entry_points",
        "return [len(metadata.entry_points(group='pytest11')) and 2]",
        {"anyio", "hypothesis", "idna", "platformdirs", "sortedcontainers", "typeguard", "typing-extensions"},
        top="from importlib import metadata",
    ),
    Case(
        "thread",
        """
        found = []

        def work():
            found.append(__import__("too" + "lz").count(input_object))

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        return found
    """,
        {"toolz"},
        top="import threading",
    ),
    Case(
        "executor",
        """
            with ThreadPoolExecutor(1) as pool:
                return [pool.submit(lambda: __import__("too" + "lz").count(input_object)).result()]
        """,
        {"toolz"},
        top="from concurrent.futures import ThreadPoolExecutor",
    ),
    Case(
        "sys_path",
        "return [counting.count(input_object)]",
        top="""
            import sys
            from pathlib import Path

            sys.path.append(str(Path(__file__).parent / "extra"))
            import counting
        """,
        files={"extra/counting.py": COUNT},
        ships={"counting.py"},
    ),
    Case(
        "own_name",
        "return [toolz.count(input_object)]",
        top="import toolz",
        files={"toolz.py": COUNT},
        ships={"toolz.py"},
    ),
    Case(
        "own_name_computed",
        "return [__import__('too' + 'lz').count(input_object)]",
        files={"toolz.py": "count = lambda values: 5\n"},
        ships={"toolz.py"},
        answer=(5,),
    ),
    Case(
        "fork",
        "with multiprocessing.get_context('fork').Pool(1) as pool:\n    return pool.map(work.run, [input_object])",
        {"toolz"},
        top="import multiprocessing\nimport work",
        files={"work.py": WORK},
        ships={"work.py"},
    ),
    Case(
        "spawn",
        "with multiprocessing.get_context('spawn').Pool(1) as pool:\n    return pool.map(work.run, [input_object])",
        {"toolz"},
        top="import multiprocessing\nimport work",
        files={"work.py": WORK},
        ships={"work.py"},
    ),
    Case(
        "loky",
        "return Parallel(n_jobs=2)(delayed(work.run)(item) for item in [input_object])",
        {"cloudpickle", "joblib", "toolz"},
        top="from joblib import Parallel, delayed\nimport work",
        files={"work.py": WORK},
        ships={"work.py"},
    ),
    Case(
        "forkserver",
        "with get_context('forkserver').Pool(1) as pool:\n    return pool.map(work.run, [input_object])",
        {"toolz"},
        top="from multiprocessing import get_context\nimport work",
        files={"work.py": WORK},
        ships={"work.py"},
    ),
    Case(
        "other_python",
        """
            code = "import toolz; print(toolz.count([1, 2]))"
            return [int(subprocess.check_output([sys.executable, "-c", code]))]
        """,
        {"toolz"},
        top="import subprocess\nimport sys",
    ),
    Case(
        "local_namespace",
        "return [len(list(resources.files('parts.texts').iterdir())) + two.value - 2]",
        files={"parts/two.py": "value = 2\n", "parts/texts/a.txt": "a", "parts/texts/b.txt": "b"},
        ships={"parts/two.py", "parts/texts/a.txt", "parts/texts/b.txt"},
        top="from importlib import resources\n\nfrom parts import two",
    ),
    Case(
        "plugin_by_file",
        """
            spec = importlib.util.spec_from_file_location("hook", Path(__file__).parent / "hooks" / "hook.py")
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            return [module.count(input_object)]
        """,
        {"toolz"},
        files={"hooks/hook.py": "import toolz\n\ncount = toolz.count\n"},
        ships={"hooks/hook.py"},
        top="import importlib.util\nfrom pathlib import Path",
    ),
    Case(
        "run_path",
        "return [runpy.run_path(Path(__file__).parent / 'hook.py')['count'](input_object)]",
        {"toolz"},
        files={"hook.py": "import toolz\n\ncount = toolz.count\n"},
        ships={"hook.py"},
        top="import runpy\nfrom pathlib import Path",
    ),
    Case(
        "namespaces",
        "return [len([notify, code_pb2.OK and 1])]",
        {"googleapis-common-protos", "protobuf", "zope-event"},
        top="from google.rpc import code_pb2\nfrom zope.event import notify",
    ),
    Case("machine_code", "return [len(orjson.loads(orjson.dumps(input_object)))]", {"orjson"}, top="import orjson"),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_is_imported_is_found(case, crowd, tmp_path):
    project = write_project(tmp_path / "project", case.project())
    built = crowd.build(project, tmp_path / "bundle")
    assert built.names ^ case.needs <= VARYING, built.names
    assert built.code() == {"spec.py"} | case.ships
    trial = built.try_it()
    assert trial.answer is not None
    assert trial.answer[0].replace(b" ", b"") == str(list(case.answer)).replace(" ", "").encode()
