"""The pages that the rail, the menu and the palette lead to: which there are, for whom, in which groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from hotline.crm.viewer import Viewer
from hotline.web.desktop.words import N_


@dataclass(frozen=True, slots=True)
class PageLink:
    """A page. ``rights``: one of them is enough; none: whoever is signed in."""

    href: str
    icon: str
    name: str
    rights: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Shown:
    """A page as a frame shows it."""

    href: str
    icon: str
    name: str
    current: bool


@dataclass(frozen=True, slots=True)
class Group:
    """Pages of one subject, behind one entry of the rail."""

    key: str
    icon: str
    name: str
    pages: tuple[Shown, ...]

    @property
    def current(self) -> bool:
        """Whether one of its pages is open."""
        return any(page.current for page in self.pages)


@dataclass(frozen=True, slots=True)
class Rail:
    """What one viewer may go to: ``first`` stands in the rail itself and on a phone's bar, ``own`` in their menu."""

    first: tuple[Shown, ...]
    groups: tuple[Group, ...]
    own: tuple[Shown, ...]

    @property
    def all(self) -> tuple[Shown, ...]:
        """Every page, as the palette lists them."""
        return (*self.first, *(page for group in self.groups for page in group.pages), *self.own)


_FIRST: Final = (
    PageLink("/", "columns", N_("Desk"), ("calls.read",)),
    PageLink("/conversations", "chat", N_("Messages"), ("conversations.read",)),
    PageLink("/tickets", "ticket", N_("Tickets"), ("tickets.read",)),
    PageLink("/callbacks", "callback", N_("Call backs"), ("tickets.read",)),
    PageLink("/customers", "users", N_("Customers"), ("customers.read",)),
)

#: Who may start something that takes a while.
_STARTS_JOBS: Final = ("customers.batch", "customers.import", "customers.export", "customers.merge", "users.write")

#: (key, icon, name, its pages). Names are translated where they are shown.
_GROUPS: Final[Sequence[tuple[str, str, str, tuple[PageLink, ...]]]] = (
    (
        "campaigns",
        "push",
        N_("Pushes"),
        (
            PageLink("/campaigns", "push", N_("Campaigns"), ("campaigns.read",)),
            PageLink("/segments", "filter", N_("Segments"), ("segments.read",)),
            PageLink("/templates", "copy", N_("Templates"), ("templates.read",)),
            PageLink("/consents", "shield", N_("Consents"), ("campaigns.read",)),
        ),
    ),
    (
        "records",
        "database",
        N_("Records"),
        (
            PageLink("/duplicates", "merge", N_("Duplicates"), ("customers.merge",)),
            PageLink("/imports", "arrow-up", N_("Imports"), ("customers.import",)),
            PageLink("/exports", "arrow-down", N_("Exports"), ("customers.export",)),
            PageLink("/jobs", "refresh", N_("Jobs"), _STARTS_JOBS),
        ),
    ),
    (
        "telephone",
        "phone",
        N_("Telephone"),
        (
            PageLink("/flows", "flow", N_("Flows"), ("flows.read",)),
            PageLink("/prompts", "volume", N_("Prompts"), ("flows.read",)),
        ),
    ),
    (
        "people",
        "user",
        N_("People"),
        (
            PageLink("/users", "user", N_("Users"), ("users.write",)),
            PageLink("/teams", "users", N_("Teams"), ("teams.write",)),
            PageLink("/roles", "shield", N_("Roles"), ("roles.write",)),
            PageLink("/grants", "clock", N_("Rights for a time"), ("roles.write",)),
            PageLink("/performance", "chart", N_("Performance"), ("users.performance",)),
        ),
    ),
    (
        "company",
        "sliders",
        N_("Company"),
        (
            PageLink("/settings", "sliders", N_("Settings"), ("settings.read",)),
            PageLink("/setup", "bolt", N_("First set-up"), ("settings.write",)),
            PageLink("/system", "signal", N_("System"), ("system.read",)),
        ),
    ),
)

_OWN: Final = (
    PageLink("/profile", "shield", N_("Profile"), ("own.profile",)),
    PageLink("/tokens", "key", N_("API tokens"), ("tokens.write",)),
    PageLink("/components", "columns", N_("Components")),
)

#: The addresses that this application serves.
_SERVED: Final[web.AppKey[frozenset[str]]] = web.AppKey("pages_served")


def rail_of(app: web.Application, viewer: Viewer, path: str) -> Rail:
    """What ``viewer`` may go to, seen from the page at ``path``; a group of one page stands there by itself."""
    served = app[_SERVED]

    def shown(links: Sequence[PageLink]) -> tuple[Shown, ...]:
        return tuple(
            Shown(link.href, link.icon, link.name, _is_current(path, link.href))
            for link in links
            if link.href in served and (not link.rights or any(map(viewer.may, link.rights)))
        )

    groups = (Group(key, icon, name, shown(links)) for key, icon, name, links in _GROUPS)
    return Rail(shown(_FIRST), tuple(group for group in groups if group.pages), shown(_OWN))


def _is_current(path: str, href: str) -> bool:
    return path == href or (href != "/" and path.startswith(href + "/"))


def setup(app: web.Application) -> None:
    """Notes which pages are served; after all of them were added."""
    resources = (route.resource for route in app.router.routes() if route.method == "GET")
    app[_SERVED] = frozenset(resource.canonical for resource in resources if resource is not None)
