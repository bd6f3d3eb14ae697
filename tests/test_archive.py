"""model.tar.gz: any unpacker reads it, and the same content gives the same bytes."""

from __future__ import annotations

import gzip
import os
import random
import subprocess
import tarfile
import zlib
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdk_modelbuilder import archive as archives
from cdk_modelbuilder.archive import COMPRESS_FROM, ArchiveWriter
from cdk_modelbuilder.building.sealing import seal
from cdk_modelbuilder.errors import IntegrityError

EDGES = [0, 1, 511, 512, 513, 0xFFFF - 512, 0xFFFF - 1, 0xFFFF, 0x10000, 0x10001, 2 * 0xFFFF, 2 * 0xFFFF + 1]


def write(path: Path, files: dict[str, bytes]) -> Path:
    """An archive of ``files``, each by way of the disk."""
    with TemporaryDirectory() as place, ArchiveWriter(path) as writer:
        source = Path(place) / "source"
        for name, data in files.items():
            source.write_bytes(data)
            writer.add_file(name, source)
    return path


def read(path: Path) -> dict[str, bytes]:
    with tarfile.open(path, "r:gz") as tar:
        return {member.name: tar.extractfile(member).read() for member in tar.getmembers()}


NAMES = st.lists(
    st.text(
        st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="/"), min_size=1, max_size=120
    ).filter(lambda part: part not in (".", "..")),
    min_size=1,
    max_size=3,
).map("/".join)


@given(st.dictionaries(NAMES, st.binary(max_size=2000) | st.sampled_from(EDGES).map(bytes), max_size=5))
@settings(max_examples=60, deadline=None)
def test_any_files_come_back(files):
    with TemporaryDirectory() as place:
        assert read(write(Path(place) / "a.tar.gz", files)) == files


@pytest.mark.parametrize("size", EDGES)
def test_sizes_around_the_limits_of_blocks(tmp_path, size):
    data = random.Random(size).randbytes(size)
    path = write(tmp_path / "a.tar.gz", {"w": data, "x": b"after"})
    assert read(path) == {"w": data, "x": b"after"}
    assert len(gzip.decompress(path.read_bytes())) % tarfile.RECORDSIZE == 0


def test_gzip_and_gnu_tar_read_it(tmp_path):
    files = {
        "model.bin": random.Random(1).randbytes(200_000),
        "text.json": b'{"a": 1}' * (1 << 18),
        "code/" + "d" * 120 + "/inference.py": b"x = 1\n",
        "名/é.txt": b"",
        "-rf": b"a name that looks like an option",
    }
    path = write(tmp_path / "a.tar.gz", files)
    subprocess.run(["gzip", "-t", path], check=True)
    (tmp_path / "out").mkdir()
    listed = subprocess.run(["tar", "-C", tmp_path / "out", "-xvzf", path], capture_output=True, check=True)
    assert listed.stderr == b""
    found = {
        item.relative_to(tmp_path / "out").as_posix(): item for item in (tmp_path / "out").rglob("*") if item.is_file()
    }
    assert {name: item.read_bytes() for name, item in found.items()} == files


def test_times_modes_and_owners_do_not_show(tmp_path):
    source = tmp_path / "source"
    source.write_bytes(b"1" * 3000)
    archived = []
    for mode, time in ((0o644, 1), (0o700, 1_700_000_000)):
        source.chmod(mode)
        os.utime(source, (time, time))
        with ArchiveWriter(tmp_path / "a.tar.gz") as writer:
            writer.add_file("w", source)
        archived.append((tmp_path / "a.tar.gz").read_bytes())
    assert archived[0] == archived[1]
    with tarfile.open(tmp_path / "a.tar.gz") as tar:
        member = tar.getmember("w")
    assert (member.mode, member.mtime, member.uid, member.gid, member.uname, member.gname) == (0o644, 0, 0, 0, "", "")


def test_a_large_file_that_compresses_is_compressed(tmp_path):
    text = b"".join(b"%d,%d\n" % (number, number * 7) for number in range(200_000))
    assert len(text) > COMPRESS_FROM
    path = write(tmp_path / "a.tar.gz", {"before": b"1", "big.csv": text, "after": b"2"})
    assert path.stat().st_size < len(text) / 2
    assert read(path) == {"before": b"1", "big.csv": text, "after": b"2"}
    subprocess.run(["gzip", "-t", path], check=True)


def test_two_compressed_files_one_after_the_other(tmp_path):
    files = {name: name.encode() * (COMPRESS_FROM + extra) for name, extra in (("a", 0), ("b", 511), ("c", 1))}
    path = write(tmp_path / "a.tar.gz", files)
    assert path.stat().st_size < COMPRESS_FROM / 10
    assert read(path) == files


def test_what_does_not_compress_is_stored(tmp_path):
    noise = random.Random(0).randbytes(3 << 20)
    path = write(tmp_path / "a.tar.gz", {"weights": noise})
    tar_size = len(gzip.decompress(path.read_bytes()))
    assert path.stat().st_size - tar_size < tar_size / 1000
    assert tar_size - len(noise) <= 512 + tarfile.RECORDSIZE
    assert read(path) == {"weights": noise}


def test_a_small_file_is_stored_whatever_it_holds(tmp_path):
    path = write(tmp_path / "a.tar.gz", {"zeros": bytes(COMPRESS_FROM - 1)})
    assert path.stat().st_size > COMPRESS_FROM - 1


def test_a_text_head_does_not_make_a_file_of_noise_compressed(tmp_path):
    noise = b"{" * 5000 + random.Random(0).randbytes(4 << 20)
    assert write(tmp_path / "a.tar.gz", {"w": noise}).stat().st_size > len(noise)


def test_bytes_of_more_blocks_than_one_system_call_takes(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "_STORED_LIMIT", 1000)  # as a manifest of 34 MB would have with whole blocks
    data = random.Random(0).randbytes(2_000_000)
    with ArchiveWriter(tmp_path / "a.tar.gz") as writer:
        writer.add_bytes("manifest.json", data)
    assert read(tmp_path / "a.tar.gz") == {"manifest.json": data}


def test_short_writes_are_completed(tmp_path, monkeypatch):
    real = os.writev

    def writev(descriptor, pieces):
        joined = b"".join(pieces)
        return real(descriptor, [joined[: max(1, len(joined) // 3)]])

    monkeypatch.setattr(archives.os, "writev", writev)
    assert read(write(tmp_path / "a.tar.gz", {"w": b"12345" * 50_000})) == {"w": b"12345" * 50_000}


def test_nothing_is_ever_written_without_bytes(tmp_path, monkeypatch):
    # writev() of no pieces is an error on macOS.
    real, calls = os.writev, []

    def writev(descriptor, pieces):
        calls.append(len(pieces))
        return real(descriptor, pieces)

    monkeypatch.setattr(archives.os, "writev", writev)
    write(tmp_path / "a.tar.gz", {"none": b"", "block": bytes(512)})
    assert calls
    assert min(calls) > 0


def test_the_stream_has_no_end_when_the_block_raises(tmp_path):
    path = tmp_path / "a.tar.gz"
    with pytest.raises(RuntimeError, match="stop"), ArchiveWriter(path) as writer:  # noqa: PT012
        writer.add_bytes("a", b"1" * 1000)
        raise RuntimeError("stop")
    decoder = zlib.decompressobj(31)
    decoder.decompress(path.read_bytes())
    assert not decoder.eof
    assert subprocess.run(["gzip", "-t", path], capture_output=True, check=False).returncode != 0


def test_a_file_that_shrinks_meanwhile_is_an_error(tmp_path):
    source = tmp_path / "source"
    source.write_bytes(b"1" * 3_000_000)

    def cut(count):
        os.truncate(source, 100)

    with pytest.raises(OSError, match="became shorter"), ArchiveWriter(tmp_path / "a.tar.gz") as writer:
        writer.add_file("w", source, cut)


def test_progress_counts_every_byte(tmp_path):
    (tmp_path / "source").write_bytes(bytes(3_000_000))
    counts = []
    with ArchiveWriter(tmp_path / "a.tar.gz") as writer:
        writer.add_file("w", tmp_path / "source", counts.append)
    assert sum(counts) == 3_000_000


def test_the_header_is_one_that_every_machine_writes(tmp_path):
    data = write(tmp_path / "a.tar.gz", {}).read_bytes()
    assert data[:10] == bytes.fromhex("1f8b08000000000000ff")
    assert gzip.decompress(data) == bytes(tarfile.RECORDSIZE)
    assert int.from_bytes(data[-8:-4], "little") == zlib.crc32(bytes(tarfile.RECORDSIZE))
    assert read(tmp_path / "a.tar.gz") == {}


def sealed(folder: Path, target: Path | None) -> list[tuple[int, int]]:
    told: list[tuple[int, int]] = []
    with seal(
        folder, name="demo", archive=target, progress=lambda step, done, total: told.append((done, total))
    ) as made:
        made.finish(b"{}\n", None)
    return told


def test_a_sealed_folder_and_its_archive_hold_the_same(tmp_path):
    folder = tmp_path / "model"
    for name, data in {"b/c.py": b"1", "a": b"22", "b.txt": b"", "名": b"4"}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    told = sealed(folder, tmp_path / "model.tar.gz")
    here = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert read(tmp_path / "model.tar.gz") == here
    with tarfile.open(tmp_path / "model.tar.gz") as tar:
        names = tar.getnames()
    assert names == ["a", "b/c.py", "b.txt", "名", ".modelbuilder/manifest.json", ".modelbuilder/signature.json"]
    assert told[-1] == (8, 8)


def test_a_folder_that_cannot_be_signed_leaves_no_whole_archive(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "link").symlink_to("/etc/hostname")
    with pytest.raises(IntegrityError, match="link is a symbolic link"):
        sealed(folder, tmp_path / "model.tar.gz")
    (folder / "link").unlink()
    (folder / "a:b").write_bytes(b"")
    with pytest.raises(IntegrityError, match="cannot be signed"):
        sealed(folder, tmp_path / "model.tar.gz")
    assert not (tmp_path / "model.tar.gz").exists()
