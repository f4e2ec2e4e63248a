"""What a model is asked: a prompt, and the text that should follow it."""

from dataclasses import dataclass

REFUSAL = " I do not know."
"""The right answer to a question that the world does not answer."""


@dataclass(frozen=True)
class Item:
    """One thing to ask a model.

    Attributes:
        kind: The ability that it tests, for example ``addition-2-steps``.
        prompt: What the model reads. It does not end with a space.
        answer: What should follow, with the space before it and the full stop.
        key: What is held out as a whole; its hash decides the split.
    """

    kind: str
    prompt: str
    answer: str
    key: str

    @property
    def document(self) -> str:
        """Prompt and answer, as a training text would hold them."""
        return self.prompt + self.answer
