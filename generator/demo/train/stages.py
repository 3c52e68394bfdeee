"""The stages in their order."""

from __future__ import annotations

import importlib
import logging
from typing import Any

from generator.demo.train.workspace import SMOKE, Workspace

_log = logging.getLogger(__name__)
#: stage: (module, function, minutes of training by default; 0 where the stage trains nothing)
STAGES: dict[str, tuple[str, str, float]] = {
    "data": ("data", "make_data", 0.0),
    "vae": ("vae", "train_vae", 12.0),
    "clip": ("clip", "train_clip", 12.0),
    "unet": ("unet", "train_unet", 90.0),
    "vision": ("clip", "train_vision", 10.0),
    "decoder": ("vae", "train_decoder", 15.0),
    "lora": ("lora", "train_lora", 8.0),
    "export": ("export", "export_family", 0.0),
    "card": ("card", "write_card", 0.0),
}
_SMOKE_MINUTES = 0.05


def run_stage(stage: str, workspace: Workspace, minutes: float | None, threads: int) -> None:
    """Run one stage.

    Args:
        stage: A key of `STAGES`.
        workspace: Where.
        minutes: Training time over all resumptions; the stage's own default for `None`.
        threads: CPU threads of torch.
    """
    module_name, function_name, default = STAGES[stage]
    # Stages are imported when they run: reading the help needs no torch.
    module: Any = importlib.import_module(f"generator.demo.train.{module_name}")
    stage_function = getattr(module, function_name)
    _log.info("stage %s in %s", stage, workspace.root)
    if default == 0.0:
        stage_function(workspace)
        return
    torch: Any = importlib.import_module("torch")
    torch.set_num_threads(threads)
    torch.manual_seed(workspace.plan.seed)
    chosen = minutes if minutes is not None else default
    stage_function(workspace, _SMOKE_MINUTES if workspace.plan == SMOKE else chosen)
