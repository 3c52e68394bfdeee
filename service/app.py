"""The ASGI application: a list of routers, one guard, one error shape; nothing happens at import."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

from fastapi import Depends, FastAPI

from service.api import (
    capabilities,
    catalogue,
    chats,
    completions,
    description,
    generate,
    grids,
    hand_repairs,
    health,
    images,
    interrogations,
    jobs,
    keys,
    measures,
    problems,
    prompts,
    round_trips,
    sources,
    spells,
    transfer,
    upscales,
    webhooks,
)
from service.api.deps import caller_of
from service.api.guard import Guard, GuardConfig, allowed_hosts
from service.api.streams import StreamCount
from service.assembly import BuildEngine, build, prepare
from service.audit import SERVER_STARTED, AuditLog
from service.compat.a1111 import routes as a1111
from service.compat.a1111.desk import Desks
from service.compat.openai import routes as openai
from service.ids import IdFactory
from service.listening import listen
from service.metrics import RequestFigures
from service.product import PRODUCT, product_version
from service.settings import Settings, load_settings
from service.web.assets import Assets
from service.web.pages import STATIC, page_router

ROUTERS = (
    # Routes are looked through in order: what is asked most comes first.
    jobs.router,
    images.router,
    spells.router,
    prompts.router,
    chats.router,
    interrogations.router,
    round_trips.router,
    generate.router,
    sources.router,
    upscales.router,
    grids.router,
    hand_repairs.router,
    catalogue.router,
    capabilities.router,
    completions.router,
    transfer.router,
    keys.router,
    measures.router,
    description.router,
    webhooks.router,
    *a1111.ROUTERS,
    *openai.ROUTERS,
)
OPEN_ROUTERS = (health.router,)
"""What answers without a key, as the page's files do: it asks for the key itself, in the reader's language. Everything
else asks who is calling, also where a route forgets to."""


def create_app(settings: Settings | None = None, *, fake_engine: bool | BuildEngine = False) -> FastAPI:
    """The application; its lifespan starts and stops everything behind it.

    Args:
        settings: The settings of this process; read from the environment when `None`.
        fake_engine: See `service.assembly.build`.

    Raises:
        SettingsError: A setting cannot be used.
    """
    chosen = settings or load_settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with build(chosen, fake_engine=fake_engine) as services:
            app.state.services = services
            yield

    app = FastAPI(
        title=PRODUCT,
        version=product_version(),
        description="Photos and ideas become spells; spells become pictures.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    app.state.figures = RequestFigures()
    app.state.streams = StreamCount(chosen.max_event_streams, chosen.max_event_streams_per_tenant)
    app.state.a1111_desks = Desks()
    for router in (*OPEN_ROUTERS, page_router(Assets(STATIC))):
        app.include_router(router)
    for router in ROUTERS:
        app.include_router(router, dependencies=[Depends(caller_of)])
    app.state.offer = capabilities.Offer.of(app.routes)
    problems.install(app)
    app.add_middleware(Guard, config=_guard_config(chosen, app.state.figures))
    return app


def run(settings: Settings) -> None:
    """Serve until SIGTERM or Ctrl+C; then drain: streams end, jobs in work go back into the queue.

    Raises:
        SettingsError: The address or the data folder cannot be used; nothing was started.
        DatabaseUnavailable, DiskFull: The database cannot be used; nothing was started.
    """
    # The server is not needed to make an application.
    from service.serving import serve  # noqa: PLC0415

    with ExitStack() as open_sockets:
        listeners = listen(settings)
        for listener in listeners:
            open_sockets.callback(listener.close)
        prepare(settings)
        AuditLog(settings.audit_path).record(SERVER_STARTED, "done", weakened=list(settings.weakened))
        serve(create_app(settings), settings, listeners)


def _guard_config(settings: Settings, figures: RequestFigures) -> GuardConfig:
    return GuardConfig(
        hosts=allowed_hosts(settings.host, settings.public_hosts),
        max_json_bytes=settings.max_json_bytes,
        max_picture_body_bytes=settings.max_picture_body_bytes,
        idle_seconds=settings.body_idle_seconds,
        total_seconds=settings.body_total_seconds,
        new_id=IdFactory(),
        figures=figures,
        admit=caller_of,
    )
