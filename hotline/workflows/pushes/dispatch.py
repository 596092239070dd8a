"""Sending what campaigns released: what may leave is taken by lease, decided on, filled in, and begun.

What is sent, from whom and by which rules stands in the approved manifest alone, whose hash is looked at when it is
read; campaign, template and segment are never asked. ``hotline.jobs.dispatch`` drives this.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import structlog

from hotline.campaigns import links as link_rules
from hotline.campaigns import tokens
from hotline.campaigns.limits import read_limits
from hotline.campaigns.policy import Drop, Hold, Send, SendRules, decide, rules_of, within_company
from hotline.campaigns.quiet_hours import place_of_number
from hotline.campaigns.render import CompiledVersion, Rendered, compile_version, render
from hotline.campaigns.render_errors import RenderError
from hotline.campaigns.schedule import drip_of, read_schedule
from hotline.crm.campaign_section import Campaigns
from hotline.crm.commands.pushes import push_claims
from hotline.crm.commands.pushes.policy_locks import one_at_a_time
from hotline.crm.commands.pushes.push_claims import Beginning, Claimed, Decided, Handed
from hotline.crm.commands.pushes.push_results import note_withheld
from hotline.crm.keys import Wrapped, WrongKey
from hotline.crm.queries.campaigns.manifests import get_manifest
from hotline.crm.queries.pushes import policy_facts, push_campaigns
from hotline.crm.queries.pushes.push_campaigns import Running
from hotline.crm.unit_of_work import UnitOfWork
from hotline.crm.viewer import SYSTEM
from hotline.errors import HotlineError, Unavailable
from hotline.workflows.campaigns import links
from hotline.workflows.company import company
from hotline.workflows.house import House
from hotline.workflows.pushes.push_channels import LOCAL, Push
from hotline.workflows.pushes.push_places import PHONES, places_of_numbers
from hotline.workflows.pushes.push_values import trigger_values_for, values_for

log = structlog.get_logger(__name__)

#: Told on the bus when deliveries were released, or may go on.
TOPIC: Final = "dispatch"
#: A process that was not seen for so long is dead.
ALIVE: Final = push_claims.ALIVE
#: Letters of a reason.
_LONGEST_REASON: Final = 100
#: Messages that are decided on or filled in before others get the processor.
_AT_A_TIME: Final = 25
#: Manifests that are remembered.
_MOST_PLANS: Final = 50


async def wake_dispatch(house: House) -> None:
    """Deliveries were released, or may go on: whoever dispatches looks now."""
    try:
        await house.bus.publish(TOPIC, b"look")
    except HotlineError as error:
        log.debug("dispatch.not_woken", reason=error.code)  # they look each second anyway


@dataclass(frozen=True, slots=True)
class PlannedSender:
    """One of the approved senders."""

    id: UUID | None
    address: str
    name: str
    account_sid: str | None
    service_sid: str | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What was approved, ready to be sent from: the senders in their order, the variants compiled."""

    campaign_id: UUID
    manifest_id: UUID
    channel: str
    purpose: str
    rules: SendRules
    senders: tuple[PlannedSender, ...]
    #: How many may leave in a second, whatever is due: the campaign's drip.
    per_second: float | None
    arms: tuple[CompiledVersion, ...] = field(repr=False)


NOBODY: Final = PlannedSender(None, "", "", None, None)


@dataclass
class Plans:
    """The plans of this process. One that does not match its hash is none, and stays so."""

    _plans: dict[UUID, Plan | None] = field(default_factory=dict)

    async def of(self, house: House, running: Running) -> Plan | None:
        """The plan of a campaign that runs; None when what stands in the records is not what was approved."""
        if running.manifest_id not in self._plans:
            if len(self._plans) >= _MOST_PLANS:
                self._plans.clear()
            self._plans[running.manifest_id] = await self._read(house, running)
        plan = self._plans[running.manifest_id]
        if plan is None:
            return None
        own = await company.get(house, Campaigns)
        return replace(plan, rules=within_company(plan.rules, own.cap_messages, own.cap_days))

    async def _read(self, house: House, running: Running) -> Plan | None:
        # A row by hand is no approval: its signatures are looked at here too, by whoever sends.
        approved = await get_manifest(house.db, house.keyring, SYSTEM, running.manifest_id)
        if approved.sha256 != running.sha256 or not approved.signed:
            log.error("dispatch.manifest_altered", manifest=str(running.manifest_id))
            return None
        try:
            return read_plan(running, approved.content, str(house.settings.timezone))
        except (HotlineError, KeyError, ValueError, TypeError) as error:
            log.error("dispatch.manifest_unusable", manifest=str(running.manifest_id), error=type(error).__name__)
            return None


def read_plan(running: Running, content: Mapping[str, Any], zone: str) -> Plan:
    """The plan that a manifest's content holds. Raises HotlineError, KeyError, ValueError for what is none."""
    channel, purpose = content["channel"], content["purpose"]
    if content["campaign"]["id"] != str(running.campaign_id):
        raise ValueError("another campaign's manifest")
    own = [content["sender"], *content["fallback_senders"]] if content["sender"] else []
    return Plan(
        campaign_id=running.campaign_id,
        manifest_id=running.manifest_id,
        channel=channel,
        purpose=purpose,
        rules=rules_of(read_limits(content["limits"]), channel, purpose, zone),
        senders=tuple(_sender(each) for each in own) or (NOBODY,),
        per_second=drip_of(read_schedule(content["schedule"])),
        arms=tuple(
            compile_version(channel, arm["content"], content["links"])
            for arm in sorted(content["variants"], key=lambda arm: str(arm["variant"]))
        ),
    )


def _sender(content: Mapping[str, Any]) -> PlannedSender:
    return PlannedSender(
        UUID(content["id"]) if content["id"] else None, content["address"], content["name"], content["account_sid"],
        content["service_sid"],
    )  # fmt: skip


async def usable_senders(house: House, plans: Iterable[Plan]) -> dict[UUID, PlannedSender]:
    """Through which sender each manifest is sent now: the first that is not paused. One that has none waits."""
    every = {sender.id for plan in plans for sender in plan.senders if sender.id is not None}
    paused = await push_campaigns.paused_senders(house.db, SYSTEM, list(every)) if every else frozenset()
    found = {}
    for plan in plans:
        sender = next((each for each in plan.senders if each.id is None or each.id not in paused), None)
        if sender is not None:
            found[plan.manifest_id] = sender
    return found


@dataclass(slots=True)
class Prepared:
    """A delivery that may be begun: filled in, its address opened."""

    id: UUID
    plan: Plan
    sender: PlannedSender
    person_id: UUID
    contact_point_id: UUID | None
    locale: str
    due_at: datetime
    expires_at: datetime | None
    to: str = field(repr=False)
    rendered: Rendered = field(repr=False)
    unsubscribe_url: str = field(repr=False)
    #: Of the claim by which it was taken: another claim of it, also by this process, has another one.
    lease: UUID
    #: When it was taken, by the process's steady clock.
    taken: float = 0.0
    #: Set when its try has begun.
    attempt: int = 0
    started_at: datetime | None = None
    #: Until when, by the process's steady clock, it may be handed over without another look.
    gate: float = 0.0
    #: Whether its channel asked if it may leave now, and was told yes.
    asked: bool = False

    @property
    def beginning(self) -> Beginning:
        """What beginning it needs."""
        return Beginning(self.id, self.person_id, self.sender.id, self.locale, self.plan.purpose, self.lease)

    @property
    def destination(self) -> str:
        """What its provider counts it by: the mail's domain, the number's country."""
        if self.plan.channel == "email":
            return self.to.rpartition("@")[2].lower()
        return place_of_number(self.to).country or "" if self.plan.channel in PHONES else ""

    def push(self, may_go: Callable[[], Awaitable[bool]] | None = None) -> Push:
        """As its channel gets it."""
        sender = self.sender
        return Push(
            delivery_id=self.id, campaign_id=self.plan.campaign_id, customer_id=self.person_id,
            channel=self.plan.channel, purpose=self.plan.purpose, attempt=self.attempt,
            at=self.started_at or self.due_at, to=self.to, sender_id=sender.id, sender=sender.address,
            sender_name=sender.name, account_sid=sender.account_sid, service_sid=sender.service_sid,
            locale=self.locale, rendered=self.rendered, unsubscribe_url=self.unsubscribe_url,
            expires_at=self.expires_at, may_go=may_go,
        )  # fmt: skip


async def take(house: House, plans: Sequence[tuple[Plan, PlannedSender]], most: int) -> list[Prepared]:
    """Take what is due of campaigns of one channel, at most ``most`` of each, and make it ready to be begun. What does
    not leave, now or ever, is noted as such."""
    by_campaign = {plan.campaign_id: (plan, sender) for plan, sender in plans}
    now, lease = house.clock(), house.new_id()
    claimed = await push_claims.claim(house.db, list(by_campaign), now, most, lease, house.settings.node)
    ready: list[Prepared] = []
    decided: list[Decided] = []
    foreign: list[UUID] = []
    for campaign_id, (plan, sender) in by_campaign.items():
        mine = [each for each in claimed if each.campaign_id == campaign_id]
        foreign += [each.id for each in mine if each.manifest_id != plan.manifest_id]
        mine = [each for each in mine if each.manifest_id == plan.manifest_id]
        if mine:
            some, rest = await _prepare(house, plan, sender, mine, now, lease)
            ready += some
            decided += rest
    if decided:
        async with house.unit(SYSTEM) as uow:
            await push_claims.note_decided(uow, decided, lease)
    if foreign:
        await push_claims.put_back(house.db, foreign, lease)
    ready.sort(key=lambda each: (each.due_at, each.id))
    return ready


async def _prepare(
    house: House, plan: Plan, sender: PlannedSender, claimed: Sequence[Claimed], now: datetime, lease: UUID
) -> tuple[list[Prepared], list[Decided]]:
    addresses: dict[UUID, str | None] = {}
    for place, each in enumerate(claimed):
        if place % _AT_A_TIME == 0:
            await asyncio.sleep(0)  # others' messages go on meanwhile
        addresses[each.id] = _address(house, plan, each)
    places = await places_of_numbers(house, plan.rules, plan.channel, claimed, addresses)
    facts = await policy_facts.load(house.db, SYSTEM, plan.rules, [_asked(each) for each in claimed], now)
    chosen: list[tuple[Claimed, str]] = []
    decided: list[Decided] = []
    for place, each in enumerate(claimed):
        if place % _AT_A_TIME == 0:
            await asyncio.sleep(0)
        known = facts[each.id]
        to = addresses[each.id]
        if to is None:
            known = replace(known, reachable=known.erased and known.reachable)
        elif each.id in places:
            known = replace(known, place=places[each.id])
        verdict = decide(known, plan.rules, now)
        match verdict:
            case Send():
                chosen.append((each, to or ""))
            case Hold(until, reason):
                decided.append(Decided(each.id, "queued", reason, until))
            case Drop(state, reason):
                decided.append(Decided(each.id, state, reason, None))
    ready: list[Prepared] = []
    for each, to, rendered, locale, url in await filled(house, plan, chosen):
        if isinstance(rendered, str):
            decided.append(Decided(each.id, "permanent_failure", rendered[:_LONGEST_REASON], None))
            continue
        ready.append(
            Prepared(
                each.id, plan, sender, each.person_id, each.contact_point_id, locale, each.due_at, each.expires_at, to,
                rendered, url, lease,
            )
        )  # fmt: skip
    return ready, decided


async def filled(
    house: House, plan: Plan, chosen: Sequence[tuple[Claimed, str]]
) -> list[tuple[Claimed, str, Rendered | str, str, str]]:
    """Each with its message, or the reason for which it cannot be filled in; its language; where it is ended."""
    found: list[tuple[Claimed, str, Rendered | str, str, str]] = []
    secrets = links.secrets(house)
    base = house.settings.base_url
    by_arm: dict[int, list[tuple[Claimed, str]]] = {}
    for one in chosen:
        by_arm.setdefault(one[0].variant, []).append(one)
    for variant, some in by_arm.items():
        if variant >= len(plan.arms):
            found += [(each, to, "no_such_variant", "", "") for each, to in some]
            continue
        arm = plan.arms[variant]
        locales = {each.person_id: arm.locale_for(each.language) for each, _ in some}
        values = await values_for(house, locales, arm.fields)
        told = {each.id: locales[each.person_id] for each, _ in some}
        causes = await trigger_values_for(house, {each.id: each.facts for each, _ in some}, told, arm.fields)
        for place, (each, to) in enumerate(some):
            if place % _AT_A_TIME == 0:
                await asyncio.sleep(0)
            locale = locales[each.person_id]
            own = values.get(each.person_id)
            if own is None:
                found.append((each, to, "erased", locale, ""))
                continue
            compiled = arm.locales[locale]
            url = f"{base}/u/{tokens.unsubscribe(secrets, each.id)}"
            given = {**own, **causes.get(each.id, {}), "unsubscribe_url": url}
            if compiled.links:
                given |= link_rules.link_values(
                    compiled.links,
                    base,
                    lambda number, of=each.id: tokens.click(secrets, of, number),  # type: ignore[misc]
                )
            try:
                rendered: Rendered | str = render(compiled, given)
            except RenderError as error:
                rendered = error.reason
            found.append((each, to, rendered, locale, url if plan.purpose == "marketing" else ""))
    return found


def _asked(claimed: Claimed) -> policy_facts.Asked:
    return policy_facts.Asked(
        claimed.id, claimed.person_id, claimed.contact_point_id, claimed.due_at, claimed.expires_at
    )


def _address(house: House, plan: Plan, claimed: Claimed) -> str | None:
    """Where it goes, opened; None when nobody has the address or the key any more."""
    if plan.channel in LOCAL or plan.channel == "inapp":
        return str(claimed.person_id)
    if claimed.address_cipher is None or claimed.wrapped is None or claimed.key_id is None:
        return None
    if claimed.contact_point_id is None or claimed.master is None:
        return None
    try:
        key = house.keyring.unwrap(claimed.key_id, Wrapped(claimed.master, claimed.wrapped))
        return house.keyring.decrypt(
            key, "contact_point", "value_cipher", claimed.contact_point_id, claimed.address_cipher
        )
    except WrongKey:
        return None


async def begin(
    house: House, prepared: Sequence[Prepared], handed: Sequence[Handed] = ()
) -> tuple[list[Prepared], list[Prepared]]:
    """Begin the tries of these, each committed when this returns: (those that may be handed over, those that may not
    any more). What came of others, ``handed``, is noted with them, all or nothing. Where a limit of messages to one
    person holds, each is decided on anew, nobody else beside it."""
    now = house.clock()
    capped = [each for each in prepared if each.plan.rules.caps]
    if not capped:
        beginnings = [each.beginning for each in prepared]
        attempts = await push_claims.begin(house.db, beginnings, now, house.settings.node, handed)
    else:
        async with house.unit(SYSTEM) as uow:
            allowed = await _within_caps(uow, capped, now)
            wanted = [each.beginning for each in prepared if not each.plan.rules.caps or each.id in allowed]
            attempts = await push_claims.begin(uow, wanted, now, house.settings.node, handed)
    begun, rest = [], []
    for each in prepared:
        attempt = attempts.get(each.id)
        if attempt is None:
            rest.append(each)
        else:
            each.attempt, each.started_at = attempt, now
            begun.append(each)
    return begun, rest


async def _within_caps(uow: UnitOfWork, prepared: Sequence[Prepared], now: datetime) -> set[UUID]:
    """Which of these are within the limits still. Of one person, one at a time."""
    allowed: set[UUID] = set()
    people: set[UUID] = set()
    by_rules: dict[SendRules, list[Prepared]] = {}
    for each in sorted(prepared, key=lambda each: each.id):
        if each.person_id not in people:
            people.add(each.person_id)
            by_rules.setdefault(each.plan.rules, []).append(each)
    for rules, some in by_rules.items():
        asked = [
            policy_facts.Asked(each.id, each.person_id, each.contact_point_id, each.due_at, each.expires_at)
            for each in some
        ]
        await one_at_a_time(uow, rules, [each.customer_id for each in asked])
        facts = await policy_facts.load(uow, SYSTEM, rules, asked, now)
        plain = replace(rules, quiet=False)
        allowed |= {each.id for each in some if isinstance(decide(facts[each.id], plain, now), Send)}
    return allowed


async def still_allowed(house: House, prepared: Sequence[Prepared]) -> set[UUID]:
    """Which tries that were begun a while ago may be handed over now."""
    return await push_claims.still_allowed(house.db, [each.beginning for each in prepared], house.clock())


async def renew(house: House, prepared: Sequence[Prepared]) -> None:
    """Tries that were begun long ago and wait to be handed over get as much time as one that begins now."""
    await push_claims.renew(house.db, [each.beginning for each in prepared])


async def withhold(house: House, withheld: Sequence[tuple[UUID, UUID]]) -> None:
    """Give back what was taken, and perhaps begun, and surely not handed over: (delivery, lease of its claim)."""
    async with house.unit(SYSTEM) as uow:
        await note_withheld(uow, withheld)


async def anything_due(house: House, within: timedelta = timedelta(0)) -> bool:
    """Whether dispatching has something to do within a while; False while the database is away."""
    try:
        return await push_campaigns.anything_due(house.db, SYSTEM, house.clock() + within)
    except Unavailable:
        return False


async def give_up_lost(house: House) -> int:
    """Tries whose process is dead: nobody knows whether they left. How many."""
    async with house.unit(SYSTEM) as uow:
        lost = await push_claims.mark_lost(uow, ALIVE)
    if lost:
        log.warning("dispatch.unknown", deliveries=lost)
    return lost


async def beat(house: House) -> int:
    """Say that this process lives; how many processes dispatch, itself included."""
    return await push_claims.beat(house.db, house.settings.node, ALIVE)


async def sign_off(house: House) -> None:
    """This process ends, and has noted all that it began."""
    await push_claims.sign_off(house.db, house.settings.node)


async def count_unknown(house: House) -> int:
    """Of how many deliveries nobody knows whether they left."""
    return await push_campaigns.count_unknown(house.db, SYSTEM)
