"""Reference implementations behind the book *Deep Dive into Large Language Models*.

Importing the package is cheap: subpackages are loaded when they are first used.

Example:
    >>> import llmguide
    >>> llmguide.tokenizers.__name__
    'llmguide.tokenizers'
"""

import importlib
from types import ModuleType

__version__ = "0.2.0"

__all__ = [
    "__version__",
    "constants",
    "datasets",
    "decoding",
    "embeddings",
    "experiments",
    "tokenizers",
    "training",
    "transformer",
    "world",
]


def __getattr__(name: str) -> ModuleType:
    """Import a subpackage on first access."""
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
