"""What people did in a time: calls, talk, wrap-up, tickets, promises kept."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from uuid import UUID

from pydantic import ConfigDict, Field

from hotline.crm.queries.calls import performance as queries
from hotline.crm.queries.calls.performance import Person
from hotline.web.api.user_bodies import UserPath
from hotline.web.api.users import find_user
from hotline.web.endpoint import Ask, Endpoint, Input, Moment, Output, endpoint


class Between(Input):
    """Which time; the last 30 days when nothing is said."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    start: Moment | None = Field(None, alias="from", description="Inclusive.")
    end: Moment | None = Field(None, alias="to", description="Exclusive; at most a year after `from`.")


class TeamBetween(Between):
    """Whose, and which time."""

    team: UUID | None = Field(None, description="Of this team only.")


class Figures(Output):
    """Counts, and whole seconds."""

    offered: int = Field(description="Rings of their phones.")
    answered: int
    missed: int = Field(description="Rings that timed out or were declined.")
    outgoing: int = Field(description="Calls they dialled that were answered.")
    calls: int = Field(description="Calls they spoke in.")
    talk_seconds: int
    average_talk_seconds: int | None
    average_answer_seconds: int | None = Field(description="How long their phone rang before they answered.")
    wrap_ups: int
    wrap_up_seconds: int
    tickets_resolved: int
    kept: int = Field(description="Deadlines of those tickets that were kept.")
    broken: int
    sla_kept: float | None = Field(description="The part that was kept, 0 to 1.")


class Performance(Output):
    """What somebody did."""

    model_config = ConfigDict(frozen=True, from_attributes=True, serialize_by_alias=True)

    user_id: UUID
    login: str
    name: str
    start: datetime = Field(serialization_alias="from")
    end: datetime = Field(serialization_alias="to")
    figures: Figures
    open_tickets: int = Field(description="Now.")
    customers: int = Field(description="For whom they are responsible now.")
    seen_at: datetime | None = Field(description="When a browser of theirs was last used.")


class Day(Output):
    """One day."""

    day: date
    calls: int
    talk_seconds: int
    tickets_resolved: int


class PerformanceInDays(Performance):
    """What somebody did, with each day of it in the company's time zone."""

    days: list[Day]


class PerformanceList(Output):
    """What people did, by name."""

    items: list[Performance]
    next: str | None = None


def _between(ask: Ask, query: Between) -> tuple[datetime, datetime]:
    end = query.end or ask.house.clock()
    return query.start or end - timedelta(days=30), end


def _body(person: Person, start: datetime, end: datetime) -> dict[str, object]:
    return {
        "user_id": person.id,
        "login": person.login,
        "name": person.name,
        "start": start,
        "end": end,
        "figures": Figures.model_validate(person.figures),
        "open_tickets": person.open_tickets,
        "customers": person.customers,
        "seen_at": person.seen_at,
    }


@endpoint("GET", "/performance", right="users.performance", summary="What people did, those whom one may see")
async def list_performance(ask: Ask, query: TeamBetween) -> PerformanceList:
    """Those of one's teams; with calls.read_all everybody who may sign in. At most 200, by name."""
    start, end = _between(ask, query)
    found = await queries.list_performance(ask.house.db, ask.viewer, start, end, ask.house.clock(), team=query.team)
    return PerformanceList(items=[Performance.model_validate(_body(person, start, end)) for person in found])


@endpoint("GET", "/users/{user}/performance", right="signed_in", summary="What somebody did")
async def get_performance(ask: Ask, path: UserPath, query: Between) -> PerformanceInDays:
    """One's own always; others' need users.performance."""
    start, end = _between(ask, query)
    user = await find_user(ask, path.user)
    now = ask.house.clock()
    person = await queries.get_performance(ask.house.db, ask.viewer, user.id, start, end, now)
    days = await queries.list_days(ask.house.db, ask.viewer, user.id, start, end, now, ask.house.settings.timezone.key)
    return PerformanceInDays.model_validate(
        {**_body(person, start, end), "days": [Day.model_validate(day) for day in days]}
    )


routes: list[Endpoint] = [list_performance, get_performance]
