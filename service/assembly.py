"""The composition root: the only place that picks concrete stores, buses, engines and models.

    async with build(load_settings()) as services:
        version = await services.expansion.create("a red bicycle by the sea")
        job = await services.generation.submit(PictureOrder(spell_id=version.spell_id))
        job = await services.generation.wait(job.id)
        for image in await services.generation.images(job.id):
            data = await services.gallery.read(image)

Importing this module loads no torch; the engine's thread does, once it is started.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING

from generator.demo.family import find_family, ready_family
from generator.enlarging import Enlarger
from generator.hands import HandDetector
from prompts.expansion.chat_model import ChatModel
from prompts.interrogation import Interrogator, MeasuredInterrogator, WeightsKind
from service.ab.scoring import Encoder, ModelScorer, PictureScorer
from service.assembly_engine import BuildEngine as BuildEngine
from service.assembly_engine import engine_and_shelves
from service.audit import AuditLog
from service.auth.access import Access, AccessConfig
from service.auth.cabinet import KeyCabinet
from service.auth.caller import LOCAL
from service.backbone import Backbone, JobLimits
from service.blobs.filesystem import FilesystemBlobs
from service.bus.base import EventBus
from service.bus.memory import MemoryBus
from service.catalogue import Catalogue
from service.clip_files import caption_weights, clip_weights, list_names, own_terms
from service.completions import PhraseBook
from service.data_folder import ready_data_folder
from service.describers import Describers
from service.discovery import with_local_model
from service.engine.base import EngineClient
from service.errors import SettingsError
from service.hand_choice import choice_from_text
from service.hand_job import HandJobs
from service.hand_planning import HandPlanner
from service.hand_repair import HandRepairs
from service.housekeeping import keep_clean
from service.ids import IdFactory, utc_now
from service.image_job import ImageJobs
from service.interrogation import ListNames
from service.interrogation_job import InterrogationJobs
from service.jobs import JobKind
from service.language_model import TokenBudget, TokenLimits
from service.owners import Owners
from service.photo_reader import DevicePhotoReader
from service.policy import Policy
from service.policy.pictures import PictureCheck
from service.provenance.setup import seal_of
from service.runner import Handler, Runner, RunnerConfig
from service.services import Services
from service.settings import Settings
from service.shelves import model_folders
from service.store.database import Database
from service.store.dialects import driver_url
from service.store.image_store import SqlImageStore
from service.store.job_store import SqlJobStore
from service.store.key_store import SqlKeyStore
from service.store.spell_store import SqlSpellStore
from service.store.token_ledger import SqlTokenLedger
from service.store.webhook_store import SqlDeliveryStore
from service.tenancy import Shared
from service.upscale_job import UpscaleJobs
from service.webhook_setup import order_rules, webhooks_of
from service.webhooks import Webhooks

if TYPE_CHECKING:
    from generator.models.upscaler_network import UpscalerNetworks


@dataclass(frozen=True, slots=True)
class Machinery:
    """What must be started and stopped around the use cases."""

    database: Database
    backbone: Backbone
    owners: Owners
    bus: EventBus
    engine: EngineClient
    runner: Runner
    webhooks: Webhooks | None
    """Sends the ends of jobs to other servers; `None` when the operator wants none."""
    chats: tuple[ChatModel | None, ...]
    """The language models that were configured: for words, for captions."""


@asynccontextmanager
async def build(
    settings: Settings,
    *,
    fake_engine: bool | BuildEngine = False,
    own_only: bool = False,
    picture_check: PictureCheck | None = None,
) -> AsyncIterator[Services]:
    """Everything wired, started, and stopped again in order.

    Args:
        settings: Whose folders and limits are used; the data folder is made when missing.
        fake_engine: Draw with `generator.testing.FakeEngine`, or with what this makes: no torch, no models,
            for tests.
        own_only: Work on jobs of this process only (the command line beside a running server).
        picture_check: Your classifier of finished pictures; see `service.policy.pictures`.

    Raises:
        SettingsError: code `data_dir_unusable`; the data folder cannot be used.
        DatabaseUnavailable, DiskFull: The database cannot be used.
    """
    await asyncio.to_thread(ready_data_folder, settings)
    settings = await with_local_model(settings)
    services, machinery = _wire(settings, picture_check, fake_engine=fake_engine, own_only=own_only)
    await asyncio.to_thread(machinery.database.migrate)
    machinery.owners.enter()
    machinery.engine.start()
    machinery.bus.start(machinery.runner.heard)
    machinery.runner.start()
    at_work = [] if own_only else [asyncio.create_task(keep_clean(machinery.backbone))]
    if machinery.webhooks is not None:
        at_work.append(asyncio.create_task(machinery.webhooks.run()))
    try:
        yield services
    finally:
        for task in at_work:
            task.cancel()
        await _stop(machinery, settings.drain_seconds)


def prepare(settings: Settings) -> None:
    """What `build` needs on the disk: the data folder and an up-to-date database. Starts nothing.

    Raises:
        SettingsError: code `data_dir_unusable`; the data folder cannot be used. Code `key_required`: others can
            reach the server, and it has no key.
        DatabaseUnavailable, DiskFull: The database cannot be used.
    """
    with key_cabinet(settings) as cabinet:
        if settings.is_private or settings.api_key is not None or cabinet.store.has_any():
            return
    reached, back = f"host is {settings.host}", "take --host 127.0.0.1"
    if settings.is_loopback:
        reached, back = "public_hosts is set", "leave SPELLWRIGHT_PUBLIC_HOSTS empty"
    raise SettingsError(
        f"Others can reach this server ({reached}) and it has no API key. Run `spellwright keys add NAME`, or set "
        f"SPELLWRIGHT_API_KEY to a secret of 16 characters or more; or {back}.",
        key="api_key",
    ).with_code("key_required")


@contextmanager
def key_cabinet(settings: Settings) -> Iterator[KeyCabinet]:
    """The API keys of this installation, on an up-to-date database; nothing else is started.

    Raises:
        SettingsError: code `data_dir_unusable`; the data folder cannot be used.
        DatabaseUnavailable, DiskFull: The database cannot be used.
    """
    ready_data_folder(settings)
    database = Database(settings.database_place)
    try:
        database.migrate()
        yield KeyCabinet(SqlKeyStore(database), utc_now, IdFactory(), AuditLog(settings.audit_path))
    finally:
        database.close()


def chat_model(settings: Settings) -> ChatModel | None:
    """The configured language model, or `None`: then the offline expander works."""
    if not settings.has_llm:
        return None
    from prompts.expansion.openai_chat import OpenAIChat, OpenAIChatConfig  # noqa: PLC0415 (slow to import)

    key = settings.llm_api_key.get_secret_value() if settings.llm_api_key else "none"
    return OpenAIChat(
        OpenAIChatConfig(
            model=settings.llm_model,
            base_url=settings.llm_base_url,
            api_key=key,
            whole_seconds=settings.llm_timeout_seconds,
        )
    )


def _wire(
    settings: Settings, picture_check: PictureCheck | None, *, fake_engine: bool | BuildEngine, own_only: bool
) -> tuple[Services, Machinery]:
    database, new_id = Database(settings.database_place), IdFactory()
    owners = Owners(settings.data_dir / "runners", new_id)
    bus = _bus(settings, owners.name)
    deliveries = SqlDeliveryStore(database)
    backbone = replace(_backbone(settings, database, bus, owners.name, new_id), picture_check=picture_check)
    engine, shelves = engine_and_shelves(settings, fake_engine=fake_engine, own_only=own_only)
    policy = Policy(adult_mode=settings.adult_mode, audit=AuditLog(settings.audit_path))
    reader = DevicePhotoReader(engine, _interrogator(settings, is_fake=bool(fake_engine)))
    catalogue = Catalogue(shelves, settings.default_checkpoint)
    planner = HandPlanner(catalogue, choice_from_text(settings.hand_plan))
    tokens = _token_budget(settings, database)
    describers = _describers(settings, tokens)
    repairs = HandRepairs(engine, lambda: _hand_detector(settings))
    handlers: dict[JobKind, Handler] = {
        JobKind.GENERATE: ImageJobs(backbone, engine, repairs),
        JobKind.REPAIR_HANDS: HandJobs(backbone, repairs),
        JobKind.UPSCALE: UpscaleJobs(backbone, Enlarger(lambda: _upscaler_networks(settings))),
        JobKind.INTERROGATE: InterrogationJobs(backbone, policy, reader, planner, describers),
    }
    runner = Runner(backbone, handlers, _runner_config(settings, backbone, owners, own_only=own_only))
    chat = chat_model(settings)
    shared = Shared(
        settings=settings,
        access=_access(settings, database, new_id),
        backbone=backbone,
        catalogue=catalogue,
        phrases=PhraseBook(catalogue, settings.data_dir),
        policy=policy,
        chat=chat,
        tokens=tokens,
        planner=planner,
        reader=reader,
        describers=describers,
        list_names=_list_names(settings, is_fake=bool(fake_engine)),
        workers=runner,
        limits=_limits(settings),
        engine=engine,
        repairs=repairs,
        deliveries=deliveries,
        begin_drain=_begin_drain(bus),
    )
    webhooks = None if own_only else webhooks_of(settings, backbone, deliveries)
    machinery = Machinery(database, backbone, owners, bus, engine, runner, webhooks, (chat, describers.chat))
    return shared.services_of(LOCAL), machinery


def _backbone(settings: Settings, database: Database, bus: EventBus, owner: str, new_id: IdFactory) -> Backbone:
    jobs = SqlJobStore(database, webhook_url=settings.webhook_url)
    return Backbone(
        jobs=jobs,
        spells=SqlSpellStore(database),
        images=SqlImageStore(database, jobs),
        blobs=FilesystemBlobs(settings.blobs_path),
        bus=bus,
        clock=utc_now,
        new_id=new_id,
        owner=owner,
        seal=seal_of(settings),
    )


def _upscaler_networks(settings: Settings) -> UpscalerNetworks:
    """Networks of their own beside the engine's, so that enlarging holds up no drawing."""
    # Torch comes with these, and only networks need it.
    from generator.device import Compute  # noqa: PLC0415
    from generator.models.catalogue import Catalogue as ModelShelf  # noqa: PLC0415
    from generator.models.upscaler_network import UpscalerNetworks  # noqa: PLC0415

    folders = model_folders(settings, find_family(settings.cache_path))
    return UpscalerNetworks(ModelShelf(folders), Compute.resolve(settings.device, "auto"))


def _hand_detector(settings: Settings) -> HandDetector:
    from generator.hands.tflite_detector import TfliteHandDetector  # noqa: PLC0415 (optional package)

    return TfliteHandDetector(settings.hands_path)


def _describers(settings: Settings, tokens: TokenBudget) -> Describers:
    """Captions by chat have a model of their own, so that a text model can go on writing prompts."""
    is_wanted = settings.captions == "chat"
    model = settings.caption_chat_model or settings.llm_model
    chat = chat_model(settings.model_copy(update={"llm_model": model})) if is_wanted else None
    return Describers(is_wanted, chat, tokens)


def _token_budget(settings: Settings, database: Database) -> TokenBudget:
    limits = TokenLimits(per_request=settings.llm_request_tokens, per_day=settings.llm_tokens_per_day)
    return TokenBudget(SqlTokenLedger(database), limits, utc_now)


def _limits(settings: Settings) -> JobLimits:
    return JobLimits(
        images_per_job=settings.max_images_per_job,
        queued_jobs=settings.max_queued_jobs,
        queued_jobs_per_tenant=settings.max_queued_jobs_per_tenant,
        upload_bytes=settings.max_upload_bytes,
        min_free_bytes=settings.min_free_bytes,
        webhook_rules=order_rules(settings),
    )


def _access(settings: Settings, database: Database, new_id: IdFactory) -> Access:
    own = None if settings.api_key is None else settings.api_key.get_secret_value()
    config = AccessConfig(own, settings.is_private, settings.requests_per_minute)
    return Access(KeyCabinet(SqlKeyStore(database), utc_now, new_id, AuditLog(settings.audit_path)), config)


def _bus(settings: Settings, owner: str) -> EventBus:
    if settings.database_url is None:
        return MemoryBus()
    from service.bus.postgres import PostgresBus  # noqa: PLC0415 (its driver is an extra)

    return PostgresBus(driver_url(settings.database_url.get_secret_value()), owner)


def _begin_drain(bus: EventBus) -> Callable[[], None]:
    """Closes the bus from any thread; a signal handler has no event loop of its own."""
    loop = asyncio.get_running_loop()

    def begin() -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(bus.close)

    return begin


async def _stop(machinery: Machinery, patience_seconds: float) -> None:
    """Streams end first, then the work goes back into the queue, then the engine stops."""
    machinery.bus.close()
    try:
        async with asyncio.timeout(patience_seconds):
            await machinery.runner.drain()
            await machinery.engine.stop()
    except TimeoutError:
        pass  # the engine's thread is a daemon; the next process finds the dead owner and takes its jobs up
    for chat in machinery.chats:
        close = getattr(chat, "close", None)
        if close is not None:
            await close()
    await asyncio.to_thread(machinery.bus.stop)
    machinery.owners.leave()
    machinery.database.close()


def _runner_config(settings: Settings, backbone: Backbone, owners: Owners, *, own_only: bool) -> RunnerConfig:
    return RunnerConfig(
        # On a shared database the owners are on other machines too, where no lock of theirs can be seen.
        is_dead=(lambda _owner: False) if settings.database_url is not None else owners.is_dead,
        has_room=lambda: backbone.blobs.free_bytes() >= settings.min_free_bytes // 2,
        max_running=settings.max_running_jobs,
        own_only=own_only,
    )


def _interrogator(settings: Settings, *, is_fake: bool) -> Callable[[], Interrogator]:
    def build_interrogator() -> Interrogator:
        if is_fake:
            return MeasuredInterrogator()
        if find_spec("torch") is None:  # a remote engine draws; nothing here needs it
            return MeasuredInterrogator(notice="torch is not installed here: photos are measured, not read by CLIP.")
        # Imports torch; this runs on the engine's thread.
        from generator.device import Compute  # noqa: PLC0415
        from prompts.interrogation.clip_model_interrogator import ClipInterrogator, ClipPaths  # noqa: PLC0415

        device = str(Compute.resolve(settings.device, "auto").device)
        labels, folder = settings.cache_path / "labels", clip_weights(settings)
        if folder is not None:
            paths = ClipPaths(folder, None, labels, caption_weights(settings), own_terms(settings))
            return ClipInterrogator.from_paths(paths, "real", device=device)
        family = find_family(settings.cache_path)
        kind: WeightsKind = "trained-demo" if family.kind == "trained" else "random"
        demo = ClipPaths(family.clip, family.labels, labels, own_terms=own_terms(settings))
        return ClipInterrogator.from_paths(demo, kind, device=device)

    return build_interrogator


def _list_names(settings: Settings, *, is_fake: bool) -> ListNames:
    def names() -> tuple[str, ...]:
        is_read_by_family = not is_fake and find_spec("torch") is not None and clip_weights(settings) is None
        family = ready_family(settings.cache_path) if is_read_by_family else None
        return list_names(settings, None if family is None else family.labels)

    return names


def picture_scorer(settings: Settings, engine: EngineClient) -> PictureScorer:
    """What scores finished pictures, with the models of this machine; they are opened when they are needed."""

    def open_encoder() -> Encoder:
        from prompts.interrogation.towers import towers_from_folder  # noqa: PLC0415 (imports torch; engine's thread)

        folder = clip_weights(settings)
        if folder is not None:
            return Encoder(folder.name, towers_from_folder(folder))
        family = find_family(settings.cache_path)
        names = tuple((family.labels / "subjects.txt").read_text("utf-8").split("\n"))
        known = tuple(name for name in names if name.strip()) if family.kind == "trained" else ()
        return Encoder(f"of the demo family ({family.kind})", towers_from_folder(family.clip), known)

    return ModelScorer(engine, open_encoder, lambda: _hand_detector(settings))
