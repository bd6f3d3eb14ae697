"""Lists laid over each other: who wins, what becomes a pin, and who contradicts whom."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk_modelbuilder.dependencies.listed import Listed, read_lines, read_listed
from cdk_modelbuilder.dependencies.merging import check_consistent, merge
from cdk_modelbuilder.dependencies.pin import Pin
from cdk_modelbuilder.dependencies.target import Target
from cdk_modelbuilder.errors import UsageError

ENVIRONMENT = Target(python="3.12").marker_environment()
COMMIT, OTHER_COMMIT = "0123456789" * 4, "9876543210" * 4
GIT = f"git+https://host/x@{COMMIT}"
A, B = f"sha256:{'ab' * 32}", f"sha256:{'cd' * 32}"
INSTALLED = {"numpy": "2.1.0", "scipy": "1.14.1", "torch": "2.13.0+cpu", "x": "1.5", "pre": "2.0rc1"}
NUMPY = Pin("numpy", "numpy==2.1.0", "imported by inference.py")
SCIPY = Pin("scipy", "scipy==1.14.1", "required by scikit-learn")


def lines(*texts: str, place: str = "custom") -> Listed:
    return read_lines(texts, place, environment=ENVIRONMENT)


def merged(captured=(), file=(), custom=()):
    listed = lines(*file, place="file") if file else None
    return merge(captured, listed, lines(*custom), installed=INSTALLED.get)


def text(found) -> list[str]:
    assert [pin.name for pin in found.pins] == sorted(pin.name for pin in found.pins)
    return [f"{pin.requirement}  # {pin.reason}" for pin in found.pins]


def test_without_lists_what_was_captured_stays():
    found = merged([SCIPY, NUMPY])
    assert found.pins == (NUMPY, SCIPY)
    assert found.notes == ()
    assert merge([], None, Listed(), installed=INSTALLED.get).pins == ()


@pytest.mark.parametrize(
    ("captured", "file", "custom", "pin", "notes"),
    [
        # One list, what becomes of a line.
        ([], ["numpy==2.0.0"], [], "numpy==2.0.0  # given in file[0]", []),
        ([], ["NumPy == 2.0.0 ; python_version > '3'"], [], "numpy==2.0.0  # given in file[0]", []),
        ([], ["numpy"], [], "numpy==2.1.0  # given in file[0]", []),
        ([], ["numpy>=1.26,<3"], [], "numpy==2.1.0  # given in file[0] (numpy<3,>=1.26)", []),
        ([], ["numpy[b,A]~=2.0"], [], "numpy[a,b]==2.1.0  # given in file[0] (numpy[a,b]~=2.0)", []),
        ([], ["pre>=1"], [], "pre==2.0rc1  # given in file[0] (pre>=1)", []),
        ([], ["torch>=2"], [], "torch==2.13.0+cpu  # given in file[0] (torch>=2)", []),
        ([], ["numpy<2"], [], "numpy<2  # given in file[0] (numpy<2)",
         ["numpy<2 (file[0]) is no pin, and version 2.1.0 is installed here"]),
        ([], ["new>=1"], [], "new>=1  # given in file[0] (new>=1)", ["new>=1 (file[0]) is no pin, and it is not"]),
        ([], ["new"], [], "new  # given in file[0]", ["new (file[0]) is no pin"]),
        ([], ["new===1.0-odd"], [], "new===1.0-odd  # given in file[0]", []),
        ([], [f"-e git+https://host/x@{COMMIT}#egg=x[a]&subdirectory=b"], [],
         f"x[a] @ git+https://host/x@{COMMIT}#subdirectory=b  # given in file[0]", []),
        # One list, several lines.
        ([], ["numpy==2.0.0", "NUMPY==2.0.0"], [], "numpy==2.0.0  # given in file[0] and file[1]", []),
        ([], ["numpy>=1", "numpy<3", "numpy!=2.0"], [],
         "numpy==2.1.0  # given in file[0] and file[1] and file[2] (numpy!=2.0,<3,>=1)", []),
        ([], ["numpy>=1", "numpy==2.0"], [], "numpy==2.0  # given in file[0] and file[1]", []),
        ([], ["numpy[a]==2.0", "numpy[b]"], [], "numpy[a,b]==2.0  # given in file[0] and file[1]", []),
        ([], ["x[a]", f"x @ git+https://host/x@{COMMIT}"], [],
         f"x[a] @ git+https://host/x@{COMMIT}  # given in file[0] and file[1]", []),
        # A higher list over a lower one.
        ([], ["numpy==2.0"], ["numpy==1.26.4"], "numpy==1.26.4  # given in custom[0]",
         ["numpy==1.26.4 (custom[0]) is taken, not numpy==2.0 (file[0])."]),
        ([NUMPY], ["numpy==2.0"], ["numpy==1.26.4"], "numpy==1.26.4  # given in custom[0]",
         ["numpy==1.26.4 (custom[0]) is taken, not numpy==2.0 (file[0]).",
          "numpy==1.26.4 (custom[0]) is taken, not numpy==2.1.0 (imported by inference.py)."]),
        ([NUMPY], ["numpy==2.1"], [], "numpy==2.1  # given in file[0]", []),
        ([NUMPY], ["numpy>=2"], [], "numpy==2.1.0  # given in file[0] (numpy>=2)", []),
        ([NUMPY], ["numpy"], [], "numpy==2.1.0  # given in file[0]", []),
        ([NUMPY], ["numpy<2"], [], "numpy<2  # given in file[0] (numpy<2)",
         ["numpy<2 (file[0]) is no pin", "numpy<2 (file[0]) is taken, not numpy==2.1.0 (imported by inference.py)."]),
        ([], ["numpy==2.0"], ["numpy>=1.26"], "numpy==2.0  # given in custom[0] and file[0] (numpy>=1.26)", []),
        ([], ["numpy==2.0"], ["numpy"], "numpy==2.0  # given in custom[0] and file[0]", []),
        ([], ["numpy==1.0"], ["numpy>=2"], "numpy==2.1.0  # given in custom[0] (numpy>=2)",
         ["numpy==2.1.0 (custom[0]) is taken, not numpy==1.0 (file[0])."]),
        ([], ["numpy<2"], ["numpy>=2"], "numpy==2.1.0  # given in custom[0] (numpy>=2)",
         ["numpy==2.1.0 (custom[0]) is taken, not numpy<2 (file[0])."]),
        ([], ["numpy[a]==2.0"], ["numpy[b]==2.0"], "numpy[a,b]==2.0  # given in custom[0]", []),
        ([Pin("x", "x[a]==1.5", "r")], [], ["x==1.5"], "x[a]==1.5  # given in custom[0]", []),
        # Addresses.
        ([], ["x==1.0"], [f"x @ git+https://host/x@{COMMIT}"], f"x @ git+https://host/x@{COMMIT}  # given in custom[0]",
         [f"x @ git+https://host/x@{COMMIT} (custom[0]) is taken, not x==1.0 (file[0])."]),
        ([], [f"x @ git+https://host/x@{COMMIT}"], ["x==1.0"], "x==1.0  # given in custom[0]",
         [f"x==1.0 (custom[0]) is taken, not x @ git+https://host/x@{COMMIT} (file[0])."]),
        ([], [f"x @ git+https://host/x@{COMMIT}"], ["x>=1"],
         f"x @ git+https://host/x@{COMMIT}  # given in custom[0] and file[0] (x>=1)", []),
        ([], [f"x @ git+https://host/x@{COMMIT}"], ["x>=2"], "x>=2  # given in custom[0] (x>=2)",
         ["x>=2 (custom[0]) is no pin", f"x>=2 (custom[0]) is taken, not x @ git+https://host/x@{COMMIT} (file[0])."]),
        ([Pin("x", f"x @ git+https://host/x@{COMMIT}", "imported")], ["x"], [],
         f"x @ git+https://host/x@{COMMIT}  # given in file[0]", []),
        ([Pin("x", f"x @ git+https://host/x@{COMMIT}", "imported")], ["x==1.5"], [], "x==1.5  # given in file[0]",
         [f"x==1.5 (file[0]) is taken, not x @ git+https://host/x@{COMMIT} (imported)."]),
        ([Pin("x", f"x @ git+https://host/x@{COMMIT}", "r")], [f"x @ git+https://host/x@{OTHER_COMMIT}"], [],
         f"x @ git+https://host/x@{OTHER_COMMIT}  # given in file[0]",
         [f"x @ git+https://host/x@{OTHER_COMMIT} (file[0]) is taken, not x @ git+https://host/x@{COMMIT} (r)."]),
    ],
)  # fmt: skip
def test_one_package(captured, file, custom, pin, notes):
    found = merged(captured, file, custom)
    assert text(found) == [pin]
    assert len(found.notes) == len(notes)
    for note, start in zip(found.notes, notes, strict=True):
        assert note.startswith(start)


@pytest.mark.parametrize(
    ("texts", "named"),
    [
        (["numpy==1", "numpy==2"], ["numpy==1 (file[0])", "numpy==2 (file[1])"]),
        (["numpy==1", "scipy", "numpy>=2"], ["numpy==1 (file[0])", "numpy>=2 (file[2])"]),
        (["numpy>=2", "numpy<2"], ["numpy>=2 (file[0])", "numpy<2 (file[1])"]),
        (["numpy>=1", "numpy<3", "numpy==4"], ["(file[0] and file[1])", "numpy==4 (file[2])"]),
        ([f"x @ git+https://host/x@{COMMIT}", "x==1"], ["git+https://host/x", "x==1 (file[1])"]),
        ([f"x @ git+https://host/x@{COMMIT}", f"x @ git+https://host/x@{OTHER_COMMIT}"], [COMMIT, OTHER_COMMIT]),
        ([f"x==1 --hash={A}", f"x==1 --hash={B}"], ["x==1 (file[0])", "x==1 (file[1])", "no hash in common"]),
    ],
)
def test_one_list_that_contradicts_itself(texts, named):
    with pytest.raises(UsageError) as caught:
        merged(file=texts)
    assert all(part in caught.value.what for part in named)
    assert caught.value.remedy


class TestConstraints:
    @pytest.fixture
    def limited(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)

        def read(limits: str, *lines: str) -> Listed:
            (tmp_path / "c.txt").write_text(limits)
            (tmp_path / "r.txt").write_text("\n".join(["-c c.txt", *lines]))
            return read_listed("r.txt", environment=ENVIRONMENT)

        return read

    def test_they_ask_for_nothing(self, limited):
        found = merge([NUMPY], limited("scipy<2\nnumpy<3"), lines(), installed=INSTALLED.get)
        assert found.pins == (NUMPY,)
        assert found.notes == ()

    @pytest.mark.parametrize(
        ("limit", "pin"),
        [
            ("numpy<2", "numpy<2  # imported by inference.py, held to numpy<2 (c.txt, line 1)"),
            ("numpy==2.0.0", "numpy==2.0.0  # imported by inference.py, held to numpy==2.0.0 (c.txt, line 1)"),
            (f"numpy @ {GIT}", f"numpy @ {GIT}  # imported by inference.py, held to numpy @ {GIT} (c.txt, line 1)"),
        ],
    )
    def test_a_captured_version_that_breaks_one(self, limited, limit, pin):
        found = merge([NUMPY], limited(limit), lines(), installed=INSTALLED.get)
        assert text(found) == [pin]
        assert found.notes[-1].endswith("is taken, not numpy==2.1.0 (imported by inference.py).")

    def test_they_narrow_the_ranges_of_their_list(self, limited):
        found = merge([], limited("numpy<3", "numpy>=2"), lines(), installed=INSTALLED.get)
        assert text(found) == ["numpy==2.1.0  # given in r.txt, line 2 and c.txt, line 1 (numpy<3,>=2)"]
        with pytest.raises(UsageError, match=r"numpy>=2 \(r\.txt, line 2\) and numpy<2 \(c\.txt, line 1\) contradict"):
            merge([], limited("numpy<2", "numpy>=2"), lines(), installed=INSTALLED.get)

    def test_a_pin_in_one_is_the_version_of_a_name_in_a_higher_list(self, limited):
        found = merge([], limited("numpy==1.26.4"), lines("numpy"), installed=INSTALLED.get)
        assert text(found) == ["numpy==1.26.4  # given in custom[0] and c.txt, line 1"]

    def test_a_higher_list_overrules_one(self, limited):
        found = merge([], limited("numpy<2"), lines("numpy==2.1"), installed=INSTALLED.get)
        assert text(found) == ["numpy==2.1  # given in custom[0]"]
        assert found.notes == ("numpy==2.1 (custom[0]) is taken, not numpy<2 (c.txt, line 1).",)


class TestHashes:
    @pytest.mark.parametrize(
        ("captured", "file", "custom", "hashes"),
        [
            ([], [f"x==1 --hash={B} --hash={A}"], [], (A, B)),
            ([], [f"x==1 --hash={A} --hash={B}", f"x==1 --hash={B}"], [], (B,)),
            ([], [f"x==1 --hash={A}"], ["x==1.0"], (A,)),
            ([], [f"x==1 --hash={A}"], ["x>=1"], (A,)),
            ([], [f"x==1 --hash={A}"], ["x==2"], ()),
            ([], [f"x>=1 --hash={A}"], ["x==1"], ()),
            ([], [f"x>=1 --hash={A}"], [], ()),
            ([Pin("x", "x==1.5", "r", (A,))], [], [], (A,)),
            ([Pin("x", "x==1.5", "r", (A,))], ["x"], [], (A,)),
            ([Pin("x", "x==1.5", "r", (A,))], ["x==1.5"], [], (A,)),
            ([Pin("x", "x==1.5", "r", (A,))], ["x==1.6"], [], ()),
            ([Pin("x", "x==1.5", "r", (A,))], ["x<1"], [], ()),
        ],
    )
    def test_they_stay_with_their_version(self, captured, file, custom, hashes):
        (pin,) = merged(captured, file, custom).pins
        assert pin.hashes == hashes

    def test_those_of_a_range_leave_a_note(self):
        assert merged(file=[f"x>=1 --hash={A}"]).notes[0].startswith("x>=1 (file[0]): the hashes are left out")


class TestWheels:
    @pytest.fixture(autouse=True)
    def wheel(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        path = tmp_path / "x-1.5-py3-none-any.whl"
        path.write_bytes(b"content")
        return path

    def test_one_is_a_pin_with_the_hash_of_its_content(self, wheel):
        found = merged([Pin("x", "x==1.4", "r")], [], ["./x-1.5-py3-none-any.whl[a]"])
        digest = f"sha256:{hashlib.sha256(b'content').hexdigest()}"
        (pin,) = found.pins
        assert pin == Pin("x", "x[a]==1.5", "given in custom[0] (x-1.5-py3-none-any.whl)", (digest,))
        assert dict(found.wheels) == {"x": wheel}
        assert found.notes == ("x[a]==1.5 (custom[0]) is taken, not x==1.4 (r).",)
        assert str(wheel.parent) not in repr((found.pins, found.notes))

    def test_a_range_above_it_keeps_it(self, wheel):
        found = merged([], ["./x-1.5-py3-none-any.whl"], ["x>=1"])
        assert dict(found.wheels) == {"x": wheel}
        assert found.pins[0].requirement == "x==1.5"

    def test_a_pin_above_it_does_not(self):
        found = merged([], ["./x-1.5-py3-none-any.whl"], ["x==1.4"])
        assert dict(found.wheels) == {}
        assert found.notes == ("x==1.4 (custom[0]) is taken, not x-1.5-py3-none-any.whl (file[0]).",)

    def test_another_content_than_the_hash_says(self):
        with pytest.raises(UsageError, match=r"x-1\.5-py3-none-any\.whl \(custom\[0\]\): the file has sha256:"):
            merged(custom=[f"./x-1.5-py3-none-any.whl --hash={A}"])

    @pytest.mark.parametrize("other", ["x==1.6", "x>2", f"x @ git+https://host/x@{COMMIT}", "./x-1.6-py3-none-any.whl"])
    def test_what_contradicts_one(self, wheel, other):
        (wheel.parent / "x-1.6-py3-none-any.whl").touch()
        with pytest.raises(UsageError, match=r"x-1\.5-py3-none-any\.whl \(custom\[0\]\) and .* contradict each other"):
            merged(custom=["./x-1.5-py3-none-any.whl", other])


def test_options_of_both_lists_are_kept_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wheels").mkdir()
    found = merged(
        file=["--index-url https://host/a", "--pre", "-f wheels", "--require-hashes"],
        custom=["--extra-index-url https://host/b", "--pre", "-f wheels"],
    )
    assert found.index_options == ("--index-url https://host/a", "--pre", "--extra-index-url https://host/b")
    assert found.local_links == (tmp_path / "wheels",)
    assert found.require_hashes


def test_settings_for_a_build_leave_a_note():
    assert "--config-settings is left out" in merged(custom=["x==1 -C a=b"]).notes[0]


def test_notes_of_the_lists_come_first():
    found = merged(file=["y; sys_platform == 'win32'", "new"], custom=["z; sys_platform == 'win32'"])
    assert [note[:7] for note in found.notes] == ["file[0]", "custom[", "new (fi"]


names = st.sampled_from(["numpy", "NumPy", "scipy", "x", "X", "new"])
wanted = st.sampled_from(["", "==1.0", "==1.5", ">=1", "<2", ">=1,<3", "~=1.4", "[a]", "[b]==1.5", f"==1.5 --hash={A}"])
listed = st.lists(st.tuples(names, wanted).map("".join), max_size=5)


@given(listed, listed, st.booleans(), st.randoms())
def test_any_lists_give_sorted_pins_or_an_error_that_names_two_places(file, custom, is_captured, random):
    captured = [NUMPY, Pin("x", "x==1.5", "r")] if is_captured else []
    found = None
    with suppress(UsageError):
        found = merged(captured, file, custom)
    if found is None:
        with pytest.raises(UsageError, match=r"\[\d\].*\[\d\]"):
            merged(captured, file, custom)
        return
    text(found)
    assert len({pin.name for pin in found.pins}) == len(found.pins)
    assert {pin.name for pin in captured} <= {pin.name for pin in found.pins}
    random.shuffle(captured)
    assert merged(captured, file, custom) == found
    again = merge([], None, lines(*[pin.requirement for pin in found.pins]), installed={}.get)
    assert [pin.requirement for pin in again.pins] == [pin.requirement for pin in found.pins]


class TestConsistency:
    REQUIRES: ClassVar = {
        "scikit-learn": ["numpy>=1.19.5,<3", "scipy>=1.6; python_version > '3'", "pytest; extra == 'tests'"],
        "old": ["Numpy<2", "pytz (>dev)", "absent>=1"],
        "fancy": ["colours>=2; extra == 'colour'", "x @ https://host/x.zip", "numpy; sys_platform == 'win32'"],
    }

    def check(self, *pins: Pin) -> None:
        check_consistent(pins, lambda name: self.REQUIRES.get(name, ()), ENVIRONMENT)

    def test_what_fits(self):
        self.check(NUMPY, SCIPY, Pin("scikit-learn", "scikit-learn==1.5", "r"), Pin("pytest", "pytest==0.1", "r"))
        self.check(Pin("fancy", "fancy==1", "r"), Pin("colours", "colours==1", "r"), Pin("x", "x==1", "r"), NUMPY)
        self.check(Pin("old", "old==1", "r"), Pin("numpy", f"numpy @ git+https://host/x@{COMMIT}", "r"))
        self.check(Pin("old", "old==1", "r"), Pin("numpy", "numpy==1.27rc1", "r"))
        self.check(Pin("old", "old==1", "r"), Pin("numpy", "numpy>=2", "r"))

    def test_what_does_not(self):
        pin = Pin("numpy", "numpy==3.1", "given in custom[0]")
        with pytest.raises(UsageError) as caught:
            self.check(pin, Pin("scikit-learn", "scikit-learn==1.5", "r"), Pin("old", "old==1", "r"))
        assert (
            "numpy==3.1 (given in custom[0]) is not what scikit-learn demands (numpy<3,>=1.19.5)" in caught.value.what
        )
        assert "numpy==3.1 (given in custom[0]) is not what old demands (Numpy<2)" in caught.value.what
        assert "another version" in caught.value.remedy

    def test_extras_count_where_they_are_asked_for(self):
        with pytest.raises(UsageError, match=r"colours==1 \(r\) is not what fancy demands"):
            self.check(Pin("fancy", "fancy[colour]==1", "r"), Pin("colours", "colours==1", "r"))
