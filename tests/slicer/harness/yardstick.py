"""Run unit tests of Slicer's own Python layer in the harness: what fails there shows where a stand-in is wrong.

``python yardstick.py SLICER_SOURCE FOLDER REPORT`` writes {file: [run, failed]} into REPORT.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.application import Harness

#: Files of Base/Python/slicer/tests that need no widget without a stand-in, no download and no other module.
FILES = (
    "test_slicer_parameter_node_wrapper",
    "test_slicer_parameter_pack",
    "test_slicer_util_VTKObservationMixin",
    "test_slicer_util_getNodes",
)


def main(source: str, folder: str, report: str) -> None:
    """Load and run the files one after the other."""
    harness = Harness(Path(source), [], Path(folder))
    found: dict[str, list[int]] = {}
    for name in FILES:
        path = Path(source) / "Base" / "Python" / "slicer" / "tests" / f"{name}.py"
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        result = unittest.TextTestRunner(verbosity=1).run(unittest.defaultTestLoader.loadTestsFromModule(module))
        found[name] = [result.testsRun, len(result.failures) + len(result.errors)]
        harness.scene.Clear(0)
    Path(report).write_text(json.dumps(found), encoding="utf-8")
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
