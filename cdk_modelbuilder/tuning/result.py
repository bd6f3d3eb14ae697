"""``tuning.json``: what was measured, on what, and which configuration is the better one."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cdk_modelbuilder.bundle import TUNING_FILE, ModelBundle
from cdk_modelbuilder.errors import BundleError, UsageError
from cdk_modelbuilder.tuning.hardware import Hardware
from cdk_modelbuilder.tuning.measurement import Interval, Measurement
from cdk_modelbuilder.tuning.objective import Objective
from cdk_modelbuilder.tuning.space import Value

FORMAT = "cdk-modelbuilder/tuning"
FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class Configuration:
    """One configuration and what was measured of it.

    Attributes:
        values: The dimensions' values; None leaves one to the server.
        load: The load, such as ``8 users``.
        status: ``good``, ``over`` (a bound was exceeded), ``errors``, ``out-of-memory``, ``start-failed``,
            ``rejected``, ``timed-out`` or ``pruned``.
        figure: The objective's figure; None where nothing was measured.
        measurements: One for each time that it was measured.
        cause: Why it failed; None if it did not.
    """

    values: Mapping[str, Value | None]
    load: str
    status: str
    figure: Interval | None
    measurements: tuple[Measurement, ...]
    cause: str | None = None

    @property
    def words(self) -> str:
        """Such as ``workers=2 threads=1``."""
        return " ".join(f"{name}={'-' if value is None else value}" for name, value in self.values.items())

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "cause": self.cause,
            "figure": None if self.figure is None else self.figure.to_json(),
            "load": self.load,
            "measurements": [one.to_json() for one in self.measurements],
            "status": self.status,
            "values": dict(self.values),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Configuration:
        """What :meth:`to_json` gave."""
        return cls(
            values=data["values"],
            load=data["load"],
            status=data["status"],
            figure=None if data["figure"] is None else Interval.from_json(data["figure"]),
            measurements=tuple(Measurement.from_json(one) for one in data["measurements"]),
            cause=data["cause"],
        )


@dataclass(frozen=True, slots=True)
class TuningResult:
    """What a tuning came to.

    Attributes:
        bundle: Its name.
        root_sha256: Its root digest: which model it was.
        served: What serves it: model server, image, framework.
        objective: What it was tuned for.
        load: What was sent, in words.
        hardware: Where it was measured.
        versions: Of the server, the framework and this package.
        date: The day, in ISO format.
        seed: Of every choice by chance.
        seconds: How long it took.
        default: The bundle's own configuration, from the repeats.
        chosen: The better one; the same as ``default`` where none was better by more than chance.
        gain: How many times as good it is, with its 95 % interval; None where it is the default, or the default kept
            no bound.
        environment: Variables of the container that say ``chosen``; None takes one away.
        content_type: What its requests are encoded as; None leaves them as they are.
        finalists: The others that were measured again, best first.
        trials: Each configuration that was tried, in that order.
        notes: What is to be known about the measuring.
    """

    bundle: str
    root_sha256: str
    served: Mapping[str, Any]
    objective: Objective
    load: str
    hardware: Hardware
    versions: Mapping[str, str]
    date: str
    seed: int
    seconds: float
    default: Configuration
    chosen: Configuration
    gain: Interval | None
    environment: Mapping[str, str | None]
    content_type: str | None
    finalists: tuple[Configuration, ...]
    trials: tuple[Configuration, ...]
    notes: tuple[str, ...] = field(default=())

    @property
    def is_better(self) -> bool:
        """Whether something better than the bundle's own configuration was found."""
        return dict(self.chosen.values) != dict(self.default.values)

    @property
    def sentence(self) -> str:
        """What came out, in a sentence."""
        figure = self.chosen.figure
        assert figure is not None
        unit = self.objective.unit
        measured = f"{figure.value:.4g} {unit} (95 %: {figure.low:.4g} to {figure.high:.4g}) at {self.chosen.load}"
        if not self.is_better:
            return f"nothing was better than the bundle's own configuration by more than chance: {measured}"
        if self.gain is None:
            return f"{self.chosen.words}: {measured}; the bundle's own configuration did not keep the bounds"
        gain = self.gain
        return (
            f"{self.chosen.words}: {measured}, {gain.value:.2f} times as good as the bundle's own "
            f"(95 %: {gain.low:.2f} to {gain.high:.2f})"
        )

    def to_json(self) -> dict[str, Any]:
        """Plain data for ``tuning.json``."""
        return {
            "bundle": {"name": self.bundle, "root_sha256": self.root_sha256, "served": dict(self.served)},
            "chosen": self.chosen.to_json(),
            "content_type": self.content_type,
            "date": self.date,
            "default": self.default.to_json(),
            "environment": dict(self.environment),
            "finalists": [one.to_json() for one in self.finalists],
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "gain": None if self.gain is None else self.gain.to_json(),
            "hardware": self.hardware.to_json(),
            "load": self.load,
            "notes": list(self.notes),
            "objective": self.objective.to_json(),
            "seconds": round(self.seconds, 1),
            "seed": self.seed,
            "trials": [one.to_json() for one in self.trials],
            "versions": dict(self.versions),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], *, where: str = TUNING_FILE) -> TuningResult:
        """What :meth:`to_json` gave.

        Raises:
            BundleError: Something else, or of a newer format.
        """
        if data.get("format") != FORMAT or data.get("format_version") != FORMAT_VERSION:
            raise BundleError(
                f"{where} has the format {data.get('format')!r}, version {data.get('format_version')!r}; this version "
                f"reads {FORMAT}, {FORMAT_VERSION}.",
                remedy="Upgrade cdk-modelbuilder, or tune again: cdk-modelbuilder tune BUNDLE.",
            )
        try:
            return cls(
                bundle=data["bundle"]["name"],
                root_sha256=data["bundle"]["root_sha256"],
                served=data["bundle"]["served"],
                objective=Objective.from_json(data["objective"]),
                load=data["load"],
                hardware=Hardware.from_json(data["hardware"]),
                versions=data["versions"],
                date=data["date"],
                seed=data["seed"],
                seconds=data["seconds"],
                default=Configuration.from_json(data["default"]),
                chosen=Configuration.from_json(data["chosen"]),
                gain=None if data["gain"] is None else Interval.from_json(data["gain"]),
                environment=data["environment"],
                content_type=data["content_type"],
                finalists=tuple(Configuration.from_json(one) for one in data["finalists"]),
                trials=tuple(Configuration.from_json(one) for one in data["trials"]),
                notes=tuple(data["notes"]),
            )
        except (AttributeError, KeyError, TypeError, ValueError, UsageError) as error:
            raise BundleError(
                f"{where} is malformed: {error}.", remedy="Restore it from version control, or tune again."
            ) from None

    def save(self, folder: Path) -> Path:
        """Write ``tuning.json`` into a bundle's folder, whole or not at all; returns its path."""
        target = folder / TUNING_FILE
        aside = folder / f".{TUNING_FILE}.{secrets.token_hex(4)}"
        try:
            aside.write_text(json.dumps(self.to_json(), indent=2, sort_keys=True, ensure_ascii=False) + "\n", "utf-8")
            aside.replace(target)
        finally:
            aside.unlink(missing_ok=True)
        return target


def read_tuning(bundle: ModelBundle) -> TuningResult | None:
    """The tuning that lies in a bundle; None where there is none.

    Raises:
        BundleError: ``tuning.json`` cannot be read.
    """
    path = bundle.path / TUNING_FILE
    try:
        data = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise BundleError(f"{path} cannot be read: {error}.", remedy="Restore it, or tune again.") from None
    if not isinstance(data, dict):
        raise BundleError(f"{path} is no tuning.", remedy="Restore it, or tune again.")
    return TuningResult.from_json(data, where=str(path))


def served_by(bundle: ModelBundle) -> dict[str, Any]:
    """What serves a bundle, as far as a tuning holds for it: another image or framework may behave otherwise."""
    spec, framework = bundle.container, bundle.info.get("framework") or {}
    image = spec.image
    return {
        "framework": f"{framework.get('name')} {framework.get('version')}",
        "image": image.uri or f"{image.repository}:{image.tag}",
        "model_server": spec.model_server,
    }
