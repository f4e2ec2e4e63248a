"""Conversations as ids: rendering a model's chat template, with what people wrote kept apart from what it adds.

A template is a program in Jinja's language that comes with a model. It runs in Jinja's sandbox, which lets it see the
messages and nothing else. It writes control tokens such as ``<|im_start|>``. When a message happens to contain the text
of one, it must not end a turn or begin another, so in messages those are nothing but characters.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from llmguide.tokenizers import Tokenizer
from llmguide.tokenizers.special import split_special

Message = Mapping[str, str]
"""A ``role`` (``system``, ``user`` or ``assistant``) and a ``content``."""

_PRIVATE_USE = range(0xE000, 0xF900)


def render(template: str, messages: Sequence[Message], tokens: Mapping[str, str] | None = None) -> str:
    r"""Turn a conversation into the text that the model was trained on, up to where its answer begins.

    Args:
        template: The chat template, in Jinja's language.
        messages: The conversation.
        tokens: What the template may ask for by name, such as ``bos_token``.

    Returns:
        The text.

    Raises:
        ValueError: If Jinja is not installed, or the template is wrong, forbids these messages or leaves the sandbox.

    Example:
        >>> template = "{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}[assistant]"
        >>> render(template, [{"role": "user", "content": "Hello"}])
        '[user] Hello\n[assistant]'
    """
    try:
        from jinja2 import TemplateError  # noqa: PLC0415 (an extra that only this needs)
        from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415
    except ImportError as error:
        raise ValueError("chat templates need jinja2: python -m pip install 'llmguide[chat]'") from error

    def refuse(message: str) -> None:
        raise TemplateError(message)

    def as_json(value: Any, indent: int | None = None) -> str:
        return json.dumps(value, ensure_ascii=False, indent=indent)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.globals["raise_exception"] = refuse
    environment.filters["tojson"] = as_json
    try:
        return environment.from_string(template).render(
            messages=[dict(message) for message in messages], add_generation_prompt=True, **(tokens or {})
        )
    except (TemplateError, TypeError, ArithmeticError, OverflowError) as error:
        raise ValueError(f"the chat template refuses the conversation: {error}") from error


def encode(
    tokenizer: Tokenizer, template: str, messages: Sequence[Message], tokens: Mapping[str, str] | None = None
) -> list[int]:
    """Turn a conversation into ids. Control tokens are those that the template writes, never those in a message.

    Args:
        tokenizer: Of the model.
        template: The chat template, in Jinja's language.
        messages: The conversation.
        tokens: What the template may ask for by name, such as ``bos_token``.

    Returns:
        The ids.

    Raises:
        ValueError: As :func:`render`, or if the tokenizer cannot encode the text.
    """
    # While the template runs, a character that occurs nowhere stands for each control token in a message.
    special = sorted(tokenizer.special_tokens, key=len, reverse=True)
    text = template + "".join(message["content"] for message in messages)
    unused = (chr(point) for point in _PRIVATE_USE if chr(point) not in text)
    masks = {token: next(unused) for token in special if any(token in message["content"] for message in messages)}

    def mask(content: str) -> str:
        return "".join(
            masks[piece.text] if is_special else piece.text for piece, is_special in split_special(content, masks)
        )

    masked = [{**message, "content": mask(message["content"])} for message in messages]
    ids: list[int] = []
    for piece, is_special in split_special(render(template, masked, tokens), special):
        unmasked = piece.text
        for token, character in masks.items():
            unmasked = unmasked.replace(character, token)
        ids += tokenizer.encode_ids(unmasked, [unmasked] if is_special else ())
    return ids
