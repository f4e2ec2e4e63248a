"""What SentencePiece does to a text before it cuts it: rules for characters, and white space made visible.

Spaces become the character ``▁`` (U+2581), so that they can be part of pieces like any other, and one is put before the
text, so that a word looks the same at the beginning as elsewhere. Rules replace characters first; in a model file they
are compiled into a trie, which :func:`read_rules` turns back into a table.

Source: :cite:t:`kudo2018sentencepiece`, section 3.2 and its code.
"""

import struct
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from llmguide.tokenizers.normalizers import Aligned, Span

SPACE = "▁"
"""The character that stands for a space."""


@dataclass(frozen=True)
class SentencePieceNormalizer:
    """Rewrite a text as SentencePiece does.

    Attributes:
        rules: What to replace by what; at each place the longest rule that fits is taken.
        add_dummy_prefix: Whether a space is put before the text.
        remove_extra_whitespaces: Whether spaces at both ends go, and of several only one stays.
        escape_whitespaces: Whether spaces become ``▁``.
        suffix: Whether the additional space comes behind the text instead of before it.
        whole: Texts to which no rule applies.

    Example:
        >>> SentencePieceNormalizer({"ﬁ": "fi"}).normalize(Aligned.of("  ﬁt  it ")).text
        '▁fit▁it'
    """

    rules: Mapping[str, str] = field(default_factory=dict)
    add_dummy_prefix: bool = True
    remove_extra_whitespaces: bool = True
    escape_whitespaces: bool = True
    suffix: bool = False
    whole: frozenset[str] = field(default_factory=frozenset)

    def normalize(self, aligned: Aligned) -> Aligned:
        """Rewrite the text; an additional space comes from no character, at the place where it stands."""
        if not aligned.text:
            return aligned
        space = SPACE if self.escape_whitespaces else " "
        if not self._longest and not self.remove_extra_whitespaces and not self.suffix:  # as below, but sooner
            text_before, place = (space, aligned.spans[0][0]) if self.add_dummy_prefix else ("", 0)
            spans_before = ((place, place),) * len(text_before)
            return Aligned(text_before + aligned.text.replace(" ", space), spans_before + aligned.spans)
        pieces = self._replace(aligned)
        first = 0
        if self.remove_extra_whitespaces:
            while first < len(pieces) and pieces[first][0] == " ":
                first += 1
        if first == len(pieces):
            return Aligned("", ())
        text: list[str] = []
        spans: list[Span] = []

        def add_space(place: int) -> None:
            if self.add_dummy_prefix:
                text.append(space)
                spans.append((place, place))

        if not self.suffix:
            add_space(pieces[first][1][0])
        after_space = self.remove_extra_whitespaces
        for replacement, span in pieces[first:]:
            piece = replacement.lstrip(" ") if after_space else replacement
            if piece:
                text.extend(space if character == " " else character for character in piece)
                spans.extend([span] * len(piece))
                after_space = self.remove_extra_whitespaces and piece.endswith(" ")
        if self.remove_extra_whitespaces:
            while text and text[-1] == space:
                text.pop()
                spans.pop()
        if self.suffix:
            add_space(spans[-1][1] if spans else pieces[-1][1][1])
        return Aligned("".join(text), tuple(spans))

    def _replace(self, aligned: Aligned) -> list[tuple[str, Span]]:
        """Apply the rules: what comes of each stretch, and where it stood."""
        text, spans = aligned.text, aligned.spans
        if not self._longest:
            return list(zip(text, spans, strict=True))
        pieces: list[tuple[str, Span]] = []
        start = 0
        while start < len(text):
            end, replacement = start + 1, text[start]
            found = False
            for length in range(self._longest.get(text[start], 0), 0, -1):
                stretch = text[start : start + length]
                if stretch in self.whole:
                    end, replacement = start + len(stretch), stretch
                    break
                if not found and stretch in self.rules:
                    end, replacement, found = start + len(stretch), self.rules[stretch], True
            pieces.append((replacement, (spans[start][0], spans[end - 1][1])))
            start = end
        return pieces

    @cached_property
    def _longest(self) -> dict[str, int]:
        """For each character the length of the longest rule that begins with it."""
        longest: dict[str, int] = {}
        for stretch in (*self.rules, *self.whole):
            longest[stretch[0]] = max(longest.get(stretch[0], 0), len(stretch))
        return longest


def read_rules(charsmap: bytes) -> dict[str, str]:
    """Read the rules for characters out of a model file.

    They are a trie over the bytes of what is to be replaced, packed into one array of 32-bit units: the child of a node
    for a byte lies at the node's base exclusive-or the byte, and holds the byte to prove it. A leaf points at its
    replacement, which ends with a zero byte.

    Args:
        charsmap: The field ``precompiled_charsmap``: the size of the trie in four bytes, the trie, the replacements.

    Returns:
        The replacement of each stretch of text.

    Raises:
        ValueError: If the sizes do not fit, the trie runs in circles or points outside, or text is no UTF-8.

    Source: the trie is that of the Darts-clone library, which SentencePiece contains.
    """
    if not charsmap:
        return {}
    size = int.from_bytes(charsmap[:4], "little")
    if size % 4 or not 4 <= size <= len(charsmap) - 5:
        raise ValueError(f"the charsmap of {len(charsmap)} bytes gives its trie {size}; expected less, in fours")
    units = struct.unpack_from(f"<{size // 4}I", charsmap, 4)
    replacements = charsmap[4 + size :]
    children: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)  # base -> byte and unit
    for position, unit in enumerate(units):
        if position and not unit >> 31:
            children[position ^ (unit & 0xFF)].append((unit & 0xFF, position))
    rules: dict[str, str] = {}
    nodes = [(0, b"")]
    n_steps = 0
    while nodes:
        n_steps += 1
        if n_steps > 16 * len(units):  # nodes may share their ends, but not without limit
            raise ValueError(f"the trie of the charsmap has more ways through its {len(units)} units than can be right")
        position, key = nodes.pop()
        unit = units[position]
        base = position ^ ((unit >> 10) << ((unit & 0x200) >> 6))
        if unit & 0x100:
            if base >= len(units):
                raise ValueError(f"the trie of the charsmap points at unit {base} of {len(units)}")
            rules[_decode(key)] = _decode(_until_zero(replacements, units[base] & 0x7FFF_FFFF))
        nodes.extend((child, key + bytes([byte])) for byte, child in children.get(base, ()))
    if "" in rules:
        raise ValueError("the charsmap has a rule for the empty text")
    return rules


def _until_zero(content: bytes, start: int) -> bytes:
    end = content.find(b"\0", start)
    if end < 0:
        raise ValueError(f"a rule of the charsmap points at byte {start} of {len(content)}, after which no text ends")
    return content[start:end]


def _decode(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"a rule of the charsmap is no UTF-8: {error}") from error
