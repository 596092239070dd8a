"""The desk: pages for people. One file per page; what they change, they change through ``hotline.workflows``."""

from __future__ import annotations

from aiohttp import web

from hotline.web.context import ERROR_PAGE
from hotline.web.desktop import (
    assets,
    batches,
    campaign_form,
    campaign_review,
    campaigns,
    components,
    consents,
    conversation_mail,
    conversation_new,
    conversations,
    customers,
    desk,
    duplicates,
    effective_rights,
    exports,
    flows,
    grants,
    imports,
    jobs,
    leaving,
    macros,
    merges,
    outbound,
    pages,
    performance,
    preferences,
    privacy,
    problem,
    profile,
    prompts,
    recordings,
    results,
    roles,
    segments,
    settings,
    settings_senders,
    sign_in,
    system,
    teams,
    templates,
    ticket_batch,
    tickets,
    tokens,
    two_step,
    users,
)
from hotline.web.desktop import setup as first_set_up
from hotline.web.desktop.forms import refusal_words
from hotline.web.problems import REFUSAL_WORDS


def setup(app: web.Application) -> None:
    """Adds the pages' routes."""
    app[ERROR_PAGE] = problem.error_page
    app[REFUSAL_WORDS] = refusal_words
    for page in (
        assets,
        sign_in,
        two_step,
        desk,
        customers,
        consents,
        preferences,
        privacy,
        duplicates,
        merges,
        batches,
        jobs,
        # Before the tickets: whose addresses would take `batch` for an id.
        ticket_batch,
        tickets,
        # Before the conversations: whose addresses would take `new` for an id.
        conversation_new,
        conversation_mail,
        conversations,
        macros,
        templates,
        outbound,
        # Before the campaigns: whose addresses would take `new` for an id.
        campaign_form,
        campaigns,
        campaign_review,
        segments,
        users,
        roles,
        teams,
        grants,
        effective_rights,
        leaving,
        performance,
        flows,
        imports,
        exports,
        prompts,
        recordings,
        results,
        # Before the settings: whose sections would take it for one of theirs.
        settings_senders,
        settings,
        first_set_up,
        profile,
        tokens,
        system,
        components,
    ):
        page.setup(app)
    pages.setup(app)
