"""Every route of the A1111 door."""

from __future__ import annotations

from service.compat.a1111 import draw, extras, listings, machine, option_routes, progress, readers

ROUTERS = (
    draw.router,
    progress.router,
    option_routes.router,
    listings.router,
    readers.router,
    extras.router,
    machine.router,
)
