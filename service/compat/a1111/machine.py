"""Memory and the small internal routes that clients use to see whether the server lives."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastapi import APIRouter

from service.api.deps import ServicesDep
from service.compat.a1111.errors import A1111Route
from service.product import PRODUCT, product_version

router = APIRouter(tags=["A1111: machine"], route_class=A1111Route)
MEMORY_FILE = Path("/proc/meminfo")
OWN_FILE = Path("/proc/self/statm")


@router.get("/sdapi/v1/memory")
async def memory(services: ServicesDep) -> dict[str, Any]:
    """Memory of the machine and the device, in bytes; `{error}` where it cannot be told."""
    return {"ram": _told(_ram), "cuda": await services.engine.run_on_device(lambda: _told(_cuda))}


@router.get("/internal/ping")
async def ping() -> dict[str, Any]:
    """An empty answer: the server lives."""
    return {}


@router.get("/internal/sysinfo", name="sysinfo")
@router.get("/internal/sysinfo-download", name="sysinfo-download")
async def sysinfo(services: ServicesDep) -> dict[str, Any]:
    """Platform, versions and the engine's state; no paths, no settings."""
    engine = services.engine.status()
    return {
        "Platform": f"{platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
        "Version": f"{PRODUCT} {product_version()}",
        "Engine": str(engine.state),
        "Running": engine.running,
    }


@router.get("/internal/profile-startup")
async def profile_startup() -> dict[str, Any]:
    """Nothing is timed at start-up."""
    return {}


@router.get("/internal/quicksettings-hint")
async def quicksettings_hint() -> list[dict[str, str]]:
    """The options that can be set."""
    return [{"name": "sd_model_checkpoint", "label": "Stable Diffusion checkpoint"}]


def _told(tell: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return tell()
    except (OSError, KeyError, ValueError, RuntimeError) as unknown:
        return {"error": f"{type(unknown).__name__}: not known on this machine"}


def _ram() -> dict[str, Any]:
    lines = (line.split() for line in MEMORY_FILE.read_text("ascii").splitlines())
    sizes = {words[0].rstrip(":"): int(words[1]) * 1024 for words in lines if len(words) > 1}
    used = int(OWN_FILE.read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return {"free": sizes["MemAvailable"], "used": used, "total": sizes["MemTotal"]}


def _cuda() -> dict[str, Any]:
    """Runs on the engine's thread, which alone may have loaded torch."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return {"error": "unavailable"}
    free, total = torch.cuda.mem_get_info()
    stats = dict(torch.cuda.memory_stats())
    pairs = {"active": "active_bytes", "allocated": "allocated_bytes", "reserved": "reserved_bytes"}
    sizes = {
        name: {"current": stats.get(f"{key}.all.current", 0), "peak": stats.get(f"{key}.all.peak", 0)}
        for name, key in (pairs | {"inactive": "inactive_split_bytes"}).items()
    }
    events = {"retries": stats.get("num_alloc_retries", 0), "oom": stats.get("num_ooms", 0)}
    return {"system": {"free": free, "used": total - free, "total": total}, **sizes, "events": events}
