"""The documentation is true: examples run, links lead somewhere, and what it names exists."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
import typer
from PIL import Image

import monai_gan.errors
from monai_gan.apps.request import check_request
from monai_gan.cli.program import app

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "bundles").glob("*/docs/README.md")),
]
ROOMS = ["apps", "bundle", "data", "engines", "handlers", "inferers", "losses", "metrics", "mrml", "networks"]
ROOMS += ["networks.blocks", "networks.nets", "ops", "transforms", "variants", "viewer"]

_BLOCK = re.compile(r"^```([a-z]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def page_name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, *languages: str) -> list[str]:
    """The fenced blocks of a page in one of some languages."""
    return [text for language, text in _BLOCK.findall(page.read_text(encoding="utf-8")) if language in languages]


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return _BLOCK.sub("", page.read_text(encoding="utf-8"))


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder to run examples in, with the images that they name: ``my_images`` and ``data/MedNIST``."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("MONAI_GAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("MONAI_GAN_BUNDLES", raising=False)
    folders = {"my_images": "p{:03d}.png", **{f"data/MedNIST/{name}": "{:03d}.jpeg" for name in ("CXR", "Hand")}}
    for seed, (folder, name) in enumerate(folders.items()):
        (tmp_path / folder).mkdir(parents=True)
        noise = torch.randn(40, 1, 8, 8, generator=torch.Generator().manual_seed(seed))
        smooth = torch.nn.functional.interpolate(noise, size=64, mode="bilinear").mul(60).add(128).clamp(0, 255)
        for index, image in enumerate(smooth[:, 0].numpy().astype(np.uint8)):
            Image.fromarray(image).save(tmp_path / folder / name.format(index))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield tmp_path
    torch.set_num_threads(threads)


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=page_name)
def test_python_examples_run(page: Path, workplace: Path) -> None:
    names: dict[str, Any] = {"__name__": "example"}
    for number, code in enumerate(blocks(page, "python")):
        first = code.splitlines()[0]
        if re.fullmatch(r"# \w+\.py", first):  # an example that is a file, which a later one imports
            (workplace / first[2:]).write_text(code, encoding="utf-8")
        exec(compile(code, f"{page_name(page)}, example {number + 1}", "exec", dont_inherit=True), names)


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_links_and_pictures_lead_somewhere(page: Path) -> None:
    broken = []
    for link in _LINK.findall(prose(page)):
        if link.startswith(("https://", "http://")):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert not broken


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as code hosts make them."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def command_lines() -> list[str]:
    """Every line of a shell block that calls the program, directly or as a module, without the program's name."""
    lines = "\n".join(text for page in PAGES for text in blocks(page, "")).splitlines()
    starts = [(line, re.search(r"(^|-m )(monai-gan|monai_gan) ", line)) for line in lines]
    return sorted({line[start.end() :] for line, start in starts if start is not None})


@pytest.mark.parametrize("line", command_lines())
def test_command_lines_are_accepted_by_the_parser(line: str) -> None:
    words = shlex.split(line)
    command: Any = typer.main.get_command(app)
    while hasattr(command, "commands"):
        assert words[0] in command.commands, f"there is no command '{words[0]}'"
        command = command.commands[words.pop(0)]
    command.make_context(command.name, words)  # raises on an unknown option or a missing argument


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_commands_named_in_the_text_exist(page: Path) -> None:
    program: Any = typer.main.get_command(app)
    bundle = program.commands["bundle"].commands
    for first, second in re.findall(r"`monai-gan ([a-z]+)(?: ([a-z]+))?", page.read_text(encoding="utf-8")):
        assert first in program.commands
        assert first != "bundle" or second in bundle


def test_every_command_is_documented() -> None:
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    program: Any = typer.main.get_command(app)
    names = [name for name in program.commands if name != "bundle"]
    names += [f"bundle {name}" for name in program.commands["bundle"].commands]
    assert [name for name in names if f"monai-gan {name}" not in text] == []


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_make_targets_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    text = page.read_text(encoding="utf-8")
    named = set(re.findall(r"(?:^|`|\bPYTHON=\S+ )make ([a-z-]+)(?=`|\s|$)", text, re.MULTILINE))
    assert named <= targets


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_environment_variables_are_looked_at_by_the_program(page: Path) -> None:
    sources = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "monai_gan").rglob("*.py"))
    sources += (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    sources += "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "csrc").rglob("*.*"))
    named = set(re.findall(r"MONAI_GAN_[A-Z_]+", page.read_text(encoding="utf-8")))
    assert {name for name in named if name not in sources} == set()


def test_requests_are_accepted_by_the_runner() -> None:
    documents = [json.loads(text) for text in blocks(ROOT / "docs" / "quickstart.md", "json")]
    assert {check_request(document)["task"] for document in documents} == {"synthesis", "training", "evaluation"}


def test_exit_codes_are_those_of_the_errors() -> None:
    rows = re.findall(r"^\| (\d+) \| ", (ROOT / "docs" / "quickstart.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert [int(row) for row in rows] == sorted({0, *(error.exit_code for error in own_errors())})
    stated = re.findall(
        r"^\| `(\w+)` \| (\d+) \|", (ROOT / "docs" / "api.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert {name: int(code) for name, code in stated} == {error.__name__: error.exit_code for error in own_errors()}


def own_errors() -> list[type[monai_gan.errors.MonaiGanError]]:
    base = monai_gan.errors.MonaiGanError
    return [one for one in vars(monai_gan.errors).values() if isinstance(one, type) and issubclass(one, base)]


def test_readme_lists_the_bundles() -> None:
    rows = re.findall(r"\(bundles/(\w+)/docs/README\.md\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert sorted(rows) == sorted(path.name for path in (ROOT / "bundles").iterdir() if path.is_dir())


def room_of(name: str) -> ModuleType:
    return importlib.import_module(f"monai_gan.{name}")


@pytest.mark.parametrize("room", ROOMS)
def test_public_names_have_docstrings(room: str) -> None:
    # Types and tables have nothing to hang a docstring on.
    public = {name: getattr(room_of(room), name) for name in room_of(room).__all__}
    described = {name: one for name, one in public.items() if inspect.isclass(one) or inspect.isroutine(one)}
    assert [name for name, one in described.items() if not (one.__doc__ or "").strip()] == []


@pytest.mark.parametrize("room", ROOMS)
def test_api_page_lists_exactly_the_public_names(room: str) -> None:
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    section = re.search(rf"^## monai_gan\.{re.escape(room)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert section is not None
    cells = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", section[1], re.MULTILINE)
    listed = [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]
    assert sorted(listed) == sorted(room_of(room).__all__)


def test_dotted_names_in_the_text_exist() -> None:
    missing = set()
    for page in PAGES:
        for name in re.findall(r"\bmonai_gan(?:\.\w+)+", page.read_text(encoding="utf-8")):
            # Keys of a bundle's metadata share the prefix with the package.
            if name not in metadata_keys() and not can_be_reached(name):
                missing.add(f"{page_name(page)}: {name}")
    assert missing == set()


def metadata_keys() -> set[str]:
    schema = room_of("bundle.rules.content").EXTRA_SCHEMA
    keys = [*json.loads(schema.read_text(encoding="utf-8"))["properties"], "files"]
    return {f"monai_gan.{key}" for key in keys}


def can_be_reached(dotted: str) -> bool:
    found: Any = importlib.import_module("monai_gan")
    for part in dotted.split(".")[1:]:
        try:
            found = getattr(found, part)
        except AttributeError:
            try:
                found = importlib.import_module(f"{found.__name__}.{part}")
            except (AttributeError, ImportError):
                return False
    return True


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_examples_are_python_of_the_oldest_version(page: Path) -> None:
    for code in blocks(page, "python"):
        ast.parse(code, feature_version=(3, 10))
