"""Command line of the training."""

from __future__ import annotations

import argparse
import dataclasses
import logging
import sys
from pathlib import Path

import platformdirs

from generator.demo.train.stages import STAGES, run_stage
from generator.demo.train.workspace import SMOKE, TIER_A, Workspace


def main(arguments: list[str] | None = None) -> int:
    """Run one stage, or all of them with `all`."""
    parser = argparse.ArgumentParser(prog="python -m generator.demo.train", description=__doc__)
    parser.add_argument("stage", choices=[*STAGES, "all"])
    parser.add_argument("--smoke", action="store_true", help="a training of seconds, to see that every stage runs")
    parser.add_argument("--minutes", type=float, help="training time of the stage, counted over all its resumptions")
    parser.add_argument("--concepts", type=int, help="take only the first N concepts")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="work files; the user's cache folder unless said otherwise")
    parser.add_argument("--warm", type=Path, help="folder of an earlier training to start the networks from")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stderr)
    plan = SMOKE if options.smoke else TIER_A
    if options.concepts:
        plan = dataclasses.replace(plan, concepts=options.concepts)
    folder = options.folder or platformdirs.user_cache_path("spellwright") / "train"
    workspace = Workspace(folder / ("smoke" if options.smoke else "tier-a"), plan, options.warm)
    for stage in STAGES if options.stage == "all" else [options.stage]:
        run_stage(stage, workspace, options.minutes, options.threads)
    return 0


if __name__ == "__main__":
    sys.exit(main())
