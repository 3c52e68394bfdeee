"""The use cases as one frozen bundle: what the routes, the command line and embedders are given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from service.auth.access import Access
from service.catalogue import Catalogue
from service.chat import Chats
from service.completions import PhraseBook
from service.engine.base import EngineClient
from service.expansion import Expansions
from service.gallery import Gallery
from service.generation import Generations
from service.hand_eye import HandEye
from service.hands import Hands
from service.interrogation import Interrogations
from service.library import Library
from service.photo_files import PhotoFiles
from service.round_trip import RoundTrips
from service.settings import Settings
from service.webhooks import Deliveries


@dataclass(frozen=True, slots=True)
class Services:
    """Everything a door needs; made by `service.assembly.build`."""

    settings: Settings
    access: Access
    """Who may come in, and the keys."""
    library: Library
    """Stored spells: create, edit, get, versions, difference, page."""
    expansion: Expansions
    """Idea -> spell: `create(idea)`."""
    chat: Chats
    """Message -> next version: `turn(spell_id, message)`."""
    hands: Hands
    """`plan(spell_id)`, `apply(spell_id)`."""
    interrogation: Interrogations
    """Photo -> job (already done when the picture carries its spell): `start(data, mode)`."""
    photo_files: PhotoFiles
    """Files of this machine -> spells, several at once: `read(files, mode, wishes)`."""
    round_trip: RoundTrips
    """Photo -> spell -> picture -> proposed edit: `run(photo, order)`."""
    generation: Generations
    """Spell -> job -> pictures: `submit(order)`, `wait(job_id)`, `follow(...)`, `cancel(job_id)`."""
    gallery: Gallery
    """Finished pictures and their bytes."""
    catalogue: Catalogue
    """Checkpoints and LoRAs of this machine."""
    phrases: PhraseBook
    """What a half-written phrase may become: `find(query, kinds, limit)`."""
    hand_eye: HandEye
    """The hands of finished pictures: `look(image)`."""
    engine: EngineClient
    job_counts: Callable[[], dict[str, int]]
    """How many jobs of all tenants there are, by status; blocking."""
    deliveries: Deliveries
    """Messages about finished jobs to other servers: how they went, and once more."""
    begin_drain: Callable[[], None]
    """Take no new jobs and end the open streams; the process is about to stop."""
    of: Callable[[str, str], Services]
    """The same use cases for another tenant and the person of it who asks: everything is that tenant's."""
