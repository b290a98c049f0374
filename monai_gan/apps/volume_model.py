"""Run a bundle's network over whole images and give back results on their grid."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from monai_gan.apps.arguments import check_count, check_labels
from monai_gan.apps.jobs import CancelCheck, ProgressCallback, Reporter
from monai_gan.apps.volume_checks import check_frame, split_frames
from monai_gan.apps.volume_form import VolumeForm, of_direction, uncertainty_refusal
from monai_gan.apps.volume_plan import VolumePlan, run_planned
from monai_gan.apps.volume_prepare import PreparedVolume, prepare
from monai_gan.errors import InputError, InvalidResultError

if TYPE_CHECKING:
    import torch
    from monai.data.meta_tensor import MetaTensor
    from torch import Tensor, nn

    from monai_gan.bundle import BundleInfo
    from monai_gan.data import Provenance


@dataclass(frozen=True)
class VolumeResult:
    """What became of an image.

    Attributes:
        image: the result, on the grid of the input or a finer one; its ``meta`` has ``synthetic`` and ``provenance``.
        uncertainty: (C, *S), standard deviation in the units of the result; None unless asked for.
        report: what a reader of the result must know: ``units``, ``warnings``, ``consistency`` and how it was run.
        provenance: the origin of the result, with the report, as files state it.
    """

    image: MetaTensor
    uncertainty: MetaTensor | None
    report: dict[str, Any]
    provenance: Provenance


class VolumeModel:
    """A network from image to image with everything that lets it take whole volumes of any grid.

    Args:
        info: the bundle.
        network: ``forward(image)``, (B, C, *S) in [-1, 1] to results in [-1, 1].
        device: where the network lies.

    Attributes:
        info: the bundle.
        form: how volumes are fed to the network.

    Raises:
        InputError: the metadata does not say how.
    """

    def __init__(self, info: BundleInfo, network: nn.Module, device: torch.device) -> None:
        self.info = info
        self.device = device
        self.network = network.to(device).eval().requires_grad_(False)
        self.form = VolumeForm.of(info)

    def __call__(self, image: Tensor, **options: Any) -> MetaTensor:
        """The result of one image; see `run`, whose options it takes."""
        return self.run(image, **options).image

    def run(
        self,
        image: Tensor,
        *,
        label: int | str | None = None,
        uncertainty: bool = False,
        batch_size: int | None = None,
        progress: ProgressCallback | None = None,
        cancel: CancelCheck | None = None,
    ) -> VolumeResult:
        """Work on one image, or on each frame of a series.

        Args:
            image: (C, X, Y, Z) or one slice (C, rows, columns) in image units, as MONAI's readers or `read_image` give
                it; without an ``affine`` the voxels are taken for 1 mm. A model of one channel takes further channels
                for frames.
            label: direction by number or name, for a bundle that has several.
            uncertainty: also give the spread of the results of slightly changed inputs.
            batch_size: slices or windows at once; by default as many as the free memory allows.
            progress: told after each batch.
            cancel: asked after each batch.

        Returns:
            Result, uncertainty and report; arrays on the CPU.

        Raises:
            InputError: the image is not for this bundle, or there is no uncertainty map to be had.
            InvalidResultError: the result is not finite or constant.
            GPUMemoryError, HostMemoryError: even the smallest pieces do not fit.
            Cancelled: ``cancel`` answered True.
        """
        import torch
        from monai.data.meta_tensor import MetaTensor

        from monai_gan.data import Provenance

        if batch_size is not None:
            check_count("batch_size", batch_size)
        if uncertainty and (reason := uncertainty_refusal(self.info)):
            raise InputError(f"uncertainty=True is not possible: {reason}; leave it out.")
        (chosen,) = check_labels(self.info, label, 1) or (None,)
        frames: list[Any] = split_frames(_as_meta(image), self.form, self.info)
        for frame in frames:
            check_frame(frame, self.form, self.info)
        reporter = Reporter(len(frames), progress, cancel, phase=self.info.task)
        images, spreads, reports = zip(
            *(self._frame(frame, chosen, uncertainty, batch_size, reporter) for frame in frames), strict=True
        )
        result = MetaTensor(torch.cat([image.as_tensor() for image in images]), meta=images[0].meta)
        report = _merged(reports)
        for warning in report["warnings"]:
            warnings.warn(warning, UserWarning, stacklevel=1)
        spread = None
        if uncertainty:
            spread = MetaTensor(torch.cat([one.as_tensor() for one in spreads]), affine=result.affine)
        info = self.info
        origin = Provenance(
            *(info.name, info.version, info.weights_sha256),
            task=info.task,
            source=_name_of(image),
            extra={"report": report},
        )
        result.meta["synthetic"] = True
        result.meta["provenance"] = origin.to_json()
        return VolumeResult(result, spread, report, origin)

    def _frame(
        self, frame: MetaTensor, label: int | None, uncertainty: bool, batch_size: int | None, reporter: Reporter
    ) -> tuple[MetaTensor, MetaTensor | None, dict[str, Any]]:
        """Result, uncertainty when asked for, and report of one frame."""
        direction = None if label is None else str(self.info.extra["labels"][label])
        prepared = prepare(frame, self.form, self.info, direction)
        variations = _VARIATIONS if uncertainty else _VARIATIONS[:1]
        plan = VolumePlan.choose(self.network, self.form, prepared.size, self.device, batch_size)
        began, results = reporter.done, []
        for number, (vary, undo) in enumerate(variations, start=1):
            infer = partial(self._infer, vary(prepared.scaled), label, reporter, 1 / len(variations))
            raw, plan = run_planned(plan, infer, self.form, prepared.size)
            reporter.update(began + number / len(variations))
            results.append(undo(raw[0]))
        self._check(results[0])
        consistency = self._consistency(prepared, results[0], direction)
        report: dict[str, Any] = {} if direction is None else {"direction": direction}
        report |= {
            "units": prepared.units,
            "input_intensity": prepared.scale.as_dict(),
            "worked_at_mm": [round(length, 4) for length in prepared.spacing],
            "run": plan.describe(),
            "consistency": consistency,
            "warnings": prepared.warnings + self._consistency_warnings(consistency),
        }
        spread = prepared.restore_spread(_spread(results)) if uncertainty else None
        return prepared.restore(results[0]), spread, report

    def _infer(self, scaled: Tensor, label: int | None, reporter: Reporter, share: float, plan: VolumePlan) -> Tensor:
        import torch

        network = self.network if plan.device == self.device else self.network.to(plan.device)
        step = share / plan.pieces(self.form, tuple(scaled.shape[1:]))

        def infer(pieces: Tensor) -> Tensor:
            classes = () if label is None else (torch.full((len(pieces),), label, device=pieces.device),)
            result: Tensor = network(pieces, *classes)
            reporter.advance(step * len(pieces), f"{self.info.name} on {plan.device}")
            return result

        exact = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)
        try:
            with torch.inference_mode(), exact:
                # Cloned: what comes of inference mode cannot take part in a later training step.
                return plan.run(scaled[None], infer, self.form).clone()
        finally:
            self.network.to(self.device)

    def _check(self, result: Tensor) -> None:
        name = self.info.name
        if not result.isfinite().all():
            raise InvalidResultError(f"The result of bundle {name!r} is not finite: its weights are of no use.")
        shown = result.clamp(-1, 1)
        if shown.min() == shown.max():
            raise InvalidResultError(
                f"The result of bundle {name!r} has one value everywhere: the input is of no kind that it knows."
            )

    def _consistency(self, prepared: PreparedVolume, result: Tensor, direction: str | None) -> dict[str, Any]:
        """Agreement of the edges of input and result, with the range that was seen on known images."""
        from torch.nn.functional import avg_pool3d

        from monai_gan.metrics.structure import gradient_agreement

        coarse = avg_pool3d(result[None], self.form.scale)[0] if max(self.form.scale) > 1 else result
        value = gradient_agreement(prepared.scaled[:1], coarse[:1])
        found: dict[str, Any] = {"measure": "agreement of normalised gradients", "value": round(value, 4)}
        expected = of_direction(self.info.extra.get("consistency"), direction)
        return found | ({"expected": list(expected)} if expected else {})

    def _consistency_warnings(self, consistency: dict[str, Any]) -> list[str]:
        low, _ = consistency.get("expected", (0.0, 1.0))
        if consistency["value"] >= low:
            return []
        return [
            f"The edges of the result agree less with those of the input ({consistency['value']:.2f}) than {low:.2f}, "
            "the least that was seen on known images: look for structures that are missing or invented."
        ]


class Translator(VolumeModel):
    """Turns images of one kind into another, for instance T1-weighted MR into T2-weighted."""


class Enhancer(VolumeModel):
    """Turns images into better ones of the same kind: of higher resolution or with less noise, in the same units."""


#: Changes of the input that must not matter, each with what undoes it in the result: mirrored left to right, darker,
#: brighter. The first changes nothing and gives the result.
_VARIATIONS: list[tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]] = [
    (lambda image: image, lambda result: result),
    (lambda image: image.flip(1), lambda result: result.flip(1)),
    (lambda image: _gamma(image, 0.8), lambda result: result),
    (lambda image: _gamma(image, 1.25), lambda result: result),
    (lambda image: _gamma(image.flip(1), 0.8), lambda result: result.flip(1)),
    (lambda image: _gamma(image.flip(1), 1.25), lambda result: result.flip(1)),
]


def _gamma(image: Tensor, exponent: float) -> Tensor:
    return ((image + 1) / 2).clamp(0, 1).pow(exponent) * 2 - 1


def _spread(results: list[Tensor]) -> Tensor:
    import torch

    return torch.stack(results).clamp(-1, 1).std(0)


def _as_meta(image: Any) -> MetaTensor:
    from monai.data.meta_tensor import MetaTensor
    from monai.utils import convert_to_tensor

    tensor: MetaTensor = convert_to_tensor(image, track_meta=True)
    return MetaTensor(tensor.detach().cpu())


def _name_of(image: Any) -> str | None:
    from pathlib import Path

    name = getattr(image, "meta", {}).get("filename_or_obj")
    return Path(str(name)).name if name else None


def _merged(reports: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One report of all frames: that of the first, with all warnings, and the least consistency."""
    warned = dict.fromkeys(warning for report in reports for warning in report["warnings"])
    least = min((report["consistency"] for report in reports), key=lambda found: found["value"])
    merged = {**reports[0], "consistency": least, "warnings": list(warned)}
    return merged | ({"frames": len(reports)} if len(reports) > 1 else {})
