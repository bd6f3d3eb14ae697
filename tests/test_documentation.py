"""Every Python example in the README and the docs runs as it is pasted."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from cdk_modelbuilder.cli.root_command import group

REPOSITORY = Path(__file__).resolve().parents[1]
PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
EXAMPLES = [
    pytest.param(found.group(1), id=f"{page.name}:{page.read_text()[: found.start()].count(chr(10)) + 1}")
    for page in PAGES
    for found in BLOCK.finditer(page.read_text())
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_example_runs_as_pasted(example, tmp_path):
    script = tmp_path / "example.py"
    script.write_text(f'"""{example}"""\n' if example.startswith(">>>") else example)
    doctest = ["-m", "doctest"] if example.startswith(">>>") else []
    run = subprocess.run([sys.executable, *doctest, str(script)], capture_output=True, text=True, cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_readmes_first_screen():
    first_screen = "\n".join((REPOSITORY / "README.md").read_text().splitlines()[:32])
    assert "make demo" in first_screen
    assert "make test" in first_screen
    (example,) = BLOCK.findall(first_screen)
    assert len(example.splitlines()) <= 10


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


def test_commands_that_the_docs_name_exist():
    known = set(group.list_commands(None))
    for page in PAGES:
        named = set(re.findall(r"^cdk-modelbuilder (\w+)", page.read_text(), re.MULTILINE))
        assert named <= known, page.name


def test_the_table_of_servers_is_what_the_tests_prove():
    script = Path(__file__).parents[1] / "scripts" / "make_support_table.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stderr}Run: python scripts/make_support_table.py"
