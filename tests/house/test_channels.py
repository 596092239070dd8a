"""A channel of campaigns stands in every table that goes by channels (docs/adding-a-channel.md)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, get_args

import pytest

from hotline.campaigns import consent, content, draft, segment_fields
from hotline.campaigns.consent import ASKED, CHANNELS
from hotline.crm.campaign_section import Campaigns
from hotline.crm.queries.conversations import senders
from hotline.customers import import_targets
from hotline.web.api import consents
from hotline.web.desktop.campaigns import result_words, segment_words, template_forms, template_words
from hotline.web.desktop.consent import consent_words
from hotline.web.desktop.people import preferences
from hotline.workflows.pushes import push_channels

#: Where every channel stands, the console among them.
ALL: Final[dict[str, Collection[str]]] = {
    "campaigns.consent.REACHED_BY": consent.REACHED_BY,
    "campaigns.content.FIELDS": content.FIELDS,
    "workflows.pushes.push_channels.channels": push_channels.channels(),
    "web.desktop.campaigns.result_words.CHANNELS": result_words.CHANNELS,
    "web.desktop.campaigns.template_forms.SHOWN": template_forms.SHOWN,
    "web.desktop.campaigns.template_words.CHANNELS": template_words.CHANNELS,
    "campaigns.draft.WITHOUT_SENDER or crm.queries.conversations.senders.Channel": (
        draft.WITHOUT_SENDER | set(senders.CHANNELS)
    ),
}
#: Where those stand that reach a person.
REACHING: Final[dict[str, Collection[str]]] = {
    "campaigns.consent.ASKED": {*CHANNELS} - {"console"},
    "campaigns.segment_fields.EVENT_WORDS": segment_fields.EVENT_WORDS["delivery.channel"],
    "crm.campaign_section.Campaigns": Campaigns().two_above,
    "customers.import_targets.CONSENT_CHANNELS": import_targets.CONSENT_CHANNELS,
    "web.api.consents.Channel": get_args(consents.Channel),
    "web.desktop.consent.consent_words.CHANNELS": consent_words.CHANNELS,
    "web.desktop.people.preferences.CHANNELS": preferences.CHANNELS,
    "web.desktop.people.preferences.STOP": preferences.STOP,
    "web.desktop.people.preferences.STOPPED": preferences.STOPPED,
    "web.desktop.people.preferences.WORDINGS": {channel for channel, _ in preferences.WORDINGS},
}


@pytest.mark.parametrize("table", ALL)
def test_every_channel_stands_in(table: str) -> None:
    assert set(ALL[table]) == set(CHANNELS)


@pytest.mark.parametrize("table", REACHING)
def test_every_channel_that_reaches_a_person_stands_in(table: str) -> None:
    assert set(REACHING[table]) == set(ASKED)


def test_every_channel_has_a_word_in_the_rules_of_segments() -> None:
    assert set(CHANNELS) <= set(segment_words.WORDS)
