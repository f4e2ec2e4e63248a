"""The wire format of Protocol Buffers, read by hand: enough for one kind of file, and nothing to install.

A message is a row of fields. Each begins with a number that says which field it is and how its value is written: as a
number of variable length, as four or eight bytes, or as a length and so many bytes, which may be a message again. The
format does not say what the fields mean; that is for the reader of the message.

Source: :cite:t:`google2026protobuf`.
"""

import struct
from collections import defaultdict

Fields = dict[int, list[int | bytes]]
"""The values of each field in the order in which they stand in the message."""

_VARINT, _EIGHT_BYTES, _LENGTH, _FOUR_BYTES = 0, 1, 2, 5
_LONGEST_VARINT = 10  # bytes of seven bits, for a number of 64


def read_fields(message: bytes) -> Fields:
    r"""Take a message apart.

    Args:
        message: The bytes of the message.

    Returns:
        The values by field number: integers for numbers of variable length, bytes for everything else.

    Raises:
        ValueError: If the message ends within a field, or a field is written in a way that does not exist; the message
            says at which byte.

    Example:
        >>> read_fields(b"\x08\x96\x01\x12\x02hi")  # field 1 is 150, field 2 is "hi"
        {1: [150], 2: [b'hi']}
    """
    fields: defaultdict[int, list[int | bytes]] = defaultdict(list)
    place = 0
    while place < len(message):
        start = place
        key, place = _read_varint(message, place)
        number, kind = key >> 3, key & 7
        value: int | bytes
        if kind == _VARINT:
            value, place = _read_varint(message, place)
        else:
            if kind == _LENGTH:
                size, place = _read_varint(message, place)
            elif kind in (_FOUR_BYTES, _EIGHT_BYTES):
                size = 4 if kind == _FOUR_BYTES else 8
            else:
                raise ValueError(f"byte {start}: field {number} is of kind {kind}; expected 0, 1, 2 or 5")
            if size > len(message) - place:
                raise ValueError(f"byte {start}: field {number} needs {size} bytes, {len(message) - place} are left")
            value = message[place : place + size]
            place += size
        if number == 0:
            raise ValueError(f"byte {start}: a field has the number 0; expected 1 or more")
        fields[number].append(value)
    return dict(fields)


def _read_varint(message: bytes, place: int) -> tuple[int, int]:
    """Read a number of variable length: seven bits a byte, the lowest first; the eighth says that more follow."""
    number = 0
    for position, byte in enumerate(message[place : place + _LONGEST_VARINT]):
        number |= (byte & 0x7F) << 7 * position
        if byte < 0x80:
            return number & (2**64 - 1), place + position + 1
    raise ValueError(f"byte {place}: a number has no end within {_LONGEST_VARINT} bytes or within the message")


class Message:
    """A message whose fields are asked for by number.

    Args:
        content: Its bytes.
        name: What to call it in errors.

    Raises:
        ValueError: If the bytes are no message.
    """

    def __init__(self, content: bytes, name: str) -> None:
        self._name = name
        try:
            self._fields = read_fields(content)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error

    def integer(self, number: int, default: int) -> int:
        """Give a field that holds a number; where it stands more than once, the last one counts."""
        value = self._fields.get(number, [default])[-1]
        if isinstance(value, bytes):
            raise ValueError(f"{self._name}: field {number} holds bytes; expected a number of variable length")
        return value

    def boolean(self, number: int, default: bool) -> bool:
        """Give a field that holds true or false."""
        return self.integer(number, default) != 0

    def real(self, number: int, default: float) -> float:
        """Give a field that holds a number of 32 bits with a binary point."""
        value = self._fields.get(number, [struct.pack("<f", default)])[-1]
        if not isinstance(value, bytes) or len(value) != 4:
            raise ValueError(f"{self._name}: field {number} holds {value!r:.40}; expected the four bytes of a float")
        result: float = struct.unpack("<f", value)[0]
        return result

    def text(self, number: int, default: str) -> str:
        """Give a field that holds text."""
        try:
            return self.content(number, default.encode("utf-8")).decode("utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(f"{self._name}: field {number} is no UTF-8: {error}") from error

    def content(self, number: int, default: bytes = b"") -> bytes:
        """Give a field that holds bytes."""
        value = self._fields.get(number, [default])[-1]
        if isinstance(value, int):
            raise ValueError(f"{self._name}: field {number} holds the number {value}; expected bytes")
        return value

    def message(self, number: int, name: str) -> "Message":
        """Give a field that holds a message; one that stands there in several parts is put together."""
        return Message(b"".join(part for part, _ in self._parts(number)), name)

    def messages(self, number: int, name: str) -> list["Message"]:
        """Give a field that holds any number of messages."""
        return [Message(part, f"{name} {position}") for part, position in self._parts(number)]

    def _parts(self, number: int) -> list[tuple[bytes, int]]:
        parts: list[tuple[bytes, int]] = []
        for position, value in enumerate(self._fields.get(number, [])):
            if isinstance(value, int):
                raise ValueError(f"{self._name}: field {number} holds the number {value}; expected a message")
            parts.append((value, position))
        return parts
