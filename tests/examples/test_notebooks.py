"""The notebooks are what their scripts say, and run in a real IPython shell."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import make_notebooks
from tests.conftest import MASTER_KEY
from tests.examples.model_examples import MODELS, SCRIPTS, bundles_in, environment

SCRIPT = Path(make_notebooks.__file__)
NOTEBOOKS = MODELS.parent / "notebooks"
RUN = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
for cell in json.load(open(sys.argv[1], encoding="utf-8"))["cells"]:
    if cell["cell_type"] == "code":
        shell.run_cell("".join(cell["source"]), store_history=True).raise_error()
"""
QUICK = {"language_spec", "own_container"}
NAMES = [
    pytest.param(script.stem, marks=pytest.mark.slow if script.stem in QUICK else pytest.mark.heavy, id=script.stem)
    for script in SCRIPTS
]


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_runs(name, tmp_path):
    pytest.importorskip("IPython", exc_type=ImportError)
    if name in ("digits_pytorch", "search_embeddings"):
        pytest.importorskip("sentence_transformers", exc_type=ImportError)
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(NOTEBOOKS / f"{name}.ipynb")],
        cwd=tmp_path,
        env={**environment(), "IPYTHONDIR": str(tmp_path / "ipython")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert bundles_in(tmp_path)
    for bundle in bundles_in(tmp_path):
        bundle.verify(bytes.fromhex(MASTER_KEY))


def test_the_notebooks_are_current():
    done = subprocess.run([sys.executable, SCRIPT, "--check"], capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}Run: python scripts/make_notebooks.py"


def test_the_readme_lists_each():
    readme = (MODELS.parent / "README.md").read_text("utf-8")
    for script in SCRIPTS:
        assert f"(models/{script.name})" in readme
        assert f"(notebooks/{script.stem}.ipynb)" in readme


def test_links_lead_somewhere():
    links = {link for script in SCRIPTS for link in re.findall(r"\]\(([^)#]+)\)", script.read_text("utf-8"))}
    assert links
    assert [link for link in links if not (NOTEBOOKS / link).is_file()] == []


def test_cells_have_the_form_of_a_notebook():
    text = "# %% [markdown]\n# # Title\n#\n# Text.\n\n# %%\nx = 1\n\n\n# %%\nprint(x)\n"
    notebook = json.loads(make_notebooks.notebook_of(text, "a_name"))
    assert [notebook["nbformat"], notebook["nbformat_minor"]] == [4, 5]
    first, second, third = notebook["cells"]
    assert first == {
        "cell_type": "markdown",
        "id": "a-name-1",
        "metadata": {},
        "source": ["# Title\n", "\n", "Text."],
    }
    assert second == {
        "cell_type": "code",
        "execution_count": None,
        "id": "a-name-2",
        "metadata": {},
        "outputs": [],
        "source": ["x = 1"],
    }
    assert third["source"] == ["print(x)"]
    assert make_notebooks.notebook_of(text, "a_name") == make_notebooks.notebook_of(text, "a_name")


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("import os\n# %%\nx = 1\n", "'import os' stands before the first"),
        ("# %% [raw]\n# x\n", r"'# %% \[raw\]' is no kind of cell"),
        ("# %% [markdown]\n# Text\nx = 1\n", "'x = 1' stands in a Markdown cell"),
    ],
)
def test_a_script_that_is_no_notebook_is_refused(text, wrong):
    with pytest.raises(ValueError, match=wrong):
        make_notebooks.notebook_of(text, "name")


def test_check_writes_nothing_and_names_what_is_not_current(tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "one.py").write_text("# %%\nx = 1\n")
    assert make_notebooks.changed(tmp_path, check=True) == ["one.ipynb"]
    assert not (tmp_path / "notebooks").exists()
    assert make_notebooks.changed(tmp_path, check=False) == ["one.ipynb"]
    assert make_notebooks.changed(tmp_path, check=True) == []
    (tmp_path / "models" / "one.py").write_text("# %%\nx = 2\n")
    assert make_notebooks.changed(tmp_path, check=True) == ["one.ipynb"]
    (tmp_path / "models" / "one.py").rename(tmp_path / "models" / "two.py")
    assert make_notebooks.changed(tmp_path, check=False) == ["one.ipynb", "two.ipynb"]
    assert [path.name for path in (tmp_path / "notebooks").iterdir()] == ["two.ipynb"]
    (tmp_path / "models" / "two.py").write_text("x = 2\n")
    with pytest.raises(ValueError, match=r"two\.py: 'x = 2' stands before"):
        make_notebooks.changed(tmp_path, check=False)
