"""Tries a bundle's packages: installs them into a fresh environment and runs the model there.

Nothing of this project is installed in it, and nothing of the user's environment is seen from it, so what is missing
from the list is missing here as it would be in the container.
"""

from __future__ import annotations

import base64
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.dependencies.listing import (
    container_options,
    installed_from_wheels,
    pins_of,
    target_of,
    wheels_of,
)
from cdk_modelbuilder.dependencies.lock_file import lock_text
from cdk_modelbuilder.dependencies.pin import SERVER_REASON, Pin
from cdk_modelbuilder.dependencies.resolution import as_requirement
from cdk_modelbuilder.dependencies.target import Target
from cdk_modelbuilder.dependencies.trial.fresh_environment import FreshEnvironment
from cdk_modelbuilder.dependencies.trial.golden_answer import GoldenExchange, Sample, golden_exchange
from cdk_modelbuilder.dependencies.trial.interpreters import (
    Interpreter,
    find_interpreter,
    named_interpreter,
    this_interpreter,
)
from cdk_modelbuilder.dependencies.trial.model_run import failed, run_model
from cdk_modelbuilder.dependencies.trial.usage import unused_packages
from cdk_modelbuilder.errors import TrialError, UsageError
from cdk_modelbuilder.schema.codecs import CodecError


@dataclass(frozen=True, slots=True)
class Trial:
    """What a trial found; one that found something missing ends in a :class:`TrialError` instead.

    Attributes:
        python: Version of the Python that was used.
        packages: Normalised name -> version of everything that was installed.
        tried: What was done: ``loaded``, ``answered`` (a sample of the user's) or ``golden`` (and the answer agrees).
        answer: Body and content type of the answer; None where only loading was tried.
        unused: Packages of the list that were neither loaded nor are required by one that was.
        seconds: Of ``install``, ``import``, ``load`` and ``answer``, as far as they were done.
        notes: What the user should know about the trial.
        kept: Where the environment lies; None if it was removed.
    """

    python: str
    packages: Mapping[str, str]
    tried: str
    answer: tuple[bytes, str] | None
    unused: tuple[str, ...]
    seconds: Mapping[str, float]
    notes: tuple[str, ...] = ()
    kept: Path | None = field(default=None)


def try_bundle(
    bundle: ModelBundle,
    *,
    python: str | None = None,
    sample: Sample | None = None,
    keep: Path | None = None,
    on_line: Callable[[str], object] | None = None,
) -> Trial:
    """Install what ``requirements.lock`` lists into a fresh environment and run the model there.

    The files are checked against the manifest first. The environment is removed afterwards, however it ends.

    Args:
        bundle: The bundle.
        python: Path, command or minor version of the Python to use. Default: the container's, if it is here.
        sample: A request; without one, the bundle's golden test, and without that, loading is all that is tried.
        keep: Leave the environment in this folder, which must not exist.
        on_line: Called with each line that the installer says, and with each step.

    Raises:
        BundleError: A file of the bundle is missing or malformed.
        IntegrityError: A file was changed.
        TrialError: A package does not install, or the model does not run on them, or it answers something else.
        UsageError: The folder to keep exists.
    """
    if keep is not None and keep.exists():
        raise UsageError(f"{keep} exists already.", remedy="Name a folder that does not.")
    bundle.check_content()
    say = on_line or _quiet
    target = target_of(bundle)
    interpreter, notes = _choose(python, target)
    golden = None if sample is not None else golden_exchange(bundle)
    with _place(keep) as place:
        say(f"making an environment with Python {interpreter.version}")
        environment = FreshEnvironment.create(place / "environment", interpreter)
        start = time.monotonic()
        pins, more = _install(bundle, environment, interpreter, target, say)
        notes += more
        seconds = {"install": time.monotonic() - start}
        say("running the model")
        found = run_model(
            bundle, environment, golden.sample if golden else sample, golden.answer_type if golden else "*/*"
        )
    seconds |= found["seconds"]
    if "error" in found:
        raise failed(found["error"], interpreter)
    answer = None
    if "answer" in found:
        answer = base64.b64decode(found["answer"]["base64"]), str(found["answer"]["content_type"])
    if golden is not None and answer is not None:
        _compare(golden, answer, bundle)
    if answer is None:
        notes.append("there is no sample, so only loading was tried; give one, or build with keep_samples=True.")
    listed = {pin.name: _extras(pin) for pin in pins}
    of_server = {pin.name for pin in pins if pin.reason == SERVER_REASON}
    markers = Target(interpreter.minor, target.machine).marker_environment()
    return Trial(
        python=found["python"],
        packages={canonicalize_name(name): one["version"] for name, one in sorted(found["packages"].items())},
        tried="golden" if golden else "answered" if answer else "loaded",
        answer=answer,
        unused=unused_packages(listed, found["packages"], markers, others=of_server) if answer is not None else (),
        seconds=seconds,
        notes=tuple(notes),
        kept=None if keep is None else keep / "environment",
    )


@contextmanager
def _place(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True)
        yield keep.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="modelbuilder-trial-", ignore_cleanup_errors=True) as folder:
        yield Path(folder).resolve()


def _choose(python: str | None, target: Target) -> tuple[Interpreter, list[str]]:
    """The interpreter, and a note if it is not of the container's version."""
    chosen = named_interpreter(python) if python is not None else find_interpreter(target.python) or this_interpreter()
    if chosen.minor == target.python:
        return chosen, []
    why = "" if python is not None else ", which is not on this machine"
    return chosen, [
        f"tried with Python {chosen.version}; the container has {target.python}{why}. Packages may differ there."
    ]


def _install(
    bundle: ModelBundle,
    environment: FreshEnvironment,
    interpreter: Interpreter,
    target: Target,
    say: Callable[[str], object],
) -> tuple[list[Pin], list[str]]:
    """Install the lock; returns its pins, and notes.

    What the container installs from the bundle's own wheels is installed from nothing else here, on top of what its
    image has, which comes from an index.
    """
    is_target = interpreter.minor == target.python and sys.platform == "linux" and platform.machine() == target.machine
    pins = pins_of(bundle)
    from_wheels = {pin.name: pin for pin in installed_from_wheels(bundle)}
    wheels = wheels_of(bundle)
    links = [] if wheels is None else [f"--find-links {wheels}"]
    others = [pin for pin in pins if pin.name not in from_wheels]
    say(f"installing {len(pins)} packages")
    if others:
        environment.install(
            _lines(others, hashed=is_target),
            index_options=[*container_options(bundle), *links],
            with_requirements=not from_wheels,
            on_line=say,
        )
    if from_wheels:
        say(f"{len(from_wheels)} of them from the bundle's wheels")
        text = _lines(from_wheels.values(), hashed=is_target)
        environment.install(text, index_options=["--no-index", *links], on_line=say)
    unchecked = not is_target and any(pin.hashes for pin in (*pins, *from_wheels.values()))
    return pins, ["the lock has hashes of files for the container, which were not checked here."] if unchecked else []


def _lines(pins: Iterable[Pin], *, hashed: bool) -> str:
    return lock_text(
        [replace(pin, requirement=as_requirement(pin), hashes=pin.hashes if hashed else ()) for pin in pins]
    )


def _compare(golden: GoldenExchange, answer: tuple[bytes, str], bundle: ModelBundle) -> None:
    try:
        agrees = golden.agrees(*answer, bundle)
        said = ""
    except (CodecError, ValueError) as error:
        agrees, said = False, f" ({error})"
    if not agrees:
        raise TrialError(
            f"in the fresh environment the model answers {_short(answer[0])}{said}, where the bundle's golden test has "
            f"{_short(golden.answer)}.",
            remedy="A package has another version there than where the model was built: compare requirements.lock with "
            "what is installed here.",
        )


def _extras(pin: Pin) -> frozenset[str]:
    return frozenset(Requirement(as_requirement(pin)).extras)


def _short(body: bytes) -> str:
    text = repr(body)
    return text if len(text) <= 120 else text[:117] + "..."


def _quiet(line: str) -> None:
    """Nobody wants to know."""
