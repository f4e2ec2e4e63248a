"""What torch takes of memory, which ``tracemalloc`` does not see."""

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class LargestTensor(TorchDispatchMode):
    """Notes the bytes of the largest tensor that an operation of torch returns, but for those without numbers.

    Attributes:
        n_bytes: The bytes.
    """

    def __init__(self) -> None:
        super().__init__()
        self.n_bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call the operation, and measure what it returns."""
        found = func(*args, **(kwargs or {}))
        sizes = [leaf.nbytes for leaf in tree_leaves(found) if isinstance(leaf, torch.Tensor) and not leaf.is_meta]
        self.n_bytes = max(self.n_bytes, *sizes, 0)
        return found
