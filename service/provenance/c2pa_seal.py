"""C2PA signatures (Content Credentials) with the optional package `c2pa-python`. Nothing private is signed in."""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Callable
from typing import Any

import c2pa

from prompts.pictures import check_header
from service.product import PRODUCT, product_version
from service.provenance.credential import Credential
from service.provenance.marks import Mark

SOURCE_TYPES = {
    Mark.GENERATED: c2pa.C2paDigitalSourceType.TRAINED_ALGORITHMIC_MEDIA,
    Mark.COMPOSITE: c2pa.C2paDigitalSourceType.COMPOSITE_WITH_TRAINED_ALGORITHMIC_MEDIA,
}
SETTINGS = {"builder": {"thumbnail": {"enabled": False}}}  # a thumbnail would be most of a small file
MEDIA_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}
log = logging.getLogger(__name__)


class C2paSeal:
    """See `service.provenance.seal.Seal`.

    Args:
        credential: Called once, when the first picture is signed.
    """

    def __init__(self, credential: Callable[[], Credential]) -> None:
        self._credential = credential
        self._lock = threading.Lock()  # the library's objects are one thread's at a time
        self._signer: Any = None
        self._context: Any = None

    def sealed(self, data: bytes, mark: Mark) -> bytes:
        """The file with a C2PA manifest; as it was, with a line in the log, when the library cannot sign it."""
        try:
            with self._lock:
                return self._signed(data, mark)
        except c2pa.C2paError:
            log.exception("action=seal outcome=failed")
            return data

    def _signed(self, data: bytes, mark: Mark) -> bytes:
        if self._signer is None:
            credential = self._credential()
            info = c2pa.C2paSignerInfo(
                alg=b"es256", sign_cert=credential.chain, private_key=credential.key, ta_url=None
            )
            self._signer = c2pa.Signer.from_info(info)
            self._context = c2pa.Context.from_dict(SETTINGS)
        media_type = MEDIA_TYPES[check_header(data).format]
        manifest = {
            "claim_generator_info": [{"name": PRODUCT, "version": product_version()}],
            "format": media_type,
            "assertions": [],
        }
        signed = io.BytesIO()
        with c2pa.Builder(manifest, context=self._context) as builder:
            builder.set_intent(c2pa.C2paBuilderIntent.CREATE, SOURCE_TYPES[mark])
            builder.sign(self._signer, media_type, io.BytesIO(data), signed)
        return signed.getvalue()
