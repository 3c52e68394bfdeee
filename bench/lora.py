"""Switching LoRAs: this engine's rebuild from pristine weights beside diffusers' load, fuse, unfuse, unload.

    python bench/lora.py [--switches 200] [--peer-switches 20] [--rank 8] [--threads 1]

Ten kohya LoRAs on every attention projection of the UNet and the text encoder of the demo family. diffusers (with peft,
`pip install peft`) is handed the tensors from memory, so that no disk is timed. Times are processor time. The run is
void, and the script ends with status 1, when the switched weights differ by more than 1e-4 or anything is left behind.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

TOLERANCE = 1e-4
COUNT = 10


def make_loras(checkpoint: Any, rank: int, folder: Path) -> dict[str, dict[str, Any]]:
    """Ten LoRAs as files in `folder`, and their tensors by name."""
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(0)
    found = {}
    for number in range(COUNT):
        tensors: dict[str, Any] = {}
        networks = (("lora_unet_", checkpoint.unet), ("lora_te_text_model_", checkpoint.text_encoder))
        for prefix, network in networks:
            for name, module in network.named_modules():
                if isinstance(module, torch.nn.Linear) and ("attn" in name):
                    stem = prefix + name.replace(".", "_")
                    tensors[f"{stem}.lora_down.weight"] = torch.randn(rank, module.in_features) * 0.05
                    tensors[f"{stem}.lora_up.weight"] = torch.randn(module.out_features, rank) * 0.05
                    tensors[f"{stem}.alpha"] = torch.tensor(float(rank) / 2)
        save_file(tensors, folder / f"lora{number}.safetensors", {"ss_base_model_version": "sd_v1"})
        found[f"lora{number}"] = tensors
    return found


def ours(resident: Any, switches: int) -> dict[str, Any]:
    """Switches among the ten, each with the text encoder; then all dropped."""
    from generator.models.lora import lora_uses

    files = [resident.lora(f"lora{number}") for number in range(COUNT)]
    before = {k: v.clone() for k, v in _weights(resident).items()}
    start = time.process_time()
    for i in range(switches):
        uses = lora_uses([(files[i % COUNT], 0.8)])
        resident.set_unet_loras(uses)
        resident.set_text_loras(uses)
    seconds = time.process_time() - start
    switched = {k: v.clone() for k, v in _weights(resident).items()}
    resident.set_unet_loras(())
    resident.set_text_loras(())
    drift = max(float((before[k] - v).abs().max()) for k, v in _weights(resident).items())
    return {"ms_each": 1000 * seconds / switches, "drift": drift, "switched": switched, "last": (switches - 1) % COUNT}


def peers(pipeline: Any, loras: dict[str, dict[str, Any]], switches: int, last: int) -> dict[str, Any]:
    """diffusers: load, set the strength, fuse; then unfuse and unload."""
    before = {k: v.clone() for k, v in _pipeline_weights(pipeline).items()}
    times, fused = [], {}
    order = [i % COUNT for i in range(switches - 1)] + [last]
    for number in order:
        start = time.process_time()
        pipeline.load_lora_weights(dict(loras[f"lora{number}"]), adapter_name="x")
        pipeline.fuse_lora(lora_scale=0.8)
        middle = time.process_time()
        if number == last:
            fused = {k: v.clone() for k, v in _pipeline_weights(pipeline).items()}
        resumed = time.process_time()
        pipeline.unfuse_lora()
        pipeline.unload_lora_weights()
        times.append(middle - start + time.process_time() - resumed)
    after = _pipeline_weights(pipeline)
    drift = max(float((before[k] - after[k]).abs().max()) for k in before)
    return {"ms_each": 1000 * statistics.median(times), "drift": drift, "fused": fused}


def _weights(resident: Any) -> dict[str, Any]:
    parts = (("unet", resident.checkpoint.unet), ("text", resident.checkpoint.text_encoder))
    return {f"{part}.{k}": v for part, network in parts for k, v in network.state_dict().items()}


def _pipeline_weights(pipeline: Any) -> dict[str, Any]:
    parts = (("unet", pipeline.unet), ("text", pipeline.text_encoder))
    found = {f"{part}.{k}": v for part, network in parts for k, v in network.state_dict().items()}
    return {k.replace(".base_layer", "").replace("text.text_model.", "text."): v for k, v in found.items()}


def main() -> int:
    """Run it; 0 when the weights agree and nothing is left behind."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    for flag, default in (("switches", 200), ("peer-switches", 20), ("rank", 8), ("threads", 1)):
        parser.add_argument(f"--{flag}", type=int, default=default)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    from prompts.torch_guard import ensure_torchvision

    ensure_torchvision()
    import torch
    from diffusers import StableDiffusionPipeline

    from generator.config import ModelFolders
    from generator.demo.family import find_family
    from generator.device import Compute
    from generator.models.catalogue import Catalogue
    from generator.models.resident import Resident, open_checkpoint

    torch.set_num_threads(options.threads)
    family = find_family(Path(tempfile.gettempdir()) / "spellwright-bench")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        shelf = Catalogue(ModelFolders(folder / "none", folder, (("bench", family.checkpoint),)))
        resident = Resident(open_checkpoint(shelf.checkpoint("bench"), Compute.resolve("cpu", "float32")), shelf)
        loras = make_loras(resident.checkpoint, options.rank, folder)
        shelf.refresh()
        pipeline = StableDiffusionPipeline.from_pretrained(family.checkpoint, safety_checker=None)
        pipeline.to(dtype=torch.float32)
        own = ours(resident, options.switches)
        peer = peers(pipeline, loras, options.peer_switches, own["last"])
    common = [k for k in own["switched"] if k in peer["fused"]]
    difference = max(float((own["switched"][k] - peer["fused"][k]).abs().max()) for k in common)
    told = {
        "family": family.kind,
        "modules": len(loras["lora0"]) // 3,
        "weights_compared": len(common),
        "ours_ms_each": round(own["ms_each"], 2),
        "diffusers_ms_each": round(peer["ms_each"], 2),
        "times_faster": round(peer["ms_each"] / own["ms_each"], 1),
        "ours_drift": own["drift"],
        "diffusers_drift": peer["drift"],
        "worst_weight_difference": difference,
    }
    print(json.dumps(told, indent=1))
    is_equal = own["drift"] == 0.0 and difference <= TOLERANCE and len(common) > 0
    if not is_equal:
        print("VOID: weights differ or are left behind", file=sys.stderr)
    return 0 if is_equal else 1


if __name__ == "__main__":
    sys.exit(main())
