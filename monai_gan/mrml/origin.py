"""The attributes by which a node says that it is synthetic and how it was made; they are saved with the scene."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: Role of the node reference to the volume that a result was made of.
SOURCE_ROLE = "MONAIGAN.source"
_PREFIX = "MONAIGAN."
#: The runner's fields that name places of this run, which mean nothing later.
_PLACES = ("input", "output", "cancel_file")


@dataclass(frozen=True)
class Origin:
    """Where a synthetic volume comes from.

    Args:
        bundle: name of the bundle.
        version: its version.
        checksum: SHA-256 of its weights.
        request: the request of the run without the places of its files, so that it can be repeated.
        package_version: of monai_gan.
        warnings: what the run warned of.
        kind: "result", "uncertainty" or "anomaly map".
        index: number in a series; None where there is none.
        report: of the run, as `monai_gan.apps.VolumeResult` has it.
    """

    bundle: str
    version: str = ""
    checksum: str = ""
    request: Mapping[str, Any] = field(default_factory=dict)
    package_version: str = ""
    warnings: tuple[str, ...] = ()
    kind: str = "result"
    index: int | None = None
    report: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of_result(cls, result: Mapping[str, Any], kind: str = "result", index: int | None = None) -> Origin:
        """The origin that a runner's event ``result`` tells.

        Args:
            result: the event.
            kind: what the volume is.
            index: its number in a series.
        """
        bundle, report = result.get("bundle") or {}, report_of(result)
        request = {key: value for key, value in (result.get("request") or {}).items() if key not in _PLACES}
        return cls(
            bundle=str(bundle.get("name", "")),
            version=str(bundle.get("version", "")),
            checksum=str(bundle.get("checksum", "")),
            request=request,
            package_version=str(result.get("monai_gan", "")),
            warnings=tuple(str(text) for text in report.get("warnings") or ()),
            kind=kind,
            index=index,
            report=report,
        )

    def write(self, node: Any) -> None:
        """Set the attributes ``MONAIGAN.*`` of a node, in place of any that it has."""
        for name in [name for name in node.GetAttributeNames() or () if name.startswith(_PREFIX)]:
            node.RemoveAttribute(name)
        values = {
            "synthetic": "true",
            "kind": self.kind,
            "bundle": self.bundle,
            "version": self.version,
            "checksum": self.checksum,
            "seed": str(self.request["seed"]) if "seed" in self.request else "",
            "index": "" if self.index is None else str(self.index),
            "package": self.package_version,
            "request": json.dumps(dict(self.request)),
            "warnings": json.dumps(list(self.warnings)) if self.warnings else "",
            "report": json.dumps(dict(self.report)) if self.report else "",
        }
        for name, value in values.items():
            if value:
                node.SetAttribute(_PREFIX + name, value)
        node.SetDescription(f"SYNTHETIC: {self.kind} of {self.bundle} {self.version}".rstrip())


def report_of(result: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a run says of its result: of a detection what it says of its first image, with the score.

    Args:
        result: the runner's event of that name.
    """
    images = result.get("images")
    if not images:
        return result.get("report") or {}
    judged = ("score", "percentile", "p_value", "threshold", "is_anomalous")
    return {**(images[0].get("report") or {}), **{name: images[0][name] for name in judged if name in images[0]}}


def origin_of(node: Any) -> Origin | None:
    """Read the origin that a node states; None when it does not say that it is synthetic."""

    def get(name: str) -> str:
        return node.GetAttribute(_PREFIX + name) or ""

    if get("synthetic") != "true":
        return None
    index = get("index")
    return Origin(
        bundle=get("bundle"),
        version=get("version"),
        checksum=get("checksum"),
        request=json.loads(get("request") or "{}"),
        package_version=get("package"),
        warnings=tuple(json.loads(get("warnings") or "[]")),
        kind=get("kind"),
        index=int(index) if index else None,
        report=json.loads(get("report") or "{}"),
    )
