"""The runner's request: read, checked against its schema, and completed with defaults."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from typing import Any

from monai_gan.apps.schemas import read_schema
from monai_gan.errors import InputError


def request_schema() -> dict[str, Any]:
    """The JSON schema of a request."""
    return read_schema("request_schema.json")


def task_fields(task: str) -> dict[str, dict[str, Any]]:
    """Fields that a request of this task may have: name -> schema of the value."""
    return {**request_schema()["properties"], **_branch(task)["properties"]}


def _branch(task: str) -> dict[str, Any]:
    schema = request_schema()
    for branch in schema["oneOf"]:
        if branch["properties"]["task"]["const"] == task:
            found: dict[str, Any] = branch
            return found
    raise InputError(f"task={task!r} is unknown: choose {_listed(schema['properties']['task']['enum'])}.")


def check_request(request: object) -> dict[str, Any]:
    """Validate a request and fill in the defaults.

    Args:
        request: what the JSON document held.

    Returns:
        The request with every field of its task.

    Raises:
        InputError: naming the first field that is unknown, missing or wrong.
    """
    if not isinstance(request, Mapping):
        raise InputError(f"The request is {_kind(request)}: give a JSON object with task, bundle and output.")
    _check_required(request, request_schema()["required"], "a request needs")
    task = str(request["task"])
    fields = task_fields(task)
    _check_required(request, _branch(task).get("required", []), f"for task {task!r} it also needs")
    for name in request:
        if name not in fields:
            near = difflib.get_close_matches(str(name), fields, n=1)
            remedy = f"did you mean {near[0]!r}?" if near else f"known fields are {_listed(sorted(fields))}."
            raise InputError(f"The request's field {name!r} is unknown for task {request['task']!r}: {remedy}")
    for name, value in request.items():
        _check_value(name, value, fields[name])
    defaults = {name: field["default"] for name, field in fields.items() if "default" in field}
    return {**defaults, **request}


def _check_required(request: Mapping[str, Any], names: list[str], what: str) -> None:
    for name in names:
        if name not in request:
            raise InputError(f"The request lacks {name!r}: {what} {_listed(names)}.")


def _check_value(name: str, value: object, field: dict[str, Any]) -> None:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    error = best_match(Draft202012Validator(field).iter_errors(value))
    if error is not None:
        where = "".join(f"[{step!r}]" for step in error.path)
        form = json.dumps({key: value for key, value in field.items() if key not in ("description", "default")})
        raise InputError(f"The request's field {name + where!r} is wrong: {error.message}; allowed: {form}.")


def _kind(value: object) -> str:
    names = {list: "a list", str: "a text", int: "a number", float: "a number", bool: "true or false"}
    return names.get(type(value), "empty")


def _listed(names: list[str]) -> str:
    return ", ".join(repr(name) for name in names)
