from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from monai_gan.apps.request import check_request, request_schema, task_fields
from monai_gan.errors import InputError

SMALL = {"task": "synthesis", "bundle": "b", "output": "o"}


def test_the_schema_is_a_schema_and_takes_what_the_check_takes() -> None:
    schema = request_schema()
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    for request in (
        SMALL,
        *(check_request({**SMALL, "task": task}) for task in ("synthesis", "training", "evaluation")),
    ):
        validator.validate(request)


def test_defaults_are_filled_in() -> None:
    assert check_request(SMALL) == {
        **SMALL,
        "n": 1,
        "seed": 0,
        "format": None,
        "label": None,
        "truncation": 1.0,
        "direction": None,
        "strength": 1.0,
        "device": "auto",
        "batch_size": None,
        "grid": False,
        "traversal": False,
        "trust": False,
        "cancel_file": None,
    }
    assert check_request({**SMALL, "task": "training"})["overrides"] == {}


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        pytest.param([], "The request is a list", id="not-an-object"),
        pytest.param(None, "The request is empty", id="null"),
        pytest.param({"task": "synthesis", "output": "o"}, "lacks 'bundle'", id="missing"),
        pytest.param(
            {**SMALL, "task": "paint"},
            "task='paint' is unknown: choose 'synthesis', 'translation', 'enhancement', ",
            id="task",
        ),
        pytest.param({**SMALL, "sed": 1}, "field 'sed' is unknown .*did you mean 'seed'", id="misspelt"),
        pytest.param({**SMALL, "zzz": 1}, "field 'zzz' is unknown .*known fields are 'batch_size'", id="unknown"),
        pytest.param(
            {**SMALL, "task": "training", "n": 1}, "field 'n' is unknown for task 'training'", id="other-task"
        ),
        pytest.param({**SMALL, "n": 0}, "field 'n' is wrong: 0 is less than the minimum of 1", id="zero"),
        pytest.param({**SMALL, "n": "4"}, "field 'n' is wrong: '4' is not of type 'integer'", id="text"),
        pytest.param({**SMALL, "n": True}, "field 'n' is wrong", id="true"),
        pytest.param({**SMALL, "seed": 2**63}, "field 'seed' is wrong", id="seed"),
        pytest.param({**SMALL, "truncation": 0}, "field 'truncation' is wrong", id="truncation"),
        pytest.param({**SMALL, "label": [1, 0.5]}, "field 'label.*1.*' is wrong", id="inner"),
        pytest.param({**SMALL, "bundle": ""}, "field 'bundle' is wrong", id="empty"),
    ],
)
def test_wrong_requests_name_the_field(request_: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_request(request_)


def test_every_field_is_described() -> None:
    schema = request_schema()
    for branch in schema["oneOf"]:
        needed = [*schema["required"], *branch.get("required", [])]
        for name, field in task_fields(branch["properties"]["task"]["const"]).items():
            assert "default" in field or name in needed, name
