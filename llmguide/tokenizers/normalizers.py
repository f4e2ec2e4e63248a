"""Normalization: what is changed in a text before it is cut into pieces.

A normalizer is a small value with one method, ``normalize``. It takes and gives an :class:`Aligned` text, which knows
for each of its characters where in the original text it comes from, so that a token can still point into the text that
a person wrote.
"""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import regex

Span = tuple[int, int]
"""A stretch of the original text: the position of its first character and the position after its last."""


@dataclass(frozen=True)
class Aligned:
    """A text that remembers where its characters come from.

    Attributes:
        text: The text as it is now.
        spans: For each character of ``text``, the stretch of the original text that it stands for.

    Example:
        >>> Aligned.of("ÅB").map(str.lower)
        Aligned(text='åb', spans=((0, 1), (1, 2)))
    """

    text: str
    spans: tuple[Span, ...]

    @classmethod
    def of(cls, text: str, start: int = 0) -> "Aligned":
        """Take a text as the original, or as the part of it from ``start`` on: each character comes from itself."""
        end = start + len(text)
        return cls(text, tuple(zip(range(start, end), range(start + 1, end + 1), strict=True)))

    def map(self, change: Callable[[str], str]) -> "Aligned":
        """Replace each character by what ``change`` makes of it; all of that comes from where the character came."""
        pieces = [change(character) for character in self.text]
        text = "".join(pieces)
        if len(text) == len(pieces) and "" not in pieces:  # one for one: the spans stay
            return Aligned(text, self.spans)
        return Aligned(text, tuple(span for piece, span in zip(pieces, self.spans, strict=True) for _ in piece))


class Normalizer(Protocol):
    """Anything that rewrites a text and keeps the alignment."""

    def normalize(self, aligned: Aligned) -> Aligned:
        """Rewrite the text."""
        ...


@dataclass(frozen=True)
class UnicodeForm:
    """Bring a text into one of Unicode's four normalization forms.

    NFC composes (``e`` and an accent become ``é``), NFD decomposes; NFKC and NFKD also replace compatibility characters
    such as the ligature ``ﬁ`` or the full-width ``Ａ``.

    Attributes:
        form: The name of the form.

    Source: :cite:t:`whistler2021normalization`.

    Example:
        >>> UnicodeForm("NFKC").normalize(Aligned.of("ﬁt"))
        Aligned(text='fit', spans=((0, 1), (0, 1), (1, 2)))
    """

    form: Literal["NFC", "NFD", "NFKC", "NFKD"]

    def normalize(self, aligned: Aligned) -> Aligned:
        """Rewrite the text, one grapheme cluster at a time: characters join and change places only within one."""
        if unicodedata.is_normalized(self.form, aligned.text):
            return aligned
        pieces: list[str] = []
        spans: list[Span] = []
        for match in regex.finditer(r"\X", aligned.text):
            cluster, origins = match[0], aligned.spans[match.start() : match.end()]
            piece = unicodedata.normalize(self.form, cluster)
            pieces.append(piece)
            spans += origins if piece == cluster else [(origins[0][0], origins[-1][1])] * len(piece)
        return Aligned("".join(pieces), tuple(spans))


@dataclass(frozen=True)
class Lowercase:
    """Lower-case each character by itself, so that a final sigma stays an ordinary sigma.

    Example:
        >>> Lowercase().normalize(Aligned.of("ΟΔΟΣ")).text
        'οδοσ'
    """

    def normalize(self, aligned: Aligned) -> Aligned:
        """Rewrite the text."""
        return aligned.map(str.lower)


@dataclass(frozen=True)
class StripAccents:
    """Remove combining marks. Letters with an accent of their own keep it unless NFD or NFKD comes before.

    Example:
        >>> Sequence((UnicodeForm("NFD"), StripAccents())).normalize(Aligned.of("élan")).text
        'elan'
    """

    def normalize(self, aligned: Aligned) -> Aligned:
        """Rewrite the text."""
        return aligned.map(lambda character: "" if unicodedata.category(character).startswith("M") else character)


@dataclass(frozen=True)
class BertNormalizer:
    """Clean a text as BERT's own tokenizer does.

    Attributes:
        clean_text: Drop control characters and turn every kind of white space into a space.
        handle_chinese_chars: Put spaces around Chinese characters, so that each becomes a word.
        strip_accents: Remove accents; ``None``: remove them if ``lowercase``.
        lowercase: Lower-case the text.

    Source: the code published with :cite:t:`devlin2019bert`.

    Example:
        >>> BertNormalizer().normalize(Aligned.of("Café 北京")).text
        'cafe  北  京 '
    """

    clean_text: bool = True
    handle_chinese_chars: bool = True
    strip_accents: bool | None = None
    lowercase: bool = True

    def normalize(self, aligned: Aligned) -> Aligned:
        """Rewrite the text."""
        if self.clean_text:
            aligned = aligned.map(_clean)
        if self.handle_chinese_chars:
            aligned = aligned.map(_set_apart)
        if self.lowercase if self.strip_accents is None else self.strip_accents:
            aligned = UnicodeForm("NFD").normalize(aligned)
            aligned = aligned.map(lambda character: "" if unicodedata.category(character) == "Mn" else character)
        return Lowercase().normalize(aligned) if self.lowercase else aligned


@dataclass(frozen=True)
class Sequence:
    """Apply several normalizers, one after the other.

    Attributes:
        steps: The normalizers, the first one first.

    Example:
        >>> Sequence((Lowercase(), UnicodeForm("NFC"))).normalize(Aligned.of("E\u0301t")).text
        'ét'
    """

    steps: tuple[Normalizer, ...]

    def normalize(self, aligned: Aligned) -> Aligned:
        """Rewrite the text."""
        for step in self.steps:
            aligned = step.normalize(aligned)
        return aligned


@dataclass(frozen=True)
class Replace:
    """Write one string in place of another, for example ``▁`` in place of a space.

    Attributes:
        old: What to look for.
        new: What to write.

    Raises:
        ValueError: If ``old`` is empty.

    Example:
        >>> Replace("``", '"').normalize(Aligned.of("``a"))
        Aligned(text='"a', spans=((0, 2), (2, 3)))
    """

    old: str
    new: str

    def __post_init__(self) -> None:
        if not self.old:
            raise ValueError("old is the empty text, which stands everywhere; expected at least one character")

    def normalize(self, aligned: Aligned) -> Aligned:
        """Rewrite the text; what is written comes from all that it replaces."""
        if len(self.old) == 1:
            return aligned.map(lambda character: self.new if character == self.old else character)
        pieces = aligned.text.split(self.old)
        spans = list(aligned.spans[: len(pieces[0])])
        place = len(pieces[0])
        for piece in pieces[1:]:
            replaced = aligned.spans[place : place + len(self.old)]
            place += len(self.old)
            spans += [(replaced[0][0], replaced[-1][1])] * len(self.new)
            spans += aligned.spans[place : place + len(piece)]
            place += len(piece)
        return Aligned(self.new.join(pieces), tuple(spans))


@dataclass(frozen=True)
class Prepend:
    """Put something before a text, unless it is empty. It comes from nothing: its span is empty.

    Attributes:
        prefix: What to put there.

    Example:
        >>> Prepend("▁").normalize(Aligned.of("a"))
        Aligned(text='▁a', spans=((0, 0), (0, 1)))
    """

    prefix: str

    def normalize(self, aligned: Aligned) -> Aligned:
        """Rewrite the text."""
        if not aligned.text:
            return aligned
        start = aligned.spans[0][0]
        return Aligned(self.prefix + aligned.text, ((start, start),) * len(self.prefix) + aligned.spans)


@dataclass(frozen=True)
class Metaspace:
    """Write spaces as marks, and put one mark before a text that does not begin with one.

    Decoding, which drops the first space, then loses the one with which a text began; ``Prepend`` and ``Replace`` in a
    ``Sequence`` put a mark there in any case.

    Attributes:
        mark: What stands for a space.
        prepend: Where to put a mark: before every stretch between special tokens, before the first only if it begins
            the text, or nowhere.

    Source: :cite:t:`kudo2018sentencepiece`.

    Example:
        >>> Metaspace().normalize(Aligned.of("a b")).text
        '▁a▁b'
    """

    mark: str = "▁"
    prepend: Literal["always", "first", "never"] = "always"

    def normalize(self, aligned: Aligned) -> Aligned:
        """Rewrite the text."""
        marked = Replace(" ", self.mark).normalize(aligned)
        begins = bool(marked.text) and marked.spans[0][0] == 0
        wanted = self.prepend == "always" or (self.prepend == "first" and begins)
        return Prepend(self.mark).normalize(marked) if wanted and not marked.text.startswith(self.mark) else marked


_CHINESE = regex.compile(
    "[\u4e00-\u9fff\u3400-\u4dbf\U00020000-\U0002a6df\U0002a700-\U0002b73f"
    "\U0002b740-\U0002b81f\U0002b920-\U0002ceaf\uf900-\ufaff\U0002f800-\U0002fa1f]"
)


def _clean(character: str) -> str:
    """Drop a control character, make white space a space, keep the rest, even what Unicode has not assigned."""
    category = unicodedata.category(character)
    if character in "\t\n\r" or category[0] == "Z":
        return " "
    return "" if category in {"Cc", "Cf", "Co"} or character == "\ufffd" else character


def _set_apart(character: str) -> str:
    """Put spaces around a Chinese character."""
    return f" {character} " if character >= "\u3400" and _CHINESE.match(character) else character
