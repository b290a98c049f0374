"""Slicer's own engine for command line modules, from slicer-core, given a module by its XML and its program.

slicer-core does not wrap the call that hands a module's description over, so that it is made through its symbols.
"""

from __future__ import annotations

import ctypes
import sys
import time
from pathlib import Path
from typing import Any

_LIBRARY = "third_party.libs/libModuleDescriptionParser.so"
_SYMBOLS = {
    "make": "_ZN17ModuleDescriptionC1Ev",
    "parse": "_ZN23ModuleDescriptionParser5ParseERKSsR17ModuleDescription",
    "set_type": "_ZN17ModuleDescription7SetTypeERKSs",
    "set_target": "_ZN17ModuleDescription9SetTargetERKSs",
    "set_location": "_ZN17ModuleDescription11SetLocationERKSs",
}
_GIVE = "_ZN28vtkMRMLCommandLineModuleNode20SetModuleDescriptionERK17ModuleDescription"
_STRING = "_ZNSsC1EPKcRKSaIcE"
#: More than a ModuleDescription of any version takes.
_BYTES = 1 << 16


class EngineMissing(RuntimeError):
    """This version of slicer-core lacks a symbol that the bridge needs."""


class CLIEngine:
    """Runs a command line module on the nodes of a scene.

    Args:
        scene: the vtkMRMLScene.
        xml: the module's description.
        program: its program, a Python file.
        folder: for the files of the engine.

    Raises:
        EngineMissing: a symbol is not there.
    """

    def __init__(self, scene: Any, xml: Path, program: Path, folder: Path) -> None:
        import slicer

        self.scene = scene
        self._description = self._describe(xml, program)
        scene.RegisterNodeClass(slicer.vtkMRMLCommandLineModuleNode())
        self._keep: list[Any] = []
        remote, data = slicer.vtkMRMLRemoteIOLogic(), slicer.vtkDataIOManagerLogic()
        remote.GetCacheManager().SetRemoteCacheDirectory(str(folder))
        self.application = slicer.vtkSlicerApplicationLogic()
        self.application.SetTemporaryPath(str(folder))
        data.SetMRMLApplicationLogic(self.application)
        data.SetAndObserveDataIOManager(remote.GetDataIOManager())
        self._keep += [remote, data]
        self.application.SetMRMLScene(scene)
        self.application.SetMRMLSceneDataIO(scene, remote, data)
        self.application.CreateProcessingThread()
        self.logic = slicer.vtkSlicerCLIModuleLogic()
        self.logic.SetMRMLApplicationLogic(self.application)
        self.logic.SetMRMLScene(scene)

    def start(self, parameters: dict[str, Any]) -> Any:
        """Start the module.

        Args:
            parameters: by name; nodes for images.

        Returns:
            The vtkMRMLCommandLineModuleNode, which knows status, progress and output.
        """
        node = self.scene.AddNewNodeByClass("vtkMRMLCommandLineModuleNode")
        self._give(node)
        for name, value in parameters.items():
            if hasattr(value, "GetID"):
                node.SetParameterAsNode(name, value)
            else:
                node.SetParameterAsString(name, str(value))
        self.logic.Apply(node, False)
        return node

    def wait(self, node: Any, seconds: float = 90) -> list[int]:
        """Let the engine work until the module has ended and its results are read.

        Returns:
            The progress in percent, each value once, in order.
        """
        seen: list[int] = []
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.turn()
            if node.GetProgress() not in seen:
                seen.append(node.GetProgress())
            if not node.IsBusy():
                for _ in range(10):  # the results are read after the status is final
                    self.turn()
                return seen
        raise TimeoutError(node.GetStatusString())

    def turn(self) -> None:
        """One round of what the application does 20 times a second."""
        for step in (
            self.application.ProcessModified,
            self.application.ProcessReadData,
            self.application.ProcessWriteData,
        ):
            step()
        time.sleep(0.02)

    def close(self) -> None:
        """End the engine's thread."""
        self.application.TerminateProcessingThread()

    def _describe(self, xml: Path, program: Path) -> Any:
        import slicer_core

        home = Path(slicer_core.__file__).parent
        library = ctypes.CDLL(str(home / _LIBRARY))
        cli = ctypes.CDLL(str(home / "libMRMLCLI.so"))
        standard = ctypes.CDLL("libstdc++.so.6")
        try:
            calls = {name: getattr(library, symbol) for name, symbol in _SYMBOLS.items()}
            self._hand_over = getattr(cli, _GIVE)
            self._make_string = getattr(standard, _STRING)
            for name in ("make", "set_type", "set_target", "set_location"):
                calls[name].restype = None
            self._hand_over.restype = self._make_string.restype = None
        except AttributeError as error:
            raise EngineMissing(str(error)) from error
        description = ctypes.create_string_buffer(_BYTES)
        calls["make"](description)
        parsed = calls["parse"](ctypes.create_string_buffer(64), self._string(xml.read_text()), description)
        if parsed != 0:
            raise ValueError(f"{xml} is no description of a module ({parsed}).")
        for name, text in (
            ("set_type", "CommandLineModule"),
            ("set_target", str(program)),
            ("set_location", sys.executable),
        ):
            calls[name](description, self._string(text))
        return description

    def _string(self, text: str) -> Any:
        made, allocator = ctypes.create_string_buffer(64), ctypes.create_string_buffer(8)
        self._make_string(made, ctypes.c_char_p(text.encode()), allocator)
        return made

    def _give(self, node: Any) -> None:
        address = int(node.__this__.split("_")[1], 16)
        self._hand_over(ctypes.c_void_p(address), self._description)
