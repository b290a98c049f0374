"""Between MRML, the scene of 3D Slicer, and the files of a job: geometry, units, origin, place in the hierarchy.

For 3D Slicer and for programs over the package slicer-core alike: only vtkMRML classes are used, neither Qt nor the
application. Importing this room needs none of them.
"""

from __future__ import annotations

from monai_gan.mrml.exchange import read_volume, volume_array, write_sequence, write_volume
from monai_gan.mrml.inputs import input_cautions, input_refusal
from monai_gan.mrml.origin import Origin, origin_of
from monai_gan.mrml.outcome import Outcome, import_outcome
from monai_gan.mrml.overlay import lay_over
from monai_gan.mrml.regions import Region, find_regions, region_texts, write_segmentation, write_table
from monai_gan.mrml.requests import request_of
from monai_gan.mrml.sequences import frames_of, import_frames, sequence_of
from monai_gan.mrml.units import set_units

__all__ = [
    "Origin",
    "Outcome",
    "Region",
    "find_regions",
    "frames_of",
    "import_frames",
    "import_outcome",
    "input_cautions",
    "input_refusal",
    "lay_over",
    "origin_of",
    "read_volume",
    "region_texts",
    "request_of",
    "sequence_of",
    "set_units",
    "volume_array",
    "write_segmentation",
    "write_sequence",
    "write_table",
    "write_volume",
]
