"""What a person does with the panel of MONAIGAN, one function each; run in one process, since a desktop starts once.

``python scenarios.py SLICER_SOURCE EXTENSION FOLDER REPORT`` writes a JSON object of names and tracebacks, null for
what went well, into REPORT. FOLDER holds the bundles. Pictures of the panel go into PANEL_PICTURES where that is
set.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parents[2] / "support")]

import stand_in_runner  # noqa: E402
from mrml_scenes import fingerprint  # noqa: E402

from harness.application import Harness  # noqa: E402

SCENARIOS: dict[str, Callable[[Desk], None]] = {}


class Desk:
    """The panel, opened once, with what scenarios share."""

    def __init__(self, source: Path, extension: Path, folder: Path) -> None:
        self.folder = folder
        self.harness = Harness(source, [extension / "MONAIGAN"], folder)
        self.panel = self.harness.open_module("MONAIGAN", extension / "MONAIGAN")
        self.ui, self.logic = self.panel.ui, self.panel.logic
        self.slicer, self.scene, self.turn = self.harness.slicer, self.harness.scene, self.harness.turn

    @property
    def node(self) -> Any:
        return self.panel._parameterNode

    def clear(self) -> None:
        """An empty scene, as the menu makes it."""
        self.scene.Clear(0)
        self.turn(0.05)

    def phantom(self, choose: bool = True) -> Any:
        from MONAIGANLib.samples import addHeadPhantom

        node = addHeadPhantom()
        if choose:
            self.node.inputVolume = node
        self.turn(0.05)
        return node

    def ready(self, bundle: str = "tiny_translator", task: str = "translation") -> Any:
        """A fresh scene with a sample and a bundle chosen."""
        self.clear()
        volume = self.phantom()
        self.node.task = task
        self.node.bundle = bundle
        self.node.device = "cpu"
        self.turn(0.05)
        return volume

    def click(self) -> None:
        assert self.ui.applyButton.enabled, self.ui.applyButton.toolTip
        self.ui.applyButton.click()
        self.turn()

    def until(self, condition: Callable[[], bool], seconds: float = 240) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, (self.logic.job.state, self.logic.job.log)
            self.turn(0.02)

    def ended(self) -> str:
        self.until(lambda: self.logic.job.state.final)
        self.turn(0.1)
        return str(self.logic.job.state.value)

    def picture(self, name: str) -> None:
        folder = os.environ.get("PANEL_PICTURES")
        if folder:
            self.turn(0.1)
            self.panel.parent.grab().save(str(Path(folder) / f"panel_{name}.png"))

    @contextmanager
    def runner(self, **request: Any) -> Iterator[None]:
        """The stand-in for the runner, which ends as it is told to."""
        from MONAIGANLib import requests

        logic = type(self.logic)
        saved, command = requests.requestOf, logic.command
        requests.requestOf = lambda choices, folder, devices=None: request
        logic.command = staticmethod(lambda: [sys.executable, str(stand_in_runner.__file__)])
        try:
            yield
        finally:
            requests.requestOf, logic.command = saved, staticmethod(command)


def say(text: str) -> None:
    """Tell whoever reads the output."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def scenario(function: Callable[[Desk], None]) -> Callable[[Desk], None]:
    SCENARIOS[function.__name__] = function
    return function


@scenario
def without_an_input_apply_says_what_is_missing(desk: Desk) -> None:
    desk.clear()
    assert not desk.ui.applyButton.enabled
    assert desk.ui.applyButton.toolTip == "Choose an input volume."
    assert not desk.ui.installFrame.visible


@scenario
def inputs_that_are_no_images_are_refused(desk: Desk) -> None:
    import numpy as np
    from mrml_scenes import add_volume

    desk.ready()
    for voxels, text in ((np.zeros((4, 5, 6)), "everywhere"), (np.full((4, 5, 6), np.nan), "NaN")):
        desk.node.inputVolume = add_volume(desk.scene, voxels)
        desk.turn(0.05)
        assert not desk.ui.applyButton.enabled
        assert text in desk.ui.applyButton.toolTip
    desk.node.inputVolume = add_volume(desk.scene)
    desk.turn(0.05)
    assert desk.ui.applyButton.enabled, desk.ui.applyButton.toolTip
    assert "oblique" in desk.ui.warningLabel.text
    desk.node.outputVolume = desk.node.inputVolume
    desk.turn(0.05)
    assert "output is the input" in desk.ui.applyButton.toolTip


@scenario
def bundles_are_listed_by_task_and_searched(desk: Desk) -> None:
    desk.ready()

    def listed() -> list[str]:
        box = desk.ui.bundleListWidget
        return [box.item(row).data(sys.modules["qt"].Qt.UserRole) for row in range(box.count)]

    assert {"tiny_translator", "tiny_two_way", "brain_t1_to_t2_pix2pix"} <= set(listed())
    assert "tiny_dcgan" not in listed()
    desk.ui.searchLineEdit.setText("two WAY")
    desk.turn()
    assert listed() == ["tiny_two_way"]
    assert desk.node.bundle == "tiny_translator"  # a search chooses nothing
    desk.ui.bundleListWidget.setCurrentRow(0)
    assert desk.node.bundle == "tiny_two_way"
    desk.ui.searchLineEdit.setText("")
    desk.turn()
    desk.node.bundle = "brain_t1_to_t2_pix2pix"
    desk.turn()
    card = desk.ui.cardBrowser.toPlainText()
    assert "When not to use it" in card
    assert "Creative Commons" in card


@scenario
def a_translation_runs_in_the_background_and_lies_beside_its_input(desk: Desk) -> None:
    from monai_gan.mrml import origin_of

    source = desk.ready()
    gaps, work, states, last = [], [], [], time.monotonic()
    before = desk.scene.GetNumberOfNodes()
    desk.click()
    assert desk.ui.applyButton.text == "Cancel"
    assert desk.ui.progressBar.visible
    while not desk.logic.job.state.final:
        before_turn = time.thread_time()
        desk.turn()
        work.append(time.thread_time() - before_turn)
        now = time.monotonic()
        gaps.append(now - last)
        last = now
        states.append((desk.logic.job.state.value, desk.ui.progressBar.value))
        time.sleep(0.005)
    desk.turn(0.1)
    assert desk.logic.job.state.value == "done", desk.logic.job.log
    values = [value for state, value in states if state == "running"]
    assert values == sorted(values)
    assert max(values) > 0
    result = desk.node.outputVolume
    assert result is not None
    assert result is not source
    assert desk.scene.GetNumberOfNodes() > before
    assert result.GetNodeReference("MONAIGAN.source") is source
    assert origin_of(result).request["task"] == "translation"
    assert desk.ui.statusLabel.text == f"Done: {result.GetName()}"
    assert desk.ui.applyButton.text == "Apply"
    layout = desk.scene.GetFirstNodeByClass("vtkMRMLLayoutNode")
    assert layout.GetViewArrangement() == layout.SlicerLayoutSideBySideView
    shown = {
        node.GetLayoutName(): node.GetBackgroundVolumeID()
        for node in (desk.scene.GetNthNodeByClass(i, "vtkMRMLSliceCompositeNode") for i in range(3))
    }
    assert (shown["Red"], shown["Yellow"]) == (source.GetID(), result.GetID())
    say(f"longest turn of the event loop: {1000 * max(work):.0f} ms of work, {1000 * max(gaps):.0f} ms in all")
    count = desk.scene.GetNumberOfNodes()
    desk.click()  # the chosen output is used again
    assert desk.ended() == "done"
    assert desk.node.outputVolume is result
    assert desk.scene.GetNumberOfNodes() == count


@scenario
def a_bundle_of_two_directions_asks_for_one(desk: Desk) -> None:
    desk.ready("tiny_two_way")
    assert desk.ui.labelComboBox.count == 2
    assert desk.node.label == "there"
    desk.ui.labelComboBox.setCurrentIndex(1)
    assert desk.node.label == "back"
    desk.click()
    assert desk.ended() == "done", desk.logic.job.log
    assert desk.logic.outcome.report["direction"] == "back"


@scenario
def synthesis_gives_numbered_volumes_in_a_folder(desk: Desk) -> None:
    from monai_gan.mrml import origin_of

    desk.clear()
    desk.node.task = "synthesis"
    desk.turn(0.05)
    assert not desk.ui.inputSelector.visible
    desk.node.bundle = "tiny_dcgan"
    desk.ui.countSpinBox.setValue(3)
    desk.ui.seedSpinBox.setValue(11)
    desk.turn(0.05)
    assert (desk.node.count, desk.node.seed) == (3, 11)
    desk.click()
    assert desk.ended() == "done", desk.logic.job.log
    origins = [origin_of(node) for node in desk.logic.outcome.volumes]
    assert [(one.index, one.request["seed"]) for one in origins] == [(0, 11), (1, 11), (2, 11)]
    desk.picture("synthesis")


@scenario
def cancel_ends_the_process_and_leaves_the_scene(desk: Desk) -> None:
    desk.ready()
    before = fingerprint(desk.scene)
    for act in ("polite", "deaf"):
        with desk.runner(act=act):
            desk.click()
            desk.until(lambda: desk.logic.job.progress is not None)
            desk.turn(0.05)
            assert "sampling" in desk.ui.statusLabel.text
            assert "3 s left" in desk.ui.statusLabel.text
            assert desk.ui.progressBar.value == 50
            process, began = desk.logic.job._process, time.monotonic()
            desk.click()
            assert not desk.ui.applyButton.enabled
            assert desk.ended() == "cancelled"
        assert time.monotonic() - began < 10  # aimed at 3; a loaded machine is slower
        assert process.poll() is not None
        assert fingerprint(desk.scene) == before
        assert desk.ui.applyButton.text == "Apply"
        assert desk.ui.applyButton.enabled
        assert "scene is as it was" in desk.ui.statusLabel.text


@scenario
def every_fault_is_shown_and_leaves_the_scene(desk: Desk) -> None:
    desk.ready()
    before = fingerprint(desk.scene)
    cases = [({"act": "error", "code": code}, "The thing is wrong: mend it.") for code in (1, 2, 10, 20, 21, 30)]
    cases += [({"act": "killed"}, "ran out of memory"), ({"act": "crash"}, "exit code 3")]
    cases += [({"act": "silent"}, "without a result"), ({"act": "no-module"}, "'torch' is not installed")]
    for request, text in cases:
        with desk.runner(**request):
            desk.click()
            assert desk.ended() == "failed"
        assert text in desk.ui.statusLabel.text, (request, desk.ui.statusLabel.text)
        assert "Log: " in desk.ui.statusLabel.text
        assert desk.ui.detailsText.plainText
        assert desk.ui.applyButton.enabled
        assert not desk.ui.progressBar.visible
        assert fingerprint(desk.scene) == before
    desk.picture("failed")


@scenario
def a_fault_while_the_result_is_taken_over_ends_the_job(desk: Desk) -> None:
    from MONAIGANLib import requests

    desk.ready()
    before = fingerprint(desk.scene)
    saved = requests.takeOver

    def fail(*_: Any) -> None:
        raise ValueError("the grid is torn")

    requests.takeOver = fail
    try:
        with desk.runner(act="ok"):
            desk.click()
            assert desk.ended() == "failed"
    finally:
        requests.takeOver = saved
    assert "could not be taken over: the grid is torn" in desk.ui.statusLabel.text
    assert fingerprint(desk.scene) == before
    assert desk.ui.applyButton.text == "Apply"
    assert desk.ui.applyButton.enabled


@scenario
def an_input_that_is_removed_meanwhile_is_missed(desk: Desk) -> None:
    source = desk.ready()
    name = source.GetName()
    with desk.runner(act="ok"):
        desk.click()
        desk.scene.RemoveNode(source)
        assert desk.ended() == "failed"
    assert f"'{name}' was removed from the scene" in desk.logic.job.fault.text
    assert "Choose an input" in desk.ui.statusLabel.text


@scenario
def closing_the_scene_cancels_the_job(desk: Desk) -> None:
    desk.ready()
    with desk.runner(act="deaf"):
        desk.click()
        desk.until(lambda: desk.logic.job.progress is not None)
        job = desk.logic.job
        desk.clear()
    assert job.state.value == "cancelled"
    assert job._process.poll() is not None
    assert desk.node is not None
    assert desk.node.inputVolume is None


@scenario
def a_saved_scene_restores_the_panel(desk: Desk) -> None:
    volume = desk.ready("tiny_two_way")
    desk.node.label = "back"
    desk.ui.seedSpinBox.setValue(77)
    desk.ui.sideBySideCheckBox.setChecked(False)
    desk.turn(0.05)
    name = volume.GetName()
    path = desk.folder / "saved" / "scene.mrml"
    path.parent.mkdir(exist_ok=True)
    storage = volume.CreateDefaultStorageNode() or desk.slicer.vtkMRMLVolumeArchetypeStorageNode()
    desk.scene.AddNode(storage)
    storage.SetFileName(str(path.parent / "volume.nrrd"))
    volume.SetAndObserveStorageNodeID(storage.GetID())
    assert storage.WriteData(volume)
    desk.scene.SetURL(str(path))
    assert desk.scene.Commit()
    desk.clear()
    assert desk.node.seed == 0
    assert desk.node.bundle != "tiny_two_way"
    desk.scene.SetURL(str(path))
    assert desk.scene.Import()
    desk.panel.initializeParameterNode()
    desk.turn(0.1)
    assert (desk.node.bundle, desk.node.label, desk.node.seed) == ("tiny_two_way", "back", 77)
    assert desk.node.inputVolume.GetName() == name
    assert desk.ui.seedSpinBox.value == 77
    assert not desk.ui.sideBySideCheckBox.checked
    assert desk.ui.labelComboBox.currentText == "back"
    assert desk.ui.inputSelector.currentNode() is desk.node.inputVolume


@scenario
def a_map_is_laid_over_its_input_with_a_table_of_regions(desk: Desk) -> None:
    import numpy as np
    from mrml_scenes import add_volume

    from monai_gan.mrml import Origin
    from monai_gan.mrml.exchange import affine_of

    source = desk.ready()
    voxels = np.zeros(tuple(reversed(source.GetImageData().GetDimensions())), dtype=np.float32)
    voxels[10:16, 40:52, 30:40], voxels[20:22, 70:74, 60:64] = 1.0, 0.6
    anomalies = add_volume(desk.scene, voxels, name="map", affine=affine_of(source))
    anomalies.CreateDefaultDisplayNodes()
    anomalies.SetNodeReferenceID("MONAIGAN.source", source.GetID())
    Origin("bundle", kind="anomaly map").write(anomalies)
    desk.node.task = "anomaly_detection"
    desk.node.anomalyMap = anomalies
    desk.turn(0.4)
    assert desk.ui.regionsTable.visible or desk.ui.resultCollapsibleButton.collapsed
    assert desk.ui.regionsTable.rowCount == 2
    composite = desk.scene.GetNthNodeByClass(0, "vtkMRMLSliceCompositeNode")
    assert composite.GetForegroundVolumeID() == anomalies.GetID()
    assert composite.GetBackgroundVolumeID() == source.GetID()
    assert abs(composite.GetForegroundOpacity() - 0.6) < 1e-6
    desk.ui.thresholdSlider.setValue(0.8)
    desk.ui.opacitySlider.setValue(0.3)
    desk.ui.segmentCheckBox.setChecked(True)
    desk.turn(0.4)
    assert desk.ui.regionsTable.rowCount == 1
    assert desk.node.regions.GetNumberOfRows() == 1
    assert desk.node.segmentation.GetSegmentation().GetNumberOfSegments() == 1
    assert abs(anomalies.GetDisplayNode().GetLowerThreshold() - 0.8) < 1e-6
    assert abs(composite.GetForegroundOpacity() - 0.3) < 1e-6


@scenario
def without_the_packages_there_is_a_button_and_a_question(desk: Desk) -> None:
    from MONAIGANLib import install

    desk.ready()
    saved = install.missing, desk.slicer.util.confirmOkCancelDisplay, install.isInstalled
    asked: list[str] = []
    install.missing = lambda: ["torch", "monai_gan"]
    install.isInstalled = lambda name="monai_gan": False
    desk.slicer.util.confirmOkCancelDisplay = lambda text, *_, **__: asked.append(text)
    try:
        desk.panel._checked = (None, "", [])
        desk.panel.updatePanel()
        assert desk.ui.installFrame.visible
        assert not desk.ui.applyButton.enabled
        assert "Install the Python packages" in desk.ui.applyButton.toolTip
        desk.picture("install")
        desk.ui.installButton.click()
        assert len(asked) == 1
        assert "monai-gan" in asked[0]
        assert "MB" in asked[0]
        assert "declined" in desk.ui.installLabel.text
    finally:
        install.missing, desk.slicer.util.confirmOkCancelDisplay, install.isInstalled = saved
        desk.panel._checked = (None, "", [])
        desk.panel.updatePanel()
    assert not desk.ui.installFrame.visible


@scenario
def downloaded_bundles_can_be_deleted_and_a_folder_can_be_named(desk: Desk) -> None:
    from monai_gan.bundle import cache_dir, pack_bundle

    desk.ready()
    cache_dir().mkdir(parents=True, exist_ok=True)
    offline = desk.folder / "offline"
    shutil.copytree(desk.folder / "bundles" / "tiny_translator", offline / "from_a_stick", dirs_exist_ok=True)
    pack_bundle(desk.folder / "bundles" / "tiny_translator", cache_dir())
    desk.panel.updatePanel()
    assert desk.ui.deleteCacheButton.enabled
    saved = desk.slicer.util.confirmOkCancelDisplay
    desk.slicer.util.confirmOkCancelDisplay = lambda *_, **__: True
    variable = os.environ["MONAI_GAN_BUNDLES"]
    try:
        desk.ui.deleteCacheButton.click()
        assert not desk.ui.deleteCacheButton.enabled
        assert desk.ui.cacheLabel.text.startswith("0.0 MB")
        desk.ui.folderLineEdit.setText(str(offline))
        desk.panel.onFolderChosen()
        desk.node.bundle = "from_a_stick"
        desk.turn(0.05)
        assert desk.ui.applyButton.enabled, desk.ui.applyButton.toolTip
        words = [sys.executable, "-c", "import os; print(os.environ['MONAI_GAN_BUNDLES'])"]
        assert desk.logic.launch(words, {}).communicate()[0].strip() == str(offline)
    finally:
        desk.slicer.util.confirmOkCancelDisplay = saved
        desk.ui.folderLineEdit.setText("")
        desk.panel.onFolderChosen()
        os.environ["MONAI_GAN_BUNDLES"] = variable


@scenario
def the_sample_is_offered_in_sample_data(desk: Desk) -> None:
    desk.clear()
    (source,) = desk.slicer.modules.sampleDataSources["MONAIGAN"]
    node = source.customDownloader(source)
    assert node.GetName() == source.sampleName
    assert Path(source.thumbnailFileName).is_file()
    assert node.GetImageData().GetDimensions() == (96, 112, 32)


@scenario
def devices_of_this_computer_are_offered(desk: Desk) -> None:
    desk.ready()
    desk.panel._listDevices({"cpu": "CPU", "cuda:0": "Some GPU"})
    desk.panel.updatePanel()
    box = desk.ui.deviceComboBox
    assert [box.itemData(row) for row in range(box.count)] == ["auto", "cpu", "cuda:0"]
    box.setCurrentIndex(2)
    assert desk.node.device == "cuda:0"
    from MONAIGANLib import requests

    choices = desk.panel._choices()
    assert requests.requestOf(choices, desk.folder, {"cpu": "CPU", "cuda:0": "GPU"})["device"] == "cuda:0"
    assert requests.requestOf(choices, desk.folder, {"cpu": "CPU"})["device"] == "auto"
    desk.panel._listDevices({"cpu": "CPU"})
    desk.node.device = "cuda:7"  # as from another computer
    desk.turn(0.05)
    assert "cuda:7 is not in this computer" in desk.ui.warningLabel.text
    assert desk.ui.applyButton.enabled
    desk.node.device = "cpu"


@scenario
def the_modules_own_test_passes(desk: Desk) -> None:
    import MONAIGAN

    desk.clear()
    desk.harness.app.testing = True
    try:
        test = MONAIGAN.MONAIGANTest()
        test.messageDelay = 1
        test.delayDisplay = lambda *_, **__: None
        test.runTest()
    finally:
        desk.harness.app.testing = False


@scenario
def pictures_of_shipped_bundles(desk: Desk) -> None:
    if not os.environ.get("PANEL_PICTURES"):
        return
    variable = os.environ.pop("MONAI_GAN_BUNDLES")
    try:
        desk.ready("brain_t1_to_t2_pix2pix")
        desk.click()
        desk.until(lambda: desk.logic.job.progress is not None and desk.logic.job.progress.fraction > 0.3)
        desk.picture("running")
        assert desk.ended() == "done", desk.logic.job.log
        desk.ui.detailsCollapsibleButton.collapsed = False
        desk.picture("done")
        desk.ui.detailsCollapsibleButton.collapsed = True
        desk.ready("brain_tumor_fanogan", "anomaly_detection")
        desk.click()
        assert desk.ended() == "done", desk.logic.job.log
        desk.ui.resultCollapsibleButton.collapsed = False
        desk.picture("anomaly")
        desk.ui.resultCollapsibleButton.collapsed = True
    finally:
        os.environ["MONAI_GAN_BUNDLES"] = variable


@scenario
def closing_the_application_ends_the_job(desk: Desk) -> None:
    desk.ready()
    with desk.runner(act="deaf"):
        desk.click()
        desk.until(lambda: desk.logic.job.progress is not None)
        desk.panel.cleanup()
    assert desk.logic.job.state.value == "cancelled"
    assert desk.logic.job._process.poll() is not None


def main(source: str, extension: str, folder: str, report: str) -> None:
    """Run all scenarios, or those that ONLY names."""
    found: dict[str, str | None] = {}
    desk = Desk(Path(source), Path(extension), Path(folder))
    only = os.environ.get("ONLY", "")
    for name, act in SCENARIOS.items():
        if only and not any(part in name for part in only.split(",")):
            continue
        began = time.monotonic()
        try:
            act(desk)
            found[name] = None
        except BaseException:
            found[name] = traceback.format_exc()
            desk.logic.abandon()
        say(f"{'ok    ' if found[name] is None else 'FAILED'} {time.monotonic() - began:5.1f} s {name}")
        Path(report).write_text(json.dumps(found), encoding="utf-8")
    os._exit(0)  # no order of destruction is promised between Qt and VTK here


if __name__ == "__main__":
    main(*sys.argv[1:])
