"""What is there, what is missing, and how to get it: the answer to "why does it not work here?"."""

from __future__ import annotations

import platform
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any, Literal

import httpx

from generator.demo.family import find_family
from generator.models.catalogue import Catalogue
from generator.models.hashes import HashCache
from prompts.errors import near_hint, near_names
from service.clip_files import caption_weights, clip_weights
from service.settings import PREFIX, Settings, unknown_environment_keys
from service.shelves import DEMO_CHECKPOINT, model_folders

State = Literal["ok", "limited", "missing", "broken"]
LLM_PROBE_SECONDS = 3.0
MEBI = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Check:
    """One thing the product stands on."""

    name: str
    state: State
    """`ok`; `limited`: works, but less than it could; `missing`: not there, by choice or not yet; `broken`."""
    detail: str
    remedy: str = ""
    """What to do, as a command or a sentence; empty when nothing needs doing."""

    def to_json(self) -> dict[str, str]:
        """The four fields."""
        return asdict(self)


def examine(settings: Settings, *, probe_llm: bool = True) -> tuple[Check, ...]:
    """Look at everything once. Imports torch to see the device: takes seconds the first time.

    Args:
        settings: Whose folders and addresses are looked at; nothing is written but a probe file.
        probe_llm: Ask the configured language model's server whether it is there (at most 3 s).
    """
    return (
        Check("python", "ok", f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
        *_torch(settings),
        _data_folder(settings),
        _database(settings),
        *_models(settings),
        _clip(settings),
        _caption_model(settings),
        _llm(settings, probe=probe_llm),
        *_settings(),
    )


def is_healthy(checks: tuple[Check, ...]) -> bool:
    """Whether nothing is broken; `limited` and `missing` things have a working substitute."""
    return all(check.state != "broken" for check in checks)


def _torch(settings: Settings) -> Iterator[Check]:
    try:
        import torch  # noqa: PLC0415 - seconds to import; only the doctor and the engine pay them

        from prompts.torch_guard import ensure_torchvision  # noqa: PLC0415

        ensure_torchvision()
    except (ImportError, OSError, RuntimeError) as error:
        yield Check("torch", "broken", f"torch or torchvision cannot be imported: {error}", "run `make clean demo`")
        return
    yield Check(
        "torch",
        "ok",
        f"{torch.__version__}, diffusers {_version('diffusers')}, open_clip {_version('open_clip_torch')}",
    )
    wanted = settings.device
    if torch.cuda.is_available():
        memory = torch.cuda.get_device_properties(0).total_memory // MEBI
        yield Check("device", "ok", f"{torch.cuda.get_device_name(0)}, {memory} MiB (asked for: {wanted})")
    elif wanted.startswith("cuda"):
        yield Check(
            "device",
            "broken",
            f"{wanted} was asked for, and torch sees no CUDA device.",
            f"{PREFIX}DEVICE=auto, or install a CUDA build of torch",
        )
    elif torch.backends.mps.is_available():
        yield Check("device", "ok", f"Apple GPU (asked for: {wanted})")
    else:
        yield Check(
            "device",
            "limited",
            f"CPU, {torch.get_num_threads()} threads: the demo model is quick, SD1.5 takes minutes.",
            "a CUDA GPU with 4 GB or more",
        )


def _data_folder(settings: Settings) -> Check:
    folder = settings.data_dir
    probe = folder / ".doctor"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"spellwright")
        probe.unlink()
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return Check(
            "data folder",
            "broken",
            f"{folder} cannot be written: {error.strerror}",
            f"{PREFIX}DATA_DIR=<a folder of yours>",
        )
    if free < settings.min_free_bytes:
        return Check("data folder", "broken", f"{folder}: only {free // MEBI} MiB free.", "free some space")
    return Check("data folder", "ok", f"{folder}, {free // MEBI} MiB free")


def _database(settings: Settings) -> Check:
    path = settings.database_path
    if not path.exists():
        return Check("database", "ok", f"SQLite {sqlite3.sqlite_version}; made at the first start")
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5.0) as connection:
            verdict = connection.execute("PRAGMA quick_check").fetchone()[0]
            revision = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error as error:
        return Check(
            "database", "broken", f"{path.name} cannot be read: {error}", "restore a copy, or move the file away"
        )
    if verdict != "ok":
        return Check(
            "database", "broken", f"{path.name} is damaged: {verdict}", "restore a copy, or move the file away"
        )
    return Check(
        "database",
        "ok",
        f"SQLite {sqlite3.sqlite_version}, schema {revision[0] if revision else 'none'}, {_kib(path)} KiB",
    )


def _models(settings: Settings) -> Iterator[Check]:
    family = find_family(settings.cache_path)
    catalogue = Catalogue(model_folders(settings, family), HashCache(settings.cache_path / "hashes.json"))
    entries = [*catalogue.checkpoints(), *catalogue.loras()]
    own = [c for c in catalogue.checkpoints() if c.kind != "refused" and c.name != DEMO_CHECKPOINT]
    where = f"put a .safetensors file into {settings.checkpoints_path}, or run `spellwright models fetch sd15`"
    if own:
        yield Check("checkpoints", "ok", ", ".join(c.name for c in own))
    else:
        yield Check("checkpoints", "limited", f"only the demo model: {family.notice}", where)
    loras = [lora.name for lora in catalogue.loras() if lora.kind != "refused"]
    yield Check(
        "LoRAs",
        "ok",
        f"{len(loras)}: {', '.join(loras[:8])}"
        if loras
        else f"none; put .safetensors files into {settings.loras_path}",
    )
    damaged = [e.refusal for e in entries if e.kind == "refused" and e.refusal_code != "pickle_refused"]
    if damaged:
        yield Check("damaged files", "limited", " ".join(damaged), "download or copy them again, whole")
    refused = [entry.path.name for entry in entries if entry.refusal_code == "pickle_refused"]
    if refused:
        yield Check(
            "refused files",
            "limited",
            f"{', '.join(refused)}: these formats can run code when loaded.",
            "spellwright models convert FILE",
        )


def _clip(settings: Settings) -> Check:
    found = clip_weights(settings)
    if found is not None:
        return Check("CLIP", "ok", f"{settings.clip_model}: {found.name}")
    return Check(
        "CLIP",
        "limited",
        f"{settings.clip_model} is not on this machine: photos get measured facts (colours, light) and no terms.",
        "spellwright models fetch clip-vit-l-14",
    )


def _caption_model(settings: Settings) -> Check:
    found = caption_weights(settings)
    if found is not None:
        return Check("caption model", "ok", found.name)
    return Check(
        "caption model",
        "missing",
        "no BLIP: spells from photos have no caption sentence.",
        "spellwright models fetch blip-base",
    )


def _llm(settings: Settings, *, probe: bool) -> Check:
    if not settings.has_llm:
        return Check(
            "language model",
            "limited",
            "none configured: the offline expander works, with its own small vocabulary.",
            f"{PREFIX}LLM_BASE_URL, {PREFIX}LLM_DISCOVER=1 (Ollama, LM Studio, llama.cpp here) or OPENAI_API_KEY",
        )
    base = settings.llm_base_url or "https://api.openai.com/v1"
    spoken = f"{settings.llm_model} at {httpx.URL(base).host}"
    if not probe:
        return Check("language model", "ok", f"{spoken} (not asked)")
    key = settings.llm_api_key.get_secret_value() if settings.llm_api_key else "none"
    try:
        answer = httpx.get(
            f"{base.rstrip('/')}/models", headers={"Authorization": f"Bearer {key}"}, timeout=LLM_PROBE_SECONDS
        )
    except httpx.HTTPError as error:
        return Check(
            "language model",
            "broken",
            f"{spoken} does not answer ({type(error).__name__}); the offline expander steps in.",
            "start it, or correct the address",
        )
    if answer.status_code in (401, 403):
        return Check("language model", "broken", f"{spoken} refuses the key.", f"correct {PREFIX}LLM_API_KEY")
    return Check("language model", "ok", f"{spoken}, answered in {answer.elapsed.total_seconds():.2f} s")


def _settings() -> Iterator[Check]:
    for key in unknown_environment_keys():
        near = near_names(key.removeprefix(PREFIX), [name.upper() for name in Settings.model_fields])
        yield Check(
            "settings",
            "limited",
            f"{key} is set, and no setting has that name.{near_hint(near)}",
            "correct or unset it",
        )


def _kib(path: Path) -> int:
    return path.stat().st_size // 1024


def _version(package: str) -> str:
    try:
        return package_version(package)
    except PackageNotFoundError:
        return "missing"


def as_json(checks: tuple[Check, ...]) -> dict[str, Any]:
    """`{"healthy": …, "checks": [...]}`."""
    return {"healthy": is_healthy(checks), "checks": [check.to_json() for check in checks]}
