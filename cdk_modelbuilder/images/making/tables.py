"""The files of the catalogue: one table a model server, the registries' regions, and an index."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from packaging.version import Version

from cdk_modelbuilder.images.making.containers import Containers, check_accounts
from cdk_modelbuilder.images.making.families import FAMILIES, Family, Offered, base_version, offered
from cdk_modelbuilder.images.making.rows import POLICY, Joiner, Json, LeftOutError, documented
from cdk_modelbuilder.images.making.sources import CONFIGS, PARTITIONS, SourceError, Sources

FORMAT = 2
_DEFAULTS: Mapping[str, Any] = {"architecture": "x86_64", "has_python": True}


def make_tables(sources: Sources) -> dict[str, str]:
    """Name -> text of every file of the catalogue.

    Raises:
        SourceError: A source lacks what is needed, or two of them contradict each other.
    """
    return _Catalogue(sources).files()


class _Catalogue:
    """All rows, while they are put together."""

    def __init__(self, sources: Sources) -> None:
        self.sources = sources
        self.containers = Containers(sources.clone)
        self.joiner = Joiner(self.containers, sources.facts)
        self.registries: dict[str, Mapping[str, str]] = {}
        self.rows: dict[str, list[Json]] = {}
        self.left_out: dict[str, dict[str, list[str]]] = {}

    def files(self) -> dict[str, str]:
        """See :func:`make_tables`."""
        configs = {name: self.sources.core.read(f"{CONFIGS}{name}.json") for name in {one.config for one in FAMILIES}}
        for family in FAMILIES:
            self._add(offered(family, configs[family.config]))
        for repository, facts in self.sources.facts["documented"].items():
            self._add(self._documented(repository, facts, configs[facts["registry_of"]]))
        heads = {"format": FORMAT, "as_of": self._as_of()}
        from_two = [self.sources.clone.source(), self.sources.core.source()]
        files = {
            f"tables/{server}.json": _table_text(
                heads | {"server": server, "sources": from_two}, rows, self.left_out.get(server, {})
            )
            for server, rows in self.rows.items()
        }
        regions = heads | {"sources": [*from_two, self.sources.botocore.source()]} | self._regions()
        files["regions.json"] = json.dumps(regions, indent=1, sort_keys=True) + "\n"
        files["index.json"] = json.dumps(heads | {"servers": self._index()}, indent=1, sort_keys=True) + "\n"
        return dict(sorted(files.items()))

    def _as_of(self) -> str:
        return self.sources.clone.source()["date"]

    def _add(self, images: Iterable[Offered]) -> None:
        for image in images:
            server = image.family.server
            rows = self.rows.setdefault(server, [])
            try:
                row = self.joiner.row(image)
            except LeftOutError as reason:
                names = self.left_out.setdefault(server, {}).setdefault(str(reason), [])
                names.append(f"{image.repository}:{image.tag}")
                continue
            if any((row["repository"], row["tag"]) == (one["repository"], one["tag"]) for one in rows):
                continue
            row["registry"] = self._registry(image)
            row["inference_ami"] = self._inference_ami(server, row)
            row["retired"] = self._retired(image, row)
            rows.append(row)

    def _documented(self, repository: str, facts: Json, config: Json) -> Iterable[Offered]:
        """Images that only the documentation lists, as if sagemaker-core did."""
        like = list(offered(Family(facts["server"], facts["framework"], facts["registry_of"]), config))[-1]
        for one in documented(self.containers, repository, facts.get("only", "")):
            tag = one.tags[0]
            version = tag.split("-")[0] if facts["framework"] != "tei" else one.facts["version"]
            family = Family(facts["server"], facts["framework"], "documented")
            yield Offered(family, version, "", repository, tag, one.processor, one.facts.get("python"), like.accounts)

    def _registry(self, image: Offered) -> str:
        accounts = dict(sorted(image.accounts.items()))
        dlc = self.containers.accounts("\n## Deep Learning Containers")
        algorithms = self.containers.accounts("Algorithm Registry")
        page = dlc if accounts.get("us-east-1") == dlc.get("us-east-1") else algorithms
        if accounts.get("us-east-1") == page.get("us-east-1"):
            check_accounts(accounts, page)
        digest = hashlib.sha256(json.dumps(accounts).encode()).hexdigest()[:6]
        name = f"{accounts.get('us-east-1', 'none')}-{digest}"
        self.registries[name] = accounts
        return name

    def _inference_ami(self, server: str, row: Json) -> str | None:
        if row["processor"] != "gpu" or row["cuda"] is None:
            return None
        fitting = [
            rule["ami"]
            for rule in self.sources.facts["inference_ami"]
            if Version(row["cuda"]) >= Version(rule["from_cuda"]) and (not rule["servers"] or server in rule["servers"])
        ]
        return str(fitting[-1]) if fitting else None

    def _retired(self, image: Offered, row: Json) -> str | None:
        server, facts = image.family.server, self.sources.facts
        instead = f"Use {facts['instead'].get(server, facts['instead']['default'])}"
        if server in facts["archived"]:
            return f"{facts['archived'][server]['reason']} {instead}"
        if row["end_of_patch"] is not None:
            ended = row["end_of_patch"] < self._as_of()
            return f"AWS has not patched it since {row['end_of_patch']}. {instead}" if ended else None
        for framework, version in _under_policy(image, row).items():
            oldest = min(map(Version, self.containers.end_of_support(framework)))
            if Version(version) < oldest:
                return f"AWS dates the support of {framework} back to {oldest}, and this one has {version}. {instead}"
        return None

    def _index(self) -> dict[str, list[str]]:
        return {
            server: sorted({name for row in rows for name in row["frameworks"]}) for server, rows in self.rows.items()
        }

    def _regions(self) -> Json:
        partitions = self.sources.botocore.read(PARTITIONS)["partitions"]
        return {
            "partitions": [
                {"dns_suffix": part["outputs"]["dnsSuffix"], "name": part["id"], "region_pattern": part["regionRegex"]}
                for part in sorted(partitions, key=lambda part: str(part["id"]))
            ],
            "registries": {name: _by_account(accounts) for name, accounts in sorted(self.registries.items())},
        }


def _under_policy(image: Offered, row: Json) -> dict[str, str]:
    """Framework -> version, of those in an image that AWS's support policy is about."""
    if image.processor == "neuron":
        return {}
    if image.repository.startswith(POLICY):
        return {image.family.framework: row["framework_version"]}
    return dict([base_version(image.base)]) if image.base else {}


def _by_account(accounts: Mapping[str, str]) -> dict[str, str]:
    """Account -> its regions, separated by blanks: a quarter of the size of region -> account."""
    return {
        account: " ".join(region for region, owner in accounts.items() if owner == account)
        for account in sorted(set(accounts.values()))
    }


def _table_text(heads: Json, rows: list[Json], left_out: Mapping[str, list[str]]) -> str:
    """One image a line, so that a diff shows which ones changed; what is inside them, one package a line."""
    if not rows:
        raise SourceError(
            f"no image is left for the model server {heads['server']}.", remedy="Use a newer version of sagemaker-core."
        )
    provides = {f"{row['repository']}:{row['tag']}": row.pop("provides") for row in rows}
    rows = sorted(rows, key=_age, reverse=True)
    lines = [json.dumps(_slim(row), sort_keys=True) for row in rows]
    reasons = {reason: " ".join(sorted(names)) for reason, names in sorted(left_out.items())}
    tail = heads | {"left_out": reasons, "provides": {name: those for name, those in provides.items() if those}}
    rest = json.dumps(tail, indent=1, sort_keys=True)
    return '{\n "images": [\n  ' + ",\n  ".join(lines) + "\n ],\n" + rest.removeprefix("{\n") + "\n"


def _age(row: Json) -> tuple[Version, Version, Version]:
    sdk = re.search(r"-sdk(\d+(?:\.\d+)*)", row["tag"])
    return Version(row["framework_version"]), Version(sdk[1] if sdk else "0"), Version(row["python"])


def _slim(row: Json) -> Json:
    return {key: value for key, value in row.items() if value is not None and _DEFAULTS.get(key) != value}
