"""Images in and out: sources, splits, scaling, loaders, geometry and the provenance of synthetic images.

Names are reached lazily, so that asking for one does not load what the others need.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from monai_gan.lazy import lazy_names

if TYPE_CHECKING:
    from monai_gan.data.adapters import from_monai
    from monai_gan.data.anomalies import ANOMALY_KINDS, InsertedAnomaly, insert_anomaly
    from monai_gan.data.body import body_mask
    from monai_gan.data.dataset import ImageDataset
    from monai_gan.data.drawn import DrawnDataset
    from monai_gan.data.foreground import ForegroundScale
    from monai_gan.data.images import read_image
    from monai_gan.data.latents import LatentDataset, seeded_latents, truncate_latents
    from monai_gan.data.normals import normal_images
    from monai_gan.data.pairs import balanced_samples, volume_pairs
    from monai_gan.data.profile import ProfileLimits, image_profile
    from monai_gan.data.provenance import Provenance, read_provenance
    from monai_gan.data.provenance_report import ProvenanceReport, check_provenance
    from monai_gan.data.scaling import IntensityScale
    from monai_gan.data.slice_archive import contrast_slices
    from monai_gan.data.sources import named_sets, open_source
    from monai_gan.data.splits import split_by_subject
    from monai_gan.data.stream import StreamLoader
    from monai_gan.data.table import ImageTable
    from monai_gan.data.unpaired import UnpairedDataset
    from monai_gan.data.write import write_image

_HOMES = {
    "ANOMALY_KINDS": "anomalies",
    "DrawnDataset": "drawn",
    "ForegroundScale": "foreground",
    "ImageDataset": "dataset",
    "ImageTable": "table",
    "InsertedAnomaly": "anomalies",
    "IntensityScale": "scaling",
    "LatentDataset": "latents",
    "ProfileLimits": "profile",
    "Provenance": "provenance",
    "ProvenanceReport": "provenance_report",
    "StreamLoader": "stream",
    "UnpairedDataset": "unpaired",
    "balanced_samples": "pairs",
    "body_mask": "body",
    "check_provenance": "provenance_report",
    "contrast_slices": "slice_archive",
    "from_monai": "adapters",
    "image_profile": "profile",
    "insert_anomaly": "anomalies",
    "named_sets": "sources",
    "normal_images": "normals",
    "open_source": "sources",
    "read_image": "images",
    "read_provenance": "provenance",
    "seeded_latents": "latents",
    "split_by_subject": "splits",
    "truncate_latents": "latents",
    "volume_pairs": "pairs",
    "write_image": "write",
}

__all__ = [
    "ANOMALY_KINDS",
    "DrawnDataset",
    "ForegroundScale",
    "ImageDataset",
    "ImageTable",
    "InsertedAnomaly",
    "IntensityScale",
    "LatentDataset",
    "ProfileLimits",
    "Provenance",
    "ProvenanceReport",
    "StreamLoader",
    "UnpairedDataset",
    "balanced_samples",
    "body_mask",
    "check_provenance",
    "contrast_slices",
    "from_monai",
    "image_profile",
    "insert_anomaly",
    "named_sets",
    "normal_images",
    "open_source",
    "read_image",
    "read_provenance",
    "seeded_latents",
    "split_by_subject",
    "truncate_latents",
    "volume_pairs",
    "write_image",
]


__getattr__, __dir__ = lazy_names(__name__, _HOMES)
