"""Facts and figures of the field that the book quotes, each with its unit, its date and its source.

A number that somebody else measured or chose is written down here once, and the chapters refer to it by name.
Numbers that we measured ourselves are in the recorded experiments.

Example:
    >>> get("gpt2-vocab-size").value
    50257
"""

from llmguide.constants.constant import Constant
from llmguide.constants.registry import CONSTANTS, get

__all__ = ["CONSTANTS", "Constant", "get"]
