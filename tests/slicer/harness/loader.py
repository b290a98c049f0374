"""Load a .ui file with our stand-ins, loudly where a class has none, and its connections of scenes by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from PySide6 import QtCore, QtUiTools, QtWidgets

from harness import widgets

_KNOWN = {**widgets.CTK, **widgets.SLICER}


class UiLoader(QtUiTools.QUiLoader):
    """In place of qt.QUiLoader."""

    def load(self, file: Any, parent: Any = None) -> Any:  # type: ignore[override]
        path = file if isinstance(file, str) else file.fileName()
        tree = ElementTree.fromstring(Path(path).read_text(encoding="utf-8"))
        for element in tree.iter("widget"):
            name = element.get("class", "")
            if name not in _KNOWN and not hasattr(QtWidgets, name):
                raise NotImplementedError(f"{path}: {name} has no stand-in here.")
        custom = tree.find("customwidgets")
        if custom is not None:
            tree.remove(custom)
        wires = []
        for wire in list(tree.iter("connection")):
            if "vtk" in (wire.findtext("signal") or ""):
                wires.append([wire.findtext(part) or "" for part in ("sender", "signal", "receiver", "slot")])
                tree.find("connections").remove(wire)  # type: ignore[union-attr]
        for one in _KNOWN.values():
            self.registerCustomWidget(one)
        buffer = QtCore.QBuffer()
        buffer.setData(ElementTree.tostring(tree, encoding="utf-8"))
        buffer.open(QtCore.QIODevice.OpenModeFlag.ReadOnly)
        made = super().load(buffer, parent)
        if made is None:
            raise RuntimeError(f"{path}: {self.errorString()}")
        byName = {child.name: child for child in [made, *made.findChildren(QtWidgets.QWidget)]}
        kept = []
        for sender, signal, receiver, slot in wires:
            target = byName[receiver]
            getattr(byName[sender], signal.partition("(")[0]).connect(getattr(target, slot.partition("(")[0]))
            kept.append(target)
        made._receivers = kept
        return made
