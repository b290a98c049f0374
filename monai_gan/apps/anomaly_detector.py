"""Run a bundle's detector over an image or a volume: a map on its grid, and a score that says what it means."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from monai_gan.apps.detection_form import DetectionForm
from monai_gan.apps.detection_prepare import LEAST_BODY, PreparedImage, smoothed
from monai_gan.apps.jobs import CancelCheck, ProgressCallback, Reporter
from monai_gan.apps.regions import find_regions
from monai_gan.errors import InputError, InvalidResultError

if TYPE_CHECKING:
    import numpy as np
    import torch
    from monai.data.meta_tensor import MetaTensor
    from torch import Tensor

    from monai_gan.bundle import BundleInfo
    from monai_gan.data import Provenance
    from monai_gan.metrics import ScoreCalibration
    from monai_gan.networks.nets import DetectionNetwork


@dataclass(frozen=True)
class AnomalyResult:
    """What a detector says of an image.

    Attributes:
        map: (1, *S) on the grid of the image, at least 0, without a unit.
        score: of the image; of a volume that is worked on in slices the highest of its smoothed slices.
        percentile: share of held-out normal images with a lower score, in percent; None without a calibration.
        p_value: conformal p-value; None likewise.
        threshold: of the score, at the false-positive rate that was asked for; None likewise.
        is_anomalous: whether the score lies above it; None likewise.
        regions: connected regions of the map, see :func:`~monai_gan.apps.regions.find_regions`.
        slices: per slice ``index``, ``score`` and, where calibrated, ``percentile``, ``p_value`` and ``is_anomalous``;
            empty for images that are judged as a whole.
        report: ``statement``, ``warnings``, ``n_calibration``, ``unit`` and ``false_positive_rate``.
        provenance: the origin of the map, with the report.
    """

    map: MetaTensor
    score: float
    percentile: float | None
    p_value: float | None
    threshold: float | None
    is_anomalous: bool | None
    regions: list[dict[str, Any]]
    slices: list[dict[str, Any]]
    report: dict[str, Any]
    provenance: Provenance


class AnomalyDetector:
    """A detector with everything that lets it take images of any grid.

    Args:
        info: the bundle.
        network: its inference network.
        device: where the network lies.

    Attributes:
        info: the bundle.
        form: how images are fed to the network.

    Raises:
        InputError: the metadata does not say how, or the network is no detector.
    """

    def __init__(self, info: BundleInfo, network: torch.nn.Module, device: torch.device) -> None:
        if not hasattr(network, "detect"):
            raise InputError(
                f"The network of bundle {info.name!r} is a {type(network).__name__}, no detector: give one with a "
                "method detect(image)."
            )
        self.info = info
        self.device = device
        self.network: DetectionNetwork = network.to(device).eval().requires_grad_(False)  # type: ignore[assignment]
        self.form = DetectionForm.of(info)

    def __call__(
        self,
        image: Tensor,
        *,
        rate: float | None = None,
        batch_size: int = 16,
        progress: ProgressCallback | None = None,
        cancel: CancelCheck | None = None,
    ) -> AnomalyResult:
        """Judge one image.

        Args:
            image: (1, rows, columns) or (1, X, Y, Z) in image units, as MONAI's readers or `read_image` give it;
                without an ``affine`` its spacing is unknown.
            rate: false-positive rate of the threshold; by default the bundle's.
            batch_size: slices at once; results do not depend on it.
            progress: told after each batch.
            cancel: asked after each batch.

        Raises:
            InputError: the image is not for this bundle, or the rate is below what its calibration can promise.
            InvalidResultError: the result is not finite.
            Cancelled: ``cancel`` answered True.
        """
        from monai_gan.data import Provenance

        given = self.as_meta(image)
        self._check(given)
        reporter = Reporter(1, progress, cancel, phase=self.info.task)
        prepared = PreparedImage.of(given, self.form, self.info)
        maps, scores = self._run(prepared, batch_size, reporter)
        one_of_many = len(scores) > 1
        score = float(smoothed(scores).max() if one_of_many else scores[0])
        calibration = self.form.volume_calibration if one_of_many else self.form.image_calibration
        judged = self._judge(score, calibration, rate)
        slices = [{"index": i, "score": _rounded(s)} for i, s in enumerate(scores.tolist())] if one_of_many else []
        if self.form.image_calibration is not None:
            for entry in slices:
                entry |= self._judge(entry["score"], self.form.image_calibration, rate)
        values, matrix = prepared.restore(maps)
        regions = []
        if self.form.map_threshold is not None:
            volume, affine = prepared.as_volume(values)
            known = prepared.spacing_known
            regions = find_regions(volume, float(self.form.map_threshold), affine, spacing_known=known)
        report = self._report(judged, calibration, prepared.warnings, one_of_many)
        for text in report["warnings"]:
            warnings.warn(text, UserWarning, stacklevel=1)
        info = self.info
        origin = Provenance(
            *(info.name, info.version, info.weights_sha256),
            task=info.task,
            source=_name_of(image),
            extra={"report": report, "score": _rounded(score)},
        )
        result = _with_affine(values, matrix)
        result.meta["provenance"] = origin.to_json()
        judgement = {key: judged.get(key) for key in ("percentile", "p_value", "threshold", "is_anomalous")}
        return AnomalyResult(
            map=result, score=score, regions=regions, slices=slices, report=report, provenance=origin, **judgement
        )

    @staticmethod
    def as_meta(image: Any) -> MetaTensor:
        """An image with what is known of its geometry, on the CPU."""
        from monai.data.meta_tensor import MetaTensor

        from monai_gan.data.geometry import default_affine

        if isinstance(image, MetaTensor):
            return MetaTensor(image.detach().cpu())
        import torch

        tensor = torch.as_tensor(image).detach().cpu()
        affine = torch.from_numpy(default_affine(max(2, min(3, tensor.ndim - 1))))
        return MetaTensor(tensor, affine=affine, meta={"spacing_unknown": True})

    def raw(self, prepared: PreparedImage, batch_size: int = 16) -> tuple[Tensor, Tensor]:
        """Scores (N,) and maps (N, 1, *size) of an image's pieces, at the size of the network, without any meaning."""
        maps, scores = self._run(prepared, batch_size, Reporter(1))
        return scores, maps

    def _check(self, image: MetaTensor) -> None:
        name, dims = self.info.name, self.form.spatial_dims
        if image.ndim not in (3, 4) or not image.numel():
            raise InputError(f"image has the shape {tuple(image.shape)}: give (1, rows, columns) or (1, X, Y, Z).")
        if len(image) != 1:
            raise InputError(f"image has {len(image)} channels, but {name!r} takes one: give one grey channel.")
        if image.ndim == 3 and dims == 3:
            raise InputError(f"image is a single slice, but {name!r} works on volumes: give the whole volume.")
        if image.ndim == 4 and self.form.orientation is None:
            raise InputError(f"image is a volume, but {name!r} takes single images: give one of them.")
        if image.dtype.is_floating_point and not image.isfinite().all():
            raise InputError("image has NaN or infinite values: replace them, for instance by the background.")
        if image.min() == image.max():
            raise InputError(f"image has the value {float(image.max()):g} everywhere: there is nothing to judge.")

    def _run(self, prepared: PreparedImage, batch_size: int, reporter: Reporter) -> tuple[Tensor, Tensor]:
        """Maps (N, 1, *size) and scores (N,), 0 where there is no body."""
        import torch

        from monai_gan.metrics import top_mean

        pieces, bodies = prepared.pieces, prepared.bodies
        maps, scores = torch.zeros_like(pieces), torch.zeros(len(pieces))
        filled = torch.nonzero(bodies.flatten(1).float().mean(1) >= LEAST_BODY).flatten()
        # An empty tensor would be split into one empty part.
        for chosen in filled.split(batch_size) if len(filled) else ():
            exact = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)
            with torch.inference_mode(), exact:
                found = self.network.detect(pieces[chosen].to(self.device))
            maps[chosen] = found.map.float().cpu().clone() * bodies[chosen]
            if self.form.score == "network":
                scores[chosen] = found.score.float().cpu().clone()
            else:
                scores[chosen] = torch.cat([top_mean(maps[i : i + 1], self._share(bodies[i])) for i in chosen.tolist()])
            reporter.advance(len(chosen) / len(filled), f"{self.info.name} on {self.device}")
        if not maps.isfinite().all() or not scores.isfinite().all():
            raise InvalidResultError(
                f"The result of bundle {self.info.name!r} is not finite: its weights are of no use."
            )
        return maps, scores

    def _share(self, body: Tensor) -> float:
        return self.form.top_share * float(body.float().mean())

    def _judge(self, score: float, calibration: ScoreCalibration | None, rate: float | None) -> dict[str, Any]:
        """What a score means among those of normal images."""
        if calibration is None:
            return {}
        chosen = self.form.rate_for(rate, calibration)
        threshold = calibration.threshold(chosen)
        return {
            "percentile": round(calibration.percentile(score), 2),
            "p_value": round(calibration.p_value(score), 4),
            "threshold": threshold,
            "is_anomalous": score > threshold,
            "false_positive_rate": chosen,
        }

    def _report(
        self, judged: dict[str, Any], calibration: ScoreCalibration | None, found: list[str], is_volume: bool
    ) -> dict[str, Any]:
        if calibration is None:
            what = "volumes: see the slices" if is_volume and self.form.image_calibration else "its scores"
            return {"statement": f"{self.info.name!r} has no calibration of {what}.", "warnings": found}
        unit, n, rate = calibration.unit, calibration.n, judged["false_positive_rate"]
        place = f"{judged['percentile']:.0f} % of held-out normal images score lower ({n} {unit}s)"
        verdict = (
            f"The score lies above the threshold for a false-positive rate of {rate:.3g}"
            if judged["is_anomalous"]
            else "The score is within the normal range"
        )
        statement = f"{verdict}: {place}."
        return {
            "statement": statement,
            "warnings": found,
            "n_calibration": n,
            "unit": unit,
            "false_positive_rate": rate,
        }


def _with_affine(values: Tensor, affine: np.ndarray) -> MetaTensor:
    import torch
    from monai.data.meta_tensor import MetaTensor

    return MetaTensor(values, affine=torch.from_numpy(affine))


def _name_of(image: Any) -> str | None:
    from pathlib import Path

    name = getattr(image, "meta", {}).get("filename_or_obj")
    return Path(str(name)).name if name else None


def _rounded(score: float) -> float:
    return float(f"{score:.6g}")
