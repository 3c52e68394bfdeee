"""`ImageStore` in SQL: a picture's record and its event are one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Self

from sqlalchemy import Column, Select, delete, insert, or_, select, union

from service.auth.caller import LOCAL
from service.errors import NotFound, SlotSkipped, StaleAttempt
from service.ids import utc_text
from service.jobs import EventKind, ImageRecord, JobEvent, JobStatus, Upload
from service.search import EVERYTHING, Search
from service.store.database import Database
from service.store.finding import narrowed
from service.store.job_store import SqlJobStore, skipped_slots
from service.store.rows import image_of, image_row, job_of, source_blobs, upload_of, upload_row
from service.store.tables import images, jobs, uploads
from service.store.turns import ACTIVE


class SqlImageStore:
    """Records of finished pictures and of uploads; see `service.store.base.ImageStore`."""

    def __init__(self, database: Database, job_store: SqlJobStore, tenant: str | None = None) -> None:
        self._database = database
        self._jobs = job_store
        self._tenant = tenant

    def of(self, tenant: str) -> Self:
        """The same records as far as `tenant` sees them."""
        return type(self)(self._database, self._jobs, tenant)

    def add(self, image: ImageRecord, attempt: int) -> JobEvent:
        """Store a finished picture and its event in one transaction."""
        with self._database.write() as connection:
            query = select(jobs.c.attempt, jobs.c.status, jobs.c.tenant).where(jobs.c.id == image.job_id)
            now = connection.execute(query.with_for_update()).first()
            if now is None:
                raise NotFound
            is_mine = now.attempt == attempt and now.status in ACTIVE
            taken = select(images.c.id).where(images.c.job_id == image.job_id, images.c.slot == image.slot)
            if not is_mine or connection.execute(taken).first() is not None:
                raise StaleAttempt("This slot is no longer this worker's to fill.", slot=image.slot)
            if image.slot in skipped_slots(connection, image.job_id):
                raise SlotSkipped("Somebody passed over this picture.", slot=image.slot)
            connection.execute(insert(images).values(tenant=now.tenant, **image_row(image)))
            data = {
                "image_id": image.id,
                "slot": image.slot,
                "width": image.width,
                "height": image.height,
                "seed": image.spell.params.seed,
                "notes": list(image.notes),
            }
            return self._jobs.append_event(connection, image.job_id, EventKind.IMAGE, data)

    def get(self, image_id: str) -> ImageRecord | None:
        """The record, or `None`."""
        with self._database.read() as connection:
            query = self._mine(select(images).where(images.c.id == image_id), images.c.tenant)
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else image_of(row)

    def of_job(self, job_id: str) -> Sequence[ImageRecord]:
        """A job's pictures by slot."""
        query = self._mine(select(images).where(images.c.job_id == job_id), images.c.tenant).order_by(images.c.slot)
        with self._database.read() as connection:
            return [image_of(row) for row in connection.execute(query).mappings()]

    def of_jobs(self, job_ids: Sequence[str]) -> Mapping[str, Sequence[ImageRecord]]:
        """The pictures of several jobs by slot; jobs without one are left out."""
        query = self._mine(select(images).where(images.c.job_id.in_(job_ids)), images.c.tenant).order_by(images.c.slot)
        found: dict[str, list[ImageRecord]] = {}
        with self._database.read() as connection:
            for row in connection.execute(query).mappings():
                found.setdefault(row["job_id"], []).append(image_of(row))
        return found

    def page(self, limit: int, before: str | None = None, search: Search = EVERYTHING) -> Sequence[ImageRecord]:
        """Newest first; `before` is the last id of the page above."""
        query = self._mine(narrowed(select(images), images, search), images.c.tenant)
        query = query.order_by(images.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(images.c.id < before)
        with self._database.read() as connection:
            return [image_of(row) for row in connection.execute(query).mappings()]

    def add_upload(self, upload: Upload) -> None:
        """Store the record of an upload."""
        with self._database.write() as connection:
            connection.execute(insert(uploads).values(tenant=self._tenant or LOCAL, **upload_row(upload)))

    def upload(self, upload_id: str) -> Upload | None:
        """The record, or `None`."""
        with self._database.read() as connection:
            query = self._mine(select(uploads).where(uploads.c.id == upload_id), uploads.c.tenant)
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else upload_of(row)

    def drop_uploads(self, before: datetime) -> int:
        """Forget uploads older than `before` whose job is over or never came to be; returns how many."""
        open_states = (str(JobStatus.QUEUED), *ACTIVE)
        wanted = select(jobs.c.upload_id).where(jobs.c.status.in_(open_states), jobs.c.upload_id.is_not(None))
        query = delete(uploads).where(uploads.c.created_at < utc_text(before), uploads.c.id.not_in(wanted))
        with self._database.write() as connection:
            return connection.execute(query).rowcount

    def blobs(self) -> frozenset[str]:
        """Every blob key that a record names or an unfinished job draws over; the sweeper keeps these."""
        query = union(select(images.c.blob), select(uploads.c.blob))
        has_source = or_(jobs.c.img2img.is_not(None), jobs.c.upscale.is_not(None))
        live = select(jobs).where(has_source, jobs.c.status.in_((str(JobStatus.QUEUED), *ACTIVE)))
        with self._database.read() as connection:
            named = set(connection.execute(query).scalars())
            for row in connection.execute(live).mappings():
                named |= source_blobs(job_of(row))
        return frozenset(named)

    def _mine(self, query: Select[Any], tenant: Column[str]) -> Select[Any]:
        return query if self._tenant is None else query.where(tenant == self._tenant)
