"""The part of the composition root that picks what draws, and whose models it draws with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from generator.config import EngineConfig
from generator.demo.family import find_family
from service.catalogue import Shelves
from service.engine.base import EngineClient
from service.engine.local import LocalEngine, SyncEngine
from service.errors import SettingsError
from service.settings import Settings
from service.shelves import FakeShelves, LazyShelves, model_folders

if TYPE_CHECKING:
    from service.engine.a1111.remote import RemoteConfig

BuildEngine = Callable[[], SyncEngine]
"""Makes an engine; called on the engine's own thread."""


def engine_and_shelves(
    settings: Settings, *, fake_engine: bool | BuildEngine, own_only: bool
) -> tuple[EngineClient, Callable[[], Awaitable[Shelves]]]:
    """What draws, and the models it draws with: both here, or both on a remote server.

    Raises:
        SettingsError: A remote engine without an address.
    """
    if settings.engine == "remote" and not fake_engine:
        # These load an HTTP client, a sixth of the start-up time.
        from service.engine.a1111.client import RemoteEngine  # noqa: PLC0415
        from service.engine.a1111.shelves import RemoteShelves  # noqa: PLC0415

        remote = RemoteEngine(_remote_config(settings))
        return remote, RemoteShelves(remote.fetch)
    local = LocalEngine(_engine_maker(settings, fake_engine=fake_engine), is_lazy=own_only)
    return local, FakeShelves(settings) if fake_engine else LazyShelves(settings, local)


def _remote_config(settings: Settings) -> RemoteConfig:
    from service.engine.a1111.remote import RemoteConfig  # noqa: PLC0415 (see above)

    if settings.remote_engine_url is None:
        raise SettingsError(
            "The setting engine is remote, but remote_engine_url is not set. Set it to the server's address, for "
            "example http://192.168.1.20:7860.",
            key="remote_engine_url",
        )
    auth = settings.remote_engine_auth
    return RemoteConfig(
        url=settings.remote_engine_url,
        auth="" if auth is None else auth.get_secret_value(),
        parallel=settings.remote_engine_parallel,
        timeout_seconds=settings.remote_engine_timeout_seconds,
    )


def _engine_maker(settings: Settings, *, fake_engine: bool | BuildEngine) -> BuildEngine:
    if callable(fake_engine):
        return fake_engine
    return _fake_engine if fake_engine else _real_engine(settings)


def _real_engine(settings: Settings) -> BuildEngine:
    def build_engine() -> SyncEngine:
        from generator.engine import Engine  # noqa: PLC0415 (imports torch; this runs on the engine's thread)

        family = find_family(settings.cache_path)
        folders = model_folders(settings, family)
        return Engine(
            EngineConfig(
                folders=folders,
                device=settings.device,
                dtype=settings.dtype,
                threads=settings.threads,
                max_rows=settings.batch_rows,
                compile=settings.compile_blocks,
            )
        )

    return build_engine


def _fake_engine() -> SyncEngine:
    from generator.testing import FakeEngine  # noqa: PLC0415 (tests only)

    return FakeEngine()
