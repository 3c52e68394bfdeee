"""Stage `vae`: the autoencoder, and the standardising of its latents."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from generator.demo.networks import build_vae
from generator.demo.shape import TRAINED_SHAPE
from generator.demo.train.pictures import PictureFile, Pixels, open_pictures
from generator.demo.train.run import Recipe, TrainingRun, read_average
from generator.demo.train.sheet import save_sheet
from generator.demo.train.workspace import Workspace

_log = logging.getLogger(__name__)
_CROP = 64
_SHARES = {"base": 0.7, "ink": 0.15, "noto": 0.15}
_LATENT_NOISE = 0.08
_WHOLE_FROM = 0.9  # share of the time after which whole pictures replace crops
#: Stable Diffusion 1.5's: latents times this have unit variance.
SCALING_FACTOR = 0.18215


class Codec(nn.Module):
    """The autoencoder as it is trained: deterministic, with a little noise on the latents.

    Args:
        vae: An `AutoencoderKL`.
    """

    def __init__(self, vae: nn.Module) -> None:
        super().__init__()
        self.vae: Any = vae

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """[batch, 3, h, w] in -1..1 to (reconstruction of the same shape, latents [batch, 4, h/8, w/8])."""
        latents = self.vae.quant_conv(self.vae.encoder(pixels))[:, :4]
        noisy = latents + _LATENT_NOISE * torch.randn_like(latents)
        return self.vae.decoder(self.vae.post_quant_conv(noisy)), latents


class Refinement(nn.Module):
    """The decoding half of an autoencoder, sharing its weights, for stage `decoder`.

    Args:
        vae: An `AutoencoderKL` with standardised latents.
    """

    def __init__(self, vae: Any) -> None:
        super().__init__()
        self.unquantise = vae.post_quant_conv
        self.decoder = vae.decoder

    def forward(self, latents: Tensor) -> Tensor:
        """Scaled latents [batch, 4, h/8, w/8] to pictures [batch, 3, h, w] in -1..1."""
        pictures: Tensor = self.decoder(self.unquantise(latents / SCALING_FACTOR))
        return pictures


def train_decoder(workspace: Workspace, minutes: float) -> None:
    """Train the decoder on; the latents stay what the UNet has learnt, so this may run at any time."""
    sets = {name: open_pictures(workspace.pictures(name)) for name in _SHARES}
    vae = read_vae(workspace)
    half = Refinement(vae).train().requires_grad_(requires_grad=True)
    recipe = Recipe(minutes, peak_rate=1e-3, average_decay=0.998, seed=workspace.plan.seed + 4)
    run = TrainingRun(half, recipe, workspace.checkpoint("decoder"))
    while run.goes_on():
        whole = run.progress > _WHOLE_FROM
        pixels = _random_batch(sets, workspace.plan.batch // (4 if whole else 2), run.rng, whole=whole)
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            latents = vae.quant_conv(vae.encoder(pixels))[:, :4].float() * SCALING_FACTOR
        with torch.autocast("cpu", torch.bfloat16):
            rebuilt = run.network(latents + _LATENT_NOISE * torch.randn_like(latents))
        run.step(_fit(rebuilt.float() - pixels), samples=len(pixels))
    run.finish()
    _show(workspace)


def train_vae(workspace: Workspace, minutes: float) -> None:
    """Train the autoencoder on all styles; crops first, whole pictures at the end."""
    sets = {name: open_pictures(workspace.pictures(name)) for name in _SHARES}
    recipe = Recipe(minutes, peak_rate=1.5e-3, average_decay=0.998, seed=workspace.plan.seed)
    codec = Codec(build_vae(TRAINED_SHAPE, workspace.plan.base_size))
    run = TrainingRun(codec, recipe, workspace.checkpoint("vae"))
    batch = workspace.plan.batch
    while run.goes_on():
        whole = run.progress > _WHOLE_FROM
        pixels = _random_batch(sets, batch // 4 if whole else batch // 2, run.rng, whole=whole)
        with torch.autocast("cpu", torch.bfloat16):
            rebuilt, latents = codec(pixels)
        run.step(_loss(rebuilt.float(), latents.float(), pixels), samples=len(pixels))
    run.finish()
    _show(workspace)


def read_vae(workspace: Workspace) -> Any:
    """The trained autoencoder with standardised latents, float32, in evaluation mode."""
    codec = Codec(build_vae(TRAINED_SHAPE, workspace.plan.base_size))
    read_average(codec, workspace.checkpoint("vae"))
    vae: Any = codec.vae.eval().requires_grad_(requires_grad=False)
    _standardise(vae, open_pictures(workspace.pictures("base")).pixels[:256])
    vae.register_to_config(scaling_factor=SCALING_FACTOR)
    refined = workspace.checkpoint("decoder")
    if refined.is_file():
        read_average(Refinement(vae), refined)
    return vae


def encode(vae: Any, pixels: Pixels) -> Tensor:
    """uint8 [batch, h, w, 3] to scaled latents [batch, 4, h/8, w/8] of about unit variance."""
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        latents: Tensor = vae.quant_conv(vae.encoder(to_tensor(pixels)))[:, :4]
    return latents.float() * SCALING_FACTOR


def decode(vae: Any, latents: Tensor) -> Pixels:
    """Scaled latents [batch, 4, h/8, w/8] to uint8 [batch, h, w, 3]."""
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        pixels = vae.decoder(vae.post_quant_conv(latents / SCALING_FACTOR))
    shown: Pixels = ((pixels.float().clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
    return shown


def to_tensor(pixels: Pixels) -> Tensor:
    """uint8 [batch, h, w, 3] to float [batch, 3, h, w] in -1..1."""
    return torch.from_numpy(np.array(pixels)).permute(0, 3, 1, 2).float() / 127.5 - 1


def _show(workspace: Workspace) -> None:
    """Log the error of twelve rebuilt pictures and save them."""
    vae = read_vae(workspace)
    shown = open_pictures(workspace.pictures("base")).pixels[:12]
    rebuilt = decode(vae, encode(vae, shown))
    error = np.mean((shown.astype(np.float32) - rebuilt.astype(np.float32)) ** 2)
    _log.info("vae: %.1f dB on 12 pictures", 10 * np.log10(255**2 / error))
    save_sheet(workspace.sheets / "vae.png", [*shown, *rebuilt], columns=6)


def _random_batch(sets: dict[str, PictureFile], count: int, rng: np.random.Generator, *, whole: bool) -> Tensor:
    rows = []
    names = list(_SHARES)
    for name in rng.choice(names, size=count, p=list(_SHARES.values())):
        pixels = sets[str(name)].pixels
        picture = pixels[int(rng.integers(len(pixels)))]
        if not whole:
            y, x = rng.integers(0, picture.shape[0] - _CROP + 1, size=2)
            picture = picture[y : y + _CROP, x : x + _CROP]
        rows.append(picture)
    return to_tensor(np.stack(rows))


def _loss(rebuilt: Tensor, latents: Tensor, pixels: Tensor) -> Tensor:
    """The fit, a pull of the latents to mean 0 and variance 1, and the colours they hide."""
    mean, variance = latents.mean((0, 2, 3)), latents.var((0, 2, 3))
    pull = mean.square().mean() + (variance - 1).square().mean()
    return _fit(rebuilt - pixels) + 0.02 * pull + 10 * _hidden_colour(latents, pixels)


def _fit(difference: Tensor) -> Tensor:
    """L1 + 2 MSE + half the L1 of the gradients."""
    gradients = difference.diff(dim=-1).abs().mean() + difference.diff(dim=-2).abs().mean()
    return difference.abs().mean() + 2 * difference.square().mean() + 0.5 * gradients


def _hidden_colour(latents: Tensor, pixels: Tensor) -> Tensor:
    """The part of the coarse colours that no linear map reads off the latents, as a mean squared error.

    Without it the autoencoder leaves out one of the colour axes for its first thousands of steps.
    """
    coarse = functional.avg_pool2d(pixels, 8).permute(0, 2, 3, 1).flatten(0, 2)
    known = latents.permute(0, 2, 3, 1).flatten(0, 2)
    known, coarse = known - known.mean(0), coarse - coarse.mean(0)
    gram = known.T @ known + 1e-3 * len(known) * torch.eye(known.shape[1])
    best = torch.linalg.solve(gram, known.T @ coarse)
    hidden: Tensor = (coarse - known @ best).square().mean()
    return hidden


def _standardise(vae: nn.Module, pixels: Pixels) -> None:
    """Fold a whitening of the latents into the two 1x1 convolutions around them.

    Afterwards the four channels have mean 0, variance `1 / SCALING_FACTOR**2` and no correlation, and the
    log-variance channels say "almost none". Reconstructions do not change.
    """
    inward: Any = vae.quant_conv
    outward: Any = vae.post_quant_conv
    encoder: Any = vae.encoder
    with torch.no_grad():
        latents = torch.cat([inward(encoder(to_tensor(part)))[:, :4] for part in np.array_split(pixels, 8)])
        flat = latents.permute(1, 0, 2, 3).flatten(1).double()
        mean = flat.mean(1)
        values, vectors = torch.linalg.eigh(torch.cov(flat))
        whiten = vectors @ torch.diag(values.rsqrt()) @ vectors.T / SCALING_FACTOR
        unwhiten = torch.linalg.inv(whiten)
        old_in, old_in_bias = inward.weight[:4, :, 0, 0].double(), inward.bias[:4].double()
        inward.weight.zero_()
        inward.weight[:4, :, 0, 0] = (whiten @ old_in).float()
        inward.bias[:4] = (whiten @ (old_in_bias - mean)).float()
        inward.bias[4:] = -12.0
        old_out, old_out_bias = outward.weight[:, :, 0, 0].double(), outward.bias.double()
        outward.weight[:, :, 0, 0] = (old_out @ unwhiten).float()
        outward.bias.copy_((old_out_bias + old_out @ mean).float())
