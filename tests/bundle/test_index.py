"""An index is checked wholly before anything in it is believed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from monai_gan.bundle import BundleIndex, Release
from monai_gan.errors import InputError

SHA = "ab" * 32


def entry(name: str, version: str, **changes: Any) -> dict[str, Any]:
    return {"file": f"{name}_v{version}.zip", "sha256": SHA, "bytes": 10, **changes}


def document(**bundles: Any) -> str:
    return json.dumps({"schema_version": 1, "bundles": bundles})


def test_highest_version_by_number_not_by_letter() -> None:
    text = document(chest={version: entry("chest", version) for version in ("0.9.0", "0.10.0", "0.2.0")})
    index = BundleIndex.parse(text, "here")
    assert index.choose("chest") == Release("chest", "0.10.0", "chest_v0.10.0.zip", SHA, 10)
    assert index.choose("chest", "0.2.0").file == "chest_v0.2.0.zip"


def test_round_trip_is_sorted_and_repeats() -> None:
    index = BundleIndex("here")
    for name, version in (("b", "0.10.0"), ("b", "0.9.0"), ("a", "1.0.0"), ("b", "0.9.0")):
        index.add(Release(name, version, f"{name}_v{version}.zip", SHA, 10))
    text = index.to_json()
    content = json.loads(text)
    assert content["schema_version"] == 1
    assert list(content["bundles"]) == ["a", "b"]
    assert list(content["bundles"]["b"]) == ["0.9.0", "0.10.0"]
    assert BundleIndex.parse(text, "here") == index


def test_a_version_cannot_change() -> None:
    index = BundleIndex("here")
    index.add(Release("a", "1.0", "a_v1.0.zip", SHA, 10))
    with pytest.raises(InputError, match="version 1.0 of 'a' with another content: raise the bundle's version"):
        index.add(Release("a", "1.0", "a_v1.0.zip", "cd" * 32, 10))


def test_unknown_name_and_version() -> None:
    index = BundleIndex.parse(document(chest_gan={"0.1.0": entry("chest_gan", "0.1.0")}), "here")
    with pytest.raises(InputError, match="did you mean 'chest_gan'"):
        index.choose("chest_gn")
    with pytest.raises(InputError, match="'here' offers no bundle 'brain': it offers chest_gan"):
        index.choose("brain")
    with pytest.raises(InputError, match=r"no version '0.2' of 'chest_gan': it offers 0\.1\.0"):
        index.choose("chest_gan", "0.2")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("{", "not valid JSON", id="damaged"),
        pytest.param("[]", "no index of bundles", id="list"),
        pytest.param("<html>", "not valid JSON", id="web_page"),
        pytest.param('{"bundles": {}}', "'schema_version' is a required property", id="no_version"),
        pytest.param('{"schema_version": 2, "bundles": []}', "schema version 2.*reads 1: update monai-gan", id="newer"),
        pytest.param('{"schema_version": 0, "bundles": {}}', "schema version 0.*ask for a new index", id="older"),
        pytest.param('{"schema_version": "1", "bundles": {}}', "schema_version: 1 was expected", id="text_version"),
        pytest.param(document(a={}), "a: ", id="no_versions"),
        pytest.param(document(a={"1": entry("a", "1", file="../a.zip")}), "a/1/file", id="path"),
        pytest.param(document(a={"1": entry("a", "1", file="/tmp/a.zip")}), "a/1/file", id="absolute"),
        pytest.param(document(a={"1": entry("a", "1", file="http://x/a.zip")}), "a/1/file", id="address"),
        pytest.param(document(**{"../a": {"1": entry("a", "1")}}), "bundles", id="name"),
        pytest.param(document(a={"../1": entry("a", "1")}), "bundles/a", id="version"),
        pytest.param(document(a={"1": entry("a", "1", sha256="abc")}), "a/1/sha256", id="checksum"),
        pytest.param(document(a={"1": entry("a", "1", bytes=0)}), "a/1/bytes", id="size"),
        pytest.param(document(a={"1": {"file": "a.zip"}}), "required property", id="incomplete"),
    ],
)
def test_what_is_no_index_is_refused(text: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        BundleIndex.parse(text, "here")
