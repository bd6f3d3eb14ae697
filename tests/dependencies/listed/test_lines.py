"""Lines of ``custom``: every form that pip takes, and those that cannot be kept."""

from __future__ import annotations

import shutil
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet

from cdk_modelbuilder.dependencies.listed import read_lines
from cdk_modelbuilder.dependencies.target import Target
from cdk_modelbuilder.errors import UsageError

COMMIT = "0123456789" * 4
SHA = "ab" * 32
FOREIGN = ("cp311-cp311-linux_x86_64", "cp312-cp312-win_amd64", "cp312-cp312-manylinux_2_39_x86_64")


def read(*lines: str, python: str = "3.12"):
    return read_lines(lines, "custom", environment=Target(python=python).marker_environment())


def one(line: str, **options: str):
    (requirement,) = read(line, **options).requirements
    return requirement


@pytest.mark.parametrize(
    ("line", "name", "specifier", "extras", "text"),
    [
        ("numpy", "numpy", "", (), "numpy"),
        ("NumPy == 1.26.4  # why", "numpy", "==1.26.4", (), "NumPy == 1.26.4"),
        ("numpy==1.26.4\t# after a tab", "numpy", "==1.26.4", (), "numpy==1.26.4"),
        ("numpy (>=1.2, <3)", "numpy", "<3,>=1.2", (), "numpy (>=1.2, <3)"),
        ("Ruamel.YAML[jinja2,Lib_YAML]~=0.18", "ruamel-yaml", "~=0.18", ("jinja2", "lib-yaml"), None),
        ("uvicorn[standard]==0.54.0 ; python_version>='3'", "uvicorn", "==0.54.0", ("standard",), None),
        ("x===1.0-odd", "x", "===1.0-odd", (), None),
        ("x==1.* ", "x", "==1.*", (), "x==1.*"),
        ("  x !=1.1,>=1", "x", "!=1.1,>=1", (), "x !=1.1,>=1"),
        ("numpy \\\n  >=1 \\\n  # a comment ends it", "numpy", ">=1", (), "numpy   >=1"),
    ],
)  # fmt: skip
def test_names_with_versions(line, name, specifier, extras, text):
    found = one(line)
    assert (found.name, found.specifier, found.extras) == (name, SpecifierSet(specifier), extras)
    assert found.text == (line.strip() if text is None else text)
    assert (found.url, found.wheel, found.is_editable, found.hashes) == (None, None, False, ())
    assert found.origin == "custom[0]"


@pytest.mark.parametrize(
    ("line", "name", "extras", "url", "is_editable"),
    [
        (f"x @ git+https://host/x@{COMMIT}", "x", (), f"git+https://host/x@{COMMIT}", False),
        (f"X_y[a] @ git+https://host/x@{COMMIT}#egg=x.y", "x-y", ("a",), f"git+https://host/x@{COMMIT}", False),
        (f"-e git+https://host/x@{COMMIT}#egg=My_X", "my-x", (), f"git+https://host/x@{COMMIT}", True),
        (f"--editable git+https://host/x.git@{COMMIT}#egg=x[a,b]&subdirectory=src/x", "x", ("a", "b"),
         f"git+https://host/x.git@{COMMIT}#subdirectory=src/x", True),
        (f"--editable=git+ssh://git@host:22/x@{COMMIT}#subdirectory=a&egg=x", "x", (),
         f"git+ssh://git@host:22/x@{COMMIT}#subdirectory=a", True),
        (f"-e x[a] @ git+https://host/x@{COMMIT}", "x", ("a",), f"git+https://host/x@{COMMIT}", True),
        (f"-e 'x @ git+https://host/x@{COMMIT}'", "x", (), f"git+https://host/x@{COMMIT}", True),
        (f"-e x[a]@git+https://host/x@{COMMIT}", "x", ("a",), f"git+https://host/x@{COMMIT}", True),
        (f"git+https://git@host/x@{COMMIT.upper().replace('0', 'F')}#egg=x", "x", (), None, False),
        (f"git+https://host/x@{'a1' * 32}#egg=x", "x", (), None, False),
        (f"x @ git+https://${{USER_NAME}}:${{TOKEN}}@host/x@{COMMIT}", "x", (), None, False),
        (f"x @ https://host/x-1.0.tar.gz#sha256={SHA}", "x", (), None, False),
        (f"https://host/a/My_X-1.0-py3-none-any.whl#sha256={SHA}", "my-x", (), None, False),
        ("https://host/a/my-x-1.0.tar.gz", "my-x", (), "https://host/a/my-x-1.0.tar.gz", False),
        ("https://host/archive/main.zip#egg=x", "x", (), "https://host/archive/main.zip", False),
        (f"x @ git+https://host/x@{COMMIT} ; python_version > '3'", "x", (), f"git+https://host/x@{COMMIT}", False),
        (f"git+https://host/x@{COMMIT}#egg=x ; python_version > '3'", "x", (), f"git+https://host/x@{COMMIT}", False),
    ],
)  # fmt: skip
def test_addresses(line, name, extras, url, is_editable):
    found = one(line)
    assert (found.name, found.extras, found.is_editable) == (name, extras, is_editable)
    assert url is None or found.url == url
    assert found.url.partition("#")[0] in line
    assert found.version is None
    bare = line.replace("'", "").removeprefix("-e ").removeprefix("--editable").lstrip("= ")
    assert found.text == (f"-e {bare}" if is_editable else line)


@pytest.mark.parametrize(
    ("line", "said", "way_out"),
    [
        ("numpy=1.0", "'numpy=1.0' is not a requirement", "as pip takes it"),
        ("?", "'?' is not a requirement", "as pip takes it"),
        ("==1.0", "is not a requirement", "as pip takes it"),
        ("a b", "is not a requirement", "as pip takes it"),
        ("x==1.0.dev.x", "is not a requirement", "as pip takes it"),
        ("x; python_version >", "is not a requirement", "as pip takes it"),
        ("x; platform_release >= '5'", "whether", "python_version"),
        ("x @ git+https://host/x@main", "names 'main', which can move", "git ls-remote https://host/x main"),
        ("git+https://host/x@v1.0#egg=x", "names 'v1.0', which can move", "git ls-remote https://host/x v1.0"),
        ("-e git+https://host/x@0123456#egg=x", "names '0123456', which can move", "40 hex digits"),
        ("x @ git+https://host/x", "names no commit", "git ls-remote https://host/x HEAD"),
        ("x @ git+ssh://git@host/x", "names no commit", "git ls-remote ssh://git@host/x HEAD"),
        (f"git+https://host/x@{COMMIT}", "does not say which package", "name @ address"),
        (f"git+https://host/x@{COMMIT}#egg=", "does not say which package", "name @ address"),
        (f"git+https://host/x@{COMMIT}#egg=x==1", "has no name after #egg=", "name @ address"),
        (f"x @ git+https://host/y@{COMMIT}#egg=y", "is y, and it is called x", "one of the two names"),
        (f"git+git@host:x@{COMMIT}#egg=x", "an address that pip does not take", "git+ssh://git@host"),
        (f"x @ git+git@host:x@{COMMIT}", "an address that pip does not take", "git+ssh://git@host"),
        (f"x @ git+file:///x@{COMMIT}", "no repository that a container can reach", "git+https"),
        (f"x @ hg+https://host/x@{COMMIT}", "not git", "Build a wheel"),
        ("x @ svn+https://host/x@12", "not git", "Build a wheel"),
        ("x @ ftp://host/x.whl", "no address that a container can reach", "https://"),
        ("https://host/x.whl", "does not say which package", "name @ address"),
        ("https://host/x", "does not say which package", "name @ address"),
        ("./package", "'./package' is a folder of this machine", "captured and shipped by itself"),
        (".", "'.' is a folder of this machine", "captured and shipped by itself"),
        ("-e .", "'.' is a folder of this machine", "captured and shipped by itself"),
        ("-e ./package", "is a folder of this machine", "captured and shipped by itself"),
        ("../package[extra]", "'../package' is a folder of this machine", "captured and shipped by itself"),
        ("a/b", "is a folder of this machine", "captured and shipped by itself"),
        ("x @ ./package", "is a folder of this machine", "captured and shipped by itself"),
        ("file:///opt/package", "is a folder of this machine", "captured and shipped by itself"),
        ("./x-1.0.tar.gz", "is a source archive", "Build a wheel"),
        ("x-1.0.tar.gz", "is a source archive", "Build a wheel"),
        ("./x-1.0-py3-none-any.whl", "there is no wheel './x-1.0-py3-none-any.whl'", "pip wheel"),
        ("x-1.0-py3-none-any.whl", "there is no wheel", "pip wheel"),
        ("-e numpy", "neither a repository nor a folder", "Leave out -e"),
        ("-e numpy==1", "neither a repository nor a folder", "Leave out -e"),
        ("-e git+https://host/x@main#egg=x --hash=sha256:" + SHA, "takes no hash", "Leave out -e"),
        ("numpy==1 --hash=sha256:ab", "'sha256:ab' is no hash", "64 hex digits"),
        ("numpy==1 --hash=md5:" + "a" * 32, "is no hash", "64 hex digits"),
        ("--hash=sha256:" + SHA, "belongs to no requirement", "backslash"),
        ("numpy --pre", "says several things", "line of its own"),
        ("numpy -i https://host/simple", "says several things", "line of its own"),
        ("-e x -e y", "says several things", "line of its own"),
        ("-r a.txt -r b.txt", "says several things", "line of its own"),
        ("-r a.txt --pre", "says several things", "line of its own"),
        ("--global-option=x", "no such option", "Requirements File Format"),
        ("numpy==1 --install-option=x", "no such option", "Requirements File Format"),
        ("--index-url", "1 argument", "Requirements File Format"),
        ("./" + "a" * 5000 + ".whl", "there is no wheel", "pip wheel"),
        ("-r " + "a" * 5000, "there is no file", "Correct the path"),
        ("-f " + "a" * 5000, "for --find-links", "Correct the path"),
        ("--find-links 'a", "is not understood", "Requirements File Format"),
        ("--pre yes", "'yes' belongs to no option", "Requirements File Format"),
        ("-r no/such.txt", "there is no file 'no/such.txt'", "the current folder"),
        ("-c no/such.txt", "there is no file 'no/such.txt'", "the current folder"),
        ("-r https://host/requirements.txt", "is not on this machine", "Download it"),
        ("-r ${NO_SUCH_VARIABLE}/a.txt", "no variable NO_SUCH_VARIABLE", "Set it"),
        ("--index-url ./simple", "no address of an index", "--find-links"),
        ("--find-links no/such", "there is no 'no/such'", "Correct the path"),
        ("--index-url 'https://host/a b'", "has a space", "%20"),
        ("x @ https://[host/x.whl", "is no address", "https://host/path"),
        ("--index-url https://[host", "is no address", "https://host/path"),
    ],
)  # fmt: skip
def test_what_is_refused_is_named_with_its_place_and_a_way_out(line, said, way_out, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as caught:
        read("numpy==1", line)
    assert said in caught.value.what
    assert caught.value.what.startswith("custom[1]: ")
    assert way_out in caught.value.remedy


@pytest.mark.parametrize(
    "line",
    [
        "--index-url https://me:hunter2@host/simple",
        "-i https://hunter2@host/simple",
        "--extra-index-url https://:hunter2@host/simple",
        "--extra-index-url=https://${USER}:hunter2@host/simple",
        "--find-links https://me:hunter2@host/files",
        "--find-links https://host/files?token=hunter2",
        "x @ https://host/x-1.0.tar.gz?X-Amz-Signature=hunter2",
        "https://me:hunter2@host/x-1.0-py3-none-any.whl",
        f"x @ git+https://hunter2@host/x@{COMMIT}",
        "-e git+https://me:hunter2@host/x@main#egg=x",
        f"x @ git+ssh://git:hunter2@host/x@{COMMIT}",
        "x y @ https://me:hunter2@host/x",
        "x @ https://me:hunter2@host/x@main y",
        "--index-ulr https://me:hunter2@host/simple",
        "numpy -i https://me:hunter2@host/simple",
        "-r https://me:hunter2@host/r.txt",
        "-e https://me:hunter2@host/x --hash=1",
    ],
)
def test_no_secret_is_kept_nor_shown(line):
    with pytest.raises(UsageError) as caught:
        read(line)
    assert "hunter2" not in str(caught.value)
    assert "custom[0]" in caught.value.what


@pytest.mark.parametrize(
    ("lines", "options"),
    [
        (["-i https://host/simple"], ("--index-url https://host/simple",)),
        (["--pypi-url=https://host/simple"], ("--index-url https://host/simple",)),
        (["--index-url https://${USER}:${TOKEN}@host/simple"], ("--index-url https://${USER}:${TOKEN}@host/simple",)),
        (["--extra-index-url https://a/s", "--extra-index-url https://b/s", "--extra-index-url https://a/s"],
         ("--extra-index-url https://a/s", "--extra-index-url https://b/s")),
        (["-f https://host/files --no-index"], ("--no-index", "--find-links https://host/files")),
        (["--pre", "--prefer-binary"], ("--pre", "--prefer-binary")),
        (["--only-binary=:all:", "--no-binary a,b"], ("--only-binary :all:", "--no-binary a,b")),
        (["--trusted-host host:8080"], ("--trusted-host host:8080",)),
        (["--extra-index https://a/s"], ("--extra-index-url https://a/s",)),
    ],
)  # fmt: skip
def test_options_of_indexes_are_kept_in_their_long_form(lines, options):
    found = read(*lines)
    assert found.index_options == options
    assert (found.requirements, found.notes) == ((), ())


def test_options_that_say_nothing_about_a_pinned_version_leave_a_note():
    found = read("--use-feature fast-deps", "--all-releases numpy", "--only-final=:all:")
    assert found.index_options == ()
    assert [note.split(" is left out")[0] for note in found.notes] == [
        "custom[0]: --use-feature",
        "custom[1]: --all-releases",
        "custom[2]: --only-final",
    ]


def test_hashes_are_kept_apart_from_the_text():
    found = one(f"numpy==1.26.4 --hash=sha256:{SHA} --hash sha384:{'cd' * 48}  # both")
    assert found.text == "numpy==1.26.4"
    assert found.hashes == (f"sha256:{SHA}", f"sha384:{'cd' * 48}")
    assert read("--require-hashes").require_hashes
    assert not read("--require-hashes", "--no-require-hashes").require_hashes


def test_settings_for_a_build_stay_in_the_text():
    found = one("x==1 --config-settings=--build-option=a -C b=c")
    assert found.config_settings == ("--build-option=a", "b=c")
    assert found.text == "x==1 --config-settings=--build-option=a --config-settings=b=c"


def test_an_archive_whose_content_is_not_pinned_leaves_a_note():
    assert "can change" in read("x @ https://host/x-1.0.tar.gz").notes[0]
    assert read(f"x @ https://host/x-1.0.tar.gz --hash=sha256:{SHA}").notes == ()
    assert read(f"x @ https://host/x-1.0.tar.gz#subdirectory=a&sha256={SHA}").notes == ()
    assert read(f"x @ git+https://host/x@{COMMIT}").notes == ()


@pytest.mark.parametrize(
    ("line", "python", "is_there"),
    [
        ("x; sys_platform == 'linux'", "3.12", True),
        ("x; sys_platform == 'win32'", "3.12", False),
        ("x; python_version < '3.10'", "3.12", False),
        ("x; python_version < '3.10'", "3.9", True),
        ("x; python_full_version >= '3.9.0' and platform_machine == 'x86_64'", "3.9", True),
        ("x; extra == 'a'", "3.12", False),
        ("./x-1.0.tar.gz ; sys_platform == 'win32'", "3.12", False),
        ("x @ git+https://host/x@main ; sys_platform == 'win32'", "3.12", True),
        ("https://host/x@main ; sys_platform == 'win32'", "3.12", False),
    ],
)
def test_markers_are_about_the_container(line, python, is_there, request):
    if "git+" in line:
        line = line.replace("main", COMMIT).replace("win32", "linux")
    found = read(line, python=python)
    assert len(found.requirements) == is_there
    if not is_there:
        (note,) = found.notes
        assert note.startswith("custom[0]: ")
        assert "does not hold in the container" in note


class TestWheels:
    @pytest.fixture(autouse=True)
    def folder(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "dist").mkdir()
        for tags in ("py3-none-any", "cp38-abi3-manylinux2014_x86_64", "cp312-cp312-manylinux_2_17_x86_64", *FOREIGN):
            (tmp_path / "dist" / f"My_X-1.0+local-{tags}.whl").touch()
        shutil.copy(tmp_path / "dist" / "My_X-1.0+local-py3-none-any.whl", tmp_path / "a-2-py3-none-any.whl")
        return tmp_path

    @pytest.mark.parametrize(
        ("line", "name"),
        [
            ("./dist/My_X-1.0+local-py3-none-any.whl", "my-x"),
            ("dist/My_X-1.0+local-py3-none-any.whl[full]", "my-x"),
            ("./dist/My_X-1.0+local-cp312-cp312-manylinux_2_17_x86_64.whl ; python_version > '3'", "my-x"),
            ("./dist/My_X-1.0+local-cp38-abi3-manylinux2014_x86_64.whl", "my-x"),
            ("my.x @ ./dist/My_X-1.0+local-py3-none-any.whl", "my-x"),
            ("a-2-py3-none-any.whl", "a"),
            ("${HERE}/dist/My_X-1.0+local-py3-none-any.whl", "my-x"),
        ],
    )
    def test_a_path_to_one_is_kept(self, line, name, folder, monkeypatch):
        monkeypatch.setenv("HERE", str(folder))
        found = one(line)
        assert found.name == name
        assert found.wheel.is_file()
        assert found.wheel.is_absolute()
        assert found.version == ("2" if name == "a" else "1.0+local")
        assert found.extras == (("full",) if "full" in line else ())

    def test_addresses_of_files_too(self, folder):
        path = f"file://{folder}/dist/My_X-1.0%2Blocal-py3-none-any.whl"
        assert one(path).wheel == one(f"my-x @ {path}").wheel == folder / "dist" / "My_X-1.0+local-py3-none-any.whl"

    @pytest.mark.parametrize("tags", FOREIGN)
    def test_one_that_the_container_cannot_take(self, tags):
        with pytest.raises(UsageError, match=r"does not run in the container: it has Python 3\.12 on x86_64 Linux"):
            read(f"./dist/My_X-1.0+local-{tags}.whl")

    def test_another_name(self):
        with pytest.raises(UsageError, match="is a, and it is called b there"):
            read("b @ ./a-2-py3-none-any.whl")

    def test_a_file_that_is_called_otherwise(self, folder):
        (folder / "x.whl").touch()
        with pytest.raises(UsageError, match=r"'x\.whl' is no wheel's name"):
            read("./x.whl")


def test_empty_lines_and_comments_are_passed_over():
    assert read("", "  ", "# a comment", "   # another", "\t") == read()


names = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,8}[A-Za-z0-9])?", fullmatch=True).filter(
    lambda name: not name.lower().endswith((".whl", ".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz"))
)
versions = st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,3}){0,3}((a|b|rc)[0-9])?(\.post[0-9])?", fullmatch=True)
clauses = st.tuples(st.sampled_from(["==", ">=", "<=", "!=", "<", ">"]), versions).map("".join)
extras = st.lists(names, max_size=3, unique_by=str.lower)


@settings(deadline=None)
@given(
    name=names,
    wanted=st.lists(clauses, max_size=3),
    asked=extras,
    hashes=st.lists(st.binary(min_size=32, max_size=32).map(lambda data: f"sha256:{data.hex()}"), max_size=3),
    space=st.sampled_from(["", " ", "  "]),
    comment=st.sampled_from(["", "  # why", "\t#egg=1 # 'a"]),
)
def test_what_is_rendered_is_read_again(name, wanted, asked, hashes, space, comment):
    inside = f"[{','.join(asked)}]" if asked else ""
    line = f"{name}{inside}{space}{f',{space}'.join(wanted)}" + "".join(f" --hash={item}" for item in hashes) + comment
    found = one(line)
    assert found.specifier == SpecifierSet(",".join(wanted))
    assert found.hashes == tuple(sorted(set(hashes)))
    again = one(found.text)
    assert (again.name, again.specifier, again.extras) == (found.name, found.specifier, found.extras)


@settings(deadline=None, max_examples=300)
@given(st.lists(st.text() | st.text(alphabet="-erc @./:#\\${}[]=<>;'\"ahptxgi+1\n\t")))
def test_nothing_else_comes_of_any_lines(lines):
    with suppress(UsageError):
        assert all(item.name and item.origin.startswith("custom[") for item in read(*lines).requirements)
