"""``container.json``: the image, the environment, the limits, the role."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any, Final

from cdk_modelbuilder.comparing.bundles.bundle_text import BundleText
from cdk_modelbuilder.comparing.bundles.serving_lines import reasons_of, serving_changes
from cdk_modelbuilder.comparing.bundles.tuning_lines import tuning_changes
from cdk_modelbuilder.comparing.json_data import Difference, differences
from cdk_modelbuilder.comparing.report import ABSENT, Change, Facet, Group, Mark, Section, section_of
from cdk_modelbuilder.comparing.wording import counted, listed, quoted
from cdk_modelbuilder.integrity import verifier

_WORDS: Final = {
    "image.uri": "image",
    "image.tag": "image's tag",
    "image.repository": "image's repository",
    "image.python": "image's Python",
    "model_server": "model server",
    "command": "command",
    "port": "port",
    "invocations_path": "path of requests",
    "max_payload_bytes": "largest request (bytes)",
    "invocation_timeout_seconds": "longest time for an answer (s)",
    "health_check.path": "path of the health check",
    "health_check.timeout_seconds": "longest time for a health check (s)",
    "health_check.startup_seconds": "longest start (s)",
    "model_data.form": "model data as",
    "model_data.mount_path": "model data at",
    "execution_role_arn": "execution role",
}
_SENSITIVE: Final = ("image.repository", "image.uri", "execution_role_arn", "command")
_LIMITS: Final = ("max_payload_bytes", "invocation_timeout_seconds")
_NEVER: Final = dt.date.max


def container_section(old: BundleText, new: BundleText, today: dt.date) -> list[Section]:
    """What changes in the container spec. The pins and the key's id are left to the model's section.

    Args:
        old: The bundle before.
        new: The bundle after.
        today: Whether an image is past its end is told by this date.
    """
    before, after = _without_pins(old), _without_pins(new)
    reasons = reasons_of(new.serving)
    lines = [line for difference in differences(before, after) for line in _line(difference, reasons)]
    lines += serving_changes(old.serving, new.serving)
    lines += tuning_changes(old.tuning, new.tuning)
    accounts = _accounts(_image(old).get("accounts"), _image(new).get("accounts"))
    return section_of(Facet.CONTAINER, "Container", Group("", (*lines, *accounts, *_end(old, new, today))))


def image_text(container: Mapping[str, Any]) -> str:
    """The image in a few words."""
    image = container.get("image")
    if not isinstance(image, Mapping):
        return "none"
    return str(image.get("uri") or f"{image.get('repository')}:{image.get('tag')}")


def _image(bundle: BundleText) -> Mapping[str, Any]:
    image = bundle.container.get("image")
    return image if isinstance(image, Mapping) else {}


def _without_pins(bundle: BundleText) -> dict[str, Any]:
    """The spec without what only repeats the bundle's own digests, and without what has lines of its own."""
    spec = dict(bundle.container)
    key_id = bundle.signature.get("key_id")
    pins = {
        verifier.ROOT_VARIABLE: bundle.root_sha256,
        verifier.MANIFEST_VARIABLE: bundle.manifest_sha256,
        verifier.KEY_ID_VARIABLE: key_id,
    }
    environment, secrets = spec.get("environment"), spec.get("secret_environment")
    if isinstance(environment, Mapping):
        spec["environment"] = {
            name: "as the bundle's own" if name in pins and value == pins[name] else value
            for name, value in environment.items()
        }
    if isinstance(secrets, Mapping):
        spec["secret_environment"] = {
            name: "the bundle's key" if value == key_id else value for name, value in secrets.items()
        }
    if isinstance(spec.get("image"), Mapping):
        hidden = ("accounts", "end_of_patch")
        spec["image"] = {name: value for name, value in spec["image"].items() if name not in hidden}
    return spec


def _line(difference: Difference, reasons: Mapping[str, str]) -> Iterator[Change]:
    place, old, new = difference.place, difference.old, difference.new
    old, new = (ABSENT if value is None else value for value in (old, new))
    name = difference.path[-1] if difference.path else ""
    if place.startswith("environment."):
        pinned = name in (verifier.ROOT_VARIABLE, verifier.MANIFEST_VARIABLE, verifier.KEY_ID_VARIABLE)
        marks = (Mark.SECURITY,) if pinned else ()
        yield Change(f"variable {quoted(name)}", old, new, marks, reasons.get(name, ""), place)
    elif place.startswith(("secret_environment.", "secrets.")):
        yield Change(f"secret variable {quoted(name)}", old, new, (Mark.SECURITY,))
    elif place in _LIMITS and isinstance(old, int) and isinstance(new, int):
        yield Change(_WORDS[place], old, new, (Mark.BREAKING if new < old else Mark.COMPATIBLE,))
    elif place == "invocations_path":
        yield Change(_WORDS[place], old, new, (Mark.BREAKING,))
    else:
        marks = (Mark.SECURITY,) if place.removesuffix(".[]") in _SENSITIVE else ()
        yield Change(_WORDS.get(place, quoted(place)), old, new, marks, place=place)


def _accounts(old: Any, new: Any) -> Iterator[Change]:
    """Regions are many: an image of another account is what counts, not how many regions have one."""
    before, after = (given if isinstance(given, Mapping) else {} for given in (old, new))
    for region in sorted(before.keys() & after.keys()):
        if before[region] != after[region]:
            what = f"account that the image comes from in {quoted(region)}"
            yield Change(what, before[region], after[region], (Mark.SECURITY,))
    for regions, words in ((after.keys() - before.keys(), "more"), (before.keys() - after.keys(), "fewer")):
        if regions:
            said = listed(sorted(regions))
            yield Change(f"{words} regions: {counted(len(regions), 'region')}", note=said)
    if not isinstance(old, Mapping | None) or not isinstance(new, Mapping | None):
        yield from (Change("image's accounts", item.old, item.new) for item in differences(old, new))


def _end(old: BundleText, new: BundleText, today: dt.date) -> Iterator[Change]:
    before, after = (_image(bundle).get("end_of_patch") for bundle in (old, new))
    if before == after:
        return
    marks: tuple[Mark, ...] = ()
    note = ""
    if after is None:
        note = "it is not known when AWS ends to patch the image"
    elif _date(after) < today:
        marks, note = (Mark.SECURITY,), "passed: AWS patches the image no more"
    elif _date(after) < _date(before):
        note = "nearer than before"
    shown, now = (ABSENT if value is None else value for value in (before, after))
    yield Change("image is patched until", shown, now, marks, note)


def _date(value: Any) -> dt.date:
    try:
        return dt.date.fromisoformat(value)
    except (TypeError, ValueError):
        return _NEVER
