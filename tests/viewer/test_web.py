"""The viewer in a real browser: what is painted, and whole tasks from a file to a download."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from tiny_bundle import build_tiny_bundle
from tiny_detection_bundle import build_detection_bundle
from tiny_style_bundle import build_style_bundle
from viewer_page import (
    PATIENCE,
    Viewer,
    chromium,
    running_viewer,
    view_pictures,
    wait_for_views,
    wait_until,
    write_head,
)

from monai_gan.data import read_provenance

pytestmark = pytest.mark.web

Open = Callable[..., tuple[Any, Viewer]]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium without a window."""
    pytest.importorskip("trame_slicer", reason="trame-slicer is not installed: pip install 'monai-gan[viewer]'")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = chromium()
    if program is None:
        pytest.skip("there is no Chromium: install the system's package chromium")
    with playwright.sync_playwright() as driver:
        made = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield made
        made.close()


@pytest.fixture
def open_viewer(browser: Any, tmp_path: Path) -> Iterator[Open]:
    """Start a viewer with the given words and open its page; nothing may be loaded from elsewhere."""
    with ExitStack() as stack:

        def start(*words: object, **environment: str) -> tuple[Any, Viewer]:
            viewer = stack.enter_context(running_viewer(tmp_path, *words, **environment))
            page = stack.enter_context(browser.new_context(viewport={"width": 1280, "height": 800})).new_page()
            page.set_default_timeout(1000 * PATIENCE)
            own = viewer.url.split("?")[0]
            foreign: list[str] = []
            page.on(
                "request", lambda one: None if one.url.startswith((own, "data:", "blob:")) else foreign.append(one.url)
            )
            stack.callback(lambda: foreign_is_empty(foreign))
            page.goto(viewer.url)
            page.wait_for_selector(".mg-run")
            return page, viewer

        yield start


def foreign_is_empty(requests: list[str]) -> None:
    assert requests == []


def test_a_file_is_painted_in_all_views(open_viewer: Open, tmp_path: Path) -> None:
    page, viewer = open_viewer(write_head(tmp_path / "head.nii.gz"))
    pictures = wait_for_views(page, 4)
    assert page.inner_text("text=head >> nth=0")
    assert len({round(picture.mean(), 3) for picture in pictures}) == 4
    before = view_pictures(page)[0]
    slider = page.get_by_label("Slice of Axial").first
    slider.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    wait_until(page, lambda: np.abs(view_pictures(page)[0] - before).mean() > 0.5, "another slice")
    viewer.process.terminate()
    viewer.process.wait(60)
    assert list(viewer.temporary.glob("monai_gan_viewer_*")) == []


def test_uploads_are_shown_or_refused_and_never_kept(open_viewer: Open, tmp_path: Path) -> None:
    page, viewer = open_viewer("--max-upload", 1)
    wait_until(page, lambda: page.query_selector(".mg-refusal"), "the reason why nothing can be run")
    assert "Choose an input volume" in page.inner_text(".mg-refusal")
    (tmp_path / "notes.nii").write_text("not an image " * 100)
    page.set_input_files("#monai-gan-files", tmp_path / "notes.nii")
    page.wait_for_selector(".mg-notice")
    assert "'notes.nii' is no image" in page.inner_text(".mg-notice")
    (tmp_path / "large.nii").write_bytes(b"0" * 4_000_000)
    page.set_input_files("#monai-gan-files", tmp_path / "large.nii")
    page.wait_for_selector(".mg-notice:has-text('larger than 1 MB')")
    page.set_input_files("#monai-gan-files", write_head(tmp_path / "second.nii.gz"))
    wait_for_views(page, 4)
    assert page.query_selector(".mg-notice") is None
    assert viewer.kept == []
    page.fill("input[placeholder], .v-text-field input[type=text]", str(tmp_path / "absent.nii"))
    page.keyboard.press("Enter")
    page.wait_for_selector(".mg-notice:has-text('does not exist')")


def test_a_volume_is_translated_compared_and_downloaded(open_viewer: Open, tmp_path: Path) -> None:
    head = write_head(tmp_path / "head.nii.gz")
    page, viewer = open_viewer(head)
    wait_for_views(page, 4)
    choose(page, bundle="brain_t1_to_t2_pix2pix")
    page.click(".mg-run")
    page.wait_for_selector(".mg-cancel")
    page.wait_for_selector(".mg-download")
    upper, lower = np.split(np.array([picture.std() for picture in wait_for_views(page, 6)]), 2)
    assert upper.min() > 10
    assert lower.min() > 10
    wait_until(page, lambda: comparisons_agree(page), "a line that parts input and result, and their mean")
    with page.expect_download() as download:
        page.click(".mg-download >> nth=0")
    saved = tmp_path / download.value.suggested_filename
    download.value.save_as(saved)
    assert saved.name == "head_brain_t1_to_t2_pix2pix.nii.gz"
    assert nibabel.load(saved).shape == nibabel.load(head).shape
    written = read_provenance(saved)
    assert written is not None
    assert written.bundle == "brain_t1_to_t2_pix2pix"
    assert "synthetic" in page.inner_text(".mg-caption >> nth=0")
    assert all(name.startswith("result_") for name in viewer.kept)


def comparisons_agree(page: Any) -> bool:
    """Whether the ways to compare show of input and result what they say; not yet while views change their size."""
    looks = {way: look(page, way) for way in ("Input", "Result", "Swipe", "Blend")}
    source, result, parted, mixed = looks.values()
    if len({picture.shape for picture in looks.values()}) > 1 or np.abs(source - result).mean() < 3:
        return False
    line = source.shape[1] // 2
    left, right = slice(0, line - 30), slice(line + 30, None)
    return bool(
        np.abs(parted[:, left] - source[:, left]).mean() < 2
        and np.abs(parted[:, right] - result[:, right]).mean() < 2
        and np.abs(mixed - (source + result) / 2).mean() < 4
    )


def look(page: Any, way: str) -> np.ndarray:
    """The axial view in a way to compare, once it says so and stands still."""
    page.click(f".mg-bar button:has-text('{way}')")
    between = {"Input": "head", "Result": "head MR", "Swipe": "head |", "Blend": "head +"}[way]
    page.wait_for_selector(f".mg-caption:visible span:text-matches('^{re.escape(between)}')")
    previous = wait_for_views(page, 4)[0]

    def still() -> bool:
        nonlocal previous
        page.wait_for_timeout(300)
        before, previous = previous, wait_for_views(page, 4)[0]
        return before.shape == previous.shape and bool(np.abs(before - previous).mean() < 0.5)

    wait_until(page, still, "a picture that stands still")
    return previous


def test_a_cancelled_job_leaves_everything_as_it_was(open_viewer: Open, tmp_path: Path) -> None:
    page, viewer = open_viewer(write_head(tmp_path / "head.nii.gz", (160, 160, 160)))
    wait_for_views(page, 4)
    page.click(".mg-run")
    page.click(".mg-cancel")
    page.wait_for_selector(".mg-status:has-text('Cancelled')")
    assert page.query_selector(".mg-download") is None
    page.wait_for_selector(".mg-run")
    assert viewer.kept == []
    assert list(viewer.temporary.glob("monai_gan_job_*")) == []
    wait_for_views(page, 4)


def test_samples_come_as_a_gallery_and_open_in_the_views(open_viewer: Open, tmp_path: Path) -> None:
    page, _ = open_viewer()
    choose(page, task="synthesis")
    choose(page, bundle="hippocampus_wgan_gp_3d", count=3, seed=5, truncation=0.7)
    page.click(".mg-run")
    page.wait_for_selector(".mg-sample >> nth=2")
    page.wait_for_function("[...document.querySelectorAll('.mg-sample img')].every(one => one.naturalWidth > 50)")
    pictures = page.eval_on_selector_all(".mg-sample img", "all => all.map(one => one.src)")
    assert len(set(pictures)) == 3
    page.click(".mg-sample >> nth=1")
    wait_for_views(page, 4)
    with page.expect_download() as download:
        page.click(".mg-download")
    download.value.save_as(tmp_path / "samples.zip")
    with zipfile.ZipFile(tmp_path / "samples.zip") as archive:
        names = sorted(archive.namelist())
        origin = json.loads(archive.read("hippocampus_wgan_gp_3d_s5_0001.json"))
    assert [name for name in names if name.endswith(".nii.gz")] == [
        f"hippocampus_wgan_gp_3d_s5_{number:04d}.nii.gz" for number in range(3)
    ]
    assert (origin["seed"], origin["truncation"]) == (5, 0.7)


def test_latent_sliders_shift_the_samples_of_a_bundle_with_directions(open_viewer: Open, tmp_path: Path) -> None:
    build_style_bundle(tmp_path / "bundles")
    build_tiny_bundle(tmp_path / "bundles")
    page, _ = open_viewer(MONAI_GAN_BUNDLES=str(tmp_path / "bundles"))
    choose(page, task="synthesis")
    choose(page, bundle="tiny_dcgan")
    page.wait_for_selector(".mg-direction", state="detached")
    choose(page, bundle="tiny_style")
    page.wait_for_selector(".mg-direction")
    choose(page, direction="contrast", strength=2.5, count=1)
    page.wait_for_selector("text=Shift, standard deviations")
    page.click(".mg-run")
    page.wait_for_selector(".mg-sample")
    with page.expect_download() as download:
        page.click(".mg-download:has-text('json')")
    download.value.save_as(tmp_path / "sample.json")
    origin = json.loads((tmp_path / "sample.json").read_text())
    assert (origin["extra"]["direction"], origin["extra"]["strength"]) == ("contrast", 2.5)
    page.click(".mg-sample")
    wait_for_views(page, 1)


def test_an_anomaly_map_lies_over_its_input_above_a_threshold(open_viewer: Open, tmp_path: Path) -> None:
    build_detection_bundle(tmp_path / "bundles", image_size=64)
    head = write_head(tmp_path / "head.nii.gz", spot=True)
    page, _ = open_viewer(head, MONAI_GAN_BUNDLES=str(tmp_path / "bundles"))
    wait_for_views(page, 4)
    assert coloured(page) == 0
    choose(page, task="anomaly_detection")
    choose(page, bundle="tiny_detector")
    page.click(".mg-run")
    page.wait_for_selector(".mg-download")
    wait_until(page, lambda: coloured(page) > 50, "colours over the image")
    page.wait_for_selector(".mg-regions td")
    assert "Score" in page.inner_text(".mg-panel")
    choose(page, threshold=0.0)
    wait_until(page, lambda: coloured(page) > 5000, "more colours at a lower threshold")
    choose(page, opacity=0.0)
    wait_until(page, lambda: coloured(page) == 0, "no colours at no opacity")


def coloured(page: Any) -> int:
    """Pixels of the axial view that are not grey."""
    picture = view_pictures(page)[0]
    return int((picture.max(axis=2) - picture.min(axis=2) > 60).sum())


def choose(page: Any, **values: object) -> None:
    """Set what the widgets of the page hold once they offer it, and wait until the server knows."""
    if bundle := values.get("bundle"):
        page.wait_for_function(
            "name => window.trame.state.get('bundles').some(entry => entry.value === name)", arg=bundle
        )
    page.evaluate("values => window.trame.state.update(values)", values)
    page.wait_for_function(
        "values => Object.entries(values).every(([name, value]) => window.trame.state.get(name) === value)", arg=values
    )


def test_others_need_the_token_and_cannot_name_paths(open_viewer: Open, tmp_path: Path) -> None:
    page, viewer = open_viewer("--host", "0.0.0.0", "--token", "0123456789abcdef")
    page.wait_for_selector(".mg-run")
    assert "token" not in page.url
    assert page.query_selector("text=or a path on this computer") is None
    plain = viewer.url.split("?")[0]
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(plain, timeout=60)
    request = urllib.request.Request(f"{plain}ws", headers={"Origin": "http://evil.example"})
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(request, timeout=60)
