"""Two real bundles: each thing that differs has its lines, and nothing else has."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path

import pytest

from cdk_modelbuilder._version import __version__
from cdk_modelbuilder.comparing import Mark, compare, report_markdown
from cdk_modelbuilder.comparing.report import ABSENT
from tests.comparing.homes import COLUMNS, build_homes, changes, edit_json, facets, groups, section
from tests.conftest import MASTER_KEY
from tests.integrity.key_pairs import private_pem
from tests.tuning.scripted import result


def copied(bundle, tmp_path, name: str = "copy") -> Path:
    place = tmp_path / name
    shutil.copytree(bundle.path, place)
    return place


def lines(report, facet: str) -> dict[str, tuple]:
    return {
        change.what.replace("\x02", "").replace("\x03", ""): (change.old, change.new, change.marks)
        for group in section(report, facet).groups
        for change in group.changes
    }


def test_nothing_is_said_where_nothing_changed(homes, tmp_path):
    again = build_homes(tmp_path / "elsewhere" / "homes", signing_key=MASTER_KEY, keep_samples=True)
    report = compare(str(homes.path), str(again.path))
    assert not report
    assert report.words == frozenset()
    assert report_markdown(report) == ""


def test_the_models_files_need_not_be_there(homes, other_homes, tmp_path):
    old, new = copied(homes, tmp_path, "old"), copied(other_homes, tmp_path, "new")
    for folder in (old, new):
        shutil.rmtree(folder / "model")
        (folder / "model.tar.gz").unlink()
    report = compare(str(old), str(new))
    (file,) = [change for change in changes(report) if "model.pkl" in change.what]
    assert len(file.old) == len(file.new) == 12  # a digest alone: nothing says how large it is
    assert facets(report) == ["model", "golden"]


def test_a_tuning(homes, tmp_path):
    folder = copied(homes, tmp_path)
    result(environment={"SAGEMAKER_MODEL_SERVER_WORKERS": "2", "OMP_NUM_THREADS": None}).save(folder)
    report = compare(str(homes.path), str(folder))
    assert facets(report) == ["container"]
    assert lines(report, "container") == {
        "tuned variable SAGEMAKER_MODEL_SERVER_WORKERS": (ABSENT, "2", ()),
        "tuned variable OMP_NUM_THREADS": (ABSENT, "taken away", ()),
        "tuned for": (ABSENT, "throughput, requests, within p99 50.0 ms", ()),
        "tuned on": (ABSENT, "2 processors, x86_64", ()),
        "times as good as the bundle's own": (ABSENT, "1.80 (95 %: 1.70 to 1.90)", ()),
    }
    assert not compare(str(folder), str(folder))
    (folder / "tuning.json").write_text("[]")  # whatever it holds, the review goes on
    assert not compare(str(homes.path), str(folder))


def test_other_weights(homes, other_homes):
    report = compare(str(homes.path), str(other_homes.path))
    assert facets(report) == ["model", "golden"]
    found = lines(report, "model")
    assert found["root digest"] == (homes.root_sha256, other_homes.root_sha256, ())
    assert found["key id"] == (homes.key_id, other_homes.key_id, (Mark.FOLLOWS,))
    assert found["model.pkl"][0].endswith(" B")
    assert set(found) == {"root digest", "key id", "model.pkl"}
    summary = report.parts[0].summary
    assert f"model digest \x02{homes.root_sha256[:12]}\x03 → \x02{other_homes.root_sha256[:12]}\x03" in summary
    assert "image unchanged" in summary


def test_pins_stand_once_and_not_among_the_containers_variables(homes, other_homes):
    text = report_markdown(compare(str(homes.path), str(other_homes.path)))
    assert text.count(other_homes.root_sha256) == 1
    assert "MODELBUILDER_ROOT_SHA256" not in text


def answer_of(bundle):
    golden = json.loads((bundle.path / "golden.json").read_text())
    return json.loads(base64.b64decode(golden["comparable"]["base64"]))


def test_golden_test_without_values_unless_asked(homes, other_homes):
    report = compare(str(homes.path), str(other_homes.path))
    (line,) = section(report, "golden").groups[0].changes
    old, new = (answer_of(bundle) for bundle in (homes, other_homes))
    values = [[row[0] for row in side["data"]] for side in (old, new)]
    largest = max(abs(a - b) / max(a, b) for a, b in zip(*values, strict=True))
    assert line.what == "the answer is another"
    assert line.note == f"3 of 3 numbers, by at most {100 * largest:.3g} %"
    assert (line.old, line.new) == (ABSENT, ABSENT)
    assert all(str(value) not in report_markdown(report) for value in (*values[0], *values[1]))
    shown = compare(str(homes.path), str(other_homes.path), show_values=True)
    (line,) = section(shown, "golden").groups[0].changes
    assert (line.old, line.new) == (old, new)


def test_golden_test_that_comes_or_goes(homes, tmp_path):
    bare = build_homes(tmp_path / "bare", signing_key=MASTER_KEY)
    gone = compare(str(homes.path), str(bare.path))
    assert "no golden test any more" in section(gone, "golden").groups[0].changes[0].what
    come = compare(str(bare.path), str(homes.path))
    assert "there is a golden test now" in section(come, "golden").groups[0].changes[0].what


def test_other_columns(homes, tmp_path):
    wider = build_homes(tmp_path / "wider", columns={**COLUMNS, "rooms": [2.5, 3.0, 4.0], "age": [1, 2, 3]})
    report = compare(str(homes.path), str(wider.path))
    found = lines(report, "schema")
    assert found["column"] == (ABSENT, "age int64", (Mark.BREAKING,))
    assert found["column rooms: dtype"] == ("int64", "float64", (Mark.COMPATIBLE,))
    assert "input schema changed (breaking for callers)" in report.parts[0].summary
    # Its signed copy, and the document that is made of it, are no changes of their own.
    (made,) = [group for group in groups(report) if group.title == "Made from the schema"]
    assert {change.marks for change in made.changes} == {(Mark.FOLLOWS,)}
    assert not made.diffs


def test_other_dependencies(homes, tmp_path):
    lines_of = ["pandas", "numpy==2.2.0", "six==1.16.0"]
    pinned = build_homes(tmp_path / "pinned", dependencies={"auto": False, "custom": lines_of})
    report = compare(str(homes.path), str(pinned.path))
    found = lines(report, "dependencies")
    old = next(line for line in (homes.path / "requirements.lock").read_text().splitlines() if line.startswith("numpy"))
    assert found["numpy"] == (old.split()[0].partition("==")[2], "2.2.0", (Mark.MAJOR,))
    assert found["six"][1:] == ("1.16.0", (Mark.MAJOR,))  # older than it was
    (numpy,) = [change for change in section(report, "dependencies").groups[0].changes if "numpy" in change.what]
    assert "older than before" in numpy.note
    assert "given in dependencies" in numpy.note
    (diff,) = [diff for group in groups(report) for diff in group.diffs]
    assert diff.path == "code/requirements.txt"
    assert "+numpy==2.2.0" in diff.lines


def test_other_image(homes, tmp_path):
    image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/sklearn:7"
    own = build_homes(tmp_path / "own", image_uri=image, model_server="sklearn", keep_samples=True)
    report = compare(str(homes.path), str(own.path))
    found = lines(report, "container")
    assert found["image"] == (ABSENT, image, (Mark.SECURITY,))
    assert found["image is patched until"][1] is ABSENT
    (line,) = [line for line in report.parts[0].summary if line.startswith("image ")]
    assert line.endswith(f"→ \x02{image}\x03")
    assert any(what.startswith("fewer regions: 3") for what in found)


def test_end_of_patch_passed_and_nearer(homes, tmp_path):
    import datetime as dt

    copy = copied(homes, tmp_path)
    edit_json(copy / "container.json", lambda spec: spec["image"].update(end_of_patch="2026-06-01"))
    today = dt.date(2026, 5, 1)
    before = compare(str(homes.path), str(copy), today=today)
    (line,) = section(before, "container").groups[0].changes
    assert (line.marks, line.note) == ((), "nearer than before")
    after = compare(str(homes.path), str(copy), today=dt.date(2026, 7, 1))
    (line,) = section(after, "container").groups[0].changes
    assert line.marks == (Mark.SECURITY,)
    assert line.note.startswith("passed")


def test_container_settings(homes, tmp_path):
    copy = copied(homes, tmp_path)

    def edit(spec):
        spec["max_payload_bytes"] = 1 << 20
        spec["invocation_timeout_seconds"] = 120
        spec["environment"]["LEVEL"] = "5"
        spec["image"]["accounts"]["eu-west-1"] = "999999999999"
        del spec["image"]["accounts"]["us-east-1"]
        spec["execution_role_arn"] = "arn:aws:iam::123456789012:role/r"
        spec["secret_environment"]["OTHER"] = "0123456789abcdef"
        spec["unheard_of"] = {"a": 1}

    edit_json(copy / "container.json", edit)
    found = lines(compare(str(homes.path), str(copy)), "container")
    assert found["largest request (bytes)"][2] == (Mark.BREAKING,)
    assert found["longest time for an answer (s)"][2] == (Mark.COMPATIBLE,)
    assert found["variable LEVEL"] == (ABSENT, "5", ())
    assert found["account that the image comes from in eu-west-1"][1:] == ("999999999999", (Mark.SECURITY,))
    assert found["execution role"][2] == (Mark.SECURITY,)
    assert found["secret variable OTHER"][2] == (Mark.SECURITY,)
    assert found["unheard_of"] == (ABSENT, {"a": 1}, ())
    assert found["fewer regions: 1 region"]


def test_a_pin_that_is_not_the_bundles_own_is_a_finding(homes, tmp_path):
    copy = copied(homes, tmp_path)
    edit_json(copy / "container.json", lambda spec: spec["environment"].update(MODELBUILDER_ROOT_SHA256="0" * 64))
    report = compare(str(homes.path), str(copy))
    (finding,) = section(report, "findings").groups[0].changes
    assert finding.marks == (Mark.SECURITY,)
    assert "MODELBUILDER_ROOT_SHA256 is 0000" in finding.note
    assert str(copy) in finding.note  # not where it was unpacked
    assert "cdk-modelbuilder-" not in finding.note
    assert lines(report, "container")["variable MODELBUILDER_ROOT_SHA256"][2] == (Mark.SECURITY,)
    mended = compare(str(copy), str(homes.path))
    assert "the new one is not" in section(mended, "findings").groups[0].changes[0].what
    assert not compare(str(copy), str(copy))


def test_code_that_was_changed_after_it_was_signed(homes, tmp_path):
    copy = copied(homes, tmp_path)
    code = copy / "model" / "code"
    (code / "inference.py").write_text((code / "inference.py").read_text() + "print('hello')\n")
    (code / "extra.py").write_text("x = 1\n")
    report = compare(str(homes.path), str(copy))
    found = {change.what: change.marks for change in section(report, "findings").groups[0].changes}
    assert found == {
        "\x02code/inference.py\x03 is not what the manifest says": (Mark.SECURITY,),
        "\x02code/extra.py\x03 is not listed in the manifest": (Mark.SECURITY,),
    }
    diffs = {diff.path: diff.lines for group in groups(report) for diff in group.diffs}
    assert "+print('hello')" in diffs["code/inference.py"]
    assert "+x = 1" in diffs["code/extra.py"]


def test_the_runtime_is_told_apart_from_code_of_the_user(homes, tmp_path):
    """Whoever changes the verifier in a bundle and signs it is seen, whatever version they claim."""
    copy = copied(homes, tmp_path)
    old = copied(homes, tmp_path, "old")
    for folder, text in ((old, "# of an older version\n"), (copy, "# not ours\n")):
        (folder / "model/code/modelbuilder_verify.py").write_text(text)
        _sign_anew(folder)
    report = compare(str(old), str(copy))
    (group,) = [item for item in groups(report) if item.title.startswith("Runtime")]
    (line,) = group.changes
    assert (line.marks, line.note) == ((Mark.SECURITY,), f"not as cdk-modelbuilder {__version__} ships it")
    assert not group.folded
    assert "-# of an older version" in group.diffs[0].lines
    assert "+# not ours" in group.diffs[0].lines
    back = compare(str(old), str(homes.path))
    (group,) = [item for item in groups(back) if item.title.startswith("Runtime")]
    assert group.changes[0].marks == (Mark.FOLLOWS,)
    assert group.changes[0].what == f"1 file as cdk-modelbuilder {__version__} ships it"
    edit_json(copy / "bundle.json", lambda info: info.update(builder_version="9.9"))
    unknown = compare(str(old), str(copy))
    (group,) = [item for item in groups(unknown) if item.title.startswith("Runtime")]
    assert group.changes[0].marks == (Mark.UNCLEAR,)


def _sign_anew(folder: Path) -> None:
    """Manifest, signature and pins for what the folder holds now, as somebody with the master key could make them."""
    from cdk_modelbuilder.integrity.manifest import make_manifest
    from cdk_modelbuilder.integrity.signature import BundleKey, sign

    shutil.rmtree(folder / "model/.modelbuilder")
    manifest = make_manifest(folder / "model", name="homes")
    key = BundleKey.derive(bytes.fromhex(MASTER_KEY), manifest.root_sha256)
    (folder / "manifest.json").write_bytes(manifest.data)
    (folder / "signature.json").write_bytes(sign(manifest, key))
    pins = {"root_sha256": manifest.root_sha256, "manifest_sha256": manifest.sha256}
    edit_json(folder / "bundle.json", lambda info: info.update(pins))

    def edit(spec):
        spec["environment"] |= {f"MODELBUILDER_{name.upper()}": value for name, value in pins.items()}
        spec["environment"]["MODELBUILDER_KEY_ID"] = key.key_id
        spec["secret_environment"]["MODELBUILDER_HMAC_KEY"] = key.key_id

    edit_json(folder / "container.json", edit)


def test_code_whose_text_is_missing_on_one_side(homes, tmp_path):
    new = build_homes(tmp_path / "new", dependencies={"auto": True, "custom": ["six==1.16.0", "rich==13.7.0"]})
    shutil.rmtree(new.path / "model")
    report = compare(str(homes.path), str(new.path))
    lines_of_code = [change for group in section(report, "code").groups for change in group.changes]
    (packages,) = [change for change in lines_of_code if "code/requirements.txt" in change.what]
    assert packages.note == "the new one is not here"
    assert len(packages.old) == len(packages.new) == 64


def test_characters_that_hide_code_are_shown_and_marked(homes, tmp_path):
    copy = copied(homes, tmp_path)
    path = copy / "model" / "code" / "inference.py"
    path.write_text(path.read_text() + "access = 'user\u202e # admin'\n")
    report = compare(str(homes.path), str(copy))
    (diff,) = [diff for group in groups(report) for diff in group.diffs]
    assert diff.marks == (Mark.SECURITY,)
    assert "+access = 'user\\u202e # admin'" in diff.lines
    assert "\u202e" not in report_markdown(report)


def test_new_pickle_globals_and_formats_are_marked(homes, tmp_path):
    copy = copied(homes, tmp_path)

    def edit(info):
        info["model"]["pickle_globals"].append("posix.system")
        info["model"]["reproducible"] = False
        info["notes"] = [*info["notes"], "look here"]
        info["framework"]["version"] = "9.0"
        info["unheard_of"] = 1

    edit_json(copy / "bundle.json", edit)
    report = compare(str(homes.path), str(copy))
    found = lines(report, "model")
    assert found["global that the model's pickle data call"] == (ABSENT, "posix.system", (Mark.SECURITY,))
    assert found["framework's version"][2] == (Mark.MAJOR,)
    assert found["note"][1] == "look here"
    assert found["reproducible"] == (True, False, ())
    assert found["unheard_of"] == (ABSENT, 1, ())
    assert {"model", "security", "major"} == report.words


def test_signatures_for_a_public_key(tmp_path, homes):
    old = build_homes(tmp_path / "old", signing_key=MASTER_KEY, keep_samples=True, signing_private_key=private_pem(7))
    new = build_homes(tmp_path / "new", signing_key=MASTER_KEY, keep_samples=True, signing_private_key=private_pem(8))
    other = lines(compare(str(old.path), str(new.path)), "model")
    assert other["public key"] == (old.public_key_id, new.public_key_id, (Mark.SECURITY,))
    removed = lines(compare(str(old.path), str(homes.path)), "model")
    assert removed["signature for a public key: there is none any more"][2] == (Mark.SECURITY,)
    added = lines(compare(str(homes.path), str(new.path)), "model")
    assert added["signature for a public key: there is one now"] == (ABSENT, new.public_key_id, ())


def test_another_master_key_for_the_same_content(homes, tmp_path):
    resigned = build_homes(tmp_path / "resigned", signing_key="11" * 32, keep_samples=True)
    report = compare(str(homes.path), str(resigned.path))
    (line,) = section(report, "model").groups[0].changes
    assert (line.what, line.marks) == ("key id", (Mark.SECURITY,))
    assert "another master key" in line.note
    assert facets(report) == ["model"]


@pytest.mark.parametrize("name", ["requirements.lock", "schema.json", "container.json", "bundle.json", "golden.json"])
def test_whatever_else_a_text_file_says_is_not_lost(homes, tmp_path, name):
    copy = copied(homes, tmp_path)
    if name.endswith(".lock"):
        with (copy / name).open("a") as lock:
            lock.write("# a remark\n")
    else:
        edit_json(copy / name, lambda data: data.update(brand_new=[1, {"a": "b"}]))
    assert compare(str(homes.path), str(copy))
    assert compare(str(copy), str(homes.path))


def test_a_bundle_that_is_new_or_removed(homes, tmp_path):
    new = compare("/dev/null", str(homes.path))
    assert new.parts[0].summary[0] == "new bundle"
    found = lines(new, "model")
    assert found["root digest"] == (ABSENT, homes.root_sha256, ())
    assert found["input"][1] == "pandas DataFrame (size float64, rooms int64)"
    assert found["golden test"][1] == "yes"
    assert found["format of the model's file"] == (ABSENT, "pickle", (Mark.SECURITY,))
    gone = compare(str(homes.path), "/dev/null")
    assert gone.parts[0].summary == ("bundle removed",)
    assert lines(gone, "model") == {"root digest": (homes.root_sha256, ABSENT, ())}


def test_folders_of_bundles(homes, other_homes, tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    shutil.copytree(homes.path, old / "homes")
    shutil.copytree(homes.path, old / "removed")
    shutil.copytree(other_homes.path, new / "homes")
    shutil.copytree(homes.path, new / "added")
    report = compare(str(old), str(new))
    titles = [(part.title, part.summary[0].split(" \x02")[0]) for part in report.parts]
    assert titles == [
        ("Bundle \x02homes\x03 in \x02added\x03", "new bundle"),
        ("Bundle \x02homes\x03", "model digest"),
        ("Bundle \x02homes\x03 in \x02removed\x03", "bundle removed"),
    ]
    assert not compare(str(old), str(old))
