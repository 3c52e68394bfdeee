from __future__ import annotations

import asyncio
import io
import os
import time
from datetime import timedelta
from pathlib import Path

import pytest
from PIL import Image

from prompts.img2img import Img2Img, Inpaint
from prompts.spell import Params
from service.backbone import Backbone, JobLimits
from service.blobs.filesystem import FilesystemBlobs
from service.bus.memory import MemoryBus
from service.errors import NotFound
from service.housekeeping import clean
from service.ids import IdFactory, utc_now
from service.jobs import Job, JobKind, JobStatus
from service.sources import Img2ImgOrder, PictureRef, Sources, StoredSource
from service.store.base import Idempotency
from service.store.database import Database
from service.store.image_store import SqlImageStore
from service.store.job_store import SqlJobStore
from service.store.spell_store import SqlSpellStore

new_id = IdFactory()


def _png(mode: str, size: tuple[int, int], colour: object) -> bytes:
    encoded = io.BytesIO()
    Image.new(mode, size, colour).save(encoded, "PNG")  # type: ignore[arg-type]
    return encoded.getvalue()


@pytest.fixture
def backbone(tmp_path: Path) -> Backbone:
    database = Database(tmp_path / "x.db")
    database.migrate()
    jobs = SqlJobStore(database)
    whole = Backbone(
        jobs,
        SqlSpellStore(database),
        SqlImageStore(database, jobs),
        FilesystemBlobs(tmp_path / "blobs"),
        MemoryBus(),
        lambda: utc_now() + timedelta(hours=2),
        new_id,
        "me",
    )
    return whole


def _stored(backbone: Backbone, order: Img2ImgOrder) -> StoredSource:
    return asyncio.run(Sources(backbone, JobLimits()).stored(order))


def test_the_sweeper_keeps_what_an_unfinished_job_draws_over_and_takes_it_afterwards(
    backbone: Backbone, tmp_path: Path
) -> None:
    source = PictureRef(data=_png("RGB", (64, 64), "red"))
    mask = PictureRef(data=_png("L", (64, 64), 255))
    stored = _stored(backbone, Img2ImgOrder(source, Img2Img("", inpaint=Inpaint("")), mask))
    settings = stored.settings
    assert settings.inpaint is not None
    job = Job(new_id(), JobKind.GENERATE, utc_now(), status=JobStatus.QUEUED, img2img=settings)
    backbone.jobs.add(job, Idempotency(job.id, "f"))
    for path in (tmp_path / "blobs").rglob("*.png"):
        os.utime(path, (time.time() - 7200,) * 2)
    clean(backbone)
    assert backbone.blobs.read(settings.source)
    assert backbone.blobs.read(settings.inpaint.mask)
    backbone.jobs.request_cancel(job.id)
    clean(backbone)
    assert not list((tmp_path / "blobs").rglob("*.png"))


def test_another_tenants_upload_is_no_upload(backbone: Backbone) -> None:
    limits = JobLimits()
    upload, _ = asyncio.run(Sources(backbone.of("ann"), limits).upload(_png("RGB", (64, 64), "red")))
    order = Img2ImgOrder(PictureRef(upload_id=upload.id), Img2Img(""))
    assert asyncio.run(Sources(backbone.of("ann"), limits).stored(order)).size == (64, 64)
    with pytest.raises(NotFound):
        asyncio.run(Sources(backbone.of("bob"), limits).stored(order))


@pytest.mark.parametrize(
    ("alpha", "white_at_hole"),
    [("transparent", 255), ("auto", 0), ("ignore", 255)],
)
def test_a_masks_alpha_channel_means_what_the_order_says(backbone: Backbone, alpha: str, white_at_hole: int) -> None:
    mask = Image.new("RGBA", (64, 64), (0, 0, 0, 255))
    mask.paste((0, 0, 0, 0), (0, 0, 32, 64))
    encoded = io.BytesIO()
    mask.save(encoded, "PNG")
    order = Img2ImgOrder(
        PictureRef(data=_png("RGB", (64, 64), "red")),
        Img2Img("", inpaint=Inpaint("")),
        PictureRef(data=encoded.getvalue()),
        mask_alpha=alpha,  # type: ignore[arg-type]
    )
    inpaint = _stored(backbone, order).settings.inpaint
    assert inpaint is not None
    with Image.open(io.BytesIO(backbone.blobs.read(inpaint.mask))) as read:
        assert read.mode == "L"
        assert read.getpixel((8, 8)) == white_at_hole  # transparent black over white is white for `ignore`
        assert read.getpixel((60, 8)) == (0 if alpha != "auto" else 255)


@pytest.mark.parametrize(
    ("size", "asked", "drawn"),
    [
        ((512, 768), Params(), (512, 768)),
        ((1000, 1000), Params(), (1000, 1000)),
        ((4000, 3000), Params(), (592, 440)),
        ((40, 20), Params(), (728, 360)),
        ((300, 100), Params(height=128), (384, 128)),
        ((20, 4000), Params(width=512), (512, 2048)),
    ],
)
def test_the_size_to_draw(size: tuple[int, int], asked: Params, drawn: tuple[int, int]) -> None:
    stored = StoredSource(Img2Img(""), size, keeps_size=False)
    assert stored.fitted_size(asked, Params(width=512, height=512)) == drawn


def test_only_masked_leaves_the_size_to_the_checkpoint() -> None:
    stored = StoredSource(Img2Img("", inpaint=Inpaint("", only_masked=True)), (3000, 2000), keeps_size=False)
    assert stored.fitted_size(Params(), Params(width=512, height=512)) == (None, None)
