"""What autograd keeps of a forward pass."""

from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from llmguide.transformer import Tap, Transformer


def kept(model: Transformer, ids: Tensor, tap: Tap | None) -> int:
    """Count the bytes of the floating-point tensors that autograd keeps."""
    weights = {parameter.data_ptr() for parameter in model.parameters()}
    tensors: list[Tensor] = []

    def keep(tensor: Tensor) -> Tensor:
        tensors.append(tensor)
        return tensor

    with saved_tensors_hooks(keep, lambda tensor: tensor):
        out = model(ids, tap=tap)
    distinct = {
        (tensor.data_ptr(), tensor.numel()): tensor.nbytes
        for tensor in tensors
        if tensor.is_floating_point() and tensor.data_ptr() not in weights
    }
    assert out.requires_grad
    return sum(distinct.values())
