"""Checks a model folder before anything in it is imported, installed or unpickled.

This one file uses the standard library only and runs on Python 3.8 and newer. It stands in the package and, byte for
byte the same, in every bundle as ``code/modelbuilder_verify.py``. What it checks is written down in
docs/integrity.md; the formats are the OpenSSF Model Signing statement (``manifest.json``) and a signature over that
statement's bytes, both in the folder ``.modelbuilder`` of the model folder: an HMAC-SHA256 (``signature.json``), or one
that a public key verifies (``model.sig``).

The environment says which, and how the key comes: it stands there itself; or the ARN of a secret does, and the file
``stored_key`` fetches it; or a public key does, and the file ``public_signature`` checks with it. Both files travel
beside this one and are imported in their mode only.

    python -m cdk_modelbuilder.integrity.verifier MODEL_DIR      # reads the expected values from the environment
"""

from __future__ import annotations

import hashlib
import hmac
import importlib
import importlib.util
import io
import json
import os
import re
import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, List, Optional, Tuple, Union

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

METADATA_FOLDER = ".modelbuilder"
MANIFEST_NAME = "manifest.json"
SIGNATURE_NAME = "signature.json"
PUBLIC_SIGNATURE_NAME = "model.sig"

KEY_VARIABLE = "MODELBUILDER_HMAC_KEY"
KEY_ARN_VARIABLE = "MODELBUILDER_KEY_SECRET_ARN"
PUBLIC_KEY_VARIABLE = "MODELBUILDER_PUBLIC_KEY"
DELIVERIES = (KEY_VARIABLE, KEY_ARN_VARIABLE, PUBLIC_KEY_VARIABLE)
"""How the key comes: the environment holds exactly one of these."""
KEY_ID_VARIABLE = "MODELBUILDER_KEY_ID"
ROOT_VARIABLE = "MODELBUILDER_ROOT_SHA256"
MANIFEST_VARIABLE = "MODELBUILDER_MANIFEST_SHA256"

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://model_signing/signature/v1.0"
ALGORITHM = "HMAC-SHA256"

_READ_SIZE = 1 << 20
_METADATA_LIMIT = 64 << 20
_UNSAFE = re.compile("[\x00-\x1f\\\\:\ud800-\udfff]")
_verified: dict[str, str] = {}  # real path -> root digest, for this process


StrPath = Union[str, "os.PathLike[str]"]
Resource = Tuple[str, int, Optional[int], bytes]
Resources = List[Resource]


class IntegrityError(Exception):
    """A model folder is not what was signed. The message names the file and what to do."""


def verify_from_environment(model_dir: StrPath, environ: Mapping[str, str] | None = None) -> str:
    """Verify ``model_dir`` against the ``MODELBUILDER_*`` variables; once a process and folder.

    Returns the root digest (64 hex digits). Raises IntegrityError.
    """
    environ = os.environ if environ is None else environ
    place = os.path.realpath(model_dir)
    if place not in _verified:
        delivery = _delivery(environ)
        pins = {"root_sha256": environ[ROOT_VARIABLE], "manifest_sha256": environ[MANIFEST_VARIABLE]}
        if delivery == PUBLIC_KEY_VARIABLE:
            _verified[place] = verify_public(model_dir, public_key=environ[delivery], **pins)
        else:
            key_id = environ[KEY_ID_VARIABLE]
            text = environ[delivery] if delivery == KEY_VARIABLE else _stored_key(environ[delivery], key_id)
            _verified[place] = verify(model_dir, key=_key_of(text, delivery), key_id=key_id, **pins)
    return _verified[place]


def _delivery(environ: Mapping[str, str]) -> str:
    given = [name for name in DELIVERIES if environ.get(name)]
    if len(given) > 1:
        raise IntegrityError(
            f"the environment sets {' and '.join(given)}, but exactly one of them must say how to check the signature. "
            "Remove what does not belong; the ModelEndpoint construct and cdk-modelbuilder run set one."
        )
    names = [ROOT_VARIABLE, MANIFEST_VARIABLE]
    if given != [PUBLIC_KEY_VARIABLE]:
        names.insert(0, KEY_ID_VARIABLE)
    missing = [name for name in names if not environ.get(name)]
    if not given:
        missing.insert(0, f"{KEY_VARIABLE} (or {' or '.join(DELIVERIES[1:])})")
    if missing:
        raise IntegrityError(
            "the environment lacks " + ", ".join(missing) + ", so the model cannot be verified. "
            "Deploy with the ModelEndpoint construct or start it with cdk-modelbuilder run; both set them."
        )
    return given[0]


def _stored_key(arn: str, key_id: str) -> str:
    stored_key = _beside("stored_key")
    try:
        return str(stored_key.fetch_key(arn, key_id))
    except stored_key.StoredKeyError as error:
        raise IntegrityError(str(error)) from None


def _key_of(text: str, delivery: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise IntegrityError(
            f"the key from {delivery} is not hexadecimal. It must be the bundle key as `cdk-modelbuilder keys push` "
            "stored it; an unresolved {{resolve:...}} text here means that the secret was not read."
        ) from None


def _beside(name: str) -> Any:
    """The travelling file ``name`` beside this one: of the package, or with the bundle's prefix in its code folder."""
    if __package__:
        return importlib.import_module(f"{__package__}.{name}")
    # By its path: whatever else has that name on sys.path is not asked.
    name = "modelbuilder_" + name
    spec = importlib.util.spec_from_file_location(name, os.path.join(os.path.dirname(__file__), name + ".py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def remember(model_dir: StrPath, root_sha256: str) -> None:
    """Take ``model_dir`` as verified in this process, by a caller that hashed it a moment ago."""
    _verified[os.path.realpath(model_dir)] = root_sha256


def forget(model_dir: StrPath) -> None:
    """Let the next verify_from_environment() of ``model_dir`` check it afresh."""
    _verified.pop(os.path.realpath(model_dir), None)


def verify(model_dir: StrPath, *, root_sha256: str, manifest_sha256: str, key: bytes, key_id: str) -> str:
    """Check everything about ``model_dir`` and return its root digest.

    The manifest's bytes and root digest must be the pinned ones, its HMAC valid under ``key``, every listed file as
    listed, and nothing else may be there: no unlisted file, no symlink, no special file. Raises IntegrityError.
    """

    def check(manifest: bytes) -> None:
        signature = parse_json_object(read_metadata(model_dir, SIGNATURE_NAME), SIGNATURE_NAME)
        check_signature(manifest, signature, key, key_id)

    return _verify(model_dir, root_sha256, manifest_sha256, check)


def verify_public(model_dir: StrPath, *, root_sha256: str, manifest_sha256: str, public_key: str) -> str:
    """The same as :func:`verify`, with the signature in ``model.sig`` and a public key (PEM, or base64 on one line)."""
    public_signature = _beside("public_signature")

    def check(manifest: bytes) -> None:
        signature = read_metadata(model_dir, PUBLIC_SIGNATURE_NAME)
        try:
            key = public_signature.PublicKey(public_key)
            public_signature.check_public_signature(signature, manifest, key)
        except public_signature.SignatureError as error:
            raise IntegrityError(str(error)) from None

    return _verify(model_dir, root_sha256, manifest_sha256, check)


def _verify(
    model_dir: StrPath, root_sha256: str, manifest_sha256: str, check_signature_over: Callable[[bytes], None]
) -> str:
    manifest = read_metadata(model_dir, MANIFEST_NAME)
    if not _same(hashlib.sha256(manifest).hexdigest(), manifest_sha256.lower()):
        raise IntegrityError(
            MANIFEST_NAME
            + " is not the one that was reviewed: its SHA-256 differs from the pinned "
            + MANIFEST_VARIABLE
            + ". Build again and deploy the new digest, or restore the published artifact."
        )
    check_signature_over(manifest)
    resources = read_resources(manifest)
    if not _same(root_digest(resources), root_sha256.lower()):
        raise IntegrityError("the root digest of " + MANIFEST_NAME + " is not the pinned " + ROOT_VARIABLE + ".")
    check_files(model_dir, resources)
    return root_digest(resources)


def check_signature(manifest: bytes, signature: dict[str, Any], key: bytes, key_id: str) -> None:
    """Check the HMAC in ``signature`` (parsed) over the bytes of ``manifest``."""
    if signature.get("algorithm") != ALGORITHM:
        raise IntegrityError(
            f"{SIGNATURE_NAME} names the algorithm {signature.get('algorithm')!r}; this verifier knows {ALGORITHM} "
            "only. Use the version of cdk-modelbuilder that built the bundle."
        )
    if hashlib.sha256(key).hexdigest()[:16] != key_id:
        raise IntegrityError(
            f"the key in {KEY_VARIABLE} does not have the id {key_id} that {KEY_ID_VARIABLE} names. Push the bundle's "
            "own key: `cdk-modelbuilder keys push`."
        )
    if signature.get("key_id") != key_id:
        raise IntegrityError(
            f"the model was signed with key {signature.get('key_id')}, but key {key_id} was given. Use the key of this "
            "bundle: `cdk-modelbuilder keys push`, or build again with the right master key."
        )
    expected = hmac.new(key, manifest, hashlib.sha256).hexdigest()
    if not _same(expected, str(signature.get("hmac"))):
        raise IntegrityError(
            f"the HMAC in {SIGNATURE_NAME} does not fit {MANIFEST_NAME}: one of them was changed after signing. Build "
            "again, or restore the published artifact."
        )
    told = {
        "manifest_sha256": hashlib.sha256(manifest).hexdigest(),
        "root_sha256": root_digest(read_resources(manifest)),
    }
    for field, true in told.items():  # not needed to verify, but people read them
        if signature.get(field) != true:
            raise IntegrityError(
                f"{SIGNATURE_NAME} says that {field} is {signature.get(field)}, but it is {true}. Restore the "
                "published artifact, or build again."
            )


def _same(expected: str, given: str) -> bool:
    # As bytes: compare_digest() takes no text beyond ASCII, and what is given may be anything.
    return hmac.compare_digest(expected.encode(), given.encode("utf-8", "surrogatepass"))


def read_metadata(model_dir: StrPath, name: str) -> bytes:
    """Bytes of one file in the metadata folder; IntegrityError if it is absent, a link, or oversized."""
    path = os.path.join(model_dir, METADATA_FOLDER, name)
    try:
        with _open_regular(path) as handle:
            data = handle.read(_METADATA_LIMIT + 1)
    except FileNotFoundError:
        raise IntegrityError(
            f"{METADATA_FOLDER}/{name} is missing, so the model cannot be verified. Unpack or copy the whole model "
            "folder."
        ) from None
    if len(data) > _METADATA_LIMIT:
        raise IntegrityError(f"{METADATA_FOLDER}/{name} is larger than {_METADATA_LIMIT} bytes.")
    return data


def parse_json_object(data: bytes, name: str) -> dict[str, Any]:
    """A JSON object from ``data``; IntegrityError names the file ``name`` when it is none."""
    try:
        value = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        raise IntegrityError(name + " is not valid JSON: it was changed or cut short.") from None
    if not isinstance(value, dict):
        raise IntegrityError(name + " is not a JSON object: it was changed or cut short.")
    return value


def read_resources(manifest: bytes) -> Resources:
    """The resources of a manifest's bytes: a list of ``(path, start, end, digest)``; ``end`` None is a whole file.

    The order is the statement's own, which decides the root digest.
    """
    statement = parse_json_object(manifest, MANIFEST_NAME)
    try:
        known = statement["_type"] == STATEMENT_TYPE and statement["predicateType"] == PREDICATE_TYPE
        serialization = statement["predicate"]["serialization"]
        method = serialization["method"]
        if not known or method not in ("files", "shards") or serialization["hash_type"] != "sha256":
            raise IntegrityError(
                f"{MANIFEST_NAME} is not an OpenSSF Model Signing v1.0 statement with SHA-256 that this version "
                "can read. Use the version of cdk-modelbuilder that built it."
            )
        # The reference implementation writes the size of the shards into the algorithm's name.
        algorithm = "sha256" if method == "files" else f"sha256-sharded-{int(serialization['shard_size'])}"
        resources: Resources = []
        for entry in statement["predicate"]["resources"]:
            name, digest = entry["name"], bytes.fromhex(entry["digest"])
            if not isinstance(name, str):
                raise TypeError("a name is not text")
            if entry["algorithm"] != algorithm or len(digest) != 32:
                raise IntegrityError(f"{MANIFEST_NAME} lists {name} without a digest of the kind {algorithm}.")
            start, end = 0, None
            if method == "shards":
                name, first, last = name.rsplit(":", 2)
                start, end = int(first), int(last)
            resources.append((name, start, end, digest))
        claimed = statement["subject"][0]["digest"]["sha256"]
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise IntegrityError(
            f"{MANIFEST_NAME} is malformed ({type(error).__name__}: {error}): it was changed or cut short."
        ) from None
    if claimed != root_digest(resources):
        raise IntegrityError(f"{MANIFEST_NAME} contradicts itself: its subject is not the digest of its resources.")
    _check_names(resources)
    return resources


def _check_names(resources: Resources) -> None:
    last_end: dict[str, int] = {}
    previous: tuple[tuple[str, ...], int] | None = None
    for name, start, end, _ in resources:
        if not safe_name(name):
            raise IntegrityError(f"{MANIFEST_NAME} lists the path {name!r}, which could leave the model folder.")
        place = (tuple(name.split("/")), start)
        if previous is not None and place <= previous:
            raise IntegrityError(f"{MANIFEST_NAME} lists {name} out of order or twice.")
        previous = place
        if end is not None:
            if start != last_end.get(name, 0) or end < start:
                raise IntegrityError(f"{MANIFEST_NAME} lists shards of {name} with a gap or an overlap.")
            last_end[name] = end


def safe_name(name: str) -> bool:
    """Whether ``name`` is a plain relative POSIX path that stays where it is put, outside the metadata folder."""
    parts = name.split("/")
    return (
        all(part not in ("", ".", "..") for part in parts)
        and parts[0] != METADATA_FOLDER
        and _UNSAFE.search(name) is None
    )


def root_digest(resources: Resources) -> str:
    """OpenSSF Model Signing root digest: SHA-256 over the raw digests in the statement's order, in hex."""
    return hashlib.sha256(b"".join(digest for _, _, _, digest in resources)).hexdigest()


def list_files(folder: StrPath) -> dict[str, int]:
    """Every file below ``folder``: a dict from POSIX path to size, without the metadata folder, unsorted.

    Raises IntegrityError for a symlink or a special file; directories are only walked.
    """
    try:
        return _walk(folder)
    except OSError as error:
        place = os.path.relpath(os.fsdecode(error.filename or folder), os.fspath(folder))
        raise IntegrityError(f"{place} cannot be listed: {error.strerror}.") from None


def _walk(folder: StrPath) -> dict[str, int]:
    found: dict[str, int] = {}
    waiting: list[tuple[str, StrPath]] = [("", folder)]
    while waiting:
        prefix, place = waiting.pop()
        with os.scandir(place) as entries:
            for entry in entries:
                name = prefix + entry.name
                if entry.is_symlink():
                    raise IntegrityError(
                        name + " is a symbolic link; a model folder holds files only. Replace it by "
                        "the file that it names."
                    )
                if name == METADATA_FOLDER:
                    known = {MANIFEST_NAME, SIGNATURE_NAME, PUBLIC_SIGNATURE_NAME}
                    extra = sorted(set(os.listdir(entry.path)) - known)
                    if extra:
                        raise IntegrityError(f"{METADATA_FOLDER}/{extra[0]} was not signed. Remove it.")
                elif entry.is_dir(follow_symlinks=False):
                    waiting.append((name + "/", entry.path))
                elif entry.is_file(follow_symlinks=False):
                    found[name] = entry.stat(follow_symlinks=False).st_size
                else:
                    raise IntegrityError(name + " is neither a file nor a folder. Remove it.")
    return found


def check_files(model_dir: StrPath, resources: Resources, on_bytes: Callable[[int], object] | None = None) -> None:
    """Compare the files below ``model_dir`` with ``resources``: names, sizes of shards, and every digest."""
    found = list_files(model_dir)
    listed = {name for name, _, _, _ in resources}
    for name in sorted(listed - set(found)):
        raise IntegrityError(name + " is missing. Restore the published artifact, or build again.")
    for name in sorted(set(found) - listed):
        raise IntegrityError(name + " was not signed: it was added after the build. Remove it, or build again.")
    ends = {name: end for name, _, end, _ in resources}
    for name, end in sorted(ends.items()):
        if end is not None and found[name] != end:
            raise IntegrityError(f"{name} has {found[name]} bytes, but {end} were signed.")

    def check(resource: Resource) -> None:
        name, start, end, digest = resource
        try:
            actual = hash_range(os.path.join(model_dir, *name.split("/")), start, end)
        except OSError as error:  # gone since it was listed, or a broken disk
            raise IntegrityError(f"{name} cannot be read: {error.strerror}.") from None
        if not hmac.compare_digest(actual, digest):
            raise IntegrityError(
                name + " was changed after signing: its SHA-256 is not the listed one. Restore the "
                "published artifact, or build again."
            )
        if on_bytes is not None:
            on_bytes((found[name] if end is None else end) - start)

    if sum(found.values()) < 4 * _READ_SIZE:  # threads cost more than they save
        for resource in resources:
            check(resource)
        return
    with ThreadPoolExecutor(worker_count()) as pool:
        for _ in pool.map(check, resources):
            pass


def worker_count() -> int:
    """Threads that hash: the processors this process may use, at most 8."""
    try:
        usable = len(os.sched_getaffinity(0))
    except AttributeError:
        usable = os.cpu_count() or 1
    return max(1, min(8, usable))


def hash_range(path: StrPath, start: int = 0, end: int | None = None) -> bytes:
    """Raw SHA-256 of the bytes ``start`` to ``end`` (None: to the end) of a regular file, streamed."""
    digest = hashlib.sha256()
    left = sys.maxsize if end is None else end - start
    with _open_regular(path) as handle:
        handle.seek(start)
        buffer = memoryview(bytearray(min(_READ_SIZE, max(left, 1))))
        while left:
            count = handle.readinto(buffer[: min(len(buffer), left)])
            if not count:
                break
            digest.update(buffer[:count])
            left -= count
    return digest.digest()


def _open_regular(path: StrPath) -> io.FileIO:
    # O_NOFOLLOW: a link put here between the listing and the reading must not be followed. O_NONBLOCK: opening a pipe
    # would wait for its writer for ever.
    flags = os.O_RDONLY
    for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"):
        flags |= getattr(os, name, 0)
    try:
        descriptor = os.open(path, flags)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise IntegrityError(f"{os.path.basename(path)} cannot be read: {error.strerror}.") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise IntegrityError(f"{os.path.basename(path)} is not a regular file.")
    return io.FileIO(descriptor, "rb")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: verifier MODEL_DIR")
    sys.dont_write_bytecode = True  # a file that was not signed
    try:
        sys.stdout.write(verify_from_environment(sys.argv[1]) + "\n")
    except IntegrityError as failure:
        sys.exit(f"model verification failed: {failure}")
