"""The runner's request for a volume of a scene."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def request_of(
    task: str, bundle: str, folder: Path, *, source: Any = None, frames: bool = False, **options: Any
) -> dict[str, Any]:
    """Write the input into a folder and give the request.

    Args:
        task: name of the task.
        bundle: name or path of the bundle.
        folder: private and existing; the input becomes ``input.nrrd`` in it.
        source: the volume node to work on; not needed for synthesis.
        frames: work on all frames where the source is the current frame of a sequence.
        **options: further fields of the request. Those that are None or that the task does not know are left out, and
            so is a label that is left over from another bundle.

    Returns:
        The request, without ``output``.

    Raises:
        InputError: the task or the bundle is unknown, or the input cannot be written.
    """
    from monai_gan.apps.request import task_fields
    from monai_gan.bundle import BundleInfo, find_bundle
    from monai_gan.mrml.exchange import write_sequence, write_volume
    from monai_gan.mrml.sequences import frames_of, sequence_of

    fields = task_fields(task)
    given = {"format": "nrrd", **options}
    request = {name: value for name, value in given.items() if name in fields and value is not None}
    request |= {"task": task, "bundle": bundle}
    if not BundleInfo.from_path(find_bundle(bundle)).labels:
        request.pop("label", None)
    if "input" in fields:
        found = sequence_of(source.GetScene(), source) if frames else None
        path = folder / "input.nrrd"
        written = str(write_sequence(frames_of(found[1]), path) if found else write_volume(source, path))
        request["input"] = [written] if "array" in fields["input"]["type"] else written
    return request
