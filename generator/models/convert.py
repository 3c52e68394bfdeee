"""`.ckpt` and `.pt` to `.safetensors`, in a process of its own that can do no harm.

The child gets no environment, no standard input and limits on memory and time, and unpickles with torch's
restricted loader (`weights_only=True`), which refuses anything but tensors and plain containers. The parent never
opens the pickle. Source: torch.load's documentation of `weights_only`.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from generator.errors import ModelRefused

PICKLE_SUFFIXES = (".ckpt", ".pt", ".pth", ".bin")
TIMEOUT_SECONDS = 900.0
CPU_SECONDS = 600
MEMORY_BYTES_PER_FILE_BYTE = 4
MEMORY_FLOOR_BYTES = 8 * 1024**3  # torch reserves address space generously


def convert(source: Path, target: Path) -> Path:
    """Write the tensors of the pickle `source` to the safetensors file `target` and return it.

    An existing `target` is left alone until the new file is complete.

    Raises:
        ModelRefused: code `convert_failed`; the pickle holds more than tensors, or is none.
        FileNotFoundError: There is no `source`.
    """
    if not source.is_file():
        raise FileNotFoundError(2, "No such file", str(source))
    partial = target.with_name(target.name + ".part")
    command = [sys.executable, "-I", "-m", "generator.models.convert", str(source.resolve()), str(partial.resolve())]
    keep = {name: value for name, value in os.environ.items() if name in ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT")}
    try:
        done = subprocess.run(
            command,
            env=keep,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        if done.returncode != 0 or not partial.is_file():
            last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise ModelRefused(
                f"{source.name} could not be converted: {last[:300]}. Nothing of it was kept.", file=source.name
            ).with_code("convert_failed")
        os.replace(partial, target)
    except subprocess.TimeoutExpired as slow:
        raise ModelRefused(f"{source.name} took too long to convert.", file=source.name).with_code(
            "convert_failed"
        ) from slow
    finally:
        partial.unlink(missing_ok=True)
    return target


def _child(source: Path, target: Path) -> None:
    """Load, keep the tensors, save. Runs in the limited process only."""
    _limit(source.stat().st_size)
    import torch  # noqa: PLC0415 - only the child pays for it
    from safetensors.torch import save_file  # noqa: PLC0415

    try:
        loaded = torch.load(source, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, EOFError) as refused:
        raise SystemExit(f"it holds more than tensors ({str(refused).splitlines()[0]})") from None
    except (IndexError, KeyError, ValueError, RuntimeError):
        raise SystemExit("it is no file that torch wrote") from None
    state = _tensors_inside(loaded) if isinstance(loaded, dict) else {}
    tensors = {str(k): v.detach().clone().contiguous() for k, v in state.items() if isinstance(v, torch.Tensor)}
    if not tensors:
        raise SystemExit("it holds no tensors")
    save_file(tensors, target)


def _tensors_inside(loaded: dict[str, Any]) -> dict[str, Any]:
    """Where a checkpoint, an upscaler or an embedding keeps its tensors."""
    for key in ("state_dict", "params_ema", "params"):
        if isinstance(loaded.get(key), dict):
            return dict(loaded[key])
    vectors = loaded.get("string_to_param")
    if isinstance(vectors, Mapping) and len(vectors) == 1:
        return {"emb_params": next(iter(vectors.values()))}
    return loaded


def _limit(file_bytes: int) -> None:
    try:
        import resource  # noqa: PLC0415 - not on Windows
    except ImportError:
        return
    memory = max(MEMORY_FLOOR_BYTES, MEMORY_BYTES_PER_FILE_BYTE * file_bytes)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    _child(Path(sys.argv[1]), Path(sys.argv[2]))
