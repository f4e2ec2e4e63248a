"""Every constant by its name."""

from llmguide.constants.constant import Constant
from llmguide.constants.dates import YEARS
from llmguide.constants.findings import FINDINGS
from llmguide.constants.sizes import SIZES
from llmguide.constants.texts import TEXTS

CONSTANTS: dict[str, Constant] = {constant.name: constant for constant in (*TEXTS, *YEARS, *FINDINGS, *SIZES)}
"""Every constant by its name.

:meta hide-value:
"""


def get(name: str) -> Constant:
    """Look up a constant.

    Args:
        name: For example ``gpt2-vocab-size``.

    Returns:
        The constant.

    Raises:
        LookupError: If there is none of that name; the message lists those there are.
    """
    if name not in CONSTANTS:
        raise LookupError(f"no constant {name!r}; there are: {', '.join(CONSTANTS)}")
    return CONSTANTS[name]
