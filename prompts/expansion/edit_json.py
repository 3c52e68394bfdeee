"""Edits as plain JSON values and back; the stored form of a chat turn."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, asdict, fields
from typing import Any, get_args

from prompts.errors import EditError, near_hint, near_names
from prompts.expansion.edits import Edit

_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def kind_of(edit_type: type[Edit]) -> str:
    """`AddPhrase` -> `add_phrase`: the `kind` in JSON."""
    return _CAMEL.sub("_", edit_type.__name__).lower()


EDIT_KINDS: tuple[str, ...] = tuple(kind_of(edit_type) for edit_type in get_args(Edit))


def edit_to_json(edit: Edit) -> dict[str, Any]:
    """`{"kind": "add_phrase", "phrase": …}`; JSON-able, inverse of `edit_from_json`."""
    return {"kind": kind_of(type(edit)), **asdict(edit)}


def edit_from_json(value: object) -> Edit:
    """The edit that `edit_to_json` wrote.

    Raises:
        EditError: No object, unknown kind, a field missing, unknown or of the wrong type.
    """
    if not isinstance(value, Mapping):
        raise EditError("An edit is a JSON object with a 'kind'.", got=type(value).__name__)
    kind = value.get("kind")
    edit_type = next((t for t in get_args(Edit) if kind_of(t) == kind), None)
    if edit_type is None:
        near = near_names(str(kind), EDIT_KINDS)
        raise EditError(f"There is no edit {str(kind)[:40]!r}.{near_hint(near)}", field="kind", near=list(near))
    given = {name: item for name, item in value.items() if name != "kind"}
    for field in fields(edit_type):
        _check_field(str(kind), field.name, field.default is MISSING, str(field.type), given)
    unknown = set(given) - {field.name for field in fields(edit_type)}
    if unknown:
        raise EditError(f"{kind} has no field {sorted(unknown)[0][:40]!r}.", field=sorted(unknown)[0][:40])
    edit: Edit = edit_type(**given)
    return edit


def edits_to_json(edits: Iterable[Edit]) -> list[dict[str, Any]]:
    """Each edit as JSON, in order."""
    return [edit_to_json(edit) for edit in edits]


def edits_from_json(values: object) -> tuple[Edit, ...]:
    """The edits of a JSON array.

    Raises:
        EditError: No array, or one of its members is no edit.
    """
    if not isinstance(values, list | tuple):
        raise EditError("Edits are a JSON array.", got=type(values).__name__)
    return tuple(edit_from_json(value) for value in values)


def _check_field(kind: str, name: str, needed: bool, annotation: str, given: Mapping[str, object]) -> None:  # noqa: FBT001
    if name not in given:
        if needed:
            raise EditError(f"{kind} needs {name!r}.", field=name)
        return
    value = given[name]
    fits = {
        "str": isinstance(value, str),
        "float": isinstance(value, int | float) and not isinstance(value, bool),
        "ParamValue": value is None or isinstance(value, str | int | float | bool),
    }.get(annotation, value in ("start", "end"))
    if not fits:
        raise EditError(f"{name!r} of {kind} has the wrong type ({type(value).__name__}).", field=name)
