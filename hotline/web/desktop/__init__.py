"""The desk: pages for people. One file per page; what they change, they change through ``hotline.workflows``."""

from __future__ import annotations

from aiohttp import web

from hotline.web.context import ERROR_PAGE
from hotline.web.desktop import assets, components, desk, pages, problem
from hotline.web.desktop.calls import recordings
from hotline.web.desktop.campaigns import campaign_form, campaign_review, campaigns, results, segments, templates
from hotline.web.desktop.company import settings, settings_senders
from hotline.web.desktop.company import setup as first_set_up
from hotline.web.desktop.consent import consents
from hotline.web.desktop.conversations import conversation_mail, conversation_new, conversations, macros
from hotline.web.desktop.customers import batches, customers, duplicates, exports, imports, merges, privacy
from hotline.web.desktop.forms import refusal_words
from hotline.web.desktop.ivr import flows, prompts
from hotline.web.desktop.people import (
    effective_rights,
    grants,
    leaving,
    performance,
    preferences,
    profile,
    roles,
    sign_in,
    teams,
    tokens,
    two_step,
    users,
)
from hotline.web.desktop.pushes import outbound
from hotline.web.desktop.tickets import ticket_batch, tickets
from hotline.web.desktop.upkeep import jobs, system
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
