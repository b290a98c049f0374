"""Module MONAIGAN: synthesize, translate, enhance and check images with the bundles of monai-gan."""

import qt
import slicer
import vtk
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import ScriptedLoadableModule, ScriptedLoadableModuleWidget
from slicer.util import VTKObservationMixin

from MONAIGANLib import catalogue, install, requests, tasks
from MONAIGANLib.devices import DeviceSearch
from MONAIGANLib.logic import MONAIGANLogic, MONAIGANParameterNode
from MONAIGANLib.resultview import ResultView
from MONAIGANLib.samples import registerSampleData
from MONAIGANLib.selftest import MONAIGANTest

# Slicer looks for the four classes of a module in this file.
__all__ = ["MONAIGAN", "MONAIGANLogic", "MONAIGANParameterNode", "MONAIGANTest", "MONAIGANWidget"]

FOLDER_SETTING = "MONAIGAN/BundleFolder"


class MONAIGAN(ScriptedLoadableModule):
    """What Slicer lists."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("MONAI GAN")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Image Synthesis")]
        self.parent.dependencies = []
        self.parent.contributors = ["monai-gan developers"]
        self.parent.helpText = _(
            "Synthesize, translate and enhance images, and find what is unusual in them, with generative adversarial "
            "networks. Every result says that it is synthetic and how it was made. Research use, not for diagnosis."
        )
        self.parent.acknowledgementText = _("Built on MONAI. The licenses of the models are in their descriptions.")
        slicer.app.connect("startupCompleted()", registerSampleData)


class MONAIGANWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The panel; it holds no computation."""

    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self._parameterNode = None
        self._parameterNodeGuiTag = None
        self._updating = False
        self._devices = {}
        self._search = None
        self._checked = (None, "", [])
        self._listed = None

    # Life of the panel

    def setup(self):
        """Build the panel; called when the module is shown for the first time."""
        ScriptedLoadableModuleWidget.setup(self)
        uiWidget = slicer.util.loadUI(self.resourcePath("UI/MONAIGAN.ui"))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.logic = MONAIGANLogic()
        for task in tasks.allTasks():
            self.ui.taskComboBox.addItem(task.title, task.name)
        self._listDevices({})
        folder = qt.QSettings().value(FOLDER_SETTING) or ""
        self.ui.folderLineEdit.setText(folder)
        if folder:
            catalogue.useBundleFolder(folder)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.onSceneEndClose)
        self.ui.taskComboBox.connect("currentIndexChanged(int)", self.onTaskChosen)
        self.ui.searchLineEdit.connect("textChanged(QString)", self.onSearch)
        self.ui.bundleListWidget.connect("currentRowChanged(int)", self.onBundleChosen)
        self.ui.deviceComboBox.connect("currentIndexChanged(int)", self.onDeviceChosen)
        self.ui.labelComboBox.connect("currentIndexChanged(int)", self.onLabelChosen)
        self.ui.applyButton.connect("clicked(bool)", self.onApplyButton)
        self.ui.installButton.connect("clicked(bool)", self.onInstallButton)
        self.ui.folderButton.connect("clicked(bool)", self.onFolderButton)
        self.ui.folderLineEdit.connect("editingFinished()", self.onFolderChosen)
        self.ui.deleteCacheButton.connect("clicked(bool)", self.onDeleteCacheButton)
        self._results = ResultView(self.ui)
        self._redraw = qt.QTimer()
        self._redraw.setSingleShot(True)
        self._redraw.setInterval(150)  # a slider that is dragged sends many values
        self._redraw.connect("timeout()", self._showAnomalies)
        self.initializeParameterNode()
        if not install.missing():
            self._searchDevices()

    def cleanup(self):
        """End what runs; called when the module is unloaded or the application closes."""
        if self.logic is not None:
            self.logic.abandon()
        self.removeObservers()

    def enter(self):
        """Connect the panel; called each time the module is shown."""
        self.initializeParameterNode()

    def exit(self):
        """Let the panel be; called each time another module is shown. A job goes on."""
        if self._parameterNode:
            self._parameterNode.disconnectGui(self._parameterNodeGuiTag)
            self._parameterNodeGuiTag = None
            self.removeObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self.updatePanel)

    def onSceneStartClose(self, caller, event):
        """A job for a scene that goes away has nowhere to put its result."""
        self.logic.abandon()
        self.setParameterNode(None)

    def onSceneEndClose(self, caller, event):
        """Start anew in the empty scene."""
        if self.parent.isEntered:
            self.initializeParameterNode()

    def initializeParameterNode(self):
        """Take the parameter node of the scene and choose an input where there is none."""
        self.setParameterNode(self.logic.getParameterNode())
        if not self._parameterNode.inputVolume:
            first = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode")
            if first:
                self._parameterNode.inputVolume = first

    def setParameterNode(self, node):
        """Connect the panel to a parameter node, or to none."""
        if self._parameterNode:
            self._parameterNode.disconnectGui(self._parameterNodeGuiTag)
            self.removeObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self.updatePanel)
        self._parameterNode = node
        if self._parameterNode:
            self._parameterNodeGuiTag = self._parameterNode.connectGui(self.ui)
            self.addObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self.updatePanel)
            self.updatePanel()

    # From the parameter node to the panel

    def updatePanel(self, caller=None, event=None):
        """Show what the parameter node and the job say."""
        if self._parameterNode is None or self._updating:
            return
        self._updating = True
        try:
            self._updateChoices()
            self._updateRun()
            self._updateCache()
        finally:
            self._updating = False
        self._results.showMark(self._parameterNode.mark)
        if self._parameterNode.anomalyMap is not None:
            self._redraw.start()

    def _updateChoices(self):
        node = self._parameterNode
        absent = install.missing()
        self.ui.installFrame.setVisible(bool(absent))
        task = tasks.taskNamed(node.task)
        self.ui.taskComboBox.setCurrentIndex(self.ui.taskComboBox.findData(task.name))
        self.ui.taskComboBox.setToolTip(task.hint)
        self._listBundles(task.name)
        info = catalogue.bundleNamed(node.bundle)
        labels = catalogue.labelsOf(info)
        if [self.ui.labelComboBox.itemText(row) for row in range(self.ui.labelComboBox.count)] != labels:
            self.ui.labelComboBox.clear()
            self.ui.labelComboBox.addItems(labels)
        if labels:
            if node.label not in labels:
                node.label = labels[0]
            self.ui.labelComboBox.setCurrentIndex(labels.index(node.label))
        self.ui.deviceComboBox.setCurrentIndex(max(0, self.ui.deviceComboBox.findData(node.device)))
        synthesis = not task.needsInput
        shown = {
            "input": task.needsInput,
            "frames": task.needsInput and requests.isFrame(slicer.mrmlScene, node.inputVolume),
            "label": bool(labels),
            "count": synthesis,
            "seed": synthesis,
            "truncation": synthesis and catalogue.takesTruncation(info),
            "uncertainty": catalogue.offersUncertainty(info),
            "opacity": task.mapsAnomalies,
            "threshold": task.mapsAnomalies,
            "segment": task.mapsAnomalies,
            "sideBySide": task.needsInput and not task.mapsAnomalies,
        }
        for name, visible in shown.items():
            getattr(self.ui, f"{name}Label").setVisible(visible)
            for ending in ("Selector", "ComboBox", "SpinBox", "Slider", "CheckBox"):
                widget = getattr(self.ui, name + ending, None)
                if widget is not None:
                    widget.setVisible(visible)
        self.ui.regionsTable.setVisible(task.mapsAnomalies)

    def _updateRun(self):
        job = self.logic.job
        running = job is not None and not job.state.final and job.state.value != "idle"
        reason, notes = ("", []) if running else self._check()
        if running:
            self.ui.applyButton.setText(_("Cancelling...") if job.cancelling else _("Cancel"))
            self.ui.applyButton.setToolTip(_("Stop; the scene stays as it is."))
            self.ui.applyButton.setEnabled(not job.cancelling and job.state.value != "importing")
        else:
            self.ui.applyButton.setText(_("Apply"))
            self.ui.applyButton.setToolTip(reason or _("Run the bundle in a process of its own."))
            self.ui.applyButton.setEnabled(not reason)
        self.ui.progressBar.setVisible(running)
        progress = job.progress if job is not None else None
        self.ui.progressBar.setValue(round(100 * progress.fraction) if progress is not None else 0)
        self.ui.statusLabel.setText(self._statusText(job, running, reason))
        if running:
            notes = [*job.warnings, requests.longText(progress, self.logic.choices.device)]
        elif job is not None and job.state.value == "done":
            notes = list(job.warnings)
        notes = [note for note in notes if note]
        self.ui.warningLabel.setText("\n".join(f"⚠ {note}" for note in notes))
        self.ui.warningLabel.setVisible(bool(notes))
        self.ui.detailsText.setPlainText("\n".join(job.log) if job is not None else "")

    def _statusText(self, job, running, reason):
        if reason or job is None or job.state.value == "idle":
            return reason
        if running:
            if job.state.value == "importing":
                return _("Taking over the result")
            started = job.progress is not None
            return requests.phaseText(job.progress) if started else _("Starting; the first run of a day takes longer")
        if job.state.value == "failed":
            where = _("Log: {path}").format(path=job.log_file) if job.log_file is not None else ""
            return "\n".join(part for part in (job.fault.text, job.fault.hint, where) if part)
        if job.state.value == "cancelled":
            return _("Cancelled; the scene is as it was.")
        statement = self.logic.outcome.report.get("statement", "") if self.logic.outcome is not None else ""
        return "\n".join([_("Done: {names}").format(names=", ".join(self.logic.names)), statement]).strip()

    def _check(self):
        """Refusal and cautions for the choices; a look at all voxels is made once for an image."""
        choices = self._choices()
        image = choices.source.GetImageData() if choices.source is not None else None
        changed = (image.GetMTime(), choices.source.GetMTime()) if image is not None else ()
        key = (choices, changed, tuple(self._devices))
        if self._checked[0] != key:
            if install.missing():
                reason, notes = _("Install the Python packages first."), []
            else:
                reason = requests.refusal(choices)
                notes = [] if reason else requests.cautions(choices, self._devices)
            self._checked = (key, reason, notes)
        return self._checked[1:]

    def _listBundles(self, task):
        found = catalogue.bundlesOf(task, self.ui.searchLineEdit.text)
        names = [info.name for info in found]
        if self._parameterNode.bundle not in names and names and not self.ui.searchLineEdit.text:
            self._parameterNode.bundle = names[0]
        listed = (task, tuple((info.name, info.version) for info in found))
        if listed != self._listed:
            self._listed = listed
            self.ui.bundleListWidget.clear()
            for info in found:
                item = qt.QListWidgetItem(f"{info.name}  ({info.variant}, {info.modality})")
                item.setData(qt.Qt.UserRole, info.name)
                self.ui.bundleListWidget.addItem(item)
        row = names.index(self._parameterNode.bundle) if self._parameterNode.bundle in names else -1
        self.ui.bundleListWidget.setCurrentRow(row)
        info = catalogue.bundleNamed(self._parameterNode.bundle)
        fitting = info is not None and info.task == task
        self.ui.cardBrowser.setHtml(catalogue.cardOf(info) if fitting else _("No bundle of this task was found."))

    def _listDevices(self, devices):
        self._devices = devices
        entries = [(_("Automatic"), "auto"), (_("CPU"), "cpu")]
        entries += [(f"{name}: {text}", name) for name, text in devices.items() if name != "cpu"]
        self.ui.deviceComboBox.clear()
        for text, name in entries:
            self.ui.deviceComboBox.addItem(text, name)

    def _updateCache(self):
        folder = catalogue.cacheFolder()
        size = catalogue.cacheBytes()
        text = _("{size:.1f} MB in {folder}").format(size=size / 1e6, folder=folder) if folder else _("none")
        self.ui.cacheLabel.setText(text)
        self.ui.deleteCacheButton.setEnabled(size > 0)

    def _searchDevices(self):
        def found(devices):
            self._updating = True
            self._listDevices(devices)
            self._updating = False
            self.updatePanel()

        self._search = DeviceSearch(found, self.logic.launch, self.logic.command(), self.logic.schedule)

    # From the panel to the parameter node

    def onTaskChosen(self, index):
        if not self._updating and self._parameterNode:
            self._parameterNode.task = self.ui.taskComboBox.itemData(index)

    def onSearch(self, text):
        self.updatePanel()

    def onBundleChosen(self, row):
        if not self._updating and self._parameterNode and row >= 0:
            self._parameterNode.bundle = self.ui.bundleListWidget.item(row).data(qt.Qt.UserRole)

    def onDeviceChosen(self, index):
        if not self._updating and self._parameterNode and index >= 0:
            self._parameterNode.device = self.ui.deviceComboBox.itemData(index)

    def onLabelChosen(self, index):
        if not self._updating and self._parameterNode and index >= 0:
            self._parameterNode.label = self.ui.labelComboBox.itemText(index)

    def _choices(self):
        node = self._parameterNode
        task = tasks.taskNamed(node.task)
        return requests.Choices(
            task=task.name,
            bundle=node.bundle,
            source=node.inputVolume if task.needsInput else None,
            target=node.outputVolume,
            device=node.device,
            seed=node.seed,
            count=node.count,
            truncation=node.truncation,
            label=node.label,
            uncertainty=node.uncertainty and catalogue.offersUncertainty(catalogue.bundleNamed(node.bundle)),
            trust=node.trust,
            frames=node.frames and task.needsInput and requests.isFrame(slicer.mrmlScene, node.inputVolume),
        )

    # Buttons

    def onApplyButton(self):
        """Start a job, or cancel the one that runs."""
        job = self.logic.job
        if job is not None and not job.state.final:
            job.cancel()
            return
        self.logic.start(self._choices(), self.onJobChanged, self._devices)

    def onJobChanged(self, job):
        """Show how far a job is, and its result."""
        if job is not self.logic.job:
            return
        if job.state.value == "done" and self.logic.outcome is not None and self._parameterNode:
            self._results.showOutcome(self.logic.outcome, self.logic.choices, self._parameterNode)
        if job.state.final:
            self.updatePanel()
        elif self._parameterNode:  # only what a job changes, since it tells often
            self._updateRun()

    def _showAnomalies(self):
        if self._parameterNode is not None:
            self._results.showAnomalies(self._parameterNode)

    def onInstallButton(self):
        """Ask once, then install."""
        try:
            with slicer.util.tryWithErrorDisplay(_("The packages could not be installed."), waitCursor=True):
                try:
                    install.ensure(self.resourcePath("requirements.txt"), slicer.util.confirmOkCancelDisplay)
                except install.Declined as declined:
                    self.ui.installLabel.setText(str(declined))
        finally:
            self._checked = (None, "", [])
            self.updatePanel()
        if not install.missing():
            self._searchDevices()

    def onFolderButton(self):
        """Choose the folder of bundles in a dialog."""
        folder = qt.QFileDialog.getExistingDirectory(None, _("Folder of bundles"), self.ui.folderLineEdit.text)
        if folder:
            self.ui.folderLineEdit.setText(folder)
            self.onFolderChosen()

    def onFolderChosen(self):
        """Search the folder for bundles from now on, in later sessions too."""
        folder = self.ui.folderLineEdit.text
        qt.QSettings().setValue(FOLDER_SETTING, folder)
        catalogue.useBundleFolder(folder)
        self._checked = (None, "", [])
        self.updatePanel()

    def onDeleteCacheButton(self):
        """Remove what was downloaded, after a question."""
        size = catalogue.cacheBytes() / 1e6
        if slicer.util.confirmOkCancelDisplay(_("Delete {size:.1f} MB of downloaded bundles?").format(size=size)):
            catalogue.deleteCache()
            self._checked = (None, "", [])
            self.updatePanel()
