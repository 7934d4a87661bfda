"""What a JSON Schema finds wrong, in the words of the person who edits the file.

Reading the file and finding the place of a key belong to `loading` and `positions`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from jsonschema import ValidationError
from jsonschema.exceptions import best_match

from lead_pipeline.config.positions import KeyPath

MAX_CHOICES_SHOWN = 12  # a longer list hides the message; the nearest one is named anyway
MAX_VALUE_CHARACTERS = 40

TYPE_WORDS: Mapping[str, str] = {
    "object": "a block of keys",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "empty",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend: the key path it concerns, what is wrong, the repair, and a word for the kind of mistake."""

    path: KeyPath
    what: str
    repair: str
    code: str


def describe(error: ValidationError) -> Iterator[Problem]:
    """Translate one finding of the schema; a choice between forms is reported by the form that fits best."""
    if error.context:
        # a form of another type is not what the writer meant, so it only counts when no form has the right type
        meant = [branch for branch in error.context if branch.validator != "type" or branch.path]
        nearest = best_match(meant)
        if nearest is not None:
            yield from describe(nearest)
        else:
            yield _wrong_type(error, [name for branch in error.context for name in _types(branch)])
        return
    explain = _EXPLAINERS.get(str(error.validator), _explain_otherwise)
    is_about_key = "propertyNames" in error.absolute_schema_path
    for problem in explain(error):
        yield replace(problem, path=(*problem.path, str(error.instance))) if is_about_key else problem


def write_path(path: KeyPath) -> str:
    """Write a key path as people read it, e.g. `segments[0].filters.job_titles`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.lstrip(".") or "the document"


def _path(error: ValidationError) -> KeyPath:
    return tuple(error.absolute_path)


def _rule(error: ValidationError) -> Any:  # noqa: ANN401  # any JSON value
    return error.validator_value


def _schema_part(error: ValidationError, key: str) -> Any:  # noqa: ANN401  # any JSON value
    return error.schema.get(key, {}) if isinstance(error.schema, Mapping) else {}


def _explain_unknown_keys(error: ValidationError) -> Iterator[Problem]:
    known = tuple(_schema_part(error, "properties"))
    given: Any = error.instance
    for key in given:
        if key not in known:
            yield Problem((*_path(error), key), "unknown key", suggest(key, known), "unknown_key")


def _explain_missing_keys(error: ValidationError) -> Iterator[Problem]:
    missing = next(key for key in _rule(error) if f"'{key}'" in error.message)
    meaning = _schema_part(error, "properties").get(missing, {}).get("description", "")
    repair = f"Add {missing}" + (f": {meaning}" if meaning else "")
    yield Problem(_path(error), f"the key {missing} is missing", repair, "missing_key")


def _explain_choice(error: ValidationError) -> Iterator[Problem]:
    choices = tuple(str(choice) for choice in _rule(error))
    yield Problem(
        _path(error), f"{_show(error.instance)} is not allowed", suggest(str(error.instance), choices), "not_a_choice"
    )


def _explain_type(error: ValidationError) -> Iterator[Problem]:
    yield _wrong_type(error, _types(error))


def _types(error: ValidationError) -> list[str]:
    rule = _rule(error)
    return rule if isinstance(rule, list) else [rule]


def _wrong_type(error: ValidationError, wanted: list[str]) -> Problem:
    words = " or ".join(TYPE_WORDS[name] for name in wanted)
    is_unquoted_text = "string" in wanted and not isinstance(error.instance, (dict, list))
    repair = "Write it in quotes" if is_unquoted_text else f"Give {words}"
    return Problem(_path(error), f"{_show(error.instance)} is not {words}", repair, "wrong_type")


def _explain_otherwise(error: ValidationError) -> Iterator[Problem]:
    meaning = _schema_part(error, "description")
    is_form = error.validator == "pattern"
    what = _BOUND_WORDS.get(str(error.validator), _say_rule)(error)
    if is_form and meaning:  # a person reads the meaning, not the pattern
        what = f"{_show(error.instance)} has not the right form"
    code = "wrong_form" if is_form else "out_of_bounds"
    yield Problem(_path(error), what, f"Give {meaning or 'a value that fits'}", code)


def _say_rule(error: ValidationError) -> str:
    return f"{_show(error.instance)} breaks the rule {error.validator}: {_show(error.validator_value)}"


def _bound(words: str) -> Callable[[ValidationError], str]:
    return lambda error: f"{_show(error.instance)} {words.format(bound=error.validator_value)}"


_BOUND_WORDS: Mapping[str, Callable[[ValidationError], str]] = {
    "minimum": _bound("is less than {bound}"),
    "exclusiveMinimum": _bound("is not more than {bound}"),
    "maximum": _bound("is more than {bound}"),
    "exclusiveMaximum": _bound("is not less than {bound}"),
    "minItems": _bound("has fewer than {bound} entries"),
    "maxItems": _bound("has more than {bound} entries"),
    "minLength": _bound("has fewer than {bound} characters"),
    "maxLength": _bound("has more than {bound} characters"),
    "minProperties": _bound("has fewer than {bound} keys"),
    "uniqueItems": _bound("names an entry twice"),
    "pattern": _bound("has not the form {bound}"),
}

_EXPLAINERS: Mapping[str, Callable[[ValidationError], Iterator[Problem]]] = {
    "additionalProperties": _explain_unknown_keys,
    "required": _explain_missing_keys,
    "enum": _explain_choice,
    "type": _explain_type,
}


def suggest(given: str, known: tuple[str, ...]) -> str:
    """Name what was probably meant, else everything that is allowed."""
    nearest = get_close_matches(given, known, n=1)
    if nearest:
        return f"Did you mean {nearest[0]}?"
    shown = ", ".join(known[:MAX_CHOICES_SHOWN]) + (", ..." if len(known) > MAX_CHOICES_SHOWN else "")
    return f"Use one of: {shown}" if known else "Remove it"


def _show(value: object) -> str:
    text = value if isinstance(value, str) and value else json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= MAX_VALUE_CHARACTERS else f"{text[:MAX_VALUE_CHARACTERS]}..."
