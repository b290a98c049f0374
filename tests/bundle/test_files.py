from __future__ import annotations

from pathlib import Path

import pytest

from monai_gan.bundle.files import read_json
from monai_gan.errors import InputError


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b'{\n "a": 1,,\n}', r"not valid JSON: .* at line 2, column 9", id="says_where_it_is_broken"),
        pytest.param(b"[1, 2]", r"holds a list", id="not_an_object"),
        pytest.param(b"\xff\xfe{}", r"cannot be read as UTF-8", id="not_text"),
        pytest.param(b"[" * 100_000, r"nested too deeply", id="nested_bomb"),
    ],
)
def test_read_json_names_the_fault(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "metadata.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read_json(path)
    assert "metadata.json" in str(caught.value)


def test_read_json_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_json(tmp_path / "configs" / "metadata.json")
