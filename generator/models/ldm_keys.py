"""Weight names of the original (LDM) layout, as in single-file checkpoints, to diffusers' names.

Both name the same networks; the original numbers blocks through, diffusers by level and layer. The
tables are generated from the configuration, so they serve any depth.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from torch import Tensor

UNET_PREFIX = "model.diffusion_model."
VAE_PREFIX = "first_stage_model."
TEXT_PREFIX = "cond_stage_model.transformer."
SDXL_TEXT_PREFIX = "conditioner.embedders.0.transformer."
OPEN_CLIP_PREFIX = "conditioner.embedders.1.model."
"""SDXL's second text encoder, in open_clip's layout."""

_UNET_RESNET = {
    "in_layers.0": "norm1",
    "in_layers.2": "conv1",
    "emb_layers.1": "time_emb_proj",
    "out_layers.0": "norm2",
    "out_layers.3": "conv2",
    "skip_connection": "conv_shortcut",
}
_OPEN_CLIP = {
    "token_embedding.weight": "embeddings.token_embedding.weight",
    "positional_embedding": "embeddings.position_embedding.weight",
    "ln_final.weight": "final_layer_norm.weight",
    "ln_final.bias": "final_layer_norm.bias",
}
_OPEN_CLIP_LAYER = {
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "attn.out_proj": "self_attn.out_proj",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
}
_OPEN_CLIP_BLOCKS = "transformer.resblocks."
_VAE_RESNET = {"nin_shortcut": "conv_shortcut"}
_VAE_ATTENTION = {"norm": "group_norm", "q": "to_q", "k": "to_k", "v": "to_v", "proj_out": "to_out.0"}
Table = dict[str, tuple[str, Mapping[str, str]]]
"""Original block name -> (diffusers block name, renames inside the block)."""


def unet_to_diffusers(tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> dict[str, Tensor]:
    """The UNet's weights of a single file under diffusers' names; others are left out."""
    return _rename(_under(tensors, UNET_PREFIX), _unet_table(config))


def vae_to_diffusers(tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> dict[str, Tensor]:
    """The VAE's weights of a single file under diffusers' names; others are left out."""
    renamed = _rename(_under(tensors, VAE_PREFIX), _vae_table(config))
    # The original's attention projections are 1x1 convolutions, diffusers' are linear.
    return {k: v[..., 0, 0] if ".attentions." in k and v.dim() == 4 else v for k, v in renamed.items()}


def text_to_diffusers(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The first text encoder's weights of a single file under transformers' names, without `text_model.`."""
    found = _under(tensors, TEXT_PREFIX) or _under(tensors, SDXL_TEXT_PREFIX)
    return {k.removeprefix("text_model."): v for k, v in found.items()}


def open_clip_to_transformers(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of SDXL's second text encoder under transformers' names, without `text_model.`.

    The fused query, key and value weights are cut in three, and the projection is turned: open_clip multiplies from
    the other side.
    """
    renamed: dict[str, Tensor] = {}
    for key, tensor in _under(tensors, OPEN_CLIP_PREFIX).items():
        if key in _OPEN_CLIP:
            renamed[_OPEN_CLIP[key]] = tensor
        elif key == "text_projection":
            renamed["text_projection.weight"] = tensor.T.contiguous()
        elif key.startswith(_OPEN_CLIP_BLOCKS):
            renamed |= _open_clip_layer(key.removeprefix(_OPEN_CLIP_BLOCKS), tensor)
    return renamed


def _open_clip_layer(key: str, tensor: Tensor) -> dict[str, Tensor]:
    """One weight of a layer, `key` like `3.mlp.c_fc.weight`; a fused one gives three."""
    number, _, rest = key.partition(".")
    layer = f"encoder.layers.{number}."
    if rest.startswith("attn.in_proj_"):
        leaf = rest.removeprefix("attn.in_proj_")
        thirds = zip("qkv", tensor.chunk(3), strict=True)
        return {f"{layer}self_attn.{letter}_proj.{leaf}": part.contiguous() for letter, part in thirds}
    name, _, leaf = rest.rpartition(".")
    return {f"{layer}{_OPEN_CLIP_LAYER.get(name, name)}.{leaf}": tensor}


def ldm_module_names(modules: Iterable[str], unet_config: Mapping[str, Any]) -> dict[str, str]:
    """The original names of a UNet's modules, by diffusers' names; kohya's SDXL LoRAs use them.

    Modules that have no counterpart are left out.
    """
    table = {new: (old, {b: a for a, b in inside.items()}) for old, (new, inside) in _unet_table(unet_config).items()}
    found = {}
    for module in modules:
        block = max((b for b in table if module == b or module.startswith(b + ".")), key=len, default=None)
        if block is not None:
            old, inside = table[block]
            rest = module[len(block) + 1 :]
            found[module] = ".".join(part for part in (old, inside.get(rest, rest)) if part)
    return found


def _under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}


def _rename(tensors: Mapping[str, Tensor], table: Table) -> dict[str, Tensor]:
    renamed = {}
    for key, tensor in tensors.items():
        block = max((b for b in table if key.startswith(b + ".")), key=len, default=None)
        if block is None:
            continue
        name, inside = table[block]
        rest, _, leaf = key[len(block) + 1 :].rpartition(".")
        rest = inside.get(rest, rest)
        renamed[".".join(part for part in (name, rest, leaf) if part)] = tensor
    return renamed


def _unet_table(config: Mapping[str, Any]) -> Table:
    layers = int(config["layers_per_block"])
    down, up = list(config["down_block_types"]), list(config["up_block_types"])
    table: Table = {
        "input_blocks.0.0": ("conv_in", {}),
        "time_embed.0": ("time_embedding.linear_1", {}),
        "time_embed.2": ("time_embedding.linear_2", {}),
        "label_emb.0.0": ("add_embedding.linear_1", {}),
        "label_emb.0.2": ("add_embedding.linear_2", {}),
        "middle_block.0": ("mid_block.resnets.0", _UNET_RESNET),
        "middle_block.1": ("mid_block.attentions.0", {}),
        "middle_block.2": ("mid_block.resnets.1", _UNET_RESNET),
        "out.0": ("conv_norm_out", {}),
        "out.2": ("conv_out", {}),
    }
    for level in range(len(down)):
        for layer in range(layers):
            block = f"input_blocks.{1 + level * (layers + 1) + layer}"
            table[f"{block}.0"] = (f"down_blocks.{level}.resnets.{layer}", _UNET_RESNET)
            table[f"{block}.1"] = (f"down_blocks.{level}.attentions.{layer}", {})
        table[f"input_blocks.{(level + 1) * (layers + 1)}.0.op"] = (f"down_blocks.{level}.downsamplers.0.conv", {})
    for level, kind in enumerate(up):
        for layer in range(layers + 1):
            block = f"output_blocks.{level * (layers + 1) + layer}"
            table[f"{block}.0"] = (f"up_blocks.{level}.resnets.{layer}", _UNET_RESNET)
            table[f"{block}.1"] = (f"up_blocks.{level}.attentions.{layer}", {})
        place = 2 if "CrossAttn" in kind else 1  # the upsampler stands behind the attention, if there is one
        last = f"output_blocks.{level * (layers + 1) + layers}"
        table[f"{last}.{place}.conv"] = (f"up_blocks.{level}.upsamplers.0.conv", {})
    return table


def _vae_table(config: Mapping[str, Any]) -> Table:
    layers, levels = int(config["layers_per_block"]), len(config["block_out_channels"])
    table: Table = {"quant_conv": ("quant_conv", {}), "post_quant_conv": ("post_quant_conv", {})}
    for half in ("encoder", "decoder"):
        table |= {
            f"{half}.conv_in": (f"{half}.conv_in", {}),
            f"{half}.mid.block_1": (f"{half}.mid_block.resnets.0", _VAE_RESNET),
            f"{half}.mid.attn_1": (f"{half}.mid_block.attentions.0", _VAE_ATTENTION),
            f"{half}.mid.block_2": (f"{half}.mid_block.resnets.1", _VAE_RESNET),
            f"{half}.norm_out": (f"{half}.conv_norm_out", {}),
            f"{half}.conv_out": (f"{half}.conv_out", {}),
        }
    for level in range(levels):
        for layer in range(layers):
            table[f"encoder.down.{level}.block.{layer}"] = (f"encoder.down_blocks.{level}.resnets.{layer}", _VAE_RESNET)
        table[f"encoder.down.{level}.downsample.conv"] = (f"encoder.down_blocks.{level}.downsamplers.0.conv", {})
        up = f"decoder.up.{levels - 1 - level}"  # the original counts the decoder's levels from the picture
        for layer in range(layers + 1):
            table[f"{up}.block.{layer}"] = (f"decoder.up_blocks.{level}.resnets.{layer}", _VAE_RESNET)
        table[f"{up}.upsample.conv"] = (f"decoder.up_blocks.{level}.upsamplers.0.conv", {})
    return table
