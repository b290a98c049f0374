from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mrml_scenes import OBLIQUE, fingerprint, new_scene

from monai_gan.bundle import BundleInfo
from monai_gan.data import write_image
from monai_gan.data.geometry import rescaled_affine
from monai_gan.errors import InputError, InvalidResultError
from monai_gan.mrml import Origin, import_outcome, origin_of, volume_array
from monai_gan.mrml.exchange import affine_of

Add = Callable[..., Any]
VOXELS = np.arange(1 * 5 * 6 * 7, dtype=np.float32).reshape(1, 5, 6, 7)


def info(modality: str = "MR T2-weighted, synthetic", units: str = "arbitrary") -> BundleInfo:
    block = {"modality_out": modality, "intensity": {"units": units}}
    return BundleInfo("bundle", Path(), {"version": "1.2", "monai_gan": block})


def result_of(task: str, *files: Path, units: str | None = "arbitrary", **request: Any) -> dict[str, Any]:
    return {
        "event": "result",
        "files": [str(file) for file in files],
        "bundle": {"name": "bundle", "version": "1.2", "checksum": "abc"},
        "request": {"task": task, "bundle": "bundle", "output": "/tmp/gone", **request},
        "monai_gan": "0.1.0",
        "report": {"units": units, "warnings": ["Unusual."]} if units is not None else {},
    }


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write(name: str = "out.nrrd", voxels: np.ndarray = VOXELS, affine: np.ndarray = OBLIQUE) -> Path:
        return write_image(tmp_path / name, voxels, affine=affine)

    return write


def hierarchy(scene: Any) -> Any:
    import slicer

    return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)


def test_a_translation_lies_beside_its_input_and_says_what_it_is(scene: Any, add: Add, write: Any) -> None:
    source = add(name="t1")
    tree = hierarchy(scene)
    study = tree.CreateStudyItem(tree.CreateSubjectItem(tree.GetSceneItemID(), "patient"), "study")
    tree.SetItemParent(tree.GetItemByDataNode(source), study)
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "shift")
    source.SetAndObserveTransformNodeID(transform.GetID())
    before = volume_array(source).copy()
    outcome = import_outcome(
        scene, result_of("translation", write(), write("u.nrrd", VOXELS * 0)), info(), source=source
    )
    node, uncertainty = outcome.volumes
    assert outcome.volume is node
    assert outcome.kinds == ["result", "uncertainty"]
    assert outcome.warnings == ("Unusual.",)
    assert node.GetName() == "t1 MR T2-weighted (synthetic)"
    assert uncertainty.GetName() == "t1 uncertainty (of a model)"
    np.testing.assert_allclose(affine_of(node), affine_of(source), atol=1e-4)
    np.testing.assert_array_equal(volume_array(source), before)
    for made in outcome.volumes:
        assert tree.GetItemParent(tree.GetItemByDataNode(made)) == study
        assert made.GetParentTransformNode() is transform
        described = tree.GetItemAttribute(tree.GetItemByDataNode(made), "DICOM.SeriesDescription")
        assert described.startswith("SYNTHETIC")
        assert tree.GetItemAttribute(tree.GetItemByDataNode(made), "DICOM.Modality") == "MR"
        assert made.GetNodeReference("MONAIGAN.source") is source
    origin = origin_of(node)
    assert origin is not None
    assert (origin.bundle, origin.version, origin.checksum, origin.package_version) == ("bundle", "1.2", "abc", "0.1.0")
    assert origin.request == {"task": "translation", "bundle": "bundle"}
    assert origin.warnings == ("Unusual.",)
    assert node.GetDescription().startswith("SYNTHETIC")
    assert node.GetVoxelValueQuantity().GetCodeMeaning() == "MR signal intensity"
    assert node.GetDisplayNode() is not None
    assert origin_of(source) is None


def test_enhancement_fills_the_same_box_and_keeps_the_quantity(scene: Any, add: Add, write: Any) -> None:
    import slicer

    source = add()
    entry = slicer.vtkCodedEntry()
    entry.SetValueSchemeMeaning("112031", "DCM", "Attenuation Coefficient")
    source.SetVoxelValueQuantity(entry)
    finer = VOXELS.repeat(2, 1).repeat(2, 2).repeat(2, 3)
    path = write(voxels=finer, affine=rescaled_affine(OBLIQUE, (2, 2, 2)))
    node = import_outcome(scene, result_of("enhancement", path), info(), source=source).volume
    assert node.GetImageData().GetDimensions() == (10, 12, 14)
    assert node.GetVoxelValueQuantity().GetCodeValue() == "112031"
    assert node.GetOrigin() != source.GetOrigin()
    with pytest.raises(InvalidResultError, match="another box"):
        import_outcome(scene, result_of("enhancement", write("o.nrrd", finer)), info(), source=source)


def test_units_of_ct_and_its_window(scene: Any, add: Add, write: Any) -> None:
    result = result_of("translation", write(), units="HU")
    node = import_outcome(scene, result, info("CT"), source=add()).volume
    assert node.GetVoxelValueUnits().GetCodeValue() == "[hnsf'U]"
    assert node.GetDisplayNode().GetWindow() == 400


def test_samples_come_in_a_folder_with_their_numbers(scene: Any, write: Any) -> None:
    files = [write(f"s{number}.nrrd", VOXELS + number) for number in range(3)]
    outcome = import_outcome(scene, result_of("synthesis", *files, units=None, seed=7), info("CT", "HU"))
    tree = hierarchy(scene)
    parents = {tree.GetItemName(tree.GetItemParent(tree.GetItemByDataNode(node))) for node in outcome.volumes}
    assert parents == {"bundle, seed 7 (synthetic)"}
    origins = [origin_of(node) for node in outcome.volumes]
    assert [origin.index for origin in origins if origin] == [0, 1, 2]
    assert origins[0] is not None
    assert origins[0].request["seed"] == 7
    assert outcome.volume.GetVoxelValueUnits().GetCodeValue() == "[hnsf'U]"
    assert len({node.GetName() for node in outcome.volumes}) == 3


def test_an_anomaly_map_has_no_unit(scene: Any, add: Add, write: Any) -> None:
    judged = {
        "score": 0.7,
        "percentile": 99.0,
        "report": {"statement": "High.", "warnings": ["Unusual."]},
        "slices": [],
    }
    result = result_of("anomaly_detection", write("ct_anomaly.nii.gz"), units=None) | {"images": [judged]}
    result["files"] = [str(write("x.nrrd").with_name("scores.json")), result["files"][0]]
    outcome = import_outcome(scene, result, info(), source=add())
    assert outcome.kinds == ["anomaly map"]
    assert outcome.warnings == ("Unusual.",)
    assert (outcome.report["statement"], outcome.report["score"]) == ("High.", 0.7)
    assert outcome.volume.GetName() == "ct anomaly map (of a model)"
    assert outcome.volume.GetVoxelValueQuantity() is None


def test_a_chosen_output_is_used_again(scene: Any, add: Add, write: Any) -> None:
    source, target = add(), add(name="mine")
    Origin("old", kind="uncertainty", warnings=("old",)).write(target)
    outcome = import_outcome(scene, result_of("translation", write()), info("CT"), source=source, target=target)
    assert outcome.volumes == [target]
    assert target.GetName() == "mine"
    np.testing.assert_array_equal(volume_array(target).transpose(2, 1, 0), VOXELS[0])
    origin = origin_of(target)
    assert origin is not None
    assert (origin.bundle, origin.kind) == ("bundle", "result")


def test_the_input_is_never_overwritten(scene: Any, add: Add, write: Any) -> None:
    source = add()
    before = fingerprint(scene)
    with pytest.raises(InputError, match="The output is the input"):
        import_outcome(scene, result_of("translation", write()), info(), source=source, target=source)
    assert fingerprint(scene) == before


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        pytest.param("missing", "cannot be read", id="missing"),
        pytest.param("none", "has written no volume", id="no-file"),
        pytest.param("nan", "NaN or infinite", id="not-finite"),
        pytest.param("constant", "one value everywhere", id="constant"),
        pytest.param("grid", "another grid", id="grid"),
    ],
)
@pytest.mark.parametrize("chosen", [False, True], ids=["new-output", "chosen-output"])
def test_an_invalid_result_leaves_the_scene_as_it_was(
    fault: str, text: str, chosen: bool, scene: Any, add: Add, write: Any, tmp_path: Path
) -> None:
    import nrrd

    source = add()
    target = add(name="mine") if chosen else None
    files = [write()]
    if fault == "missing":
        files.append(tmp_path / "gone.nrrd")
    elif fault == "none":
        files = [tmp_path / "scores.json"]
    elif fault == "nan":
        voxels, header = nrrd.read(str(files[0]))
        nrrd.write(str(files[0]), voxels * np.nan, header)
    elif fault == "constant":
        files = [write(voxels=VOXELS * 0)]
    elif fault == "grid":
        files = [write(affine=np.eye(4))]
    before = fingerprint(scene)
    with pytest.raises(InvalidResultError, match=text):
        import_outcome(scene, result_of("translation", *files), info(), source=source, target=target)
    assert fingerprint(scene) == before


def test_a_fault_half_way_leaves_the_scene_as_it_was(
    scene: Any, add: Add, write: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from monai_gan.mrml import outcome as module

    source = add()
    before = fingerprint(scene)

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("the hierarchy is gone")

    monkeypatch.setattr(module, "place_beside", fail)
    with pytest.raises(RuntimeError, match="hierarchy is gone"):
        import_outcome(scene, result_of("translation", write(), write("u.nrrd")), info(), source=source)
    assert fingerprint(scene) == before
    assert not scene.IsBatchProcessing()


def test_the_origin_and_the_units_survive_a_saved_scene(scene: Any, add: Add, write: Any, tmp_path: Path) -> None:
    node = import_outcome(scene, result_of("translation", write(), units="HU"), info("CT"), source=add()).volume
    origin = origin_of(node)
    scene.SetURL(str(tmp_path / "scene.mrml"))
    assert scene.Commit()
    again = new_scene()
    again.SetURL(str(tmp_path / "scene.mrml"))
    assert again.Connect()
    loaded = again.GetFirstNodeByName(node.GetName())
    assert origin_of(loaded) == origin
    assert loaded.GetVoxelValueUnits().GetCodeValue() == "[hnsf'U]"
    assert loaded.GetNodeReference("MONAIGAN.source").GetName() == "ct"
