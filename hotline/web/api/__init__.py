"""The API, a file per resource; each exposes ``routes``."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from hotline.web.api import (
    audit,
    batches,
    calendars,
    calls,
    categories,
    commands,
    custom_fields,
    customer_history,
    customers,
    docs,
    duplicates,
    events,
    exports,
    files,
    flows,
    grants,
    imports,
    jobs,
    leaving,
    lists,
    merges,
    pbxs,
    performance,
    privacy,
    prompts,
    purchases,
    recordings,
    relations,
    revealing,
    rights,
    roles,
    search,
    sessions,
    settings,
    settings_file,
    sla,
    support,
    teams,
    ticket_views,
    tickets,
    tiers,
    tokens,
    users,
    wrap_ups,
)
from hotline.web.endpoint import Endpoint, add_endpoints

ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    # Before the customers: whose addresses would take `duplicates` for an id.
    *duplicates.routes,
    *merges.routes,
    *batches.routes,
    *customers.routes,
    *revealing.routes,
    *privacy.routes,
    *customer_history.routes,
    *relations.routes,
    *purchases.routes,
    *files.routes,
    *custom_fields.routes,
    *tiers.routes,
    *calls.routes,
    *tickets.routes,
    *ticket_views.routes,
    *categories.routes,
    *wrap_ups.routes,
    *jobs.routes,
    *commands.routes,
    *pbxs.routes,
    *users.routes,
    *leaving.routes,
    *sessions.routes,
    *performance.routes,
    *rights.routes,
    *roles.routes,
    *teams.routes,
    *grants.routes,
    *tokens.routes,
    *imports.routes,
    *exports.routes,
    *recordings.routes,
    *flows.routes,
    *prompts.routes,
    *calendars.routes,
    *sla.routes,
    *lists.routes,
    *search.routes,
    *settings_file.routes,
    *settings.routes,
    *audit.routes,
    *support.routes,
    *events.routes,
)


def setup(app: web.Application) -> None:
    """Adds the resources and the document that describes them."""
    add_endpoints(app, ENDPOINTS)
    docs.setup(app, ENDPOINTS)
