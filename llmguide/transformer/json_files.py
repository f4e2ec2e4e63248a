"""Reading JSON that comes from outside: each value is asked for by name and type, or refused with both.

A published model describes itself in a few small JSON files. What they say decides how much memory a model takes, so
nothing is believed before it is checked: not the size of the file, not the types, and no number that is not finite.
"""

import json
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

LARGEST = 16 * 2**20
"""How many bytes of JSON are read unless the caller says otherwise; a large index of weights has one or two million."""

T = TypeVar("T")
_REQUIRED: Any = ...  # no default is given


@dataclass(frozen=True)
class JsonObject:
    """A JSON object whose values are asked for by type.

    A key whose value is ``null`` counts as missing: that is how the files of ``transformers`` leave a choice open.

    Attributes:
        values: The members.
        source: Where they come from, for messages.

    Example:
        >>> config = JsonObject({"hidden_size": 768, "rope_theta": None}, "config.json")
        >>> config.integer("hidden_size"), config.number("rope_theta", 10_000.0)
        (768, 10000.0)
    """

    values: Mapping[str, Any]
    source: str

    def __contains__(self, key: str) -> bool:
        return self.values.get(key) is not None

    def integer(self, key: str, default: int = _REQUIRED, least: int = 0, most: int = 2**31 - 1) -> int:
        """Look up a whole number.

        Args:
            key: Its name.
            default: What to give if there is none.
            least: The smallest that makes sense.
            most: The largest that makes sense.

        Returns:
            The number.

        Raises:
            ValueError: If it is missing without a default, no whole number, or outside the range.
        """
        found = self._typed(key, int, "a whole number", default)
        if key in self and not least <= found <= most:
            raise ValueError(f"{self.source}: {key!r} is {_shown(found)}; expected {least} to {most}")
        return found

    def number(self, key: str, default: float = _REQUIRED) -> float:
        """Look up a number.

        Args:
            key: Its name.
            default: What to give if there is none.

        Returns:
            The number, which is finite.

        Raises:
            ValueError: If it is missing without a default or no number.
        """
        found = self.values.get(key)
        if type(found) is int and abs(found) < 2**63:
            return float(found)
        if not math.isfinite(found := self._typed(key, float, "a number", default)):
            raise ValueError(f"{self.source}: {key!r} is {found}; expected a finite number")
        return found

    def text(self, key: str, default: str = _REQUIRED) -> str:
        """Look up a text.

        Args:
            key: Its name.
            default: What to give if there is none.

        Returns:
            The text.

        Raises:
            ValueError: If it is missing without a default or no text.
        """
        return self._typed(key, str, "a text", default)

    def flag(self, key: str, default: bool = _REQUIRED) -> bool:
        """Look up a truth value.

        Args:
            key: Its name.
            default: What to give if there is none.

        Returns:
            The truth value.

        Raises:
            ValueError: If it is missing without a default or neither ``true`` nor ``false``.
        """
        return self._typed(key, bool, "true or false", default)

    def list_of(self, key: str, kind: type[T], default: list[T] = _REQUIRED) -> list[T]:
        """Look up a list whose values have one type.

        Args:
            key: Its name.
            kind: The type of its values.
            default: What to give if there is none.

        Returns:
            The list.

        Raises:
            ValueError: If it is missing without a default, no list, or holds a value of another type.
        """
        found = self._typed(key, list, "a list", default)
        for place, value in enumerate(found):
            if type(value) is not kind:
                raise ValueError(f"{self.source}: {key!r} has {_shown(value)} at {place}; expected {kind.__name__}")
        return found

    def child(self, key: str) -> "JsonObject":
        """Look up an object.

        Args:
            key: Its name.

        Returns:
            The object.

        Raises:
            ValueError: If it is missing or no object.
        """
        return JsonObject(self._typed(key, dict, "an object", _REQUIRED), f"{self.source}, {key!r}")

    def _typed(self, key: str, kind: type[T], expected: str, default: T) -> T:
        """Look up a value of exactly this type: ``true`` is no number here."""
        found = self.values.get(key)
        if found is None:
            if default is _REQUIRED:
                raise ValueError(f"{self.source}: {key!r} is missing; expected {expected}")
            return default
        if type(found) is not kind:
            raise ValueError(f"{self.source}: {key!r} is {_shown(found)}; expected {expected}")
        return found


def parse_json_object(content: bytes, source: str) -> JsonObject:
    r"""Read a JSON object from bytes.

    Args:
        content: The bytes, in UTF-8.
        source: Where they come from, for messages.

    Returns:
        The object.

    Raises:
        ValueError: If it is not JSON, not an object, gives a key twice, or holds a number that is not finite.

    Example:
        >>> parse_json_object(b'{"loss": NaN}', "log.json")
        Traceback (most recent call last):
            ...
        ValueError: log.json: holds NaN; expected numbers that are finite
    """
    try:
        document = json.loads(
            content.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
            parse_float=_finite,
        )
    except UnicodeDecodeError as error:
        raise ValueError(f"{source}: not UTF-8 at byte {error.start}; expected a JSON object") from error
    except RecursionError as error:
        raise ValueError(f"{source}: objects and lists are nested too deeply; expected a few levels") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"{source}: not JSON: {error}") from error
    except ValueError as error:
        raise ValueError(f"{source}: {error}") from error
    if not isinstance(document, dict):
        raise ValueError(f"{source}: {_shown(document)} is no JSON object; expected one in braces")
    return JsonObject(document, source)


def read_json_object(path: str | Path, largest: int = LARGEST) -> JsonObject:
    """Read a JSON object from a file.

    Args:
        path: The file.
        largest: How many bytes it may have.

    Returns:
        The object.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is larger than that or not a JSON object; the message says what is wrong.
    """
    path = Path(path)
    with path.open("rb") as file:
        content = file.read(largest + 1)
    if len(content) > largest:
        raise ValueError(f"{path}: has more than {largest} bytes, too many for a file of this kind")
    return parse_json_object(content, str(path))


def _unique(items: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object from its members; ``json`` by itself would keep the last of two equal keys and say nothing."""
    members = dict(items)
    if len(members) < len(items):
        repeated = Counter(key for key, _ in items).most_common(1)[0][0]
        raise ValueError(f"{repeated[:80]!r} is given twice in one object; each key must be unique")
    return members


def _refuse_constant(name: str) -> float:
    raise ValueError(f"holds {name}; expected numbers that are finite")


def _finite(digits: str) -> float:
    if not math.isfinite(number := float(digits)):
        _refuse_constant(digits[:40])
    return number


def _shown(value: object) -> str:
    """Show a value in a message, however long it is."""
    shown = repr(value) if not isinstance(value, dict | list) else type(value).__name__
    return shown if len(shown) <= 60 else f"{shown[:60]}…"
