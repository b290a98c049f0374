"""The quantity that voxels measure and its unit, as DICOM codes on a volume node."""

from __future__ import annotations

from typing import Any

#: What the words of a bundle mean: (value, scheme, meaning) of the quantity and of its unit.
_CODES = {
    "hu": (("112031", "DCM", "Attenuation Coefficient"), ("[hnsf'U]", "UCUM", "Hounsfield unit")),
    "suv": (("126400", "DCM", "Standardized Uptake Value"), ("{SUVbw}g/ml", "UCUM", "Standardized Uptake Value")),
    "mr": (("110852", "DCM", "MR signal intensity"), ("1", "UCUM", "no units")),
}
_SPELLINGS = {"hu": "hu", "hounsfield": "hu", "suv": "suv", "g/ml": "suv", "suvbw": "suv"}


def set_units(node: Any, units: str, *, modality: str = "", source: Any = None) -> None:
    """Say what the voxels of a result measure.

    Args:
        node: the vtkMRMLScalarVolumeNode.
        units: as the bundle or the report of a run states them, for instance ``"HU"``; arbitrary ones of an MR image
            get the quantity "MR signal intensity" without a unit.
        modality: of the result, for instance ``"MR T2-weighted"``.
        source: for tasks that keep the quantity the volume whose codes are taken over, where it has any.
    """
    if source is not None and source.GetVoxelValueQuantity() is not None:
        node.SetVoxelValueQuantity(source.GetVoxelValueQuantity())
        node.SetVoxelValueUnits(source.GetVoxelValueUnits())
        return
    kind = _SPELLINGS.get(units.strip().lower(), "")
    if not kind and modality.upper().startswith("MR"):
        kind = "mr"
    if not kind:  # an old content of a chosen output must not keep its unit
        node.SetVoxelValueQuantity(None)
        node.SetVoxelValueUnits(None)
        return
    quantity, unit = _CODES[kind]
    node.SetVoxelValueQuantity(_coded(quantity))
    node.SetVoxelValueUnits(_coded(unit))


def _coded(code: tuple[str, str, str]) -> Any:
    import slicer

    entry = slicer.vtkCodedEntry()
    entry.SetValueSchemeMeaning(*code)
    return entry
