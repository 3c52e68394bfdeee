"""The diffusion loss on Stable Diffusion 1.5's noise schedule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from generator.demo.package import TRAIN_STEPS, noise_schedule

Prediction = Literal["epsilon", "v_prediction"]
_SNR_CAP = 5.0  # min-SNR weighting, arXiv:2303.09556
_OFFSET_NOISE = 0.1
_ENLARGED = ("nearest", "bilinear", "bicubic")  # the latent upscalers' ways
_SECOND_PASS = (250, 850)  # timesteps hires fix starts from
EARLY_BIAS = 0.75  # noisy timesteps, where shapes are decided, come more often


@dataclass(frozen=True, slots=True)
class Diffusion:
    """Noise, targets and weights of one prediction type."""

    prediction: Prediction
    alpha_bar: Tensor
    """float32 [1000]: the share of signal variance that is left at each timestep."""

    def loss(self, unet: nn.Module, latents: Tensor, texts: Tensor, bias: float = EARLY_BIAS) -> Tensor:
        """The weighted mean squared error of a batch.

        Args:
            unet: A `UNet2DConditionModel`.
            latents: float32 [batch, 4, h, w], about unit variance.
            texts: float32 [batch, 77, width].
            bias: Exponent of the evenly drawn timesteps; below 1 noisy ones come more often.
        """
        t = (TRAIN_STEPS * torch.rand(len(latents)) ** bias).long().clamp(max=TRAIN_STEPS - 1)
        return self._error(unet, latents, latents, t, texts)

    def enlarging_loss(self, unet: nn.Module, latents: Tensor, texts: Tensor) -> Tensor:
        """The same where the noise lies on enlarged latents of half the size, and the answer is still the sharp ones.

        It is what the second pass of hires fix starts from with a latent upscaler. Arguments as of `loss`.
        """
        mode = _ENLARGED[int(torch.randint(len(_ENLARGED), ()))]
        enlarged = functional.interpolate(functional.avg_pool2d(latents, 2), latents.shape[-2:], mode=mode)
        first, last = _SECOND_PASS
        t = torch.randint(first, last, (len(latents),))
        return self._error(unet, latents, enlarged, t, texts)

    def _error(self, unet: nn.Module, latents: Tensor, begun: Tensor, t: Tensor, texts: Tensor) -> Tensor:
        """The error of the answer `latents` to noise on `begun`, which is `latents` but for enlarged ones."""
        noise = torch.randn_like(latents) + _OFFSET_NOISE * torch.randn(len(latents), latents.shape[1], 1, 1)
        signal = self.alpha_bar[t].sqrt().view(-1, 1, 1, 1)
        sigma = (1 - self.alpha_bar[t]).sqrt().view(-1, 1, 1, 1)
        noisy = signal * begun + sigma * noise
        seen = noise + signal / sigma * (begun - latents)  # all that is not the answer counts as noise
        target = seen if self.prediction == "epsilon" else signal * seen - sigma * latents
        with torch.autocast("cpu", torch.bfloat16):
            predicted = unet(noisy, t, texts, return_dict=False)[0]
        errors = (predicted.float() - target).square().mean((1, 2, 3))
        weighted: Tensor = (self._weights(t) * errors).mean()
        return weighted

    def _weights(self, t: Tensor) -> Tensor:
        """min(SNR, 5) over SNR (epsilon) or over SNR + 1 (v), [batch]."""
        snr = self.alpha_bar[t] / (1 - self.alpha_bar[t])
        capped = snr.clamp(max=_SNR_CAP)
        return capped / snr if self.prediction == "epsilon" else capped / (snr + 1)


def make_diffusion(prediction: Prediction) -> Diffusion:
    """The diffusion of one prediction type."""
    schedule = noise_schedule(prediction)
    roots = torch.linspace(schedule["beta_start"] ** 0.5, schedule["beta_end"] ** 0.5, TRAIN_STEPS)
    return Diffusion(prediction, torch.cumprod(1 - roots.square(), 0))
