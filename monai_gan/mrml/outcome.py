"""Take the files of a finished job into a scene: everything that is valid, in one step, or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monai_gan.errors import InputError, InvalidResultError
from monai_gan.mrml.exchange import affine_of, box_of, read_volume, volume_array
from monai_gan.mrml.origin import Origin, report_of
from monai_gan.mrml.placement import describe_series, place_beside, place_in_folder, remove_with_item, result_name
from monai_gan.mrml.units import set_units

if TYPE_CHECKING:
    from monai_gan.bundle import BundleInfo

_VOLUMES = (".nii", ".nii.gz", ".nrrd")
#: Millimetres that the same grid can differ by, since NIfTI keeps its matrix in single precision.
_SAME = 1e-2
#: Tasks whose result measures what the input measures.
_SAME_QUANTITY = ("enhancement",)
_SAME_GRID = ("translation", "anomaly_detection")


@dataclass(frozen=True)
class Outcome:
    """What a job brought into a scene.

    Attributes:
        volumes: the nodes, the result first.
        kinds: what each is: "result", "uncertainty" or "anomaly map".
        warnings: of the run.
        report: of the run.
    """

    volumes: list[Any]
    kinds: list[str]
    warnings: tuple[str, ...] = ()
    report: Mapping[str, Any] = field(default_factory=dict)

    @property
    def volume(self) -> Any:
        """The result."""
        return self.volumes[0]


def import_outcome(
    scene: Any, result: Mapping[str, Any], info: BundleInfo, *, source: Any = None, target: Any = None
) -> Outcome:
    """Make nodes of the files that a job has written.

    All files are read into a scene of their own and checked first; the given scene changes only when all is well,
    within one batch of events.

    Args:
        scene: the vtkMRMLScene.
        result: the runner's event of that name; its files are still there.
        info: the bundle.
        source: the volume that the job was given; None where nothing was.
        target: the volume to hold the result; None makes a new one. Further volumes are always new.

    Returns:
        The nodes.

    Raises:
        InputError: the target is the source.
        InvalidResultError: a file is missing, damaged, constant, not finite, or on another grid than it must be.
    """
    if target is not None and target is source:
        raise InputError("The output is the input volume: choose another output, so that nothing is lost.")
    task = str((result.get("request") or {}).get("task", ""))
    paths = [Path(file) for file in result.get("files") or () if str(file).lower().endswith(_VOLUMES)]
    if not paths:
        raise InvalidResultError("The job has written no volume: see Details for what it said.")
    staged, staging = _stage(paths, task, source)
    made: list[Any] = []
    scene.StartState(scene.BatchProcessState)
    try:
        kinds = [_kind(task, number) for number in range(len(staged))]
        for number, kind in enumerate(kinds):
            if number or target is None:
                name = scene.GenerateUniqueName(result_name(source.GetName() if source else "", info.modality, kind))
                made.append(scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name))
        volumes = made if target is None else [target, *made]
        units = _units(result, info)
        for number, (node, kind, from_file) in enumerate(zip(volumes, kinds, staged, strict=True)):
            _fill(node, from_file)
            Origin.of_result(result, kind, number if source is None else None).write(node)
            measures = units if kind != "anomaly map" else ""
            keeps = source if task in _SAME_QUANTITY and kind == "result" else None
            set_units(node, measures, modality=info.modality if kind != "anomaly map" else "", source=keeps)
            if source is not None:
                place_beside(scene, node, source)
            _show(node, units if kind == "result" else "", new=node is not target)
        if source is None and len(volumes) > 1:
            seed = (result.get("request") or {}).get("seed", 0)
            place_in_folder(scene, volumes, f"{info.name}, seed {seed} (synthetic)")
        for node in volumes:
            describe_series(scene, node, info.modality)
    except BaseException:
        for node in made:
            remove_with_item(scene, node)
        raise
    finally:
        scene.EndState(scene.BatchProcessState)
        staging.Clear(1)
    origin = Origin.of_result(result)
    return Outcome(volumes, kinds, origin.warnings, origin.report)


def _stage(paths: list[Path], task: str, source: Any) -> tuple[list[Any], Any]:
    """The volumes in a scene of their own, all of them checked, and that scene."""
    import slicer

    staging = slicer.vtkMRMLScene()
    staged = [read_volume(path, staging) for path in paths]
    for number, (path, node) in enumerate(zip(paths, staged, strict=True)):
        _check(path.name, node, task, source, may_be_constant=_kind(task, number) != "result")
    return staged, staging


def _check(name: str, node: Any, task: str, source: Any, may_be_constant: bool) -> None:
    import numpy as np

    voxels = volume_array(node)
    if voxels.dtype.kind == "f" and not np.isfinite(voxels).all():
        raise InvalidResultError(f"The result '{name}' holds NaN or infinite values: nothing was taken over.")
    if not may_be_constant and voxels.min() == voxels.max():
        raise InvalidResultError(f"The result '{name}' has one value everywhere: nothing was taken over.")
    if source is None:
        return
    if task in _SAME_GRID:
        size, wanted = node.GetImageData().GetDimensions(), source.GetImageData().GetDimensions()
        if size != wanted or not np.allclose(affine_of(node), affine_of(source), atol=_SAME):
            raise InvalidResultError(
                f"The result '{name}' has another grid than '{source.GetName()}': nothing was taken over."
            )
    elif not np.allclose(box_of(node), box_of(source), atol=_SAME):
        raise InvalidResultError(
            f"The result '{name}' fills another box than '{source.GetName()}': nothing was taken over."
        )


def _kind(task: str, number: int) -> str:
    if task == "anomaly_detection":
        return "anomaly map"
    return "uncertainty" if task != "synthesis" and number else "result"


def _units(result: Mapping[str, Any], info: BundleInfo) -> str:
    stated = report_of(result).get("units")
    intensity = info.extra.get("intensity")
    return str(stated or (intensity.get("units", "") if isinstance(intensity, Mapping) else ""))


def _fill(node: Any, from_file: Any) -> None:
    node.SetAndObserveImageData(from_file.GetImageData())
    node.CopyOrientation(from_file)


def _show(node: Any, units: str, new: bool) -> None:
    if node.GetDisplayNode() is None:
        node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    if display is None or not new:  # a chosen output keeps the look that a person gave it
        return
    if units.strip().upper() == "HU":
        display.AutoWindowLevelOff()
        display.SetWindowLevelMinMax(-160, 240)
    else:
        display.AutoWindowLevelOn()
