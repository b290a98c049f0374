"""The application around a module: real scene, Slicer's own Python layer from a checkout, stand-ins for the rest."""

from __future__ import annotations

import importlib
import os
import sys
import types
from pathlib import Path
from typing import Any

from harness import qt_manners, widgets


class _Object:
    """Takes any call; only for what a module tells the application and does not ask."""

    def __getattr__(self, name: str) -> Any:
        return lambda *words, **named: None


class _Settings(_Object):
    def value(self, name: str, default: Any = None) -> Any:
        return default


class Application(_Object):
    """In place of slicer.app."""

    def __init__(self, qapplication: Any, scene: Any, folder: Path) -> None:
        self.qapplication, self.scene, self.folder = qapplication, scene, folder
        self.testing = False
        self.documentationBaseUrl = ""
        self.temporaryPath = str(folder)
        self.startup: list[Any] = []

    def connect(self, signal: str, call: Any) -> None:
        if signal == "startupCompleted()":
            self.startup.append(call)

    def testingEnabled(self) -> bool:
        return self.testing

    def layoutManager(self) -> None:
        return None

    def moduleManager(self) -> Any:
        return _Object()

    def userSettings(self) -> Any:
        return _Settings()

    def settings(self) -> Any:
        return _Settings()

    def mrmlScene(self) -> Any:
        return self.scene

    def translate(self, context: str, text: str) -> str:
        return text

    def startupEnvironment(self) -> Any:
        return dict(os.environ)

    def processEvents(self, *_: Any) -> None:
        self.qapplication.processEvents()


class ScriptedModule:
    """In place of the application's side of a scripted module."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.title, self.categories, self.dependencies, self.contributors = "", [], [], []
        self.helpText = self.acknowledgementText = ""


class Harness:
    """Start it once in a process.

    Args:
        source: a checkout of Slicer.
        extension: folders of modules.
        folder: for settings and temporary files.

    Attributes:
        app: in place of slicer.app.
        scene: the vtkMRMLScene.
        slicer: the module `slicer`.
    """

    def __init__(self, source: Path, extension: list[Path], folder: Path) -> None:
        from PySide6.QtCore import QCoreApplication, QSettings
        from PySide6.QtWidgets import QApplication

        QSettings.setDefaultFormat(QSettings.Format.IniFormat)
        QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(folder / "settings"))
        QCoreApplication.setOrganizationName("monai-gan")
        QCoreApplication.setApplicationName("harness")
        # PySide drops a reference to None too many in some calls; before Python 3.12 None can run out of them.
        self._nones = [None] * 2_000_000
        self.qapplication = QApplication.instance() or QApplication([])
        qt = qt_manners.install()
        widgets.install()
        from harness.loader import UiLoader

        qt.QUiLoader = UiLoader  # type: ignore[attr-defined]
        self.slicer = self._slicer(source, folder)
        self._scene_parts()
        sys.path[:0] = [str(path) for path in extension]
        sys.path.append(str(source / "Modules" / "Scripted" / "SampleData"))

    def _slicer(self, source: Path, folder: Path) -> types.ModuleType:
        import slicer

        slicer.__path__.insert(0, str(source / "Base" / "Python" / "slicer"))
        for name in ("modules", "moduleNames"):
            module = types.ModuleType(f"slicer.{name}")
            sys.modules[f"slicer.{name}"] = module
            setattr(slicer, name, module)
        for name, one in widgets.SLICER.items():
            setattr(slicer, name, one)
        for name in ("qMRMLSliderWidget", "qMRMLSpinBox", "qMRMLRangeWidget", "qSlicerScriptedLoadableModule"):
            setattr(slicer, name, widgets.refuse(name))
        self.scene = slicer.vtkMRMLScene()
        slicer.mrmlScene = self.scene
        self.app = slicer.app = Application(self.qapplication, self.scene, folder)
        sys.modules.pop("slicer.util", None)
        slicer.util = importlib.import_module("slicer.util")
        slicer.util.startupEnvironment = self.app.startupEnvironment
        return slicer

    def _scene_parts(self) -> None:
        """What the application puts into every scene: hierarchy, colours, layout, views."""
        slicer, scene = self.slicer, self.scene
        slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
        self._observer = scene.AddObserver(scene.NodeAddedEvent, self._place)
        layout = slicer.vtkMRMLLayoutNode()
        layout.SetSingletonTag("vtkMRMLLayoutNode")
        scene.AddNode(layout)
        for name in ("Red", "Yellow", "Green"):
            for kind in ("vtkMRMLSliceNode", "vtkMRMLSliceCompositeNode"):
                node = getattr(slicer, kind)()
                node.SetSingletonTag(name)
                node.SetLayoutName(name)
                scene.AddNode(node)

    def _place(self, *_: Any) -> None:
        """In place of the subject hierarchy plugins: an item for each data node."""
        hierarchy = self.slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(self.scene)
        for place in range(self.scene.GetNumberOfNodes()):
            node = self.scene.GetNthNode(place)
            data = any(node.IsA(f"vtkMRML{kind}Node") for kind in ("ScalarVolume", "Table", "Segmentation"))
            if data and not hierarchy.GetItemByDataNode(node):
                hierarchy.CreateItem(hierarchy.GetSceneItemID(), node)

    def open_module(self, name: str, folder: Path) -> Any:
        """Load a scripted module and show its panel.

        Returns:
            The module's widget object; its ``parent`` is the window.
        """
        module = importlib.import_module(name)
        parent = ScriptedModule(folder / f"{name}.py")
        getattr(module, name)(parent)
        setattr(self.slicer.modules, name.lower(), parent)
        for call in self.app.startup:
            call()
        window = widgets.qMRMLWidget()
        window.setLayout(sys.modules["qt"].QVBoxLayout())
        window.setMRMLScene(self.scene)
        window.isEntered = True
        panel = getattr(module, f"{name}Widget")(window)
        panel.setup()
        window.resize(460, 980)
        window.show()
        self.turn()
        return panel

    def turn(self, seconds: float = 0.0) -> None:
        """Let the event loop work."""
        import time

        end = time.monotonic() + seconds
        while True:
            self.qapplication.processEvents()
            if time.monotonic() >= end:
                return
            time.sleep(0.01)
