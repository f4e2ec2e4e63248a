"""Reading and writing rank files, in which tiktoken keeps a vocabulary.

A rank file names the tokens in the order in which training made them. Each line holds a token's bytes in Base64, a
space and the token's rank. There are no merges in it; :mod:`llmguide.tokenizers.ranked_bpe` needs none.

Source: the code published as :cite:t:`jain2022tiktoken`.
"""

from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from collections.abc import Iterable

_DIGITS = 9  # that a rank may have


def read_ranks(content: bytes, count: int | None = None) -> tuple[bytes, ...]:
    r"""Read the tokens of a rank file.

    Args:
        content: The whole file.
        count: The number of tokens to read from its beginning; ``None`` for all. GPT-2's vocabulary is the first 50,256
            tokens of the file ``p50k_base.tiktoken``.

    Returns:
        The bytes of each token. A token's position is its rank.

    Raises:
        ValueError: If a line is not Base64, a space and a rank, if the ranks do not count up from 0, if a token is
            given twice, if one of the 256 single bytes is missing, or if there are fewer than ``count`` tokens; the
            message names the line.

    Example:
        >>> content = write_ranks([*(bytes([byte]) for byte in range(256)), b" t", b" the"])
        >>> content.splitlines()[-2:]
        [b'IHQ= 256', b'IHRoZQ== 257']
        >>> read_ranks(content)[-2:]
        (b' t', b' the')
    """
    lines = content.removesuffix(b"\n").split(b"\n") if content else []
    tokens = collect_ranked(_read_line(line, f"line {number}") for number, line in enumerate(lines[:count], start=1))
    if count is not None and len(tokens) < count:
        raise ValueError(f"the file holds {len(tokens)} tokens; expected at least {count}")
    return tokens


Entry = tuple[str, bytes, int]
"""A token with its rank, and first where in the file it stands."""


def _read_line(line: bytes, where: str) -> Entry:
    """Read one line of a rank file."""
    fields = line.removesuffix(b"\r").split(b" ")
    if len(fields) != 2:
        raise ValueError(f"{where} is {_shorten(line)}; expected a token in Base64, one space and a rank")
    encoded, rank = fields
    if not (rank.isdigit() and len(rank) <= _DIGITS):
        raise ValueError(f"{where} has the rank {_shorten(rank)}; expected a whole number from 0 upwards")
    return where, decode_token(encoded, where), int(rank)


def decode_token(encoded: bytes, where: str) -> bytes:
    """Read a token from Base64.

    Args:
        encoded: The token in Base64.
        where: The place in the file, for the message.

    Returns:
        The token's bytes, at least one.

    Raises:
        ValueError: If it is not Base64, or empty.
    """
    try:
        token = a2b_base64(encoded, strict_mode=True)
    except Base64Error as error:
        raise ValueError(f"{where} has the token {_shorten(encoded)}, which is not Base64: {error}") from error
    if not token:
        raise ValueError(f"{where} has an empty token; expected at least one byte")
    return token


def collect_ranked(entries: Iterable[Entry]) -> tuple[bytes, ...]:
    """Put tokens in a row, if their ranks allow it.

    Args:
        entries: Each token in the order of the file.

    Returns:
        The bytes of each token. A token's position is its rank.

    Raises:
        ValueError: If the ranks do not count up from 0, if a token is given twice, or if a single byte is missing:
            a text that holds it could not be encoded.
    """
    tokens: dict[bytes, str] = {}
    for where, token, rank in entries:
        if rank != len(tokens):
            raise ValueError(f"{where} has the rank {rank}; expected {len(tokens)}: ranks count up from 0")
        if token in tokens:
            raise ValueError(f"{where} gives the token {_shorten(token)} again, which {tokens[token]} has")
        tokens[token] = where
    missing = {bytes([byte]) for byte in range(256)}.difference(tokens)
    if missing:
        raise ValueError(f"the byte {min(missing)!r} is no token, and {len(missing) - 1} more; all 256 are needed")
    return tuple(tokens)


def _shorten(field: bytes, longest: int = 60) -> str:
    """Show what stands in a file without filling the screen with it."""
    return repr(field) if len(field) <= longest else f"{field[:longest]!r} and {len(field) - longest} bytes more"


def write_ranks(tokens: Iterable[bytes]) -> bytes:
    r"""Write a rank file that :func:`read_ranks` and tiktoken read.

    Args:
        tokens: The bytes of each token in the order of their ranks.

    Returns:
        The content of the file.

    Raises:
        ValueError: If a token is empty or given twice, or a single byte is missing.
    """
    ranked = collect_ranked((f"token {rank}", token, rank) for rank, token in enumerate(tokens))
    if b"" in ranked:
        raise ValueError(f"token {ranked.index(b'')} is empty; expected at least one byte")
    return b"".join(b2a_base64(token, newline=False) + b" %d\n" % rank for rank, token in enumerate(ranked))
