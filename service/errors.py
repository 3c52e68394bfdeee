"""The error tree of the service; nothing here knows HTTP (`service.api.problems` maps it).

SpellwrightError
└── ServiceError
    ├── SettingsError          settings_invalid
    ├── NotFound               not_found
    ├── Conflict               version_conflict (somebody else wrote first; `head` names the newest)
    ├── RequestInvalid         request_invalid, json_invalid, base64_invalid, spell_invalid, …
    ├── MediaTypeRefused       media_type_not_allowed
    ├── BodyTooLarge           body_too_large
    ├── BodyTimeout            body_timeout
    ├── HostNotAllowed         host_not_allowed
    ├── OriginRejected         origin_rejected
    ├── KeyRefused             key_invalid, key_missing (one sentence for both)
    ├── KeyRequired            key_required (reachable from elsewhere, and no key is set up)
    ├── ScopeMissing           scope_missing
    ├── CredentialsUnclear     credentials_conflict, key_in_url
    ├── RateLimited            rate_limited
    ├── TooManyJobs            queue_full, queue_full_tenant
    ├── TooManyStreams         streams_full
    ├── IdempotencyReused      idempotency_reused
    ├── IdempotencyInFlight    idempotency_in_flight
    ├── Draining               draining
    ├── DatabaseUnavailable    database_unavailable
    │   └── DatabaseDamaged    database_damaged
    ├── DiskFull               disk_low
    ├── BlobMissing            blob_missing
    ├── UrlNotAllowed          url_not_allowed
    ├── OutboundFailed         outbound_failed
    ├── EngineUnavailable      engine_unavailable
    ├── JobPoisoned            job_poisoned
    ├── StaleAttempt           stale_attempt (another worker took the job over; never shown to a client)
    └── IllegalTransition      illegal_transition (a bug of ours)
"""

from __future__ import annotations

from prompts.errors import SpellwrightError


class ServiceError(SpellwrightError):
    """Something between the request and the engine went wrong."""

    code = "service_error"


class SettingsError(ServiceError):
    """A setting has a value that cannot be used; the start is stopped."""

    code = "settings_invalid"


class NotFound(ServiceError):
    """Nothing with this id here."""

    code = "not_found"

    def __init__(self, detail: str = "Nothing with this id here.", **facts: object) -> None:
        super().__init__(detail, **facts)


class Conflict(ServiceError):
    """The spell has a newer version than the one this change was made on."""

    code = "version_conflict"


class RequestInvalid(ServiceError):
    """The request cannot be understood; `field` names the place."""

    code = "request_invalid"


class MediaTypeRefused(ServiceError):
    """The body's media type is not one this route reads."""

    code = "media_type_not_allowed"


class BodyTooLarge(ServiceError):
    """The request body is over the limit."""

    code = "body_too_large"


class BodyTimeout(ServiceError):
    """The request body arrived too slowly."""

    code = "body_timeout"


class HostNotAllowed(ServiceError):
    """The Host header names a server we are not."""

    code = "host_not_allowed"


class OriginRejected(ServiceError):
    """A page of another site tried to change something here."""

    code = "origin_rejected"


class KeyRefused(ServiceError):
    """The request has no key, or one that opens nothing."""

    code = "key_invalid"

    def __init__(
        self, detail: str = 'This server needs an API key. Send it as "Authorization: Bearer ...".', **facts: object
    ) -> None:
        super().__init__(detail, **facts)


class KeyRequired(ServiceError):
    """The server can be reached from elsewhere and has no key yet: nobody comes in."""

    code = "key_required"

    def __init__(
        self,
        detail: str = (
            "This server has no API key yet, so it answers only to its own machine. On that machine run "
            "`spellwright keys add NAME`, then send the key it shows."
        ),
        **facts: object,
    ) -> None:
        super().__init__(detail, **facts)


class ScopeMissing(ServiceError):
    """The key may not do this."""

    code = "scope_missing"


class CredentialsUnclear(ServiceError):
    """The request carries two different credentials, or one where it would be written down."""

    code = "credentials_conflict"


class RateLimited(ServiceError):
    """Too many requests, or too many wrong keys, in too short a time."""

    code = "rate_limited"


class TooManyJobs(ServiceError):
    """As many jobs wait as this server accepts."""

    code = "queue_full"


class TooManyStreams(ServiceError):
    """As many event streams are open as this server serves."""

    code = "streams_full"


class IdempotencyReused(ServiceError):
    """The Idempotency-Key was used for a different request."""

    code = "idempotency_reused"


class IdempotencyInFlight(ServiceError):
    """The first request with this Idempotency-Key is still running."""

    code = "idempotency_in_flight"


class Draining(ServiceError):
    """The service is stopping; accepted jobs are safe."""

    code = "draining"


class DatabaseUnavailable(ServiceError):
    """The database does not answer."""

    code = "database_unavailable"


class DatabaseDamaged(DatabaseUnavailable):
    """The database's file, or a row in it, makes no sense."""

    code = "database_damaged"

    def __init__(
        self,
        detail: str = "The database file is damaged. Stop Spellwright and put back a copy of it, or choose another "
        "data folder.",
        **facts: object,
    ) -> None:
        super().__init__(detail, **facts)


class DiskFull(ServiceError):
    """There is too little room on the disk."""

    code = "disk_low"


class UrlNotAllowed(ServiceError):
    """An address that this server will not call; the same words for every reason."""

    code = "url_not_allowed"


class OutboundFailed(ServiceError):
    """Somebody this server called did not answer."""

    code = "outbound_failed"


class BlobMissing(ServiceError):
    """A stored file is gone."""

    code = "blob_missing"


class EngineUnavailable(ServiceError):
    """The engine could not be started; the detail says why."""

    code = "engine_unavailable"


class JobPoisoned(ServiceError):
    """The job's worker died too often; it is not tried again."""

    code = "job_poisoned"


class StaleAttempt(ServiceError):
    """Another worker has taken this job over; what this one did is dropped."""

    code = "stale_attempt"


class SlotSkipped(StaleAttempt):
    """Somebody passed over this picture while it was drawn; what was drawn of it is dropped."""


class IllegalTransition(ServiceError):
    """A job was asked to move to a state that its present one does not lead to."""

    code = "illegal_transition"
