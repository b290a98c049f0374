"""A small set of brain images without a download: the MNI152 template that nilearn carries, bent and shaded at random.

The template is the average of 152 adults (Fonov et al., NeuroImage 2011). Each image is one made-up person: an elastic
and an affine deformation, another contrast and another bias field. Good for trying things out and for tests, not for
any claim about people.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from monai.transforms import Compose, Rand2DElastic, Rand3DElastic, RandAdjustContrast, RandBiasField, Transform
from torch import Tensor

from monai_gan.data.images import read_image
from monai_gan.data.resize import resize
from monai_gan.data.table import ImageTable
from monai_gan.errors import InputError, MissingExtraError

TEMPLATE = "mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz"

# Millimetres of the cube around the middle of the brain, and the axial slices taken from it (mm above the middle).
_SIDE = 208
_LOWEST, _HIGHEST, _STEP = -20, 40, 2
_DEFAULT_SIZE = {2: 64, 3: 48}
_DEFAULT_COUNT = {2: 512, 3: 64}


def demo_table(
    name: str = "mni152",
    *,
    spatial_dims: int = 2,
    image_size: Sequence[int] | None = None,
    n: int | None = None,
    seed: int = 0,
) -> ImageTable:
    """Make the demo images, the same ones each time.

    Args:
        name: ``"mni152"``.
        spatial_dims: 2 for axial slices (anterior up, the patient's right on the left), 3 for volumes (X, Y, Z) in RAS.
        image_size: spatial size; default 64 in 2-D, 48 in 3-D.
        n: number of images; default 512 in 2-D, 64 in 3-D.
        seed: seed of all variation; image i depends on it and on i only.

    Returns:
        8-bit images (n, *S), each its own subject.

    Raises:
        InputError: there is no demo of that name.
        MissingExtraError: nilearn is not installed.
    """
    if name != "mni152":
        raise InputError(f"source 'demo:{name}' is unknown: the demo is 'demo:mni152'.")
    size = tuple(image_size or (_DEFAULT_SIZE[spatial_dims],) * spatial_dims)
    count = _DEFAULT_COUNT[spatial_dims] if n is None else n
    head = _template()
    if spatial_dims == 2:
        middle = _SIDE // 2
        # Rows from front to back, columns from the patient's right to left.
        planes = head[:, :, middle + _LOWEST : middle + _HIGHEST : _STEP].flip(0, 1).permute(2, 1, 0)
        bases = [resize(plane[None], size) for plane in planes]
    else:
        bases = [resize(head[None], size)]
    vary = _variation(spatial_dims, size)
    images = np.empty((count, *size), dtype=np.uint8)
    for index in range(count):
        words = np.random.SeedSequence((seed, index)).generate_state(2)
        vary.set_random_state(seed=int(words[0]))
        base = bases[int(words[1]) % len(bases)]
        images[index] = torch.as_tensor(vary(base))[0].mul(255).round().clamp(0, 255).to(torch.uint8).numpy()
    return ImageTable(name=f"demo:{name}", images=images)


def _variation(spatial_dims: int, size: Sequence[int]) -> Compose:
    """Elastic and affine deformation, then gamma and bias field, in proportion to the size."""
    shortest = min(size)
    move = shortest * 0.03
    bend: Transform
    if spatial_dims == 2:
        bend = Rand2DElastic(
            spacing=(shortest / 5, shortest / 5),
            magnitude_range=(0.0, shortest / 50),
            prob=1.0,
            rotate_range=0.12,
            translate_range=(move, move),
            scale_range=(0.08, 0.08),
            padding_mode="zeros",
        )
    else:
        bend = Rand3DElastic(
            sigma_range=(shortest / 9, shortest / 7),
            # The field is white noise before it is smoothed, which takes most of its size away.
            magnitude_range=(shortest * 0.5, shortest * 2.5),
            prob=1.0,
            rotate_range=(0.12, 0.12, 0.12),
            translate_range=(move, move, move),
            scale_range=(0.08, 0.08, 0.08),
            padding_mode="zeros",
        )
    contrast = RandAdjustContrast(prob=1.0, gamma=(0.7, 1.5))
    return Compose([bend, contrast, RandBiasField(prob=1.0, degree=2, coeff_range=(-0.08, 0.08))])


@lru_cache(maxsize=1)
def _template() -> Tensor:
    """The head in a cube of 208 mm, 1 mm voxels (X, Y, Z) in RAS, values 0 to 0.8: the bias field needs room above."""
    head = read_image(template_path()).as_tensor()[0].float()
    head = (head / torch.quantile(head[head > 0][::101], 0.999)).clamp(0, 1).mul(0.8)
    cube = torch.zeros((_SIDE,) * 3)
    inside = [torch.nonzero(head.amax(dim=[a for a in range(3) if a != axis]) > 0.1).flatten() for axis in range(3)]
    source, target = [], []
    for axis, found in enumerate(inside):
        start = int(found[0] + found[-1]) // 2 - _SIDE // 2
        low, high = max(start, 0), min(start + _SIDE, head.shape[axis])
        source.append(slice(low, high))
        target.append(slice(low - start, high - start))
    cube[tuple(target)] = head[tuple(source)]
    return cube


def template_path() -> Path:
    """Find the template inside nilearn, without importing nilearn and what it needs.

    Raises:
        MissingExtraError: nilearn is not installed, or does not carry the template.
    """
    spec = importlib.util.find_spec("nilearn")
    for location in spec.submodule_search_locations or () if spec else ():
        path = Path(location) / "datasets" / "data" / TEMPLATE
        if path.is_file():
            return path
    raise MissingExtraError(
        "source 'demo:mni152' needs the template that nilearn carries; run: pip install 'monai-gan[demo]'"
    )
