"""Text that appears while a model is still writing it."""

from llmguide.tokenizers import Tokenizer

_UNDECODED = "\ufffd"
_MOST_WAITING = 3  # bytes: a character has four at the most
_WINDOW = _MOST_WAITING + 1  # tokens: the first of a text may be written otherwise than those after it


class Detokenizer:
    """Turn ids into text as they come.

    A token need not be whole characters: an emoji of four bytes can come in four tokens. Bytes that do not make a
    character yet wait for those that follow. All pieces together are what ``tokenizer.decode`` makes of all ids.

    Args:
        tokenizer: Whose ids they are.

    Example:
        >>> from llmguide.tokenizers import train_tokenizer
        >>> tokenizer = train_tokenizer(["low"], vocab_size=256)
        >>> detokenizer = Detokenizer(tokenizer)
        >>> [detokenizer.push(number) for number in tokenizer.encode_ids("né!")]
        ['n', '', 'é', '!']
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._window: list[int] = []  # the last ids, as many as what comes next can depend on
        self._shown = 0  # how many characters of their text were given out

    def push(self, number: int) -> str:
        """Take the next id.

        Args:
            number: An id of the tokenizer's vocabulary.

        Returns:
            The text that is certain now and was not before; it can be empty.

        Raises:
            ValueError: If the id is not in the vocabulary.
        """
        window = [*self._window, number]
        text = self._tokenizer.decode(window)
        # Bytes at the end that the next one may make a character are U+FFFD so far.
        certain = max(self._shown, len(text.rstrip(_UNDECODED)), len(text) - _MOST_WAITING)
        piece, waiting = text[self._shown : certain], len(text) - certain
        recent = self._tokenizer.decode(window[-_WINDOW:])
        # Some decoders drop all spaces at the beginning of a text, so a window of spaces would seem to be one.
        if recent[: max(0, len(recent) - waiting)].strip():
            window, text = window[-_WINDOW:], recent
        self._window, self._shown = window, len(text) - waiting
        return piece

    def finish(self) -> str:
        """End the text; an id after that begins a new one.

        Returns:
            What was waiting: nothing, or U+FFFD for a character that was never completed.
        """
        rest = self._tokenizer.decode(self._window)[self._shown :]
        self._window, self._shown = [], 0
        return rest
