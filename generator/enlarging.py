"""Enlarging finished pictures: Lanczos and Nearest by Pillow, networks by torch, which is loaded only for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from PIL import Image

from generator.errors import UnsupportedSpell
from generator.events import Picture
from generator.source_pixels import as_image, as_picture
from prompts.errors import near_hint, near_names
from prompts.upscale import Upscale, sizes

if TYPE_CHECKING:
    from generator.models.upscaler_network import UpscalerNetworks

_FILTERS = MappingProxyType({"Lanczos": Image.Resampling.LANCZOS, "Nearest": Image.Resampling.NEAREST})
PIXEL_FILTERS = tuple(_FILTERS)
"""A1111's names of the upscalers that need no network."""


@dataclass(frozen=True, slots=True)
class Enlarger:
    """Makes pictures larger. Blocking, and one call at a time."""

    networks: Callable[[], UpscalerNetworks]
    """Called when a name is neither Lanczos nor Nearest; may load torch."""

    def enlarge(self, picture: Picture, upscale: Upscale) -> Picture:
        """The picture, larger.

        Raises:
            SpellOutOfRange: See `prompts.upscale.sizes`.
            UnsupportedSpell: There is no upscaler of that name; with near ones.
            ModelRefused: The network is there but cannot be used.
        """
        image = as_image(picture)
        large, finished = sizes(upscale, image.size)
        result = self._by(image, upscale.upscaler, large)
        if upscale.second is not None and upscale.second_visibility > 0:
            result = Image.blend(result, self._by(image, upscale.second, large), upscale.second_visibility)
        if finished != large:
            left, top = (large[0] - finished[0]) // 2, (large[1] - finished[1]) // 2
            result = result.crop((left, top, left + finished[0], top + finished[1]))
        return as_picture(result)

    def _by(self, image: Image.Image, name: str, size: tuple[int, int]) -> Image.Image:
        plain = next((own for own in _FILTERS if own.casefold() == name.casefold()), None)
        if plain is not None:
            return image.resize(size, _FILTERS[plain])
        networks = self.networks()
        network = networks.find(name)
        if network is None:
            known = [*_FILTERS, *networks.names()]
            raise UnsupportedSpell(
                f"There is no upscaler called {name!r} here.{near_hint(near_names(name, known))} Networks go to the "
                "folder of upscalers as .safetensors.",
                field="upscaler",
                got=name,
                near=known,
            ).with_code("upscaler_not_found")
        # Only networks need torch, and the web process must do without it.
        from generator.img2img import pixels_of  # noqa: PLC0415
        from generator.preview import to_picture  # noqa: PLC0415

        covered = as_image(to_picture(network.cover(pixels_of(image), size).clamp(0, 1)))
        return covered if covered.size == size else covered.resize(size, Image.Resampling.LANCZOS)
