"""Jobs of the module without its panel, for other modules and scripts, and what the panel remembers."""

import os
import shutil
import sys
import time
from typing import Annotated

import qt
import slicer
from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode, vtkMRMLTableNode
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleLogic

from MONAIGANLib import catalogue, requests


@parameterNodeWrapper
class MONAIGANParameterNode:
    """What the panel remembers with the scene.

    task - name of the task
    bundle - name of the bundle
    inputVolume - the volume to work on
    outputVolume - holds the result; none makes a new volume
    device - auto, cpu, or a GPU
    seed, count, truncation, label - of synthesis
    uncertainty - also ask for an uncertainty map
    frames - work on all frames of the sequence that the input is a frame of
    trust - let the configuration of the bundle run code
    sideBySide, mark, opacity, threshold, segment - how the result is shown
    anomalyMap, regions, segmentation - the latest map and what was made of it
    """

    task: str = "translation"
    bundle: str = ""
    inputVolume: vtkMRMLScalarVolumeNode
    outputVolume: vtkMRMLScalarVolumeNode
    device: str = "auto"
    seed: Annotated[int, WithinRange(0, 2147483647)] = 0
    count: Annotated[int, WithinRange(1, 64)] = 1
    truncation: Annotated[float, WithinRange(0.05, 1)] = 1.0
    label: str = ""
    uncertainty: bool = False
    frames: bool = True
    trust: bool = False
    sideBySide: bool = True
    mark: bool = False
    opacity: Annotated[float, WithinRange(0, 1)] = 0.6
    threshold: Annotated[float, WithinRange(0, 1)] = 0.5
    segment: bool = False
    anomalyMap: vtkMRMLScalarVolumeNode
    regions: vtkMRMLTableNode
    segmentation: vtkMRMLSegmentationNode


class MONAIGANLogic(ScriptedLoadableModuleLogic):
    """Runs jobs; can be used from other modules and scripts without the panel.

    Attributes: job, the `monai_gan.apps.BackgroundJob` of the latest run; choices, as it was started with; outcome, the
    `monai_gan.mrml.Outcome` once it is done.
    """

    def __init__(self):
        ScriptedLoadableModuleLogic.__init__(self)
        self.job = None
        self.choices = None
        self.outcome = None

    def getParameterNode(self):
        """The parameter node of the scene, typed."""
        return MONAIGANParameterNode(super().getParameterNode())

    @property
    def names(self):
        """Names of the nodes that the latest run has made or filled."""
        return [node.GetName() for node in self.outcome.volumes] if self.outcome is not None else []

    def start(self, choices, changed=None, devices=None):
        """Start a job in a process of its own and return at once.

        :param choices: `MONAIGANLib.requests.Choices`
        :param changed: called with the job whenever it has something to tell
        :param devices: names of the devices of this computer when they are known
        :raises RuntimeError: another job runs
        """
        from monai_gan.apps import BackgroundJob

        if self.job is not None and not self.job.state.final:
            raise RuntimeError("A job is running: cancel it first.")
        self.choices, self.outcome = choices, None

        def finish(result):
            self.outcome = requests.takeOver(slicer.mrmlScene, result, choices)

        self.job = BackgroundJob(
            lambda folder: requests.requestOf(choices, folder, devices),
            finish,
            schedule=self.schedule,
            changed=changed,
            launch=self.launch,
            command=self.command(),
        )
        self.job.start()
        return self.job

    def run(self, choices):
        """Run a job to its end while the application stays alive; gives the outcome.

        :raises RuntimeError: the choices are refused, or the job failed or was cancelled
        """
        reason = requests.refusal(choices)
        if reason:
            raise RuntimeError(reason)
        job = self.start(choices)
        while not job.state.final:
            slicer.app.processEvents()
            time.sleep(0.02)
        if self.outcome is None:
            raise RuntimeError(job.fault.text if job.fault is not None else "The job was cancelled.")
        return self.outcome

    def abandon(self):
        """Cancel what runs and wait until it has ended."""
        if self.job is not None and not self.job.state.final:
            self.job.cancel()
            self.job.wait(5.0, 0.05)

    @staticmethod
    def command():
        """The words that start the package with Slicer's Python."""
        return [shutil.which("PythonSlicer") or sys.executable, "-m", "monai_gan"]

    @staticmethod
    def launch(command, environment):
        """Start a process without a console window."""
        folder = os.environ.get(catalogue.BUNDLES_VARIABLE)
        if folder:  # the process gets the environment that Slicer itself was started with
            environment = {**environment, catalogue.BUNDLES_VARIABLE: folder}
        return slicer.util.launchConsoleProcess(command, updateEnvironment=environment)

    @staticmethod
    def schedule(seconds, call):
        """Call a function after a while."""
        qt.QTimer.singleShot(int(1000 * seconds), call)
