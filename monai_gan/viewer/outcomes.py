"""What the page shows of a finished job: ways to compare, the gallery, the verdict of a detection, its regions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monai_gan.viewer.thumbnails import thumbnail

if TYPE_CHECKING:
    from monai_gan.mrml import Outcome

#: Ways to look at a result: value, title and icon of the button.
INPUT = ("input", "Input", "mdi-image-outline")
RESULT = ("result", "Result", "mdi-creation-outline")
SIDE = ("side", "Side by side", "mdi-view-grid-outline")
BLEND = ("blend", "Blend", "mdi-circle-opacity")
SWIPE = ("swipe", "Swipe", "mdi-arrow-split-vertical")
OVERLAY = ("overlay", "Overlay", "mdi-layers-outline")


@dataclass(frozen=True)
class Shown:
    """A result as the page has it.

    Args:
        source: the volume that was worked on; None after a synthesis.
        outcome: the volumes that came out.
        threshold: of a map, in its values, where the bundle states one.
        downloads: what a person can download.
    """

    source: Any
    outcome: Outcome
    threshold: float | None = None
    downloads: Sequence[Path] = field(default_factory=list)

    @property
    def is_map(self) -> bool:
        """Whether the result is an anomaly map."""
        return self.outcome.kinds[0] == "anomaly map"

    @property
    def modes(self) -> list[dict[str, str]]:
        """The ways to look at it, the best one first chosen by `best`."""
        if self.source is None:
            ways = [RESULT]
        elif self.is_map:
            ways = [INPUT, OVERLAY, SIDE]
        else:
            ways = [INPUT, RESULT, SIDE, BLEND, SWIPE]
        return [{"value": value, "title": title, "icon": icon} for value, title, icon in ways]

    @property
    def best(self) -> str:
        """The way to look at it first."""
        if self.source is None:
            return "result"
        return "overlay" if self.is_map else "side"

    @property
    def gallery(self) -> list[dict[str, Any]]:
        """A picture of each sample of a synthesis; empty for other tasks."""
        if self.source is not None:
            return []
        return [
            {"id": node.GetID(), "name": node.GetName(), "picture": thumbnail(node), "number": number}
            for number, node in enumerate(self.outcome.volumes)
        ]

    @property
    def span(self) -> float:
        """The highest value of a map; 1 for anything else."""
        return float(self.outcome.volume.GetImageData().GetScalarRange()[1]) if self.is_map else 1.0

    @property
    def facts(self) -> list[dict[str, str]]:
        """Lines on the result: score and percentile of a detection, then the statement of the run."""
        report = self.outcome.report
        rows = []
        if report.get("score") is not None:
            rows.append(("Score", f"{report['score']:.4g}"))
        if report.get("percentile") is not None:
            rows.append(("Percentile of normal images", f"{report['percentile']:.0f}"))
        if report.get("statement"):
            rows.append(("", str(report["statement"])))
        if report.get("units"):
            rows.append(("Units", str(report["units"])))
        return [{"name": name, "text": text} for name, text in rows]

    def regions(self, threshold: float) -> list[list[str]]:
        """Rows on the connected regions of a map above a threshold; none for anything else.

        Args:
            threshold: in the values of the map.
        """
        if not self.is_map:
            return []
        from monai_gan.mrml import find_regions, region_texts

        return region_texts(find_regions(self.outcome.volume, threshold)[0])
