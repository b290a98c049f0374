"""Static checks of the extension: what its packaging, its catalogue and its reviewers look at."""

from __future__ import annotations

import ast
import json
import re
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
EXTENSION = ROOT / "slicer_extension"
MODULE, CLI = EXTENSION / "MONAIGAN", EXTENSION / "MONAIGANCLI"
SCRIPTS = [path for path in EXTENSION.rglob("*.py") if path.name != "draw_icons.py"]
#: What Slicer brings, and what is ours beside the file.
PRESENT = {"qt", "ctk", "slicer", "vtk", "numpy", "MONAIGANLib", "SampleData", "PyTorchUtils"}
WIDGETS = {"ctkCollapsibleButton", "ctkSliderWidget", "qMRMLNodeComboBox", "qMRMLWidget"}
#: Schema 1.0.2 of the catalogue: key -> type; the first three are required.
KEYS = {
    "$schema": str,
    "category": str,
    "scm_url": str,
    "scm_revision": str,
    "scm_type": str,
    "build_dependencies": list,
    "build_subdirectory": str,
    "dicom_support_rule": str,
    "enabled": bool,
    "tier": int,
}


def settings(path: Path) -> dict[str, str]:
    """The values that a CMake file sets."""
    return dict(re.findall(r'set\((\w+) "([^"]*)"\)', path.read_text(encoding="utf-8")))


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def listed(block: str) -> set[str]:
    """The files that the module's CMake file lists under a name."""
    text = (MODULE / "CMakeLists.txt").read_text(encoding="utf-8")
    found = re.search(rf"set\({block}\n(.*?)\n\s*\)", text, re.DOTALL)
    assert found is not None
    return {line.strip().replace("${MODULE_NAME}", "MONAIGAN") for line in found[1].splitlines()}


def test_every_file_of_the_module_is_packaged() -> None:
    files = {path.relative_to(MODULE).as_posix() for path in MODULE.rglob("*") if path.is_file()}
    files = {name for name in files if "__pycache__" not in name and not name.startswith("Testing/")}
    files.discard("CMakeLists.txt")
    scripts, resources = listed("MODULE_PYTHON_SCRIPTS"), listed("MODULE_PYTHON_RESOURCES")
    assert scripts == {name for name in files if name.endswith(".py")}
    assert resources == {name for name in files if name.startswith("Resources/")}
    assert scripts | resources == files


def test_every_module_is_built() -> None:
    text = (EXTENSION / "CMakeLists.txt").read_text(encoding="utf-8")
    folders = {path.parent.name for path in EXTENSION.glob("*/CMakeLists.txt")}
    assert set(re.findall(r"add_subdirectory\((\w+)\)", text)) == folders == {"MONAIGAN", "MONAIGANCLI"}
    assert CLI.joinpath("MONAIGANCLI.py").is_file()
    assert "NAME ${MODULE_NAME}" in (CLI / "CMakeLists.txt").read_text(encoding="utf-8")
    tests = MODULE / "Testing" / "Python"
    named = re.findall(r"SCRIPT (\w+\.py)", (tests / "CMakeLists.txt").read_text(encoding="utf-8"))
    assert sorted(named) == sorted(path.name for path in tests.glob("*.py"))


def test_the_root_tells_what_the_catalogue_asks_for() -> None:
    root = ROOT / "CMakeLists.txt"
    text, found = root.read_text(encoding="utf-8"), settings(root)
    names = ("HOMEPAGE", "CATEGORY", "CONTRIBUTORS", "DESCRIPTION", "ICONURL", "SCREENSHOTURLS", "DEPENDS")
    assert {f"EXTENSION_{name}" for name in names} <= set(found)
    assert all(found.values())
    assert "add_subdirectory(slicer_extension)" in text
    for include in ("Slicer_USE_FILE", "Slicer_EXTENSION_GENERATE_CONFIG", "Slicer_EXTENSION_CPACK"):
        assert f"include(${{{include}}})" in text
    assert found["EXTENSION_DEPENDS"] == "PyTorch"
    for url in [found["EXTENSION_ICONURL"], *found["EXTENSION_SCREENSHOTURLS"].split()]:
        assert url.startswith("https://")
        with Image.open(ROOT / url.partition("/main/")[2]) as image:
            assert image.format == "PNG"
    assert (ROOT / "LICENSE").read_text() == (EXTENSION / "LICENSE").read_text()
    assert (EXTENSION / "README.md").is_file()


def test_the_catalogue_entry() -> None:
    path = EXTENSION / "MONAIGAN.json"
    content = path.read_bytes()
    assert b"\r" not in content
    entry = json.loads(content)
    assert list(KEYS)[:3] == [key for key in KEYS if key in entry][:3]
    assert {key for key, value in entry.items() if not isinstance(value, KEYS.get(key, tuple))} == set()
    found = settings(ROOT / "CMakeLists.txt")
    project = re.search(r"project\((\w+)\)", (ROOT / "CMakeLists.txt").read_text(encoding="utf-8"))
    assert project is not None
    assert project[1] == path.stem
    assert not path.stem.startswith("Slicer")
    assert entry["category"] == found["EXTENSION_CATEGORY"] == "Image Synthesis"
    assert entry["build_dependencies"] == [found["EXTENSION_DEPENDS"]]
    assert 1 <= entry["tier"] <= 5
    repository = entry["scm_url"].removesuffix(".git")
    assert repository.rpartition("/")[2].startswith("Slicer")
    assert found["EXTENSION_HOMEPAGE"].startswith(repository)
    assert repository.removeprefix("https://github.com") in found["EXTENSION_ICONURL"]


@pytest.fixture(scope="module")
def ui() -> ElementTree.Element:
    return ElementTree.parse(MODULE / "Resources" / "UI" / "MONAIGAN.ui").getroot()


def test_the_panel_uses_known_widgets_and_real_parameters(ui: ElementTree.Element) -> None:
    classes = {element.get("class", "") for element in ui.iter("widget")}
    assert {name for name in classes if not name.startswith("Q")} == WIDGETS
    assert {element.findtext("class") for element in ui.iter("customwidget")} == WIDGETS
    body = next(
        node
        for node in tree(MODULE / "MONAIGANLib" / "logic.py").body
        if isinstance(node, ast.ClassDef) and node.name == "MONAIGANParameterNode"
    )
    parameters = {node.target.id for node in body.body if isinstance(node, ast.AnnAssign)}  # type: ignore[union-attr]
    bound = [
        element.findtext("string") for element in ui.iter("property") if element.get("name") == "SlicerParameterName"
    ]
    assert bound
    assert len(bound) == len(set(bound))
    assert set(bound) <= parameters


def test_the_code_names_only_widgets_that_are_there(ui: ElementTree.Element) -> None:
    there = {element.get("name") for element in ui.iter("widget")}
    used = set()
    for path in SCRIPTS:
        used |= set(re.findall(r"\bui\.(\w+)", path.read_text(encoding="utf-8")))
    assert used - there == set()


def test_selectors_get_the_scene(ui: ElementTree.Element) -> None:
    selectors = {e.get("name") for e in ui.iter("widget") if e.get("class") == "qMRMLNodeComboBox"}
    assert {element.findtext("receiver") for element in ui.iter("connection")} == selectors


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_nothing_else_is_imported_when_a_file_is_loaded(path: Path) -> None:
    found = set()
    for node in tree(path).body:
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module).partition(".")[0])
            assert all(alias.name != "*" for alias in node.names)
    assert found - PRESENT - set(sys.stdlib_module_names) == set()
    assert not any(isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) for node in tree(path).body)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_torch_is_never_imported_or_installed_by_pip(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"^\s*(import|from) torch\b", text, re.MULTILINE)
    assert not re.search(r"pip_install\([^)]*torch", text)


@pytest.mark.parametrize("path", [path for path in SCRIPTS if CLI not in path.parents], ids=lambda path: path.name)
def test_texts_for_people_can_be_translated(path: Path) -> None:
    shown = {"setText", "setToolTip", "setHtml", "setPlainText", "addAction", "confirmOkCancelDisplay", "errorDisplay"}
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in shown:
            for argument in node.args:
                plain = isinstance(argument, ast.Constant) and isinstance(argument.value, str)
                assert not plain or not re.search(r"[A-Za-z]{3}", argument.value), f"line {node.lineno}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_":
            (argument,) = node.args
            literal = all(isinstance(part, ast.Constant) for part in ast.walk(argument) if isinstance(part, ast.expr))
            assert literal, f"line {node.lineno}: only plain texts are found by the translation tools"


def test_requirements_have_lower_bounds_only_and_leave_torch_alone() -> None:
    lines = (MODULE / "Resources" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    wanted = [line for line in lines if line and not line.startswith("#")]
    assert wanted
    assert all(re.fullmatch(r"[\w.-]+(\[[\w,]+\])?>=[\d.]+", line) for line in wanted)
    assert not any(line.startswith("torch") for line in wanted)


def test_the_icons_have_the_sizes_that_slicer_asks_for() -> None:
    sizes = {"MONAIGAN.png": (128, 128), "HeadPhantom.png": (260, 280)}
    for name, size in sizes.items():
        with Image.open(MODULE / "Resources" / "Icons" / name) as image:
            assert image.size == size


def test_the_readme_answers_what_reviewers_ask() -> None:
    text = (EXTENSION / "README.md").read_text(encoding="utf-8")
    for heading in ("Modules", "Tutorial", "Installation", "Downloads", "Limits", "Citation", "License"):
        assert re.search(rf"^## {heading}", text, re.MULTILINE), heading
    assert "HeadPhantom" in text
    assert "not for diagnosis" in text
    for picture in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text):
        assert (EXTENSION / picture).is_file(), picture
