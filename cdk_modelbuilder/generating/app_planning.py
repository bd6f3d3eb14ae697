"""plan_app(): the plan of an app, from what is asked for and what an earlier run remembers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.generating.app_files import versions_and_flags
from cdk_modelbuilder.generating.names import check_apart
from cdk_modelbuilder.generating.plan import EXAMPLE, AppPlan, EndpointPlan, HostingKind, Pipeline, ResourcesPlan
from cdk_modelbuilder.generating.planning import plan_endpoint, replan

_NAMED = re.compile(r"(?P<name>[^/\\=]*)=(?P<folder>.*)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What is asked for; None stands for what was, or for the default.

    Attributes:
        bundles: Folders of bundles, each perhaps as ``NAME=FOLDER``.
        removed: Names of endpoints to take out.
        endpoint: Arguments of :func:`plan_endpoint` for the bundles, or for all endpoints where no bundle is named.
        pipeline: Whose pipeline.
        account: Account.
        region: Region.
        name: The app's name.
    """

    bundles: Sequence[str] = ()
    removed: Sequence[str] = ()
    endpoint: Mapping[str, Any] = field(default_factory=dict)
    pipeline: Pipeline | None = None
    account: str | None = None
    region: str | None = None
    name: str | None = None


def plan_app(folder: Path, wishes: Wishes, before: AppPlan | None = None) -> AppPlan:
    """The plan for the app in ``folder``.

    Args:
        folder: The app's folder; it need not exist.
        wishes: What is asked for.
        before: What the app consists of already.

    Raises:
        BundleError: A bundle is missing, or is not complete.
        IntegrityError: A bundle was changed.
        UsageError: Names that clash or do not exist, or hosting that a bundle cannot have.
    """
    _check_place(wishes)
    asked = {name: value for name, value in wishes.endpoint.items() if value is not None}
    named = [_open(text) for text in wishes.bundles]
    endpoints = {one.name: one for one in (before.endpoints if before else ())}
    for name in wishes.removed:
        if name not in endpoints:
            raise UsageError(
                f"the app has no endpoint {name!r} to remove.", remedy=f"It has {', '.join(endpoints) or 'none'}."
            )
        del endpoints[name]
    seen: dict[str, ModelBundle] = {}
    for name, bundle in named:
        if name in seen:
            raise UsageError(
                f"the bundles {seen[name].path} and {bundle.path} are both called {name}.",
                remedy=f"Give one of them another name: --bundle OTHER={bundle.path}",
            )
        seen[name] = bundle
        old = endpoints.get(name)
        endpoints[name] = replan(old, bundle, folder) if old and not asked else _planned(bundle, folder, name, asked)
    if asked and not named:
        endpoints = {name: _again(one, folder, asked) for name, one in endpoints.items()}
    is_example = before.example and EXAMPLE in endpoints if before else not named
    if is_example and EXAMPLE not in endpoints:
        endpoints[EXAMPLE] = _example(asked)
    pythons = {str(bundle.info.get("python")) for _, bundle in named}
    python = pythons.pop() if len(pythons) == 1 else (before.python if before else "3.12")
    made = AppPlan(
        name=wishes.name or (before.name if before else _name_of(folder)),
        endpoints=tuple(endpoints[name] for name in sorted(endpoints)),
        pipeline=wishes.pipeline or (before.pipeline if before else Pipeline.NONE),
        example=is_example,
        account=wishes.account or (before.account if before else None),
        region=wishes.region or (before.region if before else None),
        python=python if re.fullmatch(r"3\.\d+", python) else "3.12",
    )
    check_apart(made.endpoints)
    return made


def _open(text: str) -> tuple[str, ModelBundle]:
    named = _NAMED.fullmatch(text)
    folder = named["folder"] if named else text
    bundle = ModelBundle.read(folder)
    if bundle.model_dir.is_dir():  # of text files alone, which is what a review has, nothing more can be checked
        bundle.check_content()
    return (named["name"] if named else bundle.name), bundle


def _planned(bundle: ModelBundle, folder: Path, name: str, asked: Mapping[str, Any]) -> EndpointPlan:
    return plan_endpoint(bundle, folder, name=name, **asked)


def _again(plan: EndpointPlan, folder: Path, asked: Mapping[str, Any]) -> EndpointPlan:
    """The endpoint with other wishes; without its bundle, only what needs no look at it is checked."""
    kept: dict[str, Any] = {
        name: getattr(plan, name)
        for name in plan_endpoint.__kwdefaults__ or {}
        if name not in ("name", *_OF_HOSTING) and hasattr(plan, name)
    }
    if asked.get("hosting", plan.hosting) is plan.hosting:
        kept |= {name: getattr(plan, name) for name in _OF_HOSTING}
    if plan.public_key is not None:
        kept["public_key"] = folder / plan.public_key
    if (folder / plan.bundle).is_dir():
        return plan_endpoint(ModelBundle.read(folder / plan.bundle), folder, name=plan.name, **{**kept, **asked})
    if plan.name != EXAMPLE:
        raise UsageError(
            f"the bundle {folder / plan.bundle} is not here, so its hosting cannot be changed.",
            remedy=f"Build it, or name it: --bundle {plan.name}=FOLDER.",
        )
    return replace(_example({**kept, **asked}), bundle=plan.bundle)


_OF_HOSTING = (
    "hosting",
    "instance_type",
    "initial_instance_count",
    "max_instance_count",
    "resources",
    "serverless",
    "asynchronous",
)


def _example(asked: Mapping[str, Any]) -> EndpointPlan:
    """The endpoint of the model that model.py builds, before it is built: a small one for processors."""
    values: dict[str, Any] = {"hosting": HostingKind.REAL_TIME, **asked}
    kind = values["hosting"]
    if kind is not HostingKind.SERVERLESS:
        values["instance_type"] = values.get("instance_type") or "ml.c6i.large"
        if values.get("initial_instance_count") is None and kind is not HostingKind.ASYNCHRONOUS:
            values["initial_instance_count"] = 2
    elif values.get("instance_type") or values.get("initial_instance_count"):
        raise UsageError(
            "a serverless endpoint has no instances.", remedy="Leave --instance-type and --instance-count out."
        )
    if kind is HostingKind.COMPONENTS and values.get("resources") is None:
        values["resources"] = ResourcesPlan(num_cpus=1, copies=1)
    pin = f"scikit-learn=={versions_and_flags('versions.json')['scikit-learn']}"
    return EndpointPlan(name=EXAMPLE, bundle=f"build/{EXAMPLE}", packages=(pin,), **values)


def _check_place(wishes: Wishes) -> None:
    if wishes.account is not None and not re.fullmatch(r"\d{12}", wishes.account):
        raise UsageError(f"{wishes.account!r} is no account of AWS.", remedy="Give its 12 digits.")
    if wishes.region is not None and not re.fullmatch(r"[a-z]{2}(-[a-z]+)+-\d+", wishes.region):
        raise UsageError(f"{wishes.region!r} is no region of AWS.", remedy="Give one such as eu-west-1.")
    if wishes.name is not None and not _is_line(wishes.name):
        raise UsageError(f"the app cannot be called {wishes.name!r}.", remedy="Give one line without quotes.")


def _is_line(name: str) -> bool:
    return bool(name.strip()) and name.isprintable() and not set(name) & set("\"\\'`")


def _name_of(folder: Path) -> str:
    name = folder.absolute().name
    return name if _is_line(name) else "models"
