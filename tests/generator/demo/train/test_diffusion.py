"""The diffusion loss against what an ideal network would answer."""

import pytest
import torch
from torch import Tensor, nn

from generator.demo.train.diffusion import Prediction, make_diffusion
from generator.demo.train.unet import drop_captions


class _Zero(nn.Module):
    def forward(self, noisy: Tensor, t: Tensor, texts: Tensor, *, return_dict: bool) -> tuple[Tensor]:
        return (torch.zeros_like(noisy),)


class _Oracle(nn.Module):
    """Knows that the picture is all zeros, so all it sees is noise."""

    def __init__(self, prediction: Prediction) -> None:
        super().__init__()
        self._prediction = prediction
        self._alpha_bar = make_diffusion(prediction).alpha_bar

    def forward(self, noisy: Tensor, t: Tensor, texts: Tensor, *, return_dict: bool) -> tuple[Tensor]:
        noise = noisy / (1 - self._alpha_bar[t]).sqrt().view(-1, 1, 1, 1)
        signal = self._alpha_bar[t].sqrt().view(-1, 1, 1, 1)
        return (noise if self._prediction == "epsilon" else signal * noise,)


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_an_ideal_network_has_no_loss_and_an_idle_one_has(prediction: Prediction) -> None:
    torch.manual_seed(0)
    diffusion = make_diffusion(prediction)
    latents, texts = torch.zeros(16, 4, 8, 8), torch.zeros(16, 77, 8)
    assert diffusion.loss(_Oracle(prediction), latents, texts) < 1e-4
    assert diffusion.loss(_Zero(), latents, texts) > 0.05


def test_the_schedule_is_stable_diffusion_15s() -> None:
    alpha_bar = make_diffusion("epsilon").alpha_bar
    assert alpha_bar.shape == (1000,)
    assert float(alpha_bar[-1]) == pytest.approx(0.00466, abs=1e-4)


def test_about_an_eighth_of_the_captions_is_dropped() -> None:
    import numpy as np

    texts, empty = torch.ones(4000, 1, 1), torch.zeros(1, 1, 1)
    kept = float(drop_captions(texts, empty, np.random.default_rng(0)).mean())
    assert kept == pytest.approx(0.88, abs=0.02)


class _Knowing(nn.Module):
    """Knows the picture, so whatever it sees besides is noise."""

    def __init__(self, prediction: Prediction, latents: Tensor) -> None:
        super().__init__()
        self._prediction, self._latents = prediction, latents
        self._alpha_bar = make_diffusion(prediction).alpha_bar

    def forward(self, noisy: Tensor, t: Tensor, texts: Tensor, *, return_dict: bool) -> tuple[Tensor]:
        signal, sigma = (a.sqrt().view(-1, 1, 1, 1) for a in (self._alpha_bar[t], 1 - self._alpha_bar[t]))
        noise = (noisy - signal * self._latents) / sigma
        return (noise if self._prediction == "epsilon" else signal * noise - sigma * self._latents,)


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_noise_on_enlarged_latents_is_answered_with_the_sharp_ones(prediction: Prediction) -> None:
    torch.manual_seed(0)
    diffusion = make_diffusion(prediction)
    latents, texts = torch.randn(16, 4, 8, 8), torch.zeros(16, 77, 8)
    blurred = nn.functional.interpolate(nn.functional.avg_pool2d(latents, 2), (8, 8))
    for _ in range(4):
        sharp = diffusion.enlarging_loss(_Knowing(prediction, latents), latents, texts)
        assert sharp < 0.02
        assert diffusion.enlarging_loss(_Knowing(prediction, blurred), latents, texts) > 10 * sharp
