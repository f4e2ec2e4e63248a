"""Write the inventories of torch, numpy and jaxtyping: the names that our pages mention, and where they are explained.

Their own inventories are large or do not exist, and a build asks the network for nothing. Run this after adding a name:

    .venv/bin/python book/tools/inventories.py
"""

import zlib
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "_inventories"
TORCH = {
    "torch.Generator": "generated/torch.Generator.html#torch.Generator",
    "torch.Tensor": "tensors.html#torch.Tensor",
    "torch.autocast": "amp.html#torch.autocast",
    "torch.device": "tensor_attributes.html#torch.device",
    "torch.dtype": "tensor_attributes.html#torch.dtype",
    "torch.nn.Embedding": "generated/torch.nn.Embedding.html#torch.nn.Embedding",
    "torch.nn.Linear": "generated/torch.nn.Linear.html#torch.nn.Linear",
    "torch.nn.Module": "generated/torch.nn.Module.html#torch.nn.Module",
    "torch.nn.ModuleList": "generated/torch.nn.ModuleList.html#torch.nn.ModuleList",
    "torch.nn.Parameter": "generated/torch.nn.parameter.Parameter.html#torch.nn.parameter.Parameter",
    "torch.optim.AdamW": "generated/torch.optim.AdamW.html#torch.optim.AdamW",
    "torch.optim.Optimizer": "optim.html#torch.optim.Optimizer",
}
"""Addresses in torch's documentation, by public name."""
PRIVATE = {
    "torch._C.Generator": "torch.Generator",
    "torch.amp.autocast_mode.autocast": "torch.autocast",
    "torch.nn.modules.container.ModuleList": "torch.nn.ModuleList",
    "torch.nn.modules.linear.Linear": "torch.nn.Linear",
    "torch.nn.modules.module.Module": "torch.nn.Module",
    "torch.nn.modules.sparse.Embedding": "torch.nn.Embedding",
    "torch.nn.parameter.Parameter": "torch.nn.Parameter",
    "torch.optim.adamw.AdamW": "torch.optim.AdamW",
    "torch.optim.optimizer.Optimizer": "torch.optim.Optimizer",
}
"""Where Python says that a class is defined, and the name under which it is documented."""
FUNCTIONS = {
    "torch.nn.functional.scaled_dot_product_attention": (
        "generated/torch.nn.functional.scaled_dot_product_attention.html"
        "#torch.nn.functional.scaled_dot_product_attention"
    ),
}
"""Addresses of torch's functions."""
JAXTYPING = dict.fromkeys(
    (f"jaxtyping.{name}" for name in ("Bool", "Float", "Float32", "Int", "Shaped", "UInt8")), "api/array/"
)
"""Addresses in jaxtyping's documentation, which has one page for all of them."""
NUMPY = {"numpy.ndarray": "reference/generated/numpy.ndarray.html#numpy.ndarray"}
"""Addresses in numpy's documentation."""


def write(name: str, version: str, classes: dict[str, str], functions: dict[str, str]) -> None:
    """Write an inventory in Sphinx's second format.

    Args:
        name: The project.
        version: Its version.
        classes: Addresses of its classes, relative to its documentation.
        functions: Addresses of its functions.
    """
    kinds = [("class", classes), ("function", functions)]
    lines = sorted(f"{name} py:{kind} 1 {address} -\n" for kind, names in kinds for name, address in names.items())
    header = (
        f"# Sphinx inventory version 2\n# Project: {name}\n# Version: {version}\n"
        "# The remainder of this file is compressed using zlib.\n"
    )
    (FOLDER / f"{name}.inv").write_bytes(header.encode() + zlib.compress("".join(lines).encode(), 9))


if __name__ == "__main__":
    write("torch", "2.13", TORCH | {private: TORCH[public] for private, public in PRIVATE.items()}, FUNCTIONS)
    write("jaxtyping", "0.3", JAXTYPING, {})
    write("numpy", "2.4", NUMPY, {})
