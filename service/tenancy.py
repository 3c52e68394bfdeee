"""The use cases for one tenant: built anew for each request, on stores that show that tenant's things alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from prompts.expansion.chat_model import ChatModel
from service.auth.access import Access
from service.backbone import Backbone, JobLimits, Workers
from service.catalogue import Catalogue
from service.chat import Chats
from service.completions import PhraseBook
from service.describers import Describers
from service.engine.base import EngineClient
from service.expansion import Expansions
from service.gallery import Gallery
from service.generation import Generations
from service.hand_eye import HandEye
from service.hand_planning import HandPlanner
from service.hand_repair import HandRepairs
from service.hands import Hands
from service.interrogation import Interrogations, ListNames
from service.language_model import TokenBudget
from service.library import Library
from service.photo_files import PhotoFiles
from service.photo_reader import PhotoReader
from service.policy import Policy
from service.round_trip import RoundTrips
from service.services import Services
from service.settings import Settings
from service.webhooks import Deliveries, DeliveryStore


@dataclass(frozen=True, slots=True)
class Shared:
    """What all tenants have in common; the backbone's stores show everything."""

    settings: Settings
    access: Access
    backbone: Backbone
    catalogue: Catalogue
    phrases: PhraseBook
    policy: Policy
    chat: ChatModel | None
    tokens: TokenBudget
    planner: HandPlanner
    reader: PhotoReader
    describers: Describers
    list_names: ListNames
    workers: Workers
    limits: JobLimits
    engine: EngineClient
    repairs: HandRepairs
    deliveries: DeliveryStore
    begin_drain: Callable[[], None]

    def services_of(self, tenant: str, person: str = "") -> Services:
        """The use cases as `person` of `tenant` has them."""
        backbone = self.backbone.of(tenant, person)
        library = Library(backbone, self.policy)
        chat = None if self.chat is None else self.tokens.watched(self.chat, tenant)
        interrogation = Interrogations(backbone, library, self.workers, self.limits, self.list_names)
        generation = Generations(backbone, library, self.catalogue, self.policy, self.workers, self.limits)
        gallery = Gallery(backbone)
        return Services(
            settings=self.settings,
            access=self.access,
            library=library,
            expansion=Expansions(library, self.catalogue, self.policy, chat, self.planner),
            chat=Chats(backbone, library, self.catalogue, self.policy, chat, self.planner),
            hands=Hands(library, self.catalogue, self.planner),
            interrogation=interrogation,
            photo_files=PhotoFiles(
                library,
                self.reader,
                self.planner,
                self.describers.of(tenant),
                self.limits.upload_bytes,
                self.list_names,
            ),
            round_trip=RoundTrips(interrogation, generation, library, gallery, self.reader),
            generation=generation,
            gallery=gallery,
            catalogue=self.catalogue,
            phrases=self.phrases,
            hand_eye=HandEye(backbone, self.repairs),
            engine=self.engine,
            job_counts=self.backbone.jobs.counts,
            deliveries=Deliveries(backbone, self.deliveries.of(tenant)),
            begin_drain=self.begin_drain,
            of=self.services_of,
        )
