"""Recipes: settings that people write as TOML, checked against a pydantic model, and written back resolved.

A recipe is refused with one clear line per mistake: what is wrong, on which line it stands, and for a name nobody
knows the nearest one that is known. Settings typed on a command line (``dedup.threshold=0.9``) are laid over the
file before it is checked, so they meet the same checks.

Nothing here knows what a recipe is for: the corpus reads its own model through this module, and so can training.
"""

from __future__ import annotations

import difflib
import json
import tomllib
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from quantatissu.foundation.errors import QuantaError
from quantatissu.foundation.toml import dumps, line_of

M = TypeVar("M", bound=BaseModel)
Location = tuple[str | int, ...]

_SHOWN_MISTAKES = 3
_COMMAND_LINE = "on the command line"


def load_recipe(path: Path, model: type[M], overrides: Sequence[str] = ()) -> M:
    """The recipe in the file ``path`` as a ``model``, with ``key.sub=value`` ``overrides`` laid over it.

    Raises QuantaError when the file cannot be read or is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise QuantaError(f"there is no recipe {path}", hint="Pass the path of a TOML file.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise QuantaError(f"the recipe {path} cannot be read: {error}") from error
    return parse_recipe(text, model, overrides, name=str(path))


def parse_recipe(text: str, model: type[M], overrides: Sequence[str] = (), *, name: str = "recipe") -> M:
    """The recipe in ``text`` as a ``model``; ``name`` is what errors call it.

    Raises QuantaError for TOML that cannot be parsed, unknown names, and values of the wrong type.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise QuantaError(f"{name}: not valid TOML: {error}") from None
    typed = [_override(table, override) for override in overrides]
    try:
        return model.model_validate(table)
    except ValidationError as error:
        raise _explain(error, model, text, name, typed) from None


def rooted(recipe: M, folder: Path) -> M:
    """``recipe`` with every relative path in it, however deep, taken from ``folder``, usually the recipe's own.

    A recipe as it was read keeps its paths as they were written, so that its hash does not depend on where it lies.
    """
    changed: M = _rooted(recipe, folder)
    return changed


def plain(recipe: BaseModel) -> dict[str, Any]:
    """The resolved recipe, defaults written out, as what JSON and TOML can hold. Sets come in sorted order."""
    return {name: _plain(getattr(recipe, name)) for name in type(recipe).model_fields}


def as_json(recipe: BaseModel) -> str:
    """The resolved recipe as canonical JSON: sorted keys, no spaces, one line. Equal recipes have equal texts."""
    return json.dumps(plain(recipe), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def as_toml(recipe: BaseModel) -> str:
    """The resolved recipe as TOML that `parse_recipe` reads back as an equal recipe.

    TOML has no null: settings that are None are left out, which means the same where None is their default.
    """
    return dumps(plain(recipe))


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return plain(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(map(_plain, value))
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _override(table: dict[str, Any], override: str) -> Location:
    """Lay ``key.sub=value`` over ``table`` and return the location it set. Lists are indexed: ``source.0.kind=git``."""
    key, equals, value = override.partition("=")
    location: Location = tuple(int(part) if part.isdigit() else part for part in key.strip().split("."))
    if not equals or not all(str(part) for part in location):
        raise QuantaError(f"{override!r} is not of the form key=value", hint="For instance: dedup.threshold=0.9")
    place: Any = table
    for index, part in enumerate(location[:-1]):
        following = location[index + 1]
        if isinstance(place, dict) and isinstance(part, str):
            place = place.setdefault(part, [] if isinstance(following, int) else {})
        else:
            place = _element(place, part, override)
    last = location[-1]
    named = isinstance(place, dict) and isinstance(last, str)
    counted = isinstance(place, list) and isinstance(last, int) and last < len(place)
    if not named and not counted:
        raise QuantaError(f"{override!r}: there is no {key.strip()} in the recipe")
    place[last] = _value(value.strip())
    return location


def _element(place: Any, part: str | int, override: str) -> Any:
    if isinstance(place, list) and isinstance(part, int):
        if part == len(place):
            place.append({})
        if part < len(place):
            return place[part]
    raise QuantaError(f"{override!r}: {part} does not lead to a table of the recipe")


def _value(text: str) -> Any:
    """A TOML value; what is none is a plain string, so that nobody has to quote for both the shell and TOML."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _explain(
    error: ValidationError, model: type[BaseModel], text: str, name: str, typed: Sequence[Location]
) -> QuantaError:
    details = error.errors(include_url=False)
    # An unknown name explains a missing one: say it first.
    details.sort(key=lambda detail: detail["type"] != "extra_forbidden")
    lines = [_mistake(detail, model, text, name, typed) for detail in details[:_SHOWN_MISTAKES]]
    if len(details) > _SHOWN_MISTAKES:
        lines.append(f"and {len(details) - _SHOWN_MISTAKES} more")
    return QuantaError("\n".join(lines))


def _mistake(detail: ErrorDetails, model: type[BaseModel], text: str, name: str, typed: Sequence[Location]) -> str:
    location, known = _walk(model, detail["loc"], unknown=detail["type"] == "extra_forbidden")
    shown = ".".join(map(str, location)) or "the recipe"
    where = _COMMAND_LINE if location in typed else name
    line = None if location in typed else line_of(text, location)
    head = f"{where}, line {line}: {shown}" if line else f"{where}: {shown}"
    if detail["type"] == "extra_forbidden":
        return f"{head}: there is no such setting; {_nearest(str(location[-1]), known)}"
    if detail["type"] == "missing":
        return f"{head} is missing"
    message = detail["msg"].removeprefix("Value error, ").removeprefix("Input ")
    given = detail["input"]
    shown_value = f", not {json.dumps(given, default=str)}" if isinstance(given, str | int | float) else ""
    return f"{head} {message}{shown_value}" if message.startswith("should") else f"{head}: {message}"


def _nearest(wrong: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(wrong, known, n=1, cutoff=0.5)
    return f"did you mean {close[0]}?" if close else f"there are: {', '.join(sorted(known))}"


def _walk(model: Any, location: Sequence[str | int], unknown: bool) -> tuple[Location, list[str]]:
    """The location as it stands in the file, and the names known in the table its last step is in.

    Pydantic puts steps into a location that are not in the file: which variant of a union it tried, ``[key]``. They
    are left out. Only an ``unknown`` name, always the last step, is in the file without being in the model.
    """
    steps: list[str | int] = []
    known: list[str] = []
    candidates: list[Any] = [model]
    for index, step in enumerate(location):
        models = [kind for kind in candidates if isinstance(kind, type) and issubclass(kind, BaseModel)]
        fields = {field.alias or key: field for one in models for key, field in one.model_fields.items()}
        items = [item for kind in candidates for item in _items(kind, step)]
        if step in fields:
            known, candidates = sorted(fields), _variants(fields[str(step)].annotation)
        elif items:
            candidates = items
        elif unknown and index == len(location) - 1:
            known = sorted(fields)
        else:
            candidates = [one for one in models if step in {one.__name__, *_tags(one)}] or candidates
            continue
        steps.append(step)
    return tuple(steps), known


def _variants(annotation: Any) -> list[Any]:
    """The members of a union, out of any Annotated around it; a list of one for anything else."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _variants(get_args(annotation)[0])
    if origin in {Union, types.UnionType}:
        return [variant for member in get_args(annotation) for variant in _variants(member)]
    return [annotation]


def _items(annotation: Any, step: str | int) -> list[Any]:
    """What an element of a list, tuple or mapping may be, for a step that leads into one."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in {list, tuple} and isinstance(step, int) and arguments:
        return _variants(arguments[0])
    if isinstance(origin, type) and issubclass(origin, Mapping) and len(arguments) == 2:
        return _variants(arguments[1])
    return []


def _tags(model: type[BaseModel]) -> set[str]:
    """The values of a variant's Literal fields, among them the one that tells it apart."""
    return {
        str(value)
        for field in model.model_fields.values()
        if get_origin(field.annotation) is Literal
        for value in get_args(field.annotation)
    }


def _rooted(value: Any, folder: Path) -> Any:
    if isinstance(value, Path):
        return folder / value.expanduser()
    if isinstance(value, BaseModel):
        changes = {name: _rooted(getattr(value, name), folder) for name in type(value).model_fields}
        changed = {name: new for name, new in changes.items() if new is not getattr(value, name)}
        return value.model_copy(update=changed) if changed else value
    if isinstance(value, list | tuple):
        items = [_rooted(item, folder) for item in value]
        unchanged = all(new is old for new, old in zip(items, value, strict=True))
        return value if unchanged else type(value)(items)
    if isinstance(value, dict):
        return {key: _rooted(item, folder) for key, item in value.items()}
    return value
