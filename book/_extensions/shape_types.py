"""Show jaxtyping annotations in signatures as their kind and their axes."""

from typing import Any

from sphinx.config import Config
from sphinx_autodoc_typehints import format_annotation


class ShapeFormatter:
    """Format ``Float[Tensor, "batch d_model"]`` for sphinx-autodoc-typehints.

    An instance, where a function would do, because Sphinx pickles its configuration and compares it between builds.
    """

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))

    def __call__(self, annotation: Any, config: Config | None = None) -> str | None:
        """Return the annotation as reStructuredText, or None where the default will do.

        In a signature, for which there is no configuration and no markup, the default always does.
        """
        dtype, axes = getattr(annotation, "dtype", None), getattr(annotation, "dim_str", None)
        if config is None or dtype is None or axes is None or not hasattr(annotation, "array_type"):
            return None
        array = format_annotation(annotation.array_type, config)
        return f':py:class:`~jaxtyping.{dtype.__name__}`\\ \\[{array}, ``"{axes}"``]'
