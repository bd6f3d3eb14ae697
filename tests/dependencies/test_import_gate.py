"""The gate in interpreters of its own: what passes, what does not, and what is written down."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

from cdk_modelbuilder.dependencies.import_journal import Findings, Journal

RUN = """
import json, sys
sys.path[:0] = [{site!r}, {code!r}]
from cdk_modelbuilder.dependencies.import_gate import ImportGate
gate = ImportGate(owners={owners!r}, allowed={allowed!r}, barred={barred!r}, own=[{code!r}],
                  generated=[{code!r} + "/inference.py"], shipped=[{code!r} + "/../model"], journal={journal!r})
{before}
gate.close()
error = ""
try:
    import {start}
except BaseException as caught:
    error = f"{{type(caught).__name__}}: {{caught}}"
print(json.dumps([error, gate.admitted, gate.refused, gate.unowned, gate.listed_folders, gate.missing_files]))
"""


@dataclass
class Seen:
    error: str
    admitted: dict[str, str]
    refused: dict[str, str]
    unowned: dict[str, str]
    listed: set[str]
    missing: set[str]
    written: Findings


@pytest.fixture
def gate(tmp_path):
    """Runs ``code`` with packages beside it, none of which is on the list unless it is ``allowed``."""

    def run(
        code: str,
        packages: dict[str, str],
        *,
        allowed=(),
        barred=(),
        files=None,
        start: str = "spec",
        extra=None,
        before: str = "",
    ) -> Seen:
        site, own, journal = tmp_path / "site", tmp_path / "code", tmp_path / "journal"
        for folder in (site, own):
            folder.mkdir()
        for name, text in packages.items():
            (site / f"{name}.py").write_text(textwrap.dedent(text))
            folder = site / f"{name}-1.0.dist-info"
            folder.mkdir()
            (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        for name, text in (extra or {}).items():
            (site / name).write_text(text)
        for name, text in {f"{start}.py": code, **(files or {})}.items():
            (own / name).parent.mkdir(exist_ok=True)
            (own / name).write_text(textwrap.dedent(text))
        script = tmp_path / "run.py"
        script.write_text(
            RUN.format(
                site=str(site), code=str(own), owners={name: (name,) for name in packages}, allowed=list(allowed),
                barred=list(barred), journal=str(journal), start=start, before=before,
            )
        )  # fmt: skip
        ended = subprocess.run([sys.executable, script], capture_output=True, text=True, cwd=tmp_path)
        assert ended.returncode == 0, ended.stderr
        error, admitted, refused, unowned, listed, missing = json.loads(ended.stdout.splitlines()[-1])
        inside = {str(Path(path).relative_to(own.resolve())) for path in listed}
        gone = {str(Path(path).relative_to(own.resolve())) for path in missing}
        return Seen(error, admitted, refused, unowned, inside, gone, Findings.read(journal))

    return run


@pytest.mark.parametrize(
    "code",
    [
        "import other",
        "try:\n    import other\nexcept ImportError:\n    pass",
        "__import__('oth' + 'er')",
        "import importlib\nimportlib.import_module('oth' + 'er')",
        "exec('import other')",
        "import importlib.util\nassert importlib.util.find_spec('other')",
        "from importlib import metadata\nassert metadata.version('Other') == '1.0'",
        "import pkgutil\npkgutil.resolve_name('other')",
        "import threading\nt = threading.Thread(target=__import__, args=('other',))\nt.start()\nt.join()",
        "from concurrent.futures import *\nwith ThreadPoolExecutor() as p:\n    p.submit(__import__, 'other').result()",
        "import pickle\npickle.loads(b'cother\\nvalue\\n.')",
        "class A:\n    def __init_subclass__(cls):\n        import other\n\n\nclass B(A):\n    pass",
        "def __getattr__(name):\n    import other\n    return other\n\n\nimport sys\nsys.modules[__name__].anything",
    ],
)
def test_what_the_user_asks_for_is_let_in(gate, code):
    seen = gate(code, {"other": "value = 1"})
    assert (seen.error, seen.admitted.keys(), seen.refused) == ("", {"other"}, {})
    assert seen.written.admitted == seen.admitted


@pytest.mark.parametrize(("folder", "passes"), [("model", True), ("elsewhere", False)])
def test_modules_that_the_model_brings_are_let_in(gate, folder, passes):
    code = f"import os, sys\nsys.path.append(os.path.dirname(__file__) + '/../{folder}')\nimport beside"
    seen = gate(code, {"other": "value = 1"}, files={f"../{folder}/beside.py": "import other"})
    assert (seen.error == "") is passes
    assert seen.admitted.keys() == ({"other"} if passes else set())
    assert seen.unowned.keys() == (set() if passes else {"beside"})


FALLBACKS = [
    "try:\n    import other\nexcept ImportError:\n    other = None",
    "try:\n    import other\nexcept (ValueError, ModuleNotFoundError):\n    other = None",
    "try:\n    import other\nexcept Exception:\n    other = None",
    "try:\n    import other\nexcept:\n    other = None",
    "import contextlib\nwith contextlib.suppress(ImportError):\n    import other",
    "from importlib.util import find_spec\nassert find_spec('other') is None",
    "import importlib.util as u\ndef here(name):\n    return u.find_spec(name) is not None\nassert not here('other')",
    "import importlib.metadata as m\ntry:\n    m.version('other')\nexcept m.PackageNotFoundError:\n    pass",
    "from importlib import metadata\nassert 'other' not in {d.metadata['Name'] for d in metadata.distributions()}",
    "from importlib import metadata\nassert not metadata.packages_distributions().get('other')",
    "def load(name):\n    __import__(name)\ntry:\n    load('other')\nexcept ImportError:\n    pass",
    "import importlib\ntry:\n    importlib.import_module('other')\nexcept ImportError:\n    pass",
]


@pytest.mark.parametrize("library", FALLBACKS)
def test_what_a_package_can_do_without_is_not(gate, library):
    seen = gate("import library", {"library": library, "other": "value = 1"}, allowed=["library"])
    assert (seen.error, seen.admitted) == ("", {})
    assert seen.refused.keys() <= {"other"}
    assert seen.written.refused == seen.refused


@pytest.mark.parametrize(
    "library",
    [
        "import other",
        "from importlib import metadata\nmetadata.version('other')",
        "def work():\n    import other\nimport threading\nt = threading.Thread(target=work)\nt.start()\nt.join()",
        "try:\n    pass\nexcept ImportError:\n    pass\nelse:\n    import other",
        "try:\n    import json\nexcept ImportError:\n    import simplejson as json\nimport other",
    ],
)
def test_what_a_package_cannot_do_without_is_let_in(gate, library):
    seen = gate("import library", {"library": library, "other": "value = 1"}, allowed=["library"])
    assert (seen.error, seen.admitted) == ("", {"other": "library"})


def test_a_package_that_asks_for_another_in_its_own_words_fails_and_both_are_known(gate):
    library = (
        "try:\n    import other\nexcept ImportError as error:\n    raise ImportError('install foo[all]') from error"
    )
    seen = gate("import library", {"library": library, "other": ""}, allowed=["library"])
    assert seen.error == "ImportError: install foo[all]"
    assert seen.refused == {"other": "library"}


@pytest.mark.parametrize(
    ("asked", "admitted"),
    [("group='kinds'", {"other"}), ("group='kinds', name='one'", {"other"}), ("group='kinds', name='two'", set()),
     ("group='more'", set())],
)  # fmt: skip
def test_entry_points_that_the_user_asks_for(gate, asked, admitted):
    extra = {"other-1.0.dist-info/entry_points.txt": "[kinds]\none = other:value\n"}
    code = f"from importlib import metadata\nfor point in metadata.entry_points({asked}):\n    assert point.load() == 1"
    seen = gate(code, {"other": "value = 1", "third": ""}, extra=extra)
    assert (seen.error, set(seen.admitted)) == ("", admitted)


def test_plugins_that_a_package_finds_stay_out(gate):
    extra = {"other-1.0.dist-info/entry_points.txt": "[kinds]\none = other:value\n"}
    library = "from importlib import metadata\nassert not metadata.entry_points(group='kinds')"
    seen = gate("import library", {"library": library, "other": ""}, allowed=["library"], extra=extra)
    assert (seen.error, seen.admitted, seen.refused) == ("", {}, {"other": "library"})


def test_what_a_path_file_imported_before_is_asked_for_again(gate):
    packages = {"other": "value = 1", "library": FALLBACKS[0]}
    seen = gate("__import__('oth' + 'er')", packages, before="import other, library")
    assert (seen.error, seen.admitted.keys(), seen.refused) == ("", {"other"}, {})


def test_the_generated_code_is_not_the_users(gate):
    seen = gate(FALLBACKS[0], {"other": ""}, start="inference")
    assert (seen.error, seen.admitted, set(seen.refused)) == ("", {}, {"other"})


def test_what_is_barred_stays_out_whoever_asks(gate):
    seen = gate("import other", {"other": ""}, barred=["other"])
    assert seen.error == "ModuleNotFoundError: No module named 'other'"
    assert seen.refused == {"other": "code/spec.py"}


def test_a_module_that_no_distribution_brings(gate):
    seen = gate("import stray", {}, extra={"stray.py": ""})
    assert seen.error == "ModuleNotFoundError: No module named 'stray'"
    assert seen.unowned == seen.written.unowned == {"stray": "code/spec.py"}


def test_a_forked_child_is_heard_of(gate):
    code = "import os\npid = os.fork()\nif not pid:\n    import other\n    os._exit(0)\nos.waitpid(pid, 0)"
    seen = gate(code, {"other": ""})
    assert (seen.error, seen.admitted) == ("", {})
    assert seen.written.admitted == {"other": "code/spec.py"}


HERE = "from pathlib import Path\nimport os\nhere = Path(__file__).parent\n"


@pytest.mark.parametrize(
    ("code", "missing"),
    [
        ("try:\n    open(here / 'a.txt')\nexcept OSError:\n    pass", {"a.txt"}),
        ("assert not (here / 'a.txt').exists()", {"a.txt"}),
        ("assert not os.path.isfile(here / 'a.txt')", {"a.txt"}),
        ("assert not os.path.exists(f'{here}/x/../a.txt')", {"a.txt"}),
        ("assert (here / 'spec.py').exists()", set()),
        ("assert not Path('/no/such/file').exists()", set()),
        ("import no_such_module_at_all", set()),
    ],
)
def test_files_that_are_asked_for_and_not_there(gate, code, missing):
    assert gate(HERE + code, {}).missing == missing


@pytest.mark.parametrize(
    ("code", "listed"),
    [
        ("os.listdir(here / 'texts')", {"texts"}),
        ("list((here / 'texts').iterdir())", {"texts"}),
        ("list(here.glob('texts/*.txt'))", {"texts"}),
        ("import pkgutil\nlist(pkgutil.iter_modules([str(here / 'texts')]))", {"texts"}),
        ("from importlib import resources\nlist(resources.files('texts').iterdir())", {"texts"}),
        ("import texts.one", set()),
        ("from importlib import metadata\nlist(metadata.distributions())", set()),
        ("os.listdir(here)", set()),
    ],
)
def test_folders_that_are_listed(gate, code, listed):
    seen = gate(HERE + code, {}, files={"texts/__init__.py": "", "texts/one.py": "", "texts/a.txt": "a"})
    assert (seen.error, seen.listed) == ("", listed)


def test_findings_of_several_processes_are_one(tmp_path):
    one, other = Journal(str(tmp_path / "journal")), Journal(str(tmp_path / "journal"))
    one.add("refused", "a", "x")
    one.add("refused", "b", "x")
    other.add("admitted", "b", "y")
    other.add("admitted", "a2", "y")
    other.add("refused", "a", "z")
    found = Findings.read(tmp_path / "journal")
    assert found.refused == {"a": "x"}
    assert list(found.admitted.items()) == [("b", "y"), ("a2", "y")]
    Journal(None).add("refused", "a", "x")
    assert Findings.read(tmp_path / "none") == Findings()


def test_watching_changes_nothing_for_the_code(gate):
    code = """
        import os, shutil, tempfile
        assert os.stat in os.supports_dir_fd and os.stat in os.supports_follow_symlinks
        assert shutil.rmtree.avoids_symlink_attacks
        folder = tempfile.mkdtemp()
        assert os.stat(folder, follow_symlinks=False).st_ino == os.lstat(folder).st_ino
        shutil.rmtree(folder)
        try:
            os.stat(folder)
        except FileNotFoundError as error:
            assert error.filename == folder
        else:
            raise AssertionError
    """
    seen = gate(textwrap.dedent(code), {})
    assert (seen.error, seen.missing) == ("", set())
