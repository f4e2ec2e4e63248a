"""Normalization against torch, and its borders."""

import pytest
import torch
from torch.nn import functional as F

from llmguide.transformer.norms import LayerNorm, NormConfig, RmsNorm, layer_norm, rms_norm

X = torch.randn(2, 3, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
SCALE = torch.linspace(0.5, 2.0, 8, dtype=torch.float64)
BIAS = torch.linspace(-1.0, 1.0, 8, dtype=torch.float64)


def test_the_readable_functions_are_torch_s() -> None:
    torch.testing.assert_close(layer_norm(X, SCALE, BIAS, 1e-5), F.layer_norm(X, (8,), SCALE, BIAS, 1e-5))
    torch.testing.assert_close(rms_norm(X, SCALE, 1e-5), F.rms_norm(X, (8,), SCALE, 1e-5))


def test_the_layers_are_the_readable_functions() -> None:
    layer, rms = NormConfig("layer", 1e-3).build(8).double(), NormConfig("rms", 1e-3).build(8).double()
    assert isinstance(layer, LayerNorm)
    assert isinstance(rms, RmsNorm)
    with torch.no_grad():
        layer.scale.copy_(SCALE)
        layer.bias.copy_(BIAS)
        rms.scale.copy_(SCALE)
    torch.testing.assert_close(layer(X), layer_norm(X, SCALE, BIAS, 1e-3))
    torch.testing.assert_close(rms(X), rms_norm(X, SCALE, 1e-3))


def test_a_shift_changes_rms_norm_only() -> None:
    ones, zeros = torch.ones(8, dtype=torch.float64), torch.zeros(8, dtype=torch.float64)
    torch.testing.assert_close(layer_norm(X + 3, ones, zeros, 1e-9), layer_norm(X, ones, zeros, 1e-9))
    assert not torch.allclose(rms_norm(X + 3, ones, 1e-9), rms_norm(X, ones, 1e-9))


@pytest.mark.parametrize(("kind", "epsilon"), [("batch", 1e-5), ("rms", 0.0), ("layer", -1.0)])
@pytest.mark.usefixtures("unchecked")
def test_a_norm_that_cannot_be_is_refused(kind: str, epsilon: float) -> None:
    with pytest.raises(ValueError, match=r"kind must be|epsilon must be"):
        NormConfig(kind, epsilon)  # type: ignore[arg-type]
