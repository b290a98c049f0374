"""From an image in its own units and grid to the pieces that a detector's network takes, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from monai_gan.apps.detection_fit import Fit
from monai_gan.apps.detection_form import DetectionForm
from monai_gan.apps.volume_prepare import volume_of
from monai_gan.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from monai.data.meta_tensor import MetaTensor
    from torch import Tensor

    from monai_gan.bundle import BundleInfo

#: Less body than this share of a slice holds nothing to judge.
LEAST_BODY = 0.02
#: A slice whose values differ by less is all air.
LEAST_CONTRAST = 0.12


@dataclass
class PreparedImage:
    """An image as pieces for the network, and what leads maps back.

    Attributes:
        pieces: (N, 1, *size) in [-1, 1], the slices of a 2-D network or the one volume of a 3-D one.
        bodies: (N, 1, *size), where there is a body.
        warnings: what is unusual about the image.
        spacing_known: whether millimetres mean anything.
        volume: the image as a volume (1, X, Y, Z) in its own units.
        turned: the same in [-1, 1] and the network's orientation.
    """

    pieces: Tensor
    bodies: Tensor
    warnings: list[str]
    spacing_known: bool
    volume: Tensor
    turned: Tensor
    _given: MetaTensor
    _affine: np.ndarray
    _turn: Any
    _fit: Fit

    @classmethod
    def of(cls, image: MetaTensor, form: DetectionForm, info: BundleInfo) -> PreparedImage:
        """Scale, turn, cut into slices and bring to the network's size.

        Raises:
            InputError: the image has no contrast, is a slice of another plane or larger than the network's field.
        """
        import torch

        from monai_gan.data import body_mask, image_profile
        from monai_gan.data.geometry import spacing_of
        from monai_gan.data.orientation import Orientation

        volume, affine = volume_of(image)
        scaled = form.fit_scale(volume).to_model(volume)
        flat = form.orientation is None
        turn = None if flat else Orientation.of(affine, str(form.orientation))
        turned = scaled.transpose(1, 2) if turn is None else turn.apply(scaled)
        spacing: tuple[float, ...] = spacing_of(affine)
        spacing = (spacing[1], spacing[0], spacing[2]) if turn is None else turn.per_named_axis(spacing)
        if image.ndim == 3 and turned.shape[3] != 1:
            raise InputError(f"image is a slice of another plane than {info.name!r} knows: give it slices of its own.")
        size = tuple(turned.shape[1:])
        if form.spatial_dims == 3:
            known = tuple(float(length) for length in info.extra.get("spacing_mm") or (1.0, 1.0, 1.0))
            fit = Fit.in_millimetres(size, spacing, known, form.image_size)
            pieces = fit.apply(turned)[None]
        else:
            fit = Fit.whole(size[:2], spacing[:2], form.image_size)
            pieces = torch.stack([fit.apply(turned[..., i]) for i in range(size[2])])
        whole = torch.ones_like(pieces, dtype=torch.bool)
        level = form.body_threshold
        bodies = whole if level is None else torch.stack([_body(one, level, body_mask) for one in pieces])
        unusual = form.familiar.unusual(image_profile(volume, turned))
        modality = info.extra.get("modality_in") or "an image"
        found = [
            f"The image lies outside of what {info.name!r} knows, {modality} ({'; '.join(unusual)}): do not rely on "
            "the result."
        ] * bool(unusual)
        if not bodies.any():
            found.append("No body was found in the image, so that nothing was judged: its score of 0 says nothing.")
        return cls(pieces, bodies, found, _spacing_known(image), volume, turned, image, affine, turn, fit)

    def restore(self, maps: Tensor) -> tuple[Tensor, np.ndarray]:
        """The map (1, *S) on the grid of the image, smoothed over slices, and its affine."""
        import torch

        from monai_gan.data.geometry import swap_plane

        if len(self._fit.size) == 3:
            turned = self._fit.restore(maps[0])
        else:
            turned = torch.stack([self._fit.restore(one) for one in smoothed(maps)], dim=-1)
        values = turned.transpose(1, 2) if self._turn is None else self._turn.restore(turned)
        if self._given.ndim == 4:
            return values.contiguous(), self._affine
        array, affine = swap_plane(values[..., 0].numpy(), self._affine)
        return torch.from_numpy(array.copy()), affine

    def as_volume(self, values: Tensor) -> tuple[np.ndarray, np.ndarray]:
        """The map (X, Y, Z) and its affine."""
        array = values.numpy()[0]
        return (array.T[..., None] if self._given.ndim == 3 else array), self._affine


def _body(piece: Tensor, level: float | str, find: Any) -> Tensor:
    """Where a piece holds a body; nowhere if it is all air."""
    import torch

    least = float(piece.min()) + LEAST_CONTRAST if level == "auto" else float(level)
    if float((piece > least).float().mean()) < LEAST_BODY:
        return torch.zeros_like(piece, dtype=torch.bool)
    found: Tensor = find(piece, None if level == "auto" else level)
    return found


def _spacing_known(image: MetaTensor) -> bool:
    from pathlib import Path

    from monai_gan.data.formats import PICTURES, has_extension

    name = image.meta.get("filename_or_obj")
    return not image.meta.get("spacing_unknown") and not (name and has_extension(Path(str(name)), PICTURES))


def smoothed(values: Tensor) -> Tensor:
    """Each slice with half the weight of its neighbours beside it; ends are repeated."""
    import torch

    if len(values) < 2:
        return values
    before, after = torch.cat([values[:1], values[:-1]]), torch.cat([values[1:], values[-1:]])
    return (before + 2 * values + after) / 4
