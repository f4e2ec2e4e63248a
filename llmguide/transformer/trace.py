"""See and change what flows through a model: every intermediate tensor has the name that the diagrams use."""

from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase

from torch import Tensor

Edit = Callable[[Tensor], Tensor]


class NoTap:
    """What a model calls where nobody looks: it hands the tensor on."""

    def __call__(self, name: str, x: Tensor) -> Tensor:
        """Return ``x``."""
        return x

    def __repr__(self) -> str:
        return "NO_TAP"

    def inside(self, prefix: str) -> "NoTap":
        """Return the tap for a part of the model."""
        return self


NO_TAP = NoTap()
"""The tap of a model that nobody looks into."""


class Tap:
    """Records the named tensors of a forward pass, and replaces those that it is told to.

    Args:
        names: What to record: names, with ``*`` as in file names (``blocks.*.attention.weights``). Recording takes
            memory: the tensors of all names are kept until the tap is dropped.
        edits: Functions that replace a tensor on its way, by the full name.

    Attributes:
        tensors: What was recorded, by full name, in the order of the pass.

    Example:
        >>> import torch
        >>> from llmguide.transformer import Transformer, gpt2
        >>> model = Transformer(gpt2(vocab_size=8, context_length=8, d_model=4, n_layers=1, n_heads=2))
        >>> tap = Tap(["*.weights"])
        >>> _ = model(torch.tensor([[1, 2, 3]]), tap=tap)
        >>> {name: list(tensor.shape) for name, tensor in tap.tensors.items()}
        {'blocks.0.attention.weights': [1, 2, 3, 3]}
    """

    def __init__(self, names: Iterable[str] = ("*",), edits: Mapping[str, Edit] | None = None) -> None:
        self.names = tuple(names)
        self.edits = dict(edits or {})
        self.tensors: dict[str, Tensor] = {}
        self._seen: set[str] = set()

    def __call__(self, name: str, x: Tensor) -> Tensor:
        """Record a tensor, and return it or what an edit makes of it.

        Args:
            name: Its full name.
            x: The tensor.

        Returns:
            What the model goes on with.

        Raises:
            ValueError: If an edit changes the shape.
        """
        self._seen.add(name)
        if edit := self.edits.get(name):
            edited = edit(x)
            if edited.shape != x.shape:
                raise ValueError(f"the edit of {name} made {list(edited.shape)} of {list(x.shape)}; keep the shape")
            x = edited
        if any(fnmatchcase(name, pattern) for pattern in self.names):
            self.tensors[name] = x
        return x

    def inside(self, prefix: str) -> "InnerTap":
        """Return the tap for a part of the model, whose names begin with ``prefix``."""
        return InnerTap(self, prefix)

    def check(self) -> None:
        """Complain of edits that met no tensor; a model calls this at the end of a pass.

        Raises:
            ValueError: If an edit's name is none of the model's; the message gives names that are.
        """
        if missed := sorted(self.edits.keys() - self._seen):
            known = ", ".join(sorted(self._seen)[:12])
            raise ValueError(f"no tensor is called {missed[0]!r}; the pass had {known}, …")


class InnerTap:
    """A tap that puts a prefix before each name.

    Args:
        outer: The tap of the whole model.
        prefix: What comes before the names, without the dot.
    """

    def __init__(self, outer: Tap, prefix: str) -> None:
        self.outer = outer
        self.prefix = prefix

    def __call__(self, name: str, x: Tensor) -> Tensor:
        """Hand a tensor to the outer tap by its full name."""
        return self.outer(f"{self.prefix}.{name}", x)

    def inside(self, prefix: str) -> "InnerTap":
        """Return the tap for a part of this part."""
        return InnerTap(self.outer, f"{self.prefix}.{prefix}")


AnyTap = NoTap | Tap | InnerTap
"""What a part of a model calls with each of its named tensors."""
