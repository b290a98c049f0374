from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from monai_gan.bundle import check_files, write_checksums
from monai_gan.bundle.checksums import bundle_files
from monai_gan.errors import InputError, WeightsError


def set_files(bundle: Path, files: Any) -> None:
    path = bundle / "configs" / "metadata.json"
    content = json.loads(path.read_text())
    content["monai_gan"]["files"] = files
    path.write_text(json.dumps(content))


def test_intact_bundle_passes(bundle: Path) -> None:
    check_files(bundle)


def test_every_file_but_the_metadata_is_listed(bundle: Path) -> None:
    listed = [entry["path"] for entry in write_checksums(bundle)]
    assert listed == [
        "LICENSE",
        "configs/inference.json",
        "configs/multi_gpu_train.json",
        "configs/train.json",
        "docs/README.md",
        "docs/data_license.txt",
        "models/model.pt",
    ]


def test_writing_again_changes_nothing(bundle: Path) -> None:
    path = bundle / "configs" / "metadata.json"
    before = path.read_bytes(), path.stat().st_mtime_ns
    write_checksums(bundle)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


def test_strays_and_outputs_are_not_part_of_a_bundle(bundle: Path) -> None:
    before = bundle_files(bundle)
    for stray in (".git/config", "models/.model.pt.tmp", "__pycache__/x.pyc", "eval/a", "runs/b", "samples/c.png"):
        (bundle / stray).parent.mkdir(exist_ok=True)
        (bundle / stray).write_text("")
    (bundle / "link").symlink_to(bundle / "LICENSE")
    assert bundle_files(bundle) == before
    (bundle / "docs" / "samples").mkdir()
    (bundle / "docs" / "samples" / "figure.png").write_text("")
    assert "docs/samples/figure.png" in bundle_files(bundle)


def test_missing(bundle: Path) -> None:
    (bundle / "models" / "model.pt").unlink()
    with pytest.raises(
        WeightsError, match=r"'models/model.pt' of bundle 'tiny_dcgan' is missing; get the bundle again"
    ):
        check_files(bundle)


def test_truncated(bundle: Path) -> None:
    path = bundle / "models" / "model.pt"
    size = path.stat().st_size
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(WeightsError, match=rf"is truncated: it has {size - 10} of {size} bytes") as caught:
        check_files(bundle)
    assert caught.value.exit_code == 10


def test_altered_with_the_same_size(bundle: Path) -> None:
    path = bundle / "models" / "model.pt"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"'models/model.pt' .* was altered: its sha256 is"):
        check_files(bundle)


def test_only_the_files_asked_for_are_looked_at(bundle: Path) -> None:
    (bundle / "docs" / "README.md").write_text("edited")
    check_files(bundle, ["models/model.pt"])
    with pytest.raises(WeightsError, match="README"):
        check_files(bundle)


def test_file_without_checksum_is_not_taken_on_trust(bundle: Path) -> None:
    set_files(bundle, [entry for entry in write_checksums(bundle) if entry["path"] != "models/model.pt"])
    with pytest.raises(WeightsError, match="has no checksum"):
        check_files(bundle, ["models/model.pt"])


@pytest.mark.parametrize(
    ("files", "message"),
    [
        pytest.param([], "lists no checksums", id="none"),
        pytest.param({"a": 1}, "is not a list", id="no_list"),
        pytest.param(["models/model.pt"], "is malformed", id="no_object"),
        pytest.param([{"path": "../../etc/passwd", "sha256": "", "bytes": 1}], "outside the bundle", id="parent"),
        pytest.param([{"path": "/etc/passwd", "sha256": "", "bytes": 1}], "outside the bundle", id="absolute"),
    ],
)
def test_malformed_list(bundle: Path, files: Any, message: str) -> None:
    set_files(bundle, files)
    with pytest.raises(WeightsError, match=message):
        check_files(bundle)


def test_metadata_block_that_is_no_object(bundle: Path) -> None:
    path = bundle / "configs" / "metadata.json"
    path.write_text(json.dumps({"monai_gan": "yes"}))
    with pytest.raises(InputError, match="must be an object"):
        write_checksums(bundle)


def test_checksums_follow_a_change_on_purpose(bundle: Path, make_bundle: Callable[..., Path]) -> None:
    (bundle / "docs" / "README.md").write_text("better words")
    write_checksums(bundle)
    check_files(bundle)
