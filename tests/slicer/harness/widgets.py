"""Stand-ins for the widgets of CTK and Slicer that our panel and Slicer's Python layer name."""

from __future__ import annotations

import sys
import types
from typing import Any

from PySide6.QtCore import Property, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSlider, QToolButton, QVBoxLayout, QWidget


class qMRMLWidget(QWidget):
    """A widget that hands its scene on."""

    mrmlSceneChanged = Signal(object)

    def setMRMLScene(self, scene: Any) -> None:
        self._scene = scene
        self.mrmlSceneChanged.emit(scene)


class ctkCollapsibleButton(QWidget):
    """A section with a heading; the children are shown under it unless it is collapsed."""

    contentsCollapsed = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._collapsed = False
        self._heights: dict[QWidget, int] = {}
        self._heading = QToolButton(self)
        self._heading.setAutoRaise(True)
        self._heading.move(0, 0)
        self._heading.clicked.connect(lambda: self._collapse(not self._collapsed))
        self.setContentsMargins(12, 24, 2, 2)

    def _collapse(self, collapsed: bool) -> None:
        self._collapsed = collapsed
        for child in self.children():
            if isinstance(child, QWidget) and child is not self._heading:
                if collapsed and child not in self._heights:
                    self._heights[child] = child.maximumHeight
                child.setMaximumHeight(0 if collapsed else self._heights.pop(child, child.maximumHeight))
        self.setMaximumHeight(24 if collapsed else 16777215)
        self._label()
        self.contentsCollapsed.emit(collapsed)

    def _label(self) -> None:
        arrow = "\u25b8" if self._collapsed else "\u25be"
        self._heading.setText(f"{arrow} {getattr(self, '_text', '')}")
        self._heading.adjustSize()

    def showEvent(self, event: Any) -> None:
        self._collapse(self._collapsed)  # children that came after the property
        super().showEvent(event)

    def _get_text(self) -> str:
        return getattr(self, "_text", "")

    def _set_text(self, text: str) -> None:
        self._text = text
        self._label()

    text = Property(str, _get_text, _set_text)
    collapsed = Property(bool, lambda self: self._collapsed, _collapse)


class ctkSliderWidget(QWidget):
    """A slider of real numbers."""

    valueChanged = Signal(float)
    _STEPS = 1000

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._numbers = {"minimum": 0.0, "maximum": 99.0, "value": 0.0, "singleStep": 1.0, "decimals": 2}
        self._slider = QSlider(self)
        self._slider.setOrientation(sys.modules["qt"].Qt.Horizontal)
        self._slider.setRange(0, self._STEPS)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._slider)

    def _put(self, name: str, value: float) -> None:
        old = self._numbers["value"]
        self._numbers[name] = value
        low, high = self._numbers["minimum"], self._numbers["maximum"]
        self._numbers["value"] = min(max(self._numbers["value"], low), high)
        share = (self._numbers["value"] - low) / (high - low) if high > low else 0
        self._slider.setValue(round(self._STEPS * share))
        if self._numbers["value"] != old:
            self.valueChanged.emit(self._numbers["value"])

    def setValue(self, value: float) -> None:
        self._put("value", value)

    value = Property(float, lambda self: self._numbers["value"], lambda self, v: self._put("value", v))
    minimum = Property(float, lambda self: self._numbers["minimum"], lambda self, v: self._put("minimum", v))
    maximum = Property(float, lambda self: self._numbers["maximum"], lambda self, v: self._put("maximum", v))
    singleStep = Property(float, lambda self: self._numbers["singleStep"], lambda self, v: self._put("singleStep", v))
    decimals = Property(int, lambda self: int(self._numbers["decimals"]), lambda self, v: self._put("decimals", v))


class qMRMLNodeComboBox(QWidget):
    """A selector of nodes; it never chooses one by itself."""

    currentNodeChanged = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._types: list[str] = []
        self._scene: Any = None
        self._node: Any = None
        self._tags: list[int] = []
        self._flags = dict.fromkeys(
            ("showChildNodeTypes", "noneEnabled", "addEnabled", "removeEnabled", "renameEnabled"), False
        )
        self._none = "None"
        self._box = QComboBox(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._box)
        self._nodes: list[Any] = []
        self._box.activated.connect(self._chosen)

    def setMRMLScene(self, scene: Any) -> None:
        for tag in self._tags:
            self._scene.RemoveObserver(tag)
        self._scene, self._tags = scene, []
        if scene is not None:
            for event in (
                scene.NodeAddedEvent,
                scene.NodeRemovedEvent,
                scene.EndCloseEvent,
                scene.EndBatchProcessEvent,
            ):
                self._tags.append(scene.AddObserver(event, self._refresh))
        self._refresh()

    def mrmlScene(self) -> Any:
        return self._scene

    def currentNode(self) -> Any:
        return self._node

    def setCurrentNode(self, node: Any) -> None:
        if node is self._node:
            return
        self._node = node
        self._refresh()
        self.currentNodeChanged.emit(node)

    def _accepts(self, node: Any) -> bool:
        exact = node.GetClassName() in self._types
        return exact or (self._flags["showChildNodeTypes"] and any(node.IsA(kind) for kind in self._types))

    def _refresh(self, *_: Any) -> None:
        scene = self._scene
        count = scene.GetNumberOfNodes() if scene is not None else 0
        every = [scene.GetNthNode(place) for place in range(count)]
        self._nodes = [None, *(node for node in every if self._accepts(node) and not node.GetHideFromEditors())]
        gone = self._node is not None and self._node not in self._nodes
        if gone:
            self._node = None
        self._box.clear()
        self._box.addItems([self._none if node is None else node.GetName() for node in self._nodes])
        self._box.setCurrentIndex(self._nodes.index(self._node))
        if gone:
            self.currentNodeChanged.emit(None)

    def _chosen(self, row: int) -> None:
        self.setCurrentNode(self._nodes[row])

    def _set_types(self, types: Any) -> None:
        self._types = [str(one) for one in types]
        self._refresh()

    nodeTypes = Property("QStringList", lambda self: list(self._types), _set_types)  # type: ignore[arg-type]
    noneDisplay = Property(str, lambda self: self._none, lambda self, text: setattr(self, "_none", text))


def _flag(name: str) -> Any:
    return Property(bool, lambda self: self._flags[name], lambda self, value: self._flags.__setitem__(name, value))


for _name in ("showChildNodeTypes", "noneEnabled", "addEnabled", "removeEnabled", "renameEnabled"):
    setattr(qMRMLNodeComboBox, _name, _flag(_name))

CTK = {"ctkCollapsibleButton": ctkCollapsibleButton, "ctkSliderWidget": ctkSliderWidget}
SLICER = {"qMRMLWidget": qMRMLWidget, "qMRMLNodeComboBox": qMRMLNodeComboBox}


def refuse(name: str) -> type:
    """A class of that name that can be compared with but not made: an unknown widget is never faked."""

    def init(self: Any, *_: Any, **__: Any) -> None:
        raise NotImplementedError(f"{name} has no stand-in here.")

    return type(name, (), {"__init__": init})


class _Refusing(types.ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("ctk"):
            made = refuse(name)
            setattr(self, name, made)
            return made
        raise AttributeError(name)


def install() -> types.ModuleType:
    """Make the module `ctk`."""
    module = _Refusing("ctk")
    for name, one in CTK.items():
        setattr(module, name, one)
    sys.modules["ctk"] = module
    return module
