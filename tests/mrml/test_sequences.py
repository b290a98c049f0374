from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mrml_scenes import OBLIQUE, add_volume, fingerprint

from monai_gan.bundle import BundleInfo
from monai_gan.data import write_image
from monai_gan.errors import InvalidResultError
from monai_gan.mrml import frames_of, import_frames, origin_of, sequence_of, volume_array
from monai_gan.mrml.exchange import affine_of

INFO = BundleInfo("bundle", Path(), {"version": "1", "monai_gan": {"modality_out": "MR T2-weighted"}})


@pytest.fixture
def proxy(scene: Any) -> Any:
    """The volume that shows the first of three frames of a sequence."""
    import slicer

    logic = slicer.vtkSlicerSequencesLogic()
    logic.SetMRMLScene(scene)
    sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "heart")
    sequence.SetIndexName("time")
    sequence.SetIndexUnit("s")
    for number in range(3):
        frame = add_volume(scene, np.full((4, 5, 6), number, dtype=np.float32) + np.arange(6, dtype=np.float32))
        sequence.SetDataNodeAtValue(frame, str(number / 10))
        scene.RemoveNode(frame)
    browser = scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "browser")
    browser.SetAndObserveMasterSequenceNodeID(sequence.GetID())
    node = browser.AddProxyNode(sequence.GetNthDataNode(0), sequence, True)
    yield node
    logic.SetMRMLScene(None)


def result(tmp_path: Path, frames: int = 3, **options: Any) -> dict[str, Any]:
    voxels = np.arange(frames * 6 * 5 * 4, dtype=np.float32).reshape(frames, 6, 5, 4)
    path = write_image(tmp_path / "out.nrrd", options.pop("voxels", voxels), affine=options.pop("affine", OBLIQUE))
    request = {"task": "translation", "bundle": "bundle"}
    return {"files": [str(path)], "request": request, "bundle": {"name": "bundle"}, "report": {"units": "HU"}}


def test_a_frame_knows_its_sequence(scene: Any, proxy: Any) -> None:
    found = sequence_of(scene, proxy)
    assert found is not None
    browser, sequence = found
    assert browser.GetName() == "browser"
    assert [float(volume_array(frame).min()) for frame in frames_of(sequence)] == [0, 1, 2]
    assert sequence_of(scene, add_volume(scene)) is None
    assert sequence_of(scene, None) is None


def test_a_result_plays_along_with_its_input(scene: Any, proxy: Any, tmp_path: Path) -> None:
    node = import_frames(scene, result(tmp_path), INFO, proxy)
    found, source = sequence_of(scene, node), sequence_of(scene, proxy)
    assert found is not None
    assert source is not None
    assert found[0] is source[0]
    kept = found[1]
    assert (kept.GetIndexName(), kept.GetIndexUnit()) == ("time", "s")
    assert [float(kept.GetNthIndexValue(place)) for place in range(3)] == [0, 0.1, 0.2]
    frames = frames_of(kept)
    assert len(frames) == 3
    for number, frame in enumerate(frames):
        assert volume_array(frame).min() == number * 120
        np.testing.assert_allclose(affine_of(frame), OBLIQUE, atol=1e-4)
        assert origin_of(frame) is not None
        assert frame.GetVoxelValueUnits().GetCodeValue() == "[hnsf'U]"
    assert node.GetVoxelValueUnits().GetCodeValue() == "[hnsf'U]"
    assert node.GetNodeReference("MONAIGAN.source") is proxy
    assert "(synthetic)" in node.GetName()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        pytest.param({"frames": 2}, "has not 3 frames", id="frames"),
        pytest.param({"affine": np.eye(4)}, "another grid", id="grid"),
    ],
)
def test_an_invalid_result_leaves_the_scene(
    options: dict[str, Any], text: str, scene: Any, proxy: Any, tmp_path: Path
) -> None:
    before = fingerprint(scene)
    with pytest.raises(InvalidResultError, match=text):
        import_frames(scene, result(tmp_path, **options), INFO, proxy)
    assert fingerprint(scene) == before


def test_missing_and_damaged_files(scene: Any, proxy: Any, tmp_path: Path) -> None:
    good = result(tmp_path)
    with pytest.raises(InvalidResultError, match="no volume"):
        import_frames(scene, {**good, "files": []}, INFO, proxy)
    Path(good["files"][0]).write_bytes(b"NRRD0004\nbroken")
    with pytest.raises(InvalidResultError, match="cannot be read"):
        import_frames(scene, good, INFO, proxy)
    with pytest.raises(InvalidResultError, match="was removed"):
        import_frames(scene, good, INFO, add_volume(scene))
    assert scene.GetNumberOfNodesByClass("vtkMRMLSequenceNode") == 1
