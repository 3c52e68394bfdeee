"""The operator's settings as webhooks: who is told, by which rules, signed with what."""

from __future__ import annotations

from service.backbone import Backbone
from service.errors import SettingsError
from service.outbound import ANYWHERE, Outbound, OutboundRules
from service.settings import Settings
from service.webhooks import DeliveryStore, WebhookConfig, Webhooks


def order_rules(settings: Settings) -> OutboundRules | None:
    """Which addresses an order may bring; `None`: none."""
    if not settings.webhooks_from_orders:
        return None
    return ANYWHERE if settings.webhooks_private else OutboundRules()


def webhooks_of(settings: Settings, backbone: Backbone, store: DeliveryStore) -> Webhooks | None:
    """What sends the messages; `None` when nobody is to be told anything.

    Raises:
        SettingsError: Somebody is to be told, but there is no secret to sign with.
    """
    rules = order_rules(settings)
    if settings.webhook_url is None and rules is None:
        return None
    if settings.webhook_secret is None:
        raise SettingsError(
            "Webhooks are switched on, but webhook_secret is not set. Set it to a random text of 16 characters or "
            "more, the same as at the receiver.",
            key="webhook_secret",
        )
    config = WebhookConfig(settings.webhook_secret.get_secret_value().encode(), settings.webhook_url)
    return Webhooks(backbone, store, config, Outbound(ANYWHERE), Outbound(rules or OutboundRules()))
