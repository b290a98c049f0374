"""The Qt-free parts of the module MONAIGAN, on real nodes of slicer-core, without the application."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from mrml_scenes import add_volume
from tiny_volume_bundle import build_two_way_bundle, build_volume_bundle

from monai_gan.apps.jobs import Progress
from monai_gan.bundle import cache_dir


@pytest.fixture
def lib(extension: Path, scene: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The package MONAIGANLib, imported anew."""
    monkeypatch.syspath_prepend(str(extension / "MONAIGAN"))
    names = ("catalogue", "devices", "display", "install", "regionview", "requests", "samples", "tasks")
    yield SimpleNamespace(**{name: importlib.import_module(f"MONAIGANLib.{name}") for name in names})
    for name in [name for name in sys.modules if name.startswith("MONAIGANLib")]:
        del sys.modules[name]


@pytest.fixture
def bundles(tiny: Path) -> Path:
    build_volume_bundle(tiny.parent)
    build_two_way_bundle(tiny.parent / "other").rename(tiny.parent / "tiny_two_way")
    return tiny.parent


def test_tasks_are_those_of_the_engine(lib: Any) -> None:
    from monai_gan.apps.request import request_schema

    names = {task.name for task in lib.tasks.allTasks()}
    assert names == {"synthesis", "translation", "enhancement", "anomaly_detection"}
    possible = set(request_schema()["properties"]["task"]["enum"])
    for task in lib.tasks.allTasks():
        assert bool(lib.tasks.fieldsOf(task)) == (task.name in possible)
    assert lib.tasks.taskNamed("unknown").name == "translation"


def test_the_catalogue_lists_searches_and_describes(lib: Any, bundles: Path) -> None:
    def names(*words: str) -> list[str]:
        return [info.name for info in lib.catalogue.bundlesOf(*words)]

    assert {"tiny_translator", "tiny_two_way"} <= set(names("translation"))
    assert names("translation", "WAY two tiny") == ["tiny_two_way"]
    assert names("translation", "nothing of the kind") == []
    assert "head_mr_to_ct_cyclegan" not in names("translation"), "a configuration without weights"
    info = lib.catalogue.bundleNamed("tiny_two_way")
    assert lib.catalogue.labelsOf(info) == ["there", "back"]
    assert not lib.catalogue.offersUncertainty(info)
    card = lib.catalogue.cardOf(info)
    assert "T1-weighted MR → T2-weighted MR" in card
    assert "Not trained: of no use." in card
    assert "Apache License" in card
    assert lib.catalogue.bundleNamed("nothing") is None
    assert lib.catalogue.bundleNamed("") is None


def test_a_card_escapes_what_a_bundle_says(lib: Any, bundles: Path) -> None:
    build_volume_bundle(bundles, "evil", modality_out="<script>alert(1)</script>")
    assert "<script>" not in lib.catalogue.cardOf(lib.catalogue.bundleNamed("evil"))


def test_the_cache_is_measured_and_deleted(lib: Any, bundles: Path) -> None:
    assert lib.catalogue.cacheBytes() == 0
    folder = cache_dir() / "downloads"
    folder.mkdir(parents=True)
    (folder / "a").write_bytes(bytes(1000))
    (cache_dir() / "b.zip").write_bytes(bytes(500))
    assert lib.catalogue.cacheBytes() == 1500
    assert lib.catalogue.deleteCache() == 1500
    assert list(cache_dir().iterdir()) == []
    assert lib.catalogue.bundleNamed("tiny_translator") is not None


def test_a_folder_of_bundles_for_a_computer_without_a_network(lib: Any, tmp_path: Path) -> None:
    environment: dict[str, str] = {}
    lib.catalogue.useBundleFolder(str(tmp_path), environment)
    assert environment == {"MONAI_GAN_BUNDLES": str(tmp_path)}
    lib.catalogue.useBundleFolder(str(tmp_path / "absent"), environment)
    assert environment == {}


def test_choices_become_a_request(lib: Any, bundles: Path, scene: Any, tmp_path: Path) -> None:
    choices = lib.requests.Choices(bundle="tiny_translator", source=add_volume(scene), label="old", device="cuda:3")
    assert lib.requests.refusal(choices) == ""
    request = lib.requests.requestOf(choices, tmp_path, {"cpu": "CPU"})
    assert request == {
        "task": "translation",
        "bundle": "tiny_translator",
        "format": "nrrd",
        "device": "auto",
        "uncertainty": False,
        "trust": False,
        "input": str(tmp_path / "input.nrrd"),
    }
    sample = lib.requests.Choices(task="synthesis", bundle="tiny_dcgan", count=4, seed=9)
    assert lib.requests.refusal(sample) == ""
    request = lib.requests.requestOf(sample, tmp_path)
    assert (request["n"], request["seed"], "input" in request) == (4, 9, False)


def test_a_sequence_is_worked_on_frame_by_frame(lib: Any, bundles: Path, scene: Any, tmp_path: Path) -> None:
    import slicer

    from monai_gan.apps import run_request
    from monai_gan.mrml import frames_of, origin_of, sequence_of, volume_array

    logic = slicer.vtkSlicerSequencesLogic()
    logic.SetMRMLScene(scene)
    sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "heart")
    for number in range(2):
        frame = add_volume(scene, np.random.default_rng(number).uniform(10, 90, (4, 12, 16)).astype(np.float32))
        sequence.SetDataNodeAtValue(frame, str(number))
        scene.RemoveNode(frame)
    browser = scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "browser")
    browser.SetAndObserveMasterSequenceNodeID(sequence.GetID())
    proxy = browser.AddProxyNode(sequence.GetNthDataNode(0), sequence, True)
    assert lib.requests.isFrame(scene, proxy)
    choices = lib.requests.Choices(bundle="tiny_translator", source=proxy, frames=True, device="cpu")
    request = {**lib.requests.requestOf(choices, tmp_path), "output": str(tmp_path / "output")}
    events: list[dict[str, Any]] = []
    assert run_request(request, events.append) == 0, events
    outcome = lib.requests.takeOver(scene, events[-2], choices)
    found = sequence_of(scene, outcome.volume)
    assert found is not None
    assert found[0] is browser
    first, second = (volume_array(frame) for frame in frames_of(found[1]))
    assert first.shape == (4, 12, 16)
    assert not np.array_equal(first, second)
    assert origin_of(outcome.volume) is not None
    logic.SetMRMLScene(None)


def test_refusals(lib: Any, bundles: Path, scene: Any) -> None:
    source = add_volume(scene)
    cases: list[tuple[dict[str, Any], str]] = [
        ({"bundle": ""}, "Choose a bundle"),
        ({"bundle": "tiny_dcgan"}, "is for another task"),
        ({"bundle": "tiny_two_way"}, "Choose a class or direction"),
        ({"source": None}, "Choose an input volume"),
        ({"target": source}, "output is the input"),
        ({"source": add_volume(scene, np.zeros((4, 5, 6)))}, "everywhere"),
    ]
    for change, text in cases:
        words = {"bundle": "tiny_translator", "source": source, **change}
        assert text in lib.requests.refusal(lib.requests.Choices(**words))
    assert "oblique" in lib.requests.cautions(lib.requests.Choices(source=source))[0]


def test_words_on_progress(lib: Any) -> None:
    assert lib.requests.phaseText(Progress(0.5, "sampling", "2 of 4", 12.4)) == "sampling · 2 of 4 · 12 s left"
    assert lib.requests.phaseText(Progress(0.0, "loading")) == "loading"
    long = Progress(0.1, "sampling", "", 1200)
    assert "20 minutes" in lib.requests.longText(long, "auto")
    assert lib.requests.longText(long, "cuda:0") == ""
    assert lib.requests.longText(Progress(0.1, "", "", 20), "cpu") == ""
    assert lib.requests.longText(None, "cpu") == ""


@pytest.fixture
def requirements(tmp_path: Path) -> Path:
    path = tmp_path / "requirements.txt"
    path.write_text("# why\nmonai-gan>=0.1  # ours\n\n")
    return path


class Installer:
    """Counts what is asked and installed."""

    def __init__(self, lib: Any, present: set[str]) -> None:
        self.present, self.steps = present, []  # type: ignore[var-annotated]
        lib.install.isInstalled = lambda name="monai_gan": name in self.present

    def confirm(self, text: str) -> bool:
        self.steps.append("ask")
        self.question = text
        return True

    def torch(self) -> None:
        self.steps.append("torch")
        self.present.add("torch")

    def pip(self, wanted: list[str], constraints: Path) -> None:
        self.steps.append("pip")
        self.wanted, self.constraints = wanted, constraints.read_text()
        self.present.add("monai_gan")


def test_install_asks_once_and_takes_torch_from_its_extension(lib: Any, requirements: Path) -> None:
    installer = Installer(lib, set())
    lib.install.ensure(requirements, installer.confirm, installer.torch, installer.pip)
    assert installer.steps == ["ask", "torch", "pip"]
    assert "monai-gan>=0.1" in installer.question
    assert "extension PyTorch" in installer.question
    assert installer.wanted == ["monai-gan>=0.1"]
    assert f"numpy=={np.__version__}" in installer.constraints
    lib.install.ensure(requirements, installer.confirm, installer.torch, installer.pip)
    assert len(installer.steps) == 3


def test_install_declined_or_failed(lib: Any, requirements: Path) -> None:
    installer = Installer(lib, set())
    with pytest.raises(lib.install.Declined, match="declined"):
        lib.install.ensure(requirements, lambda text: False, installer.torch, installer.pip)
    assert installer.steps == []
    with pytest.raises(RuntimeError, match="PyTorch was not installed"):
        lib.install.ensure(requirements, installer.confirm, lambda: None, installer.pip)
    with pytest.raises(RuntimeError, match="install the extension PyTorch in the Extensions Manager"):
        lib.install.ensure(requirements, installer.confirm, None, installer.pip)
    installer.present.add("torch")
    with pytest.raises(RuntimeError, match="packages were not installed"):
        lib.install.ensure(requirements, installer.confirm, installer.torch, lambda *_: None)


def test_devices_are_asked_for_in_another_process(lib: Any) -> None:
    def search(text: str, code: int = 0) -> dict[str, str]:
        found: list[dict[str, str]] = []
        waiting: list[Callable[[], None]] = []
        program = f"import sys; sys.stdout.write({text!r}); sys.exit({code})"

        def launch(command: list[str], environment: dict[str, str]) -> Any:
            words = [sys.executable, "-c", program]
            return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

        lib.devices.DeviceSearch(found.append, launch, ["python"], lambda seconds, call: waiting.append(call))
        while waiting:
            waiting.pop()()
        assert len(found) == 1
        return found[0]

    assert search('a warning\n{"devices": {"cpu": "CPU", "cuda:0": "GPU"}}') == {"cpu": "CPU", "cuda:0": "GPU"}
    assert search("no such module", 1) == {}
    assert search("{}") == {}


def test_a_program_that_is_not_there_finds_no_devices(lib: Any) -> None:
    found: list[dict[str, str]] = []

    def launch(command: list[str], environment: dict[str, str]) -> Any:
        raise FileNotFoundError

    lib.devices.DeviceSearch(found.append, launch, ["python"], lambda seconds, call: None)
    assert found == [{}]


def views(scene: Any) -> dict[str, Any]:
    import slicer

    made = {}
    for name in ("Red", "Yellow", "Green"):
        for kind in ("vtkMRMLSliceNode", "vtkMRMLSliceCompositeNode"):
            node = getattr(slicer, kind)()
            node.SetLayoutName(name)
            node.SetSingletonTag(name)
            if kind == "vtkMRMLSliceNode":
                node.SetOrientationToAxial()
            made[name] = scene.AddNode(node)
    return made


def test_results_side_by_side(lib: Any, scene: Any) -> None:
    made = views(scene)
    source, result = add_volume(scene), add_volume(scene, name="result")
    lib.display.sideBySide(scene, source, result)
    assert made["Red"].GetBackgroundVolumeID() == source.GetID()
    assert made["Yellow"].GetBackgroundVolumeID() == result.GetID()
    assert made["Red"].GetLinkedControl()
    lib.display.inAllViews(scene, result)
    assert {node.GetBackgroundVolumeID() for node in made.values()} == {result.GetID()}


def test_a_map_over_its_input(lib: Any, scene: Any) -> None:
    made = views(scene)
    source, anomalies = add_volume(scene), add_volume(scene, np.linspace(0, 2, 210).reshape(7, 6, 5), name="map")
    anomalies.CreateDefaultDisplayNodes()
    lib.display.overlay(scene, source, anomalies, 0.4, 1.5)
    display = anomalies.GetDisplayNode()
    assert (display.GetLowerThreshold(), display.GetUpperThreshold()) == (1.5, 2)
    assert display.GetApplyThreshold()
    assert made["Green"].GetForegroundVolumeID() == anomalies.GetID()
    assert made["Green"].GetForegroundOpacity() == pytest.approx(0.4)


def test_the_mark_comes_once_and_goes(lib: Any) -> None:
    import vtk

    renderers = [vtk.vtkRenderer(), vtk.vtkRenderer()]
    for shown, count in ((True, 1), (True, 1), (False, 0)):
        lib.display.setMark(renderers, shown)
        assert [renderer.GetViewProps().GetNumberOfItems() for renderer in renderers] == [count, count]
    assert lib.display.viewRenderers() == []


def test_the_sample_is_an_image_that_the_panel_takes(lib: Any, scene: Any, bundles: Path) -> None:
    node = lib.samples.addHeadPhantom(scene=scene)
    assert lib.requests.refusal(lib.requests.Choices(bundle="tiny_translator", source=node)) == ""
    bounds = [0.0] * 6
    node.GetRASBounds(bounds)
    assert bounds == pytest.approx([-72, 72, -84, 84, -48, 48])
    np.testing.assert_array_equal(lib.samples.headPhantom(), lib.samples.headPhantom())


def test_regions_become_rows_and_nodes(lib: Any, scene: Any) -> None:
    voxels = np.zeros((8, 9, 10), dtype=np.float32)
    voxels[2:4, 3:5, 4:6] = 1
    node = add_volume(scene, voxels, name="map", affine=np.eye(4))
    rows, table, segmentation = lib.regionview.update(scene, node, 0.5)
    assert rows == [["1", "0.01", "1", "1", "4, 4, 2"]]
    assert segmentation is None
    _, again, segmentation = lib.regionview.update(scene, node, 0.5, table, None, True)
    assert again is table
    assert segmentation.GetSegmentation().GetNumberOfSegments() == 1
