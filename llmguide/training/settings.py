"""Settings in sections, read from TOML and checked against the signatures that take them.

A section of a file is the arguments of a function or a dataclass, whose signature says what may be set, of which type,
and what holds if nothing is said. So a mistake is found before anything runs, and the message names it.
"""

import inspect
import json
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

Value = bool | int | float | str | tuple["Value", ...] | None
"""What a setting may be."""

Settings = dict[str, Value]
"""Settings by their whole names, such as ``training.steps``."""

T = TypeVar("T")

_WORDS: dict[object, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text in quotation marks",
}


def read_sections(path: str | Path, overrides: Sequence[str] = ()) -> dict[str, dict[str, object]]:
    """Read a file of settings in sections, and change some.

    Args:
        path: A TOML file of tables.
        overrides: Changes such as ``training.steps=100``. What follows the sign is written as in TOML; quotation marks
            may be left out.

    Returns:
        Of each section the settings as they stand there, not yet checked.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is not TOML, if a setting stands outside a section, or if a change has no sign or no section.
    """
    path = Path(path)
    try:
        document = tomllib.loads(path.read_bytes().decode("utf-8"))
    except ValueError as error:  # both TOMLDecodeError and UnicodeDecodeError are
        raise ValueError(f"{path} is not TOML: {error}") from error
    for name, section in document.items():
        if not isinstance(section, dict):
            raise ValueError(f"{path}: {name} stands outside a section; put it below a line such as [training]")
    for override in overrides:
        name, sign, text = override.partition("=")
        section, dot, key = name.strip().partition(".")
        if not (sign and dot and section and key):
            raise ValueError(f"{override!r} changes no setting; expected section.key=value, such as training.steps=100")
        document.setdefault(section, {})[key] = parse_value(text.strip())
    return document


def parse_value(text: str) -> object:
    """Read a value as it stands in a command.

    Args:
        text: A value in TOML, or a text without its quotation marks.

    Returns:
        The value.

    Example:
        >>> parse_value("3e-4"), parse_value("[1, 2]"), parse_value("cosine")
        (0.0003, [1, 2], 'cosine')
    """
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def build(make: Callable[..., T], section: Mapping[str, object], name: str) -> tuple[T, Settings]:
    """Call a function, or make a value of a dataclass, with the settings of a section.

    Args:
        make: What takes the settings.
        section: The settings as they stand in the file.
        name: Of the section.

    Returns:
        What was made, and all of its settings by their whole names, those included that the section does not give.

    Raises:
        ValueError: If a setting is unknown, missing, of the wrong type or out of range; the message names it.

    Example:
        >>> def circle(radius: float, colour: Literal["red", "blue"] = "red") -> str:
        ...     return f"{colour} {radius}"
        >>> build(circle, {"radius": 2}, "shape")
        ('red 2.0', {'shape.radius': 2.0, 'shape.colour': 'red'})
        >>> build(circle, {"radius": 2, "color": "blue"}, "shape")
        Traceback (most recent call last):
        ValueError: shape.color is no setting; did you mean shape.colour? There are shape.radius, shape.colour
    """
    hints, parameters = get_type_hints(make), inspect.signature(make).parameters
    known = {key: kind for key in parameters if (kind := hints[key]) and is_settable(kind)}
    refuse_unknown(section, known, f"{name}.", "setting")
    values: dict[str, Value] = {}
    for key, kind in known.items():
        whole = f"{name}.{key}"
        if key in section:
            values[key] = convert(section[key], kind, whole)
        elif parameters[key].default is inspect.Parameter.empty:
            raise ValueError(f"{whole} is missing; expected {describe(kind)}")
        else:
            values[key] = parameters[key].default
    try:
        made = make(**values)
    except (ValueError, TypeError) as error:
        raise ValueError(f"[{name}]: {error}") from error
    return made, {f"{name}.{key}": value for key, value in values.items()}


def refuse_unknown(given: Iterable[str], known: Iterable[str], before: str, what: str) -> None:
    """Refuse names that do not exist.

    Args:
        given: The names that came.
        known: Those that exist.
        before: What to put before a name in the message.
        what: What the names name.

    Raises:
        ValueError: If one does not exist; the message gives the nearest that does, and all others.
    """
    known = list(known)
    for key in given:
        if key not in known:
            near = get_close_matches(key, known, 1, 0.5)
            hint = f"; did you mean {before}{near[0]}?" if near else "."
            raise ValueError(
                f"{before}{key} is no {what}{hint} There are {', '.join(f'{before}{name}' for name in known)}"
            )


def is_settable(kind: Any) -> bool:
    """Tell whether a file of settings can give values of a type.

    Args:
        kind: The type.

    Returns:
        True for numbers, texts, truths, choices among texts, tuples of them, and each of these or nothing.

    Example:
        >>> is_settable(tuple[int, ...] | None), is_settable(Path)
        (True, False)
    """
    if get_origin(kind) in (Union, UnionType):
        return all(member is NoneType or is_settable(member) for member in get_args(kind))
    if get_origin(kind) is tuple:
        return all(member is Ellipsis or is_settable(member) for member in get_args(kind))
    return get_origin(kind) is Literal or kind in _WORDS


def describe(kind: Any) -> str:
    """Say in words what a type holds.

    Args:
        kind: A type that is settable.

    Returns:
        The words.

    Example:
        >>> describe(tuple[int, ...]), describe(Literal["a", "b"]), describe(float | None)
        ('a list of whole numbers', "one of 'a', 'b'", 'a number')
    """
    if get_origin(kind) in (Union, UnionType):
        return " or ".join(describe(member) for member in get_args(kind) if member is not NoneType)
    if get_origin(kind) is Literal:
        return f"one of {', '.join(repr(choice) for choice in get_args(kind))}"
    if get_origin(kind) is tuple:
        members = get_args(kind)
        if members[1:] == (...,):
            return {int: "a list of whole numbers", float: "a list of numbers", str: "a list of texts"}.get(
                members[0], f"a list, each {describe(members[0])}"
            )
        return f"a list of {len(members)}: {', '.join(map(describe, members))}"
    return _WORDS[kind]


def convert(value: object, kind: Any, name: str) -> Value:
    """Check that a value is of a type. A whole number passes for a number; nothing else passes for another.

    Args:
        value: What came.
        kind: The type.
        name: Of the setting.

    Returns:
        The value; a list as a tuple.

    Raises:
        ValueError: If it is of another type; the message gives the name, the value, and what was expected.

    Example:
        >>> convert(1, float, "training.clip"), convert([1, 2], tuple[int, ...], "data.sizes")
        (1.0, (1, 2))
        >>> convert("many", int, "training.steps")
        Traceback (most recent call last):
        ValueError: training.steps is 'many', a text; expected a whole number
    """
    match value:
        case bool() if _allows(kind, bool):
            return value
        case int() if not isinstance(value, bool) and _allows(kind, int):
            return value
        case int() | float() if not isinstance(value, bool) and _allows(kind, float):
            return float(value)
        case str() if _allows(kind, str) or value in _choices(kind):
            return value
        case list() | tuple():
            for members in (get_args(each) for each in _members(kind) if get_origin(each) is tuple):
                kinds = members[:1] * len(value) if members[1:] == (...,) else members
                if len(kinds) == len(value):
                    pairs = enumerate(zip(value, kinds, strict=True))
                    return tuple(convert(part, each, f"{name}[{place}]") for place, (part, each) in pairs)
    near = get_close_matches(str(value), _choices(kind), 1, 0.5)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"{name} is {_show(value)}; expected {describe(kind)}{hint}")


def _members(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)


def _allows(kind: Any, plain: type) -> bool:
    return plain in _members(kind)


def _choices(kind: Any) -> list[str]:
    return [choice for member in _members(kind) if get_origin(member) is Literal for choice in get_args(member)]


def _show(value: object) -> str:
    words = {bool: "", str: ", a text", float: ", a number with a point", list: ", a list", dict: ", a section"}
    shown = str(value).lower() if isinstance(value, bool) else repr(value)
    return shown + words.get(type(value), "")


def write_sections(settings: Mapping[str, Value]) -> str:
    """Write settings as TOML, section by section.

    Args:
        settings: By their whole names. One that is ``None`` is left out: TOML has no word for nothing.

    Returns:
        The text.

    Example:
        >>> print(write_sections({"data.files": ("a.txt",), "training.steps": 3, "training.clip": None}), end="")
        [data]
        files = ["a.txt"]
        <BLANKLINE>
        [training]
        steps = 3
    """
    sections: dict[str, list[str]] = {}
    for name, value in settings.items():
        section, _, key = name.partition(".")
        lines = sections.setdefault(section, [])
        if value is not None:
            lines.append(f"{key} = {_write(value)}")
    return "\n".join("\n".join([f"[{name}]", *lines, ""]) for name, lines in sections.items())


def _write(value: Value) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case tuple():
            return f"[{', '.join(map(_write, value))}]"
    return repr(value)


def differences(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    """Say which settings changed.

    Args:
        before: Settings by their whole names.
        after: The same at another time.

    Returns:
        A line for each that differs.

    Example:
        >>> differences({"training.steps": 3}, {"training.steps": 4, "data.seed": 1})
        ['data.seed was not set and is 1', 'training.steps was 3 and is 4']
    """

    def show(settings: Mapping[str, object], name: str) -> str:
        value = settings.get(name)
        return "not set" if value is None else _write(tuple(value) if isinstance(value, list) else value)  # type: ignore[arg-type]

    names = sorted({*before, *after})
    pairs = ((name, show(before, name), show(after, name)) for name in names)
    return [f"{name} was {old} and is {new}" for name, old, new in pairs if old != new]
