"""GPT-2's alphabet: one printable character for each of the 256 bytes.

Byte-pair encoding joins characters. To let it join *bytes*, each byte is written as a character that can be seen,
printed and stored in JSON. Bytes that are printable characters in Latin-1 stand for themselves; the others (control
characters, the space, the soft hyphen and the no-break space) borrow the characters from U+0100 upwards.

Source: the function ``bytes_to_unicode`` in the code published with :cite:t:`radford2019language`.
"""

_PRINTABLE = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
_BORROWING = [byte for byte in range(256) if byte not in set(_PRINTABLE)]

BYTE_TO_CHAR: dict[int, str] = {byte: chr(byte) for byte in _PRINTABLE} | {
    byte: chr(256 + position) for position, byte in enumerate(_BORROWING)
}
"""The character that stands for each byte, in the order of the characters' code points."""

CHAR_TO_BYTE: dict[str, int] = {char: byte for byte, char in BYTE_TO_CHAR.items()}
"""The byte that each character of the alphabet stands for."""

BYTE_ALPHABET: tuple[str, ...] = tuple(BYTE_TO_CHAR.values())
"""The 256 characters, sorted by code point: a byte-level tokenizer gives them its first ids in this order."""

# ``bytes.decode("latin-1")`` turns byte n into chr(n) in C; ``str.translate`` then exchanges the characters.
_FROM_LATIN_1 = {byte: char for byte, char in BYTE_TO_CHAR.items() if byte != ord(char)}
# Backwards, what belongs to no byte becomes U+FFFF, which Latin-1 does not have either.
_TO_LATIN_1 = dict.fromkeys(_FROM_LATIN_1, 0xFFFF) | {ord(char): byte for byte, char in _FROM_LATIN_1.items()}


def spell(text: str) -> str:
    """Write the UTF-8 bytes of a text as characters of the byte alphabet.

    Args:
        text: Any text without lone surrogates.

    Returns:
        One character for each byte of the text's UTF-8 form.

    Raises:
        UnicodeEncodeError: If the text holds a lone surrogate, which has no UTF-8 form.

    Example:
        >>> spell("a né")
        'aĠnÃ©'
    """
    return respell(text.encode("utf-8"))


def respell(content: bytes) -> str:
    r"""Write bytes, which need not be UTF-8, as characters of the byte alphabet.

    Args:
        content: Any bytes.

    Returns:
        One character for each byte.

    Example:
        >>> respell(b" \xff")
        'Ġÿ'
    """
    return content.decode("latin-1").translate(_FROM_LATIN_1)


def unspell(spelling: str) -> bytes:
    """Read characters of the byte alphabet back as bytes.

    Args:
        spelling: A string over the 256 characters of the alphabet.

    Returns:
        One byte for each character.

    Raises:
        ValueError: If a character does not belong to the alphabet; the message names it.

    Example:
        >>> unspell("aĠnÃ©").decode("utf-8")
        'a né'
    """
    try:
        return spelling.translate(_TO_LATIN_1).encode("latin-1")
    except UnicodeEncodeError:
        stranger = min(set(spelling) - CHAR_TO_BYTE.keys())
        raise ValueError(
            f"{stranger!r} in {spelling!r} stands for no byte; expected characters of the byte alphabet"
        ) from None
