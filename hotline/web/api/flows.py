"""Flows of the IVR: what is in use, what was refused and why, pictures, and the ways that callers took."""

from __future__ import annotations

from datetime import datetime

from aiohttp import web
from pydantic import Field

from hotline.ivr.names import NAME
from hotline.ivr.schema import schema_text
from hotline.web.endpoint import Ask, Endpoint, Input, Output, endpoint
from hotline.workflows.ivr import flow_views as views

#: The picture carries its own style, which the pages' policy would not let in.
_PICTURE_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


class FlowProblem(Output):
    """What is wrong in a flow's file, and where; `warning`: the flow is used all the same."""

    file: str
    line: int
    column: int
    text: str
    warning: bool


class FlowBrief(Output):
    """A flow. `version` is 0 while the database was away since its file changed; `refused`: the newest file is not
    used, callers get the version that is shown (or, when `used` is false, the default queue)."""

    name: str
    title: dict[str, str]
    version: int
    digest: str
    languages: list[str]
    nodes: int
    used: bool
    refused: bool
    problems: list[FlowProblem]
    missing_calendars: list[str] = Field(description="Business calendars that do not exist; they count as open.")
    callers: int = Field(description="Callers of the last 30 days.")


class FlowList(Output):
    """Every flow by name."""

    items: list[FlowBrief]
    next: str | None = None


class Version(Output):
    """One content that the flow had."""

    version: int
    digest: str
    created_at: datetime


class Way(Output):
    """A way out of a node, where it leads (null: the call is over), and how often it was taken in 30 days."""

    node: str
    way: str
    to: str | None
    times: int
    share: float


class Flow(FlowBrief):
    """A flow with its versions and ways."""

    versions: list[Version]
    ways: list[Way]


class ByName(Input):
    """A flow by its name."""

    name: str = Field(pattern=NAME)


class WhichVersion(Input):
    """One version's callers only; without it those of all versions."""

    version: int | None = Field(None, ge=1, le=2_000_000_000)


class Picture(WhichVersion):
    """How the picture is drawn."""

    language: str | None = Field(None, max_length=10, description="Language of the prompts shown.")
    shares: bool = Field(True, description="With how many callers took each way.")


@endpoint("GET", "/flows", right="flows.read", summary="Flows of the IVR by name")
async def list_flows(ask: Ask) -> FlowList:
    found = await views.list_flows(ask.house, ask.viewer)
    return FlowList(items=[FlowBrief.model_validate(view) for view in found])


@endpoint(
    "GET", "/flows/schema.json", right="public", summary="JSON Schema of flow files", media_type="application/json"
)
async def get_schema(ask: Ask) -> web.Response:
    return web.Response(text=schema_text(), content_type="application/json", charset="utf-8")


@endpoint("GET", "/flows/{name}", right="flows.read", summary="One flow with the ways that callers took")
async def get_flow(ask: Ask, path: ByName, query: WhichVersion) -> Flow:
    view = await views.get_flow(ask.house, ask.viewer, path.name)
    versions = await views.list_versions(ask.house, ask.viewer, path.name)
    ways = []
    if view.used:
        flows = await views.flow_of(ask.house, ask.viewer, path.name, query.version)
        ways = await views.list_ways(ask.house, ask.viewer, flows, query.version)
    return Flow(
        **FlowBrief.model_validate(view).model_dump(),
        versions=[Version.model_validate(one) for one in versions],
        ways=[Way.model_validate(one) for one in ways],
    )


@endpoint(
    "GET", "/flows/{name}/picture.svg", right="flows.read", summary="A flow as a picture", media_type="image/svg+xml"
)
async def get_picture(ask: Ask, path: ByName, query: Picture) -> web.Response:
    flows = await views.flow_of(ask.house, ask.viewer, path.name, query.version)
    counts = None
    if query.shares:
        counts = views.counts_of(await views.list_ways(ask.house, ask.viewer, flows, query.version))
    svg = await views.picture(flows, counts, query.language)
    headers = {"Content-Security-Policy": _PICTURE_POLICY}
    return web.Response(text=svg, content_type="image/svg+xml", charset="utf-8", headers=headers)


routes: list[Endpoint] = [list_flows, get_schema, get_flow, get_picture]
