"""Parameters of every kind, pasted."""

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from prompts.metadata import png_with_infotext

pytestmark = pytest.mark.browser

TAIL = "Steps: 11, Sampler: Euler a, CFG scale: 6, Seed: 5, Size: 64x64"
COMFYUI = {
    "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "m.safetensors"}},
    "2": {"class_type": "CLIPTextEncode", "inputs": {"text": "a cat in rain", "clip": ["1", 1]}},
    "3": {"class_type": "CLIPTextEncode", "inputs": {"text": "bad", "clip": ["1", 1]}},
    "4": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 64, "batch_size": 1}},
    "5": {
        "class_type": "KSampler",
        "inputs": {
            "seed": 5, "steps": 12, "cfg": 6, "sampler_name": "euler", "scheduler": "karras", "denoise": 1,
            "model": ["1", 0], "positive": ["2", 0], "negative": ["3", 0], "latent_image": ["4", 0],
        },
    },
}  # fmt: skip
NOVELAI = {
    "prompt": "a cat in rain", "uc": "bad", "steps": 13, "scale": 6, "seed": 5, "sampler": "k_euler", "width": 64,
    "height": 64, "strength": 0.7, "noise": 0.2,
}  # fmt: skip
FOOOCUS = {
    "prompt": "a cat in rain", "negative_prompt": "", "styles": "[]", "steps": 14, "resolution": "(64, 64)",
    "seed": "5", "guidance_scale": 4.0, "base_model": "m", "sampler": "dpmpp_2m_sde_gpu", "scheduler": "karras",
    "version": "Fooocus v2.5.0",
}  # fmt: skip
INVOKEAI = {
    "positive_prompt": "a cat in rain", "negative_prompt": "bad", "steps": 15, "cfg_scale": 6, "seed": 5,
    "scheduler": "euler", "width": 64, "height": 64, "app_version": "4.2.0", "model": {"name": "m"},
}  # fmt: skip
CIVITAI = {
    "extra": {},
    "extraMetadata": json.dumps({"prompt": "a cat in rain", "steps": 16, "sampler": "Euler a", "seed": 5}),
}
KINDS = {
    "A1111": (f"a cat in rain\nNegative prompt: bad\n{TAIL}", "11"),
    "A1111 before 1.9": (f"a cat in rain\n{TAIL.replace('Euler a', 'DPM++ 2M Karras')}", "11"),
    "Forge": (f"a cat in rain\n{TAIL}, Version: f2.0.1v1.10.1", "11"),
    "SD.Next": (f"a cat in rain\n{TAIL}, Parser: a1111, App: SD.Next", "11"),
    "Civitai": (f'a cat in rain\n{TAIL}, Civitai resources: [{{"type":"checkpoint","modelName":"m"}}]', "11"),
    "Civitai's generator": (json.dumps(CIVITAI), "16"),
    "ComfyUI": (json.dumps(COMFYUI), "12"),
    "NovelAI": (json.dumps(NOVELAI), "13"),
    "Fooocus": (json.dumps(FOOOCUS), "14"),
    "InvokeAI": (json.dumps(INVOKEAI), "15"),
    "a prompt": ("a cat in rain", ""),
}


def test_eleven_kinds_of_text_are_pasted_and_read(bench: Any) -> None:
    page = bench.open()
    page.fill("#paste", KINDS["A1111"][0])
    page.click("#paste-send")
    page.wait_for_selector("#origin")
    for kind, (text, steps) in KINDS.items():
        page.click("#paste-open")
        page.fill("#paste-text", text)
        page.click("#paste-go")
        expect(page.locator("dialog")).to_have_count(0)
        expect(page.locator("#prompt"), kind).to_have_value("a cat in rain")
        expect(page.locator("#steps"), kind).to_have_value(steps)


def test_parameters_and_pictures_are_pasted_anywhere(bench: Any) -> None:
    page = bench.open()
    paste = """([text, bytes]) => {
      const data = new DataTransfer();
      if (text) data.setData("text/plain", text);
      if (bytes) data.items.add(new File([new Uint8Array(bytes)], "a.png", {type: "image/png"}));
      document.body.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true}));
    }"""
    page.evaluate(paste, [KINDS["A1111"][0], None])
    expect(page.locator("#steps")).to_have_value("11")
    carried = png_with_infotext(64, 64, bytes(64 * 64 * 3), f"a dog\n{TAIL.replace('11', '17')}")
    page.evaluate(paste, [None, list(carried)])
    expect(page.locator("#steps")).to_have_value("17")
    expect(page.locator("#prompt")).to_have_value("a dog")


def clipboard_after(page: Page, old: str) -> str:
    """What is in the clipboard when it is no longer `old`."""
    for _ in range(400):
        text = str(page.evaluate("navigator.clipboard.readText()"))
        if text != old:
            return text
        page.wait_for_timeout(50)
    raise AssertionError("nothing was copied")


def test_a_spell_is_copied_for_every_tool(bench: Any) -> None:
    page = bench.write("a (cat:1.2), rain")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    copied = {}
    for name in ("A1111 parameters", "ComfyUI graph", "JSON", "curl"):
        page.evaluate("navigator.clipboard.writeText('nothing yet')")
        page.click("#copy")
        page.click(f"[role=menuitem]:has-text('{name}')")
        copied[name] = clipboard_after(page, "nothing yet")
    assert "Steps: 4" in copied["A1111 parameters"]
    nodes = json.loads(copied["ComfyUI graph"]).values()
    assert [n["inputs"]["steps"] for n in nodes if n["class_type"] == "KSampler"] == [4]
    assert json.loads(copied["JSON"])["prompt"] == "a (cat:1.2), rain"
    assert copied["curl"].startswith(f"curl -s {bench.url}/api/jobs") and "a (cat:1.2), rain" in copied["curl"]
