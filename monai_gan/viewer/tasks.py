"""What the page offers: tasks, their bundles, and what each bundle can be asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from monai_gan.bundle import BundleInfo

#: Name and title of each task, as the panel in 3D Slicer calls them.
TASKS = {
    "translation": "Translate to another contrast",
    "enhancement": "Enhance",
    "anomaly_detection": "Find what is unusual",
    "synthesis": "Synthesize",
}


@dataclass(frozen=True)
class Choices:
    """What a person chose on the page.

    Args:
        task: name of the task.
        bundle: name of the bundle.
        source: the volume node to work on; None for synthesis.
        device: "auto" or "cpu".
        seed: of synthesis.
        count: images of synthesis.
        truncation: of synthesis, above 0 up to 1.
        label: class or direction of translation; empty for none.
        direction: along which styles are shifted; empty for none.
        strength: of the shift in standard deviations.
        uncertainty: also ask for an uncertainty map.
    """

    task: str
    bundle: str
    source: Any = None
    device: str = "auto"
    seed: int = 0
    count: int = 1
    truncation: float = 1.0
    label: str = ""
    direction: str = ""
    strength: float = 0.0
    uncertainty: bool = False

    def refusal(self) -> str:
        """Why the job cannot be started; empty when it can."""
        if not self.bundle:
            return "There is no bundle with weights for this task: train one with monai-gan train."
        if self.task == "synthesis":
            return ""
        from monai_gan.mrml import input_refusal

        return input_refusal(self.source, bundle_named(self.bundle).spatial_dims)

    def cautions(self) -> list[str]:
        """What a person should know before the job is started, a sentence each."""
        if self.task == "synthesis" or self.source is None:
            return []
        from monai_gan.mrml import input_cautions

        return input_cautions(self.source)

    def request(self, folder: Path) -> dict[str, Any]:
        """Write the input into a folder and give the runner's request.

        Args:
            folder: private and existing.
        """
        from monai_gan.mrml import request_of

        shift: dict[str, Any] = {"direction": self.direction, "strength": self.strength} if self.direction else {}
        return request_of(
            self.task,
            self.bundle,
            folder,
            source=self.source,
            format="nii.gz",
            device=self.device,
            seed=self.seed,
            n=self.count,
            truncation=self.truncation,
            label=self.label or None,
            uncertainty=self.uncertainty,
            **shift,
        )


def bundle_named(name: str) -> BundleInfo:
    """The bundle of a name or path."""
    from monai_gan.bundle import BundleInfo, find_bundle

    return BundleInfo.from_path(find_bundle(name))


def bundle_entries(task: str) -> list[dict[str, str]]:
    """The bundles of a task that have weights, as entries of a list on the page.

    Args:
        task: name of the task.
    """
    from monai_gan.bundle import list_bundles

    return [
        {
            "value": info.name,
            "title": info.name,
            "subtitle": f"{info.variant} · {info.spatial_dims}-D · {info.modality}",
        }
        for info in list_bundles(task)
        if not info.untrained
    ]


def offers(name: str) -> dict[str, Any]:
    """What the page shows of a bundle and what it can be asked for.

    Args:
        name: of the bundle; empty for none.

    Returns:
        ``card`` (description and limits), ``labels``, ``directions``, ``truncation`` and ``uncertainty``.
    """
    if not name:
        return {"card": {}, "labels": [], "directions": [], "truncation": False, "uncertainty": False}
    from monai_gan.apps.volume_form import uncertainty_refusal

    info = bundle_named(name)
    limits = info.extra.get("limits") or []
    card = {
        "description": str(info.metadata.get("description", "")),
        "quality": " · ".join(part for part in (info.quality, info.headline_text) if part),
        "limits": [limits] if isinstance(limits, str) else [str(limit) for limit in limits],
    }
    return {
        "card": card,
        "labels": list(info.labels),
        "directions": list(info.direction_names),
        "truncation": info.takes_truncation,
        "uncertainty": info.task in ("translation", "enhancement") and not uncertainty_refusal(info),
    }
