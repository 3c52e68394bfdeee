from __future__ import annotations

import gzip
import io
import json
import random
from collections.abc import Callable

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from prompts import HiresFix, Lora, Params, Spell
from prompts.errors import MetadataError
from prompts.metadata import Reading, Resource, read, read_infotext, read_spell, read_text, resources, write_infotext

Picture = Callable[..., bytes]

COMFYUI = {
    "3": {
        "class_type": "KSampler",
        "inputs": {
            "seed": 156680208700286,
            "steps": 20,
            "cfg": 8,
            "sampler_name": "dpmpp_2m_sde_gpu",
            "scheduler": "karras",
            "denoise": 1,
            "model": ["10", 0],
            "positive": ["6", 0],
            "negative": ["7", 0],
            "latent_image": ["5", 0],
        },
    },
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "SD1.5\\v1-5-pruned.safetensors"}},
    "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 512, "height": 768, "batch_size": 1}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": ["20", 0], "clip": ["11", 0]}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "text, (watermark:1.3)", "clip": ["11", 0]}},
    "8": {"class_type": "VAEDecode", "inputs": {"samples": ["12", 0], "vae": ["13", 0]}},
    "9": {"class_type": "SaveImage", "inputs": {"images": ["8", 0]}},
    "10": {
        "class_type": "LoraLoader",
        "inputs": {
            "lora_name": "style/ink.safetensors",
            "strength_model": 0.8,
            "strength_clip": 0.5,
            "model": ["4", 0],
            "clip": ["4", 1],
        },
    },
    "11": {"class_type": "CLIPSetLastLayer", "inputs": {"stop_at_clip_layer": -2, "clip": ["10", 1]}},
    "12": {
        "class_type": "KSampler",
        "inputs": {
            "seed": 1,
            "steps": 14,
            "cfg": 8,
            "sampler_name": "dpmpp_2m_sde_gpu",
            "scheduler": "karras",
            "denoise": 0.5,
            "model": ["10", 0],
            "positive": ["6", 0],
            "negative": ["7", 0],
            "latent_image": ["14", 0],
        },
    },
    "13": {"class_type": "VAELoader", "inputs": {"vae_name": "mse.safetensors"}},
    "14": {"class_type": "LatentUpscaleBy", "inputs": {"scale_by": 1.5, "samples": ["3", 0]}},
    "20": {"class_type": "PrimitiveString", "inputs": {"value": "a [glass] bottle, ((galaxy:1.4))"}},
}
COMFYUI_SPELL = Spell(
    prompt=r"a \[glass\] bottle, (galaxy:1.4)",
    negative_prompt="text, (watermark:1.3)",
    loras=(Lora("ink", 0.5, 0.8),),
    params=Params(
        steps=20,
        sampler="DPM++ 2M SDE",
        schedule_type="Karras",
        cfg_scale=8.0,
        seed=156680208700286,
        width=512,
        height=768,
        clip_skip=2,
        checkpoint="v1-5-pruned",
        vae="mse.safetensors",
        hires=HiresFix(1.5, None, 14, 0.5),
    ),
    extra=(("RNG", "CPU"),),
)
NOVELAI = {
    "prompt": "{{1girl}}, [rain]",
    "uc": "lowres",
    "steps": 28,
    "sampler": "k_euler_ancestral",
    "scale": 11.0,
    "seed": 4081239184,
    "width": 512,
    "height": 768,
    "noise_schedule": "karras",
    "strength": 0.7,
}
NOVELAI_PARAMS = Params(28, "Euler a", "Karras", 11.0, 4081239184, 512, 768, 2)


def with_texts(picture: Picture, texts: dict[str, str], mode: str = "RGB") -> bytes:
    info = PngInfo()
    for key, value in texts.items():
        info.add_text(key, value)
    return picture("PNG", mode=mode, pnginfo=info)


def reading(data: bytes) -> Reading:
    found = read(data)
    assert found is not None
    return found


def test_a_comfyui_graph_is_walked_back_to_a_spell(picture: Picture) -> None:
    found = reading(with_texts(picture, {"prompt": json.dumps(COMFYUI), "workflow": "{}"}))
    assert (found.tool, found.spell) == ("ComfyUI", COMFYUI_SPELL)
    assert any("CPU" in note for note in found.approximations)


def test_a_comfyui_webp_says_it_in_labelled_exif(picture: Picture) -> None:
    exif = Image.Exif()
    exif[0x0110] = "prompt:" + json.dumps(COMFYUI)
    exif[0x010F] = 'workflow:{"nodes": []}'
    assert reading(picture("WEBP", exif=exif)).spell == COMFYUI_SPELL


def test_a_custom_sampler_graph_is_read_from_its_parts() -> None:
    graph = {
        "1": {"class_type": "UNETLoader", "inputs": {"unet_name": "flux1-dev.safetensors"}},
        "2": {"class_type": "CLIPTextEncode", "inputs": {"text": "a cat", "clip": ["9", 0]}},
        "3": {"class_type": "FluxGuidance", "inputs": {"guidance": 3.5, "conditioning": ["2", 0]}},
        "4": {"class_type": "BasicGuider", "inputs": {"model": ["1", 0], "conditioning": ["3", 0]}},
        "5": {"class_type": "KSamplerSelect", "inputs": {"sampler_name": "euler"}},
        "6": {"class_type": "BasicScheduler", "inputs": {"scheduler": "simple", "steps": 25, "denoise": 1}},
        "7": {"class_type": "RandomNoise", "inputs": {"noise_seed": 7}},
        "8": {"class_type": "EmptySD3LatentImage", "inputs": {"width": 1024, "height": 1024}},
        "10": {
            "class_type": "SamplerCustomAdvanced",
            "inputs": {
                "noise": ["7", 0],
                "guider": ["4", 0],
                "sampler": ["5", 0],
                "sigmas": ["6", 0],
                "latent_image": ["8", 0],
            },
        },
    }
    spell = read_text(json.dumps(graph)).spell
    assert spell.prompt == "a cat"
    assert spell.params == Params(25, "Euler", "Simple", None, 7, 1024, 1024, checkpoint="flux1-dev")


def test_a_graph_that_runs_in_circles_ends() -> None:
    graph = {
        "1": {"class_type": "KSampler", "inputs": {"positive": ["2", 0], "latent_image": ["1", 0], "model": ["3", 0]}},
        "2": {"class_type": "ConditioningCombine", "inputs": {"conditioning_1": ["2", 0], "conditioning_2": ["4", 0]}},
        "3": {"class_type": "LoraLoader", "inputs": {"lora_name": "a", "model": ["3", 0]}},
        "4": {"class_type": "CLIPTextEncode", "inputs": {"text": ["5", 0], "clip": ["4", 0]}},
        "5": {"class_type": "Reroute", "inputs": {"text": ["5", 0]}},
    }
    assert read_text(json.dumps(graph)).spell.loras == (Lora("a"),)


def test_a_nan_in_a_graph_is_no_obstacle() -> None:
    text = json.dumps(COMFYUI).replace('"denoise": 1,', '"denoise": 1, "is_changed": NaN,')
    assert read_text(text).spell == COMFYUI_SPELL


def test_novelai_is_read_from_its_comment(picture: Picture) -> None:
    texts = {"Software": "NovelAI", "Description": "x", "Comment": json.dumps(NOVELAI), "Source": "SD 1"}
    found = reading(with_texts(picture, texts))
    assert (found.tool, found.spell.prompt, found.spell.negative_prompt) == (
        "NovelAI",
        "(1girl:1.1025), (rain:0.9524)",
        "lowres",
    )
    assert found.spell.params == NOVELAI_PARAMS
    assert found.spell.extra == (("ENSD", "31337"), ("strength", "0.7"), ("Source", "SD 1"))


def hide(text: bytes, magic: bytes, mode: str, size: tuple[int, int] = (64, 200)) -> bytes:
    """A PNG with `text` in its lowest bits, column by column."""
    bits = "".join(f"{byte:08b}" for byte in magic + (len(text) * 8).to_bytes(4, "big") + text)
    channels = 1 if b"png" in magic else 3
    image = Image.effect_noise(size, 80).convert(mode)
    pixels = image.load()
    assert pixels is not None
    at = 0
    for x in range(size[0]):
        for y in range(size[1]):
            values = list(pixels[x, y])
            for channel in [3] if channels == 1 else [0, 1, 2]:
                if at < len(bits):
                    values[channel] = values[channel] & ~1 | int(bits[at])
                    at += 1
            pixels[x, y] = tuple(values)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


HIDDEN = json.dumps({"Software": "NovelAI", "Comment": json.dumps(NOVELAI)}).encode()


@pytest.mark.parametrize(
    ("magic", "body", "mode"),
    [
        (b"stealth_pnginfo", HIDDEN, "RGBA"),
        (b"stealth_pngcomp", gzip.compress(HIDDEN), "RGBA"),
        (b"stealth_rgbinfo", HIDDEN, "RGB"),
        (b"stealth_rgbcomp", gzip.compress(HIDDEN), "RGBA"),
    ],
)
def test_text_hidden_in_the_lowest_bits_is_found(magic: bytes, body: bytes, mode: str) -> None:
    found = reading(hide(body, magic, mode))
    assert (found.tool, found.spell.params) == ("NovelAI", NOVELAI_PARAMS)


def test_a_hidden_infotext_is_read_too() -> None:
    found = reading(hide(b"a cat\nSteps: 20, Sampler: Euler a, Seed: 1", b"stealth_pnginfo", "RGBA"))
    assert found.spell == Spell("a cat", params=Params(20, "Euler a", seed=1))


def test_a_hidden_bomb_is_refused() -> None:
    packed = gzip.compress(bytes(8 << 20))
    with pytest.raises(MetadataError) as caught:
        read(hide(packed, b"stealth_pngcomp", "RGBA", (400, 300)))
    assert caught.value.stable_code == "metadata_too_large"


def test_invokeai_is_read_with_its_own_weights(picture: Picture) -> None:
    values = {
        "generation_mode": "txt2img",
        "positive_prompt": "a (red)1.3 cat++",
        "negative_prompt": "blurry",
        "width": 640,
        "height": 512,
        "seed": 9,
        "cfg_scale": 7.5,
        "steps": 30,
        "scheduler": "dpmpp_2m_k",
        "clip_skip": 1,
        "model": {"name": "Deliberate", "hash": "blake3:ab"},
        "loras": [{"model": {"name": "ink"}, "weight": 0.7}],
        "vae": {"name": "mse"},
    }
    found = reading(with_texts(picture, {"invokeai_metadata": json.dumps(values)}))
    assert found.tool == "InvokeAI"
    assert found.spell == Spell(
        "a (red:1.3) (cat:1.21)",
        "blurry",
        (Lora("ink", 0.7),),
        Params(30, "DPM++ 2M", "Karras", 7.5, 9, 640, 512, 2, "Deliberate", vae="mse"),
        (("generation_mode", "txt2img"), ("InvokeAI model hash", "blake3:ab")),
    )


def test_older_invokeai_pictures_are_read(picture: Picture) -> None:
    legacy = {"model_weights": "sd-1.5", "image": {"prompt": [{"prompt": "a cat [bad]"}], "steps": 50, "seed": 3}}
    found = reading(with_texts(picture, {"sd-metadata": json.dumps(legacy)}))
    assert found.spell == Spell("a cat", "bad", params=Params(steps=50, seed=3, checkpoint="sd-1.5"))
    dream = reading(with_texts(picture, {"Dream": '"a cat" -s 50 -S 42 -W 512 -H 640 -C 7.5 -A k_lms -G 0.8'}))
    assert dream.spell == Spell("a cat", "", (), Params(50, "LMS", None, 7.5, 42, 512, 640), (("-G", "0.8"),))


FOOOCUS = {
    "prompt": "a cat",
    "negative_prompt": "",
    "styles": "['Fooocus V2']",
    "steps": 30,
    "resolution": "(1152, 896)",
    "guidance_scale": 4.0,
    "base_model": "juggernautXL",
    "base_model_hash": "aeb7e9e689",
    "sampler": "dpmpp_2m_sde_gpu",
    "scheduler": "karras",
    "seed": "8117234",
    "clip_skip": 2,
    "loras": [["offset.safetensors", 0.1, "4852686128"]],
    "lora_combined_1": "offset.safetensors : 0.1",
    "version": "Fooocus v2.5.0",
}


def test_fooocus_is_read_from_its_own_scheme(picture: Picture) -> None:
    found = reading(with_texts(picture, {"parameters": json.dumps(FOOOCUS), "fooocus_scheme": "fooocus"}))
    assert found.tool == "Fooocus"
    assert found.spell.loras == (Lora("offset", 0.1),)
    assert found.spell.params == Params(
        30, "DPM++ 2M SDE", "Karras", 4.0, 8117234, 1152, 896, 2, "juggernautXL", "aeb7e9e689"
    )
    assert dict(found.spell.extra)["styles"] == "['Fooocus V2']"


def test_fooocus_in_the_a1111_scheme_is_read_as_infotext(picture: Picture) -> None:
    found = reading(with_texts(picture, {"parameters": "a\nSteps: 3, Seed: 4", "fooocus_scheme": "a1111"}))
    assert (found.tool, found.spell) == ("Fooocus", Spell("a", params=Params(steps=3, seed=4)))


def test_civitai_s_own_generator_is_read(picture: Picture) -> None:
    meta = {"prompt": "a <lora:x:0.5>", "negativePrompt": "b", "steps": 25, "cfgScale": 7, "sampler": "Euler a"}
    comment = json.dumps({"extra": {"airs": []}, "extraMetadata": json.dumps(meta | {"seed": 5, "clipSkip": 2})})
    found = reading(write_infotext(picture("JPEG"), comment))
    assert found.tool == "Civitai"
    assert found.spell == Spell("a", "b", (Lora("x", 0.5),), Params(25, "Euler a", None, 7.0, 5, clip_skip=2))


def test_draw_things_is_read_from_xmp(picture: Picture) -> None:
    values = {"c": "a “cat” & dog", "uc": "bad", "steps": 20, "scale": 7.5, "seed": 11, "size": "512x768"}
    values |= {"sampler": "DPM++ 2M Karras", "model": "sd_v1.5_f16.ckpt", "lora": [{"model": "ink", "weight": 0.6}]}
    escaped = json.dumps(values).replace("&", "&amp;").replace('"', "&quot;")
    xmp = f"<x:xmpmeta><exif:UserComment><rdf:Alt><rdf:li>{escaped}</rdf:li></rdf:Alt></exif:UserComment></x:xmpmeta>"
    found = reading(with_texts(picture, {"XML:com.adobe.xmp": xmp}))
    assert found.tool == "Draw Things"
    assert found.spell.prompt == "a “cat” & dog"
    assert found.spell.loras == (Lora("ink", 0.6),)
    assert found.spell.params == Params(20, "DPM++ 2M", "Karras", 7.5, 11, 512, 768, checkpoint="sd_v1.5_f16.ckpt")
    body = b"http://ns.adobe.com/xap/1.0/\0" + xmp.encode()
    jpeg = picture("JPEG")
    jpeg = jpeg[:2] + b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body + jpeg[2:]
    assert reading(jpeg).spell == found.spell


@pytest.mark.parametrize(
    ("line", "tool"),
    [
        ("Version: v1.9.0", "A1111"),
        ("Version: f2.0.1v1.10.1-previous-1-g1", "Forge"),
        ("App: SD.Next, Version: 1a2b", "SD.Next"),
        ('Civitai resources: [{"type":"lora"}]', "Civitai"),
    ],
)
def test_the_writer_of_an_infotext_is_told_by_its_keys(line: str, tool: str, picture: Picture) -> None:
    assert reading(with_texts(picture, {"parameters": f"a\nSteps: 3, Seed: 4, {line}"})).tool == tool


def test_a_picture_s_spell_is_read_whatever_program_wrote_it(picture: Picture) -> None:
    assert read_spell(with_texts(picture, {"prompt": json.dumps(COMFYUI)})) == COMFYUI_SPELL
    fooocus = with_texts(picture, {"parameters": json.dumps(FOOOCUS), "fooocus_scheme": "fooocus"})
    assert read_infotext(fooocus) is None
    assert read_spell(fooocus) is not None
    assert read_spell(with_texts(picture, {"prompt": '{"1": {"class_type": "X"}}'})) is None


def test_a_picture_without_metadata_says_nothing(picture: Picture) -> None:
    assert [read(picture(kind)) for kind in ("PNG", "JPEG", "WEBP")] == [None] * 3
    assert read(picture("PNG", mode="RGBA")) is None


@pytest.mark.parametrize("values", [COMFYUI, NOVELAI, FOOOCUS])
def test_json_can_be_pasted_as_text(values: dict[str, object]) -> None:
    assert read_text(json.dumps(values)).spell.params.steps in (20, 28, 30)


def test_a_plain_prompt_can_be_pasted() -> None:
    assert read_text("a cat").spell == Spell("a cat")
    assert read_text("{a|b} cat").spell == Spell("{a|b} cat")


def test_resources_are_collected_from_every_place() -> None:
    spell = read_text(
        "a\nSteps: 3, Seed: 4, VAE: m.pt, VAE hash: 12ab, "
        'Lora hashes: "ink: 0a1b, oil: 2c3d", TI hashes: "easy: 4e5f", '
        'Hashes: {"model":"aa","lora:ink":"bb"}, '
        'Civitai resources: [{"type":"lora","weight":0.66,"modelVersionId":5,"modelName":"Ink","air":"urn:air:x"}]'
    ).spell
    assert resources(spell) == (
        Resource("vae", "m.pt", "12ab"),
        Resource("lora", "ink", "0a1b"),
        Resource("lora", "oil", "2c3d"),
        Resource("embedding", "easy", "4e5f"),
        Resource("checkpoint", None, "aa"),
        Resource("lora", "ink", "bb"),
        Resource("lora", "Ink", None, 0.66, 5, "urn:air:x"),
    )


def test_json_of_any_shape_is_read_without_an_error() -> None:
    source = random.Random(3)
    odd = [None, True, -1, 1e300, "", "x", [], {}, ["3", 0], [["a"]], {"class_type": 5}, "9" * 30, ["missing", 0]]
    for values in (COMFYUI, NOVELAI, FOOOCUS):
        text = json.dumps(values)
        for _ in range(400):
            changed = json.loads(text)
            target = changed
            while source.random() < 0.7 and any(isinstance(v, dict) and v for v in target.values()):
                target = source.choice([v for v in target.values() if isinstance(v, dict) and v])
            target[source.choice(list(target))] = source.choice(odd)
            read_text(json.dumps(changed))
