from __future__ import annotations

import hashlib
import json
import os
import struct
from pathlib import Path

import pytest

from generator.config import ModelFolders
from generator.errors import ModelRefused, VaeNotFound
from generator.models.catalogue import Catalogue
from generator.models.hashes import HashCache
from generator.testing import write_pipeline_folder
from prompts.spell import HiresFix, Lora, Spell
from service.fitting import fit_names


def safetensors(path: Path, shapes: dict[str, tuple[int, ...]], metadata: dict[str, str] | None = None) -> bytes:
    """A file of zeros in float16, written by hand; gives the bytes of its weights."""
    header: dict[str, object] = {} if metadata is None else {"__metadata__": metadata}
    at = 0
    for name, shape in shapes.items():
        size = 2
        for side in shape:
            size *= side
        header[name] = {"dtype": "F16", "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    raw = json.dumps(header).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(raw)) + raw + bytes(at))
    return bytes(at)


@pytest.fixture
def models(tmp_path: Path) -> Catalogue:
    write_pipeline_folder(tmp_path / "sd" / "base")
    safetensors(tmp_path / "loras" / "ink.safetensors", {"a.lora_down.weight": (2, 3)}, {"ss_output_name": "ink-old"})
    safetensors(tmp_path / "emb" / "bad-hands.safetensors", {"emb_params": (2, 768)})
    safetensors(tmp_path / "emb" / "xl-only.safetensors", {"clip_l": (1, 768), "clip_g": (1, 1280)})
    safetensors(tmp_path / "vae" / "kl-f8.safetensors", {"x": (1,)})
    safetensors(tmp_path / "up" / "4x-UltraSharp.safetensors", {"x": (1,)})
    return Catalogue(
        ModelFolders(
            tmp_path / "sd",
            tmp_path / "loras",
            embeddings=tmp_path / "emb",
            vaes=tmp_path / "vae",
            upscalers=tmp_path / "up",
        )
    )


def letters(text: str) -> list[int]:
    return [ord(c) for c in text.casefold()]


def test_names_become_those_of_the_files_and_their_hashes_are_written(models: Catalogue, tmp_path: Path) -> None:
    spell = Spell("a cat", "(Bad-Hands:1.2), xl-only", (Lora("ink-old", 0.5),)).evolve(
        vae="KL-F8", hires=HiresFix(upscaler="4x-ultrasharp")
    )
    fitted = fit_names(models, spell, "base", letters)
    assert fitted.loras == (Lora("ink", 0.5),)
    assert fitted.params.vae == "kl-f8.safetensors"
    assert fitted.params.hires is not None
    assert fitted.params.hires.upscaler == "4x-UltraSharp"
    whole = {n: hashlib.sha256((tmp_path / n).read_bytes()).hexdigest() for n in FILES}
    weights = hashlib.sha256(bytes(12)).hexdigest()  # of the LoRA's six float16 zeros, without the header
    assert dict(fitted.extra) == {
        "VAE hash": whole["vae/kl-f8.safetensors"][:10],
        "Lora hashes": f"ink: {weights[:12]}",
        "TI hashes": f"bad-hands: {whole['emb/bad-hands.safetensors'][:12]}",
    }


FILES = ("vae/kl-f8.safetensors", "emb/bad-hands.safetensors")


def test_hashes_of_another_machine_are_replaced_and_other_pairs_kept(models: Catalogue) -> None:
    spell = Spell("a cat", extra=(("Lora hashes", "gone: 000000000000"), ("ENSD", "31337"), ("VAE hash", "abc")))
    assert fit_names(models, spell, "base", letters).extra == (("ENSD", "31337"),)


@pytest.mark.parametrize("vae", ["Automatic", "None", "", None])
def test_the_checkpoints_own_vae_needs_no_file(models: Catalogue, vae: str | None) -> None:
    assert fit_names(models, Spell("a").evolve(vae=vae), "base", letters).params.vae == vae


def test_an_unknown_vae_is_refused_before_a_job_is_made(models: Catalogue) -> None:
    with pytest.raises(VaeNotFound) as missing:
        fit_names(models, Spell("a").evolve(vae="kl-f9"), "base", letters)
    assert missing.value.facts["near"] == ["kl-f8"]


def with_nan(path: Path, at: int = -2) -> None:
    data = bytearray(path.read_bytes())
    data[at:] = b"\x00\x7e"  # float16: not a number
    path.write_bytes(bytes(data))


@pytest.mark.parametrize(
    ("file", "spell"),
    [
        ("loras/ink.safetensors", Spell("a cat", loras=(Lora("ink", 0.5),))),
        ("emb/bad-hands.safetensors", Spell("a cat", "bad-hands")),
        ("vae/kl-f8.safetensors", Spell("a cat").evolve(vae="kl-f8")),
    ],
)
def test_weights_that_are_no_numbers_are_refused_before_a_job_is_made_and_then_listed_so(
    models: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, spell: Spell
) -> None:
    models.refresh()
    assert fit_names(models, spell, "base", letters)
    with_nan(tmp_path / file)
    models.refresh()
    with pytest.raises(ModelRefused, match="weights that are not numbers") as refused:
        fit_names(models, spell, "base", letters)
    assert refused.value.stable_code == "model_not_finite"
    monkeypatch.setattr("generator.models.hashes.first_not_finite", lambda _: pytest.fail("the file is read again"))
    models.refresh()
    listed = [e for e in (*models.loras(), *models.embeddings(), *models.vaes()) if e.kind == "refused"]
    assert [(e.path, e.refusal_code) for e in listed] == [(tmp_path / file, "model_not_finite")]


def test_the_verdict_on_a_file_is_that_of_its_bytes_and_is_remembered_across_starts(
    models: Catalogue, tmp_path: Path
) -> None:
    remembered, folders = tmp_path / "hashes.json", ModelFolders(tmp_path / "sd", tmp_path / "loras")
    file = tmp_path / "loras" / "ink.safetensors"
    good = file.read_bytes()
    with_nan(file)
    with pytest.raises(ModelRefused):
        Catalogue(folders, HashCache(remembered)).check_numbers(models.lora("ink"))
    again = Catalogue(folders, HashCache(remembered))
    assert [e.refusal_code for e in again.loras()] == ["model_not_finite"]
    file.write_bytes(good)
    os.utime(file, ns=(1, 1))
    again.refresh()
    assert [e.kind for e in again.loras()] == ["file"]
    again.check_numbers(again.lora("ink"))
