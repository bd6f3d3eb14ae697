"""requirements.txt: files that include each other, encodings, places, and pip's own parser as the judge."""

from __future__ import annotations

import codecs
import shutil
import subprocess
import sys
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdk_modelbuilder.dependencies.listed import read_listed
from cdk_modelbuilder.dependencies.target import Target
from cdk_modelbuilder.errors import UsageError

SHA = "ab" * 32
COMMIT = "0123456789" * 4


def places(found) -> list[tuple[str, str]]:
    return [(item.text, item.origin) for item in found]


def test_lines_have_the_numbers_of_an_editor(read):
    text = f"# top\nnumpy==1 \\\n  --hash=sha256:{SHA}\n\n   # in between\nscipy  # why\n\\\npandas\nlast==1 \\\n"
    found = read({"requirements.txt": text})
    assert places(found.requirements) == [
        ("numpy==1", "requirements.txt, line 2"),
        ("scipy", "requirements.txt, line 6"),
        ("pandas", "requirements.txt, line 7"),
        ("last==1", "requirements.txt, line 9"),
    ]
    assert found.requirements[0].hashes == (f"sha256:{SHA}",)


def test_files_that_are_included_start_at_the_folder_of_the_one_that_names_them(read):
    found = read(
        {
            "requirements.txt": "-r parts/base.txt\n--constraint=limits.txt\nlast\n",
            "parts/base.txt": "base\n-r deeper/more.txt\n-c ../limits.txt\n",
            "parts/deeper/more.txt": "more\n-r ../../other.in\n",
            "other.in": "other\n",
            "limits.txt": "numpy<2\n-r parts/nested-limit.txt\n",
            "parts/nested-limit.txt": "scipy<2",
        }
    )
    assert places(found.requirements) == [
        ("base", "parts/base.txt, line 1"),
        ("more", "parts/deeper/more.txt, line 1"),
        ("other", "other.in, line 1"),
        ("scipy<2", "parts/nested-limit.txt, line 1"),  # pip takes -r in a constraints file for requirements
        ("last", "requirements.txt, line 3"),
    ]
    assert places(found.constraints) == [("numpy<2", "limits.txt, line 1")]


def test_a_file_may_be_included_twice(read):
    found = read({"requirements.txt": "-r a.txt\n-r b.txt", "a.txt": "-r c.txt", "b.txt": "-r c.txt", "c.txt": "x"})
    assert places(found.requirements) == [("x", "c.txt, line 1")]


@pytest.mark.parametrize("files", [
    {"requirements.txt": "-r requirements.txt"},
    {"requirements.txt": "-r a/b.txt", "a/b.txt": "x\n-r ../requirements.txt"},
    {"requirements.txt": "-c a/b.txt", "a/b.txt": "-c ../a/../requirements.txt"},
])  # fmt: skip
def test_but_not_itself(read, files):
    with pytest.raises(UsageError, match=r", line \d: '.*requirements.txt' includes itself"):
        read(files)


def test_nor_without_an_end(read):
    files = {f"r{number}.txt": f"-r r{number + 1}.txt" for number in range(200)}
    with pytest.raises(UsageError, match=r"r\d+\.txt, line 1: 'r\d+.txt' is nested too deep"):
        read(files)


def test_no_folder_of_this_machine_gets_into_a_place(read, write, tmp_path, monkeypatch):
    write(**{"deep/er/a.txt": "x==1"})
    monkeypatch.setenv("PLACE", str(tmp_path / "deep"))
    found = read({"requirements.txt": f"-r {tmp_path}/deep/er/a.txt\n-c ${{PLACE}}/er/a.txt"})
    assert [item.origin for item in (*found.requirements, *found.constraints)] == ["a.txt, line 1"] * 2


@pytest.mark.parametrize("line", ["numpy[extra]", f"-e git+https://host/x@{COMMIT}#egg=x", "./x-1-py3-none-any.whl"])
def test_what_pip_takes_for_no_constraint(read, write, line):
    write(**{"x-1-py3-none-any.whl": ""})
    with pytest.raises(UsageError, match=r"c\.txt, line 2: .* is no constraint"):
        read({"requirements.txt": "-c c.txt", "c.txt": f"# limits\n{line}"})


def test_links_on_this_machine_are_no_options(read, write, tmp_path):
    write(**{"parts/wheels/x": "", "wheels/x": ""})
    found = read({"requirements.txt": "-r parts/a.txt\n-f wheels\n--find-links=https://host/files\n--find-links wheels",
                  "parts/a.txt": f"-f wheels\n-f file://{tmp_path}/wheels"})  # fmt: skip
    assert found.local_links == (tmp_path / "parts" / "wheels", tmp_path / "wheels")
    assert found.index_options == ("--find-links https://host/files",)


@pytest.mark.parametrize(
    "data",
    [
        codecs.BOM_UTF8 + "grüße==1".encode(),
        codecs.BOM_UTF16_LE + "grüße==1".encode("utf-16-le"),
        codecs.BOM_UTF16_BE + "grüße==1".encode("utf-16-be"),
        codecs.BOM_UTF32_LE + "grüße==1".encode("utf-32-le"),
        codecs.BOM_UTF32_BE + "grüße==1".encode("utf-32-be"),
        "# -*- coding: latin-1 -*-\ngrüße==1".encode("latin-1"),
        "#!x\n# vim: set fileencoding=cp1252 :\r\ngrüße==1".encode("cp1252"),
        "grüße==1".encode(),
    ],
)
def test_encodings(read, data):
    with pytest.raises(UsageError) as caught:  # no name of a package, but it was read
        read({"requirements.txt": data})
    assert "'grüße==1' is not a requirement" in caught.value.what


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"gr\xfc\xdfe", b"# coding: nonsense\nx", b"# coding: rot13\nx"])
def test_what_is_no_text(read, data):
    with pytest.raises(UsageError, match=r"requirements\.txt is not text in"):
        read({"requirements.txt": data})


def test_a_file_that_is_not_there_and_one_that_is_a_folder(read, write, environment, tmp_path):
    write(**{"sub.txt/x": ""})
    for name in ("absent.txt", "sub.txt", "a\0b.txt"):
        with pytest.raises(UsageError, match=r"\.txt cannot be read") as caught:
            read_listed(name, environment=environment)
        assert "existing file" in caught.value.remedy
    with pytest.raises(UsageError, match=r"requirements.txt, line 1: there is no file 'sub.txt'"):
        read({"requirements.txt": "-r sub.txt"})


@pytest.mark.parametrize(
    ("name", "way_out"),
    [
        ("poetry.lock", "poetry export"), ("Pipfile", "pipenv requirements"), ("setup.py", r"\[project\]"),
        ("packages.json", "Name a requirements.txt"), ("Cargo.lock", "Name a requirements.txt"),
        ("x.toml", "Name a requirements.txt"), ("pylock.a.b.toml", "Name a requirements.txt"),
        ("settings.toml[x]", r"Name settings\.toml alone"),
    ],
)  # fmt: skip
def test_kinds_that_are_not_read(write, environment, name, way_out):
    write(**{name.partition("[")[0]: "x"})
    with pytest.raises(UsageError, match=way_out):
        read_listed(name, environment=environment)


@pytest.mark.parametrize(
    "name", ["requirements.txt", "requirements-dev.in", "REQS.TXT", "base.pip", "requirements.lock"]
)
def test_kinds_that_are(read, name):
    assert places(read({name: "x==1  # imported by y"}).requirements) == [("x==1", f"{name}, line 1")]


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("scratch")


@settings(deadline=None, max_examples=300)
@given(text=st.text() | st.text(alphabet="-erc @./:#\\${}[]=<>;'\"ahptxgi+1\n\r\t\f").map(str) | st.binary())
def test_nothing_else_comes_of_any_text(scratch, text):
    path = scratch / "requirements.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    with suppress(UsageError):
        assert read_listed(path, environment=Target(python="3.12").marker_environment()).constraints == ()


names = st.sampled_from(["numpy", "NumPy", "ruamel.yaml", "zope-interface", "x"])
lines = st.one_of(
    st.builds(
        "{}{}{}{}{}".format,
        names,
        st.sampled_from(["", "[a]", " [a, b]"]),
        st.sampled_from(["", "==1.0", " >= 1.0, < 2", "~=1.4.2", "===1.0"]),
        st.sampled_from(["", " ; python_version > '3'", ";sys_platform=='linux'", " --hash=sha256:" + SHA]),
        st.sampled_from(["", "  # comment", " \\", " #egg=a", "\\\n  --hash=sha256:" + "cd" * 32, " \\\n# comment"]),
    ),
    st.builds("{}git+https://host/x@{}#egg={}".format, st.sampled_from(["", "-e "]), st.just(COMMIT), names),
    st.builds("{} @ https://host/x-1.zip{}".format, names, st.sampled_from(["", "#sha256=1", " ; python_version>'3'"])),
    st.sampled_from([
        "", "   ", "# comment", "  # comment \\", "\\", " \\", "\\\\", "-r included.txt", "--requirement=included.txt",
        "-c limits.txt",
        "--constraint limits.txt", "-i https://host/simple", "--extra-index-url=https://host/a", "--no-index --pre",
        "-f https://host/f --only-binary :all:", "--trusted-host host", "--prefer-binary", "--require-hashes",
    ]),
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.heavy
@settings(deadline=None, max_examples=1500, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(lines, max_size=12), st.sampled_from(["\n", "\r\n"]))
def test_pip_reads_the_same(scratch, monkeypatch, written, end):
    pip = pytest.importorskip("pip._internal.req.req_file")
    session = pytest.importorskip("pip._internal.network.session")
    monkeypatch.chdir(scratch)
    (scratch / "oracle.txt").write_text(end.join(written), newline="")
    (scratch / "included.txt").write_text("included==1\n-c limits.txt\n")
    (scratch / "limits.txt").write_text("limited<2\n")
    try:
        by_pip = list(pip.parse_requirements("oracle.txt", session=session.PipSession()))
    except pip.RequirementsFileParseError:  # such as a lone backslash that joins two lines into nonsense
        with pytest.raises(UsageError):
            read_listed("oracle.txt", environment=Target.here().marker_environment())
        return
    if any(line.endswith("\\") for line in written) and not _is_read("oracle.txt"):
        return  # what was joined is no requirement; pip sees that only when it installs
    found = read_listed("oracle.txt", environment=Target.here().marker_environment())
    theirs = {
        (item.constraint, item.is_editable, item.requirement.strip(), _place(item.comes_from), _hashes(item))
        for item in by_pip
    }
    ours = {
        (is_constraint, item.is_editable, item.text.removeprefix("-e "), item.origin, item.hashes)
        for is_constraint, items in ((False, found.requirements), (True, found.constraints))
        for item in items
    }
    assert ours == theirs


def _is_read(name: str) -> bool:
    try:
        read_listed(name, environment=Target.here().marker_environment())
    except UsageError as error:
        return not any(
            said in error.what
            for said in ("is not a requirement", "says several", "is no hash", "belongs to", "is a folder")
        )
    return True


def _place(comes_from: str) -> str:
    path, _, number = comes_from.partition(" ")[2].partition(" (line ")
    return f"{path.rpartition('/')[2]}, line {number.removesuffix(')')}"


def _hashes(item) -> tuple[str, ...]:
    given = (item.options or {}).get("hashes", {})
    return tuple(sorted({f"{kind}:{value}" for kind, values in given.items() for value in values}))


@pytest.mark.slow
def test_pip_installs_what_was_read(tmp_path, read, write):
    """A wheel, with a marker, a constraint and an extra, in an environment of its own: the text goes back to pip."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "pyproject.toml").write_text('[project]\nname = "own-thing"\nversion = "1.5"\n')
    (project / "own_thing.py").write_text("")
    python = sys.executable
    subprocess.run([python, "-m", "pip", "wheel", "-q", "--no-deps", "-w", tmp_path / "wheels", project], check=True)
    shutil.rmtree(project)
    found = read(
        {"requirements.txt": "-f wheels\nown_thing >=1; python_version>'3' # c\n-c c.txt", "c.txt": "own.thing<2"}
    )
    lines = [item.text for item in found.requirements]
    limits = tmp_path / "again.txt"
    limits.write_text("\n".join(item.text for item in found.constraints))
    (links,) = found.local_links
    subprocess.run([python, "-m", "venv", tmp_path / "venv"], check=True)
    own = tmp_path / "venv" / "bin" / "python"
    subprocess.run([own, "-m", "pip", "install", "-q", "--no-index", "-f", links, "-c", limits, *lines], check=True)
    shown = subprocess.run([own, "-m", "pip", "freeze"], check=True, capture_output=True, text=True).stdout
    assert shown.strip() == "own-thing==1.5"
