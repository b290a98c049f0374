"""The part of the panel that shows results."""

import qt
import slicer

from MONAIGANLib import catalogue, display, regionview


class ResultView:
    """Shows the outcome of a job in the views and the regions of a map in the panel's table.

    :param ui: the widgets of the panel
    """

    def __init__(self, ui):
        self.ui = ui
        self._shown = None
        self._marked = False
        headings = regionview.headings()
        ui.regionsTable.setColumnCount(len(headings))
        ui.regionsTable.setHorizontalHeaderLabels(headings)

    def showOutcome(self, outcome, choices, node):
        """Show a result in the views and remember it.

        :param outcome: `monai_gan.mrml.Outcome`
        :param choices: `MONAIGANLib.requests.Choices` of the job
        :param node: the parameter node
        """
        node.outputVolume = outcome.volume
        if outcome.kinds[0] == "anomaly map":
            node.anomalyMap = outcome.volume
            known, highest = catalogue.mapThresholdOf(choices.bundle), display.rangeOf(outcome.volume)[1]
            if known is not None and highest > 0:
                node.threshold = min(1.0, max(0.0, known / highest))
        elif choices.source is not None and node.sideBySide:
            display.sideBySide(slicer.mrmlScene, choices.source, outcome.volume)
        else:
            display.inAllViews(slicer.mrmlScene, outcome.volume)
        self._marked = None  # a layout may have brought new views
        self.showMark(node.mark)
        self.ui.resultCollapsibleButton.collapsed = False

    def showMark(self, wanted):
        """Write SYNTHETIC into the views, or remove it."""
        if wanted != self._marked:
            self._marked = wanted
            display.setMark(display.viewRenderers(), wanted)

    def showAnomalies(self, node):
        """Lay the map over its input and list its regions, if anything has changed since the last time."""
        anomalies = node.anomalyMap
        if anomalies is None or anomalies.GetImageData() is None:
            return
        threshold = node.threshold * display.rangeOf(anomalies)[1]
        key = (anomalies.GetID(), anomalies.GetImageData().GetMTime(), threshold, node.segment, node.opacity)
        if key == self._shown:
            return
        self._shown = key
        source = anomalies.GetNodeReference("MONAIGAN.source") or node.inputVolume
        display.overlay(slicer.mrmlScene, source, anomalies, node.opacity, threshold)
        rows, node.regions, node.segmentation = regionview.update(
            slicer.mrmlScene, anomalies, threshold, node.regions, node.segmentation, node.segment
        )
        self.ui.regionsTable.setRowCount(len(rows))
        for row, texts in enumerate(rows):
            for column, text in enumerate(texts):
                self.ui.regionsTable.setItem(row, column, qt.QTableWidgetItem(text))
