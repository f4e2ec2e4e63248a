"""What autograd keeps of a forward pass."""

import weakref

from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from llmguide.transformer import Tap


class _Saved:
    """A tensor that the graph holds; it goes when the graph lets go of it."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor


def kept(model: nn.Module, *ids: Tensor, tap: Tap | None) -> int:
    """Count the bytes of the floating-point tensors that autograd still keeps when the forward pass is over."""
    weights = {parameter.data_ptr() for parameter in model.parameters()}
    saved: list[weakref.ref[_Saved]] = []

    def keep(tensor: Tensor) -> _Saved:
        holder = _Saved(tensor)
        saved.append(weakref.ref(holder))
        return holder

    with saved_tensors_hooks(keep, lambda holder: holder.tensor):
        out = model(*ids, tap=tap)
    tensors = [holder.tensor for reference in saved if (holder := reference()) is not None]
    distinct = {
        (tensor.data_ptr(), tensor.numel()): tensor.nbytes
        for tensor in tensors
        if tensor.is_floating_point() and tensor.data_ptr() not in weights
    }
    assert out.requires_grad
    return sum(distinct.values())
