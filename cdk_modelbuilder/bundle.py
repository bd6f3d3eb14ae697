"""ModelBundle: the folder that build() writes, as a value.

    churn/
      bundle.json         what this is, with links to the files below
      container.json      the container spec
      schema.json         input and output
      requirements.lock   every run-time package, pinned
      dependencies.json   the same with origins, licences and what was left out
      pylock.toml         the same as PEP 751 has it, if an index was asked
      manifest.json       path and SHA-256 of every file under model/; the root digest is the bundle's identity
      signature.json      HMAC over manifest.json
      model.sig           signature over manifest.json that a public key verifies, if the user has a private one
      serving.json        what a language model's server is told, why, and what it was reckoned from
      golden.json         a request and its answer, if the user asked to keep them
      tuning.json         better serving properties, if tune() found some; tuning/ has its journal and plots
      model/              exactly what the container sees at /opt/ml/model
      model.tar.gz        the same, as the archive that SageMaker unpacks

The format is written down in docs/bundle-format.md.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, overload

from cdk_modelbuilder.archive_check import check_archive
from cdk_modelbuilder.container_spec import ContainerSpec
from cdk_modelbuilder.errors import BundleError, IntegrityError, UsageError
from cdk_modelbuilder.integrity import verifier
from cdk_modelbuilder.integrity.manifest import Manifest, read_manifest
from cdk_modelbuilder.integrity.public_key import check_signed_by, read_public_key, signer_of
from cdk_modelbuilder.integrity.public_signature import PublicKey
from cdk_modelbuilder.integrity.signature import BundleKey, check_signature

if TYPE_CHECKING:
    from cdk_modelbuilder.predictor import Predictor
    from cdk_modelbuilder.tuning.result import TuningResult

FORMAT = "cdk-modelbuilder/bundle"
FORMAT_VERSION = 1
ARCHIVE_VERSION = 1

BUNDLE_FILE = "bundle.json"
CONTAINER_FILE = "container.json"
SCHEMA_FILE = "schema.json"
LOCK_FILE = "requirements.lock"
PYLOCK_FILE = "pylock.toml"
GOLDEN_FILE = "golden.json"
TUNING_FILE = "tuning.json"
TUNING_FOLDER = "tuning"
SERVING_FILE = "serving.json"
MODEL_FOLDER = "model"
SIGNED_SCHEMA = "code/modelbuilder_runtime/schema.json"
ARCHIVE_FILE = "model.tar.gz"


@dataclass(frozen=True, slots=True)
class ModelBundle:
    """A bundle on disk. Make one with :class:`~cdk_modelbuilder.ModelBuilder`, open one with :meth:`load`.

    Attributes:
        path: The bundle's folder.
        info: ``bundle.json`` as plain data.
        container: The container spec.
        schema: ``schema.json`` as plain data.
        manifest: The signed list of files.
        signature: The bytes of ``signature.json``.
        public_signature: The bytes of ``model.sig``; None where the bundle was built without a private key.
    """

    path: Path
    info: Mapping[str, Any]
    container: ContainerSpec
    schema: Mapping[str, Any]
    manifest: Manifest
    signature: bytes
    public_signature: bytes | None = None

    @classmethod
    def load(cls, path: Path | str, *, on_bytes: Callable[[int], object] | None = None) -> ModelBundle:
        """Open the bundle at ``path`` and check every file in it against the manifest.

        The signature's key is not needed for that; :meth:`verify` checks the signature too.

        Args:
            path: The bundle's folder.
            on_bytes: Called with the number of bytes checked, for progress.

        Raises:
            BundleError: Not a bundle, cut short, or of a newer format.
            IntegrityError: A file was changed, added or removed.
        """
        bundle = cls.read(path)
        bundle.check_content(on_bytes=on_bytes)
        return bundle

    @classmethod
    def read(cls, path: Path | str) -> ModelBundle:
        """Open the bundle's text files only; the model's files may be absent, as in a review or at synth.

        Raises:
            BundleError: Not a bundle, cut short, or of a newer format.
            IntegrityError: The text files contradict each other.
        """
        folder = Path(path)
        info = _read_json(folder, BUNDLE_FILE, absent_means_no_bundle=True)
        if info.get("format") != FORMAT or not isinstance(info.get("format_version"), int):
            raise BundleError(
                f"{folder / BUNDLE_FILE} does not describe a bundle of cdk-modelbuilder.",
                remedy="Name the folder that build() wrote.",
            )
        if info["format_version"] > FORMAT_VERSION:
            raise BundleError(
                f"{folder} has bundle format {info['format_version']}; this version reads up to {FORMAT_VERSION}.",
                remedy=f"Upgrade cdk-modelbuilder (made by {info.get('builder_version')}).",
            )
        manifest = read_manifest(_read_bytes(folder, verifier.MANIFEST_NAME))
        for field, found in (("root_sha256", manifest.root_sha256), ("manifest_sha256", manifest.sha256)):
            if info.get(field) != found:
                raise IntegrityError(
                    f"{folder}: {field} in {BUNDLE_FILE} is {info.get(field)}, but {verifier.MANIFEST_NAME} gives "
                    f"{found}.",
                    remedy="Restore both from version control, or build again.",
                )
        bundle = cls(
            path=folder,
            info=info,
            container=ContainerSpec.from_json(_read_json(folder, CONTAINER_FILE)),
            schema=_read_json(folder, SCHEMA_FILE),
            manifest=manifest,
            signature=_read_bytes(folder, verifier.SIGNATURE_NAME),
            public_signature=_read_public_signature(folder, info),
        )
        bundle._check_pins()
        if bundle.public_signature is not None:
            signer_of(bundle.public_signature, manifest.data)
        return bundle

    @property
    def name(self) -> str:
        """The bundle's name."""
        return str(self.info["name"])

    @property
    def root_sha256(self) -> str:
        """The root digest: the one SHA-256 that names the content."""
        return self.manifest.root_sha256

    @property
    def key_id(self) -> str:
        """Id of the bundle key that signed the manifest."""
        return str(_parse_json(self.path, verifier.SIGNATURE_NAME, self.signature).get("key_id"))

    @property
    def public_key_id(self) -> str | None:
        """Id of the public key that verifies the public signature: the SHA-256 of its PEM file; None without one."""
        if self.public_signature is None:
            return None
        return signer_of(self.public_signature, self.manifest.data)

    @property
    def notes(self) -> tuple[str, ...]:
        """What build() wants the user to know: version differences and their consequences."""
        return tuple(self.info.get("notes", ()))

    @property
    def serving(self) -> Mapping[str, Any] | None:
        """``serving.json`` as plain data: how a language model is served; None for other models.

        Raises:
            BundleError: ``bundle.json`` names it, and it is missing or no JSON object.
        """
        named = self.info.get("files", {}).get("serving")
        return None if named is None else _read_json(self.path, SERVING_FILE)

    @property
    def model_dir(self) -> Path:
        """The folder that the container sees as ``/opt/ml/model``."""
        return self.path / MODEL_FOLDER

    @property
    def archive_path(self) -> Path:
        """``model.tar.gz``; it exists if the container spec's model data is an archive."""
        return self.path / ARCHIVE_FILE

    @property
    def artifact_digest(self) -> str:
        """SHA-256 (hex) that names the archive in a bucket.

        It covers the signatures, which cover the manifest, which covers every file. Unlike a hash of the archive's
        bytes it is the same whatever zlib wrote them.
        """
        named = f"cdk-modelbuilder/archive/v{ARCHIVE_VERSION}\n".encode() + self.signature
        if self.public_signature is not None:
            named += b"\0" + self.public_signature  # no JSON holds a zero byte, so nobody can move the boundary
        return hashlib.sha256(named).hexdigest()

    @overload
    def verify(self, master_key: bytes, *, public_key: str | Path | None = None) -> BundleKey: ...

    @overload
    def verify(self, master_key: None = None, *, public_key: str | Path) -> None: ...

    def verify(self, master_key: bytes | None = None, *, public_key: str | Path | None = None) -> BundleKey | None:
        """Check the signature with the key given, or each with its own, then every file.

        Args:
            master_key: Checks the HMAC.
            public_key: Checks the public signature: a PEM file's path, or its text.

        Returns:
            The bundle's key, if the master key was given.

        Raises:
            IntegrityError: Signed with another key, or something was changed.
            KeyFileError: There is no public key in ``public_key``.
            UsageError: The bundle has no public signature, or no key was given.
        """
        if master_key is None and public_key is None:
            raise UsageError("verify() was given no key.", remedy="Give the master key, or public_key=.")
        key = None if master_key is None else self.check_signature(master_key)
        if public_key is not None:
            self.check_public_signature(read_public_key(public_key))
        self.check_content()
        return key

    def check_signature(self, master_key: bytes) -> BundleKey:
        """Check the signature alone, for which the model's files need not be here; returns the bundle's key.

        Raises:
            IntegrityError: Signed with another key, or changed since.
        """
        return check_signature(self.manifest.data, self.signature, master_key)

    def check_public_signature(self, key: PublicKey) -> None:
        """Check the public signature alone, for which the model's files need not be here.

        Raises:
            IntegrityError: Signed with another key, or changed since.
            UsageError: The bundle has none.
        """
        if self.public_signature is None:
            raise UsageError(
                f"{self.path} has no public signature: it was built without a private key.",
                remedy="Build it with ModelBuilder(signing_private_key=...), or check the HMAC with the master key.",
            )
        check_signed_by(key, self.public_signature, self.manifest.data)

    def check_content(self, *, on_bytes: Callable[[int], object] | None = None) -> None:
        """Check every file under ``model/``, and the archive, against the manifest.

        Raises:
            BundleError: The model's files or the archive are not here.
            IntegrityError: A file was changed, added or removed.
        """
        if not self.model_dir.is_dir():
            raise BundleError(
                f"{self.model_dir} is missing: only the bundle's text files are here.",
                remedy="Build the bundle, or fetch its model files; ModelBundle.read() opens the text files alone.",
            )
        if self.container.model_data.form == "archive" and not self.archive_path.is_file():
            raise BundleError(f"{self.archive_path} is missing.", remedy="Build the bundle again.")
        try:
            for name, here in self.metadata.items():
                if verifier.read_metadata(self.model_dir, name) != here:
                    raise IntegrityError(
                        f"{self.path / name} differs from its copy in {MODEL_FOLDER}/{verifier.METADATA_FOLDER}.",
                        remedy="Restore the bundle, or build again.",
                    )
            resources = verifier.read_resources(self.manifest.data)
            verifier.check_files(self.model_dir, resources, on_bytes)
            for path in sorted((self.model_dir / verifier.METADATA_FOLDER).iterdir()):
                if path.name not in self.metadata:
                    raise IntegrityError(
                        f"{path} does not belong to the bundle: {BUNDLE_FILE} names no such file.",
                        remedy="Restore the bundle, or build again.",
                    )
            has_code = SIGNED_SCHEMA in self.manifest.files  # some servers read the model's files by themselves
            if has_code and (self.model_dir / SIGNED_SCHEMA).read_bytes() != json_bytes(self.schema):
                raise IntegrityError(
                    f"{self.path / SCHEMA_FILE} differs from its signed copy, {MODEL_FOLDER}/{SIGNED_SCHEMA}.",
                    remedy="Restore the bundle, or build again.",
                )
        except verifier.IntegrityError as error:
            raise IntegrityError(f"{self.path} is not what was signed:", remedy=str(error)) from None
        if self.container.model_data.form == "archive":
            members = {f"{verifier.METADATA_FOLDER}/{name}": data for name, data in self.metadata.items()}
            check_archive(self.archive_path, resources, members, on_bytes)

    def __getattr__(self, name: str) -> NoReturn:
        from cdk_modelbuilder.migration import BUILDER_METHODS, refuse_attribute  # noqa: PLC0415 - only then

        refuse_attribute(self, name, BUILDER_METHODS)

    def deploy(self, **options: Any) -> Predictor:
        """Run the bundle and return a predictor; see :func:`cdk_modelbuilder.deployment.deploy`."""
        from cdk_modelbuilder.deployment import deploy  # noqa: PLC0415 - the bundle stays a plain value

        return deploy(self, **options)

    def tune(self, **options: Any) -> TuningResult:
        """Measure other serving properties here, and write the better ones into ``tuning.json``.

        ``deploy()`` and ``ModelEndpoint`` use them on instances like this machine. See
        :func:`cdk_modelbuilder.tuning.door.tune` for the options.
        """
        from cdk_modelbuilder.tuning.door import tune  # noqa: PLC0415 - the bundle stays a plain value

        return tune(self, **options)

    def golden_test(self, predictor: Predictor) -> Any:
        """Ask the endpoint behind ``predictor`` what the bundle's golden test holds; returns its answer.

        Numbers may differ by a millionth. A bundle has such a test if it was built with
        ``SchemaBuilder(..., keep_samples=True)``.

        Raises:
            BundleError: The bundle has no golden test, or one that cannot be read.
            PredictionError: The endpoint answered with an error.
            GoldenTestError: It answered something else.
        """
        from cdk_modelbuilder.golden import run_golden_test  # noqa: PLC0415 - the bundle stays a plain value

        return run_golden_test(self.read_golden(), self.schema, predictor)

    def read_golden(self) -> dict[str, Any]:
        """``golden.json`` as plain data.

        Raises:
            BundleError: The bundle has no golden test, or one that is no JSON.
        """
        if not (self.path / GOLDEN_FILE).is_file():
            raise BundleError(
                f"{self.path} has no {GOLDEN_FILE}.",
                remedy="Build it with SchemaBuilder(..., keep_samples=True) to keep the sample as a golden test.",
            )
        return _read_json(self.path, GOLDEN_FILE)

    @property
    def metadata(self) -> dict[str, bytes]:
        """The manifest and its signatures: what lies beside the model in ``.modelbuilder``, in the order of writing."""
        files = {verifier.MANIFEST_NAME: self.manifest.data, verifier.SIGNATURE_NAME: self.signature}
        if self.public_signature is not None:
            files[verifier.PUBLIC_SIGNATURE_NAME] = self.public_signature
        return files

    def _check_pins(self) -> None:
        environment = self.container.environment
        expected = {
            verifier.ROOT_VARIABLE: self.manifest.root_sha256,
            verifier.MANIFEST_VARIABLE: self.manifest.sha256,
            verifier.KEY_ID_VARIABLE: self.key_id,
        }
        for variable, value in expected.items():
            self._check_pin(variable, environment.get(variable), value)
        for variable, key_id in self.container.secret_environment.items():
            self._check_pin(f"the key for {variable}", key_id, self.key_id)

    def _check_pin(self, what: str, found: str | None, expected: str) -> None:
        if found != expected:
            raise IntegrityError(
                f"{self.path / CONTAINER_FILE}: {what} is {found}, but the bundle's own is {expected}.",
                remedy="Restore the bundle's text files from one commit, or build again.",
            )


def is_bundle(path: Path) -> bool:
    """Whether the folder at ``path`` says that it is a bundle, of whatever format version."""
    try:
        return bool(json.loads((path / BUNDLE_FILE).read_bytes()).get("format") == FORMAT)
    except (OSError, ValueError, AttributeError, RecursionError):
        return False


def json_bytes(data: Mapping[str, Any]) -> bytes:
    """The form of every JSON file in a bundle: sorted keys, one fact a line, a newline at the end."""
    return (json.dumps(data, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _read_bytes(folder: Path, name: str, *, absent_means_no_bundle: bool = False) -> bytes:
    try:
        return (folder / name).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        if absent_means_no_bundle:
            there = "is not a bundle: it has no bundle.json" if folder.is_dir() else "does not exist"
            raise BundleError(f"{folder} {there}.", remedy="Name the folder that build() wrote.") from None
        raise BundleError(
            f"{folder / name} is missing: the bundle was cut short.", remedy="Copy the whole folder, or build again."
        ) from None
    except OSError as error:
        raise BundleError(
            f"{folder / name} cannot be read: {error.strerror}.", remedy="Mend its permissions."
        ) from None


def _read_public_signature(folder: Path, info: Mapping[str, Any]) -> bytes | None:
    files = info.get("files")
    if not isinstance(files, dict) or "public_signature" not in files:
        return None
    return _read_bytes(folder, verifier.PUBLIC_SIGNATURE_NAME)


def _read_json(folder: Path, name: str, *, absent_means_no_bundle: bool = False) -> dict[str, Any]:
    return _parse_json(folder, name, _read_bytes(folder, name, absent_means_no_bundle=absent_means_no_bundle))


def _parse_json(folder: Path, name: str, data: bytes) -> dict[str, Any]:
    try:
        return verifier.parse_json_object(data, name)
    except verifier.IntegrityError as error:
        raise BundleError(f"{folder}: {error}", remedy="Restore the file, or build again.") from None
