"""Who looks, and what they may see. Every query takes a ``Viewer``, from the first day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args
from uuid import UUID

from hotline.errors import Forbidden
from hotline.events import EVERYONE, permission_mark, user_mark

#: Every permission with the sentence that the users page prints. API scopes are ``all`` or some of these.
PERMISSIONS: Final[Mapping[str, str]] = {
    "customers.read": "See the customers that one is responsible for, and those of one's own calls, tickets and "
    "conversations.",
    "customers.read_team": "See the customers of one's teams too.",
    "customers.read_all": "See every customer.",
    "customers.write": "Create customers and change those that one sees.",
    "customers.read_numbers": "See whole telephone numbers; without it only their last digits.",
    "customers.read_emails": "See whole email addresses; without it only a part.",
    "customers.read_addresses": "See postal addresses.",
    "customers.reveal": "Show a masked number or email address in full, by a click that is recorded.",
    "customers.read_private": "See the values of custom fields that are marked private.",
    "customers.merge": "Merge customers that are one and the same, and undo it.",
    "customers.batch": "Change many customers at once.",
    "customers.transfer": "Make somebody else responsible for customers.",
    "customers.import": "Import customers from a file.",
    "customers.export": "Export customers to a file; what one may not see stays masked in it.",
    "customers.report": "Get the report of everything that is kept about a person.",
    "customers.erase": "Erase a person for good.",
    "calls.read": "See one's own calls.",
    "calls.read_team": "See the calls of one's teams, live and past.",
    "calls.read_all": "See everybody's calls, live and past.",
    "calls.write": "Say which customer a call belongs to, and write notes.",
    "tickets.read": "See tickets: one's own, those of one's own calls, and those that nobody has.",
    "tickets.read_team": "See the tickets of one's teams.",
    "tickets.read_all": "See everybody's tickets.",
    "tickets.write": "Create and change the tickets that one sees, and wrap calls up.",
    "tickets.assign": "Give tickets to others.",
    "conversations.read": "See the conversations that one has, that nobody has, and those of one's own tickets and "
    "customers.",
    "conversations.read_team": "See the conversations of one's teams.",
    "conversations.read_all": "See everybody's conversations.",
    "conversations.write": "Reply in the conversations that one sees, claim them, close them, write notes in them.",
    "conversations.assign": "Give conversations to others.",
    "macros.write": "Change the replies and macros that everybody uses.",
    "segments.read": "See segments, and how many customers are in them.",
    "segments.write": "Create and change segments, with their lists of who is in and who is out.",
    "templates.read": "See the templates of what campaigns send.",
    "templates.write": "Create and change templates, and send a test to oneself.",
    "campaigns.read": "See campaigns, their audiences and their results.",
    "campaigns.write": "Create and change campaigns, and submit them for review.",
    "campaigns.approve": "Approve or reject what others submitted, and withdraw an approval.",
    "campaigns.run": "Start, pause, resume and cancel approved campaigns.",
    "campaigns.export": "Export who got what.",
    "outbound.stop": "Stop everything outbound at once, and let it go on.",
    "consents.read": "See who agreed to what, and who gets nothing.",
    "consents.write": "Record and withdraw consent, add and lift suppressions, import lists of them.",
    "recordings.listen": "Hear voicemails and recordings of the calls that one sees.",
    "recordings.download": "Download them.",
    "recordings.delete": "Delete them before their time.",
    "flows.read": "See the IVR flows and which ways callers took.",
    "prompts.write": "Replace prompts of the IVR by recordings.",
    "settings.read": "See the company's settings: calendars, deadlines, rules.",
    "settings.write": "Change the company's settings, lists and custom fields.",
    "commands.send": "Dial, hang up, transfer and pause.",
    "users.read": "See users.",
    "users.write": "Create and change users, end their sessions, hand over their records.",
    "users.performance": "See the activity and performance of the users of one's teams, or of all with calls.read_all.",
    "roles.write": "Create and change roles and grants.",
    "teams.write": "Create and change teams.",
    "tiers.write": "Change tiers.",
    "tags.write": "Change tags.",
    "audit.read": "Read the audit trail.",
    "system.read": "See the health of connections.",
    "system.support": "Get a support bundle.",
    "tokens.write": "Make API tokens for oneself.",
    "own.presence": "Sign in to and out of one's own queues.",
    "own.profile": "Change one's own password and preferences.",
}

_OWN: Final = ("own.presence", "own.profile")
_PERSONAL: Final = ("customers.read_numbers", "customers.read_emails", "customers.read_addresses")

#: The roles that come with hotline; every migration writes them again.
SHIPPED_ROLES: Final[Mapping[str, tuple[str, ...]]] = {
    "agent": (
        "customers.read", "customers.read_all", "customers.write", *_PERSONAL, "calls.read", "calls.write",
        "tickets.read", "tickets.write", "conversations.read", "conversations.write", "consents.read",
        "consents.write", "recordings.listen", "commands.send", "users.read", *_OWN,
    ),
    "supervisor": (
        "customers.read", "customers.read_all", "customers.write", *_PERSONAL, "customers.read_private",
        "customers.merge", "customers.batch", "customers.transfer", "customers.export", "calls.read",
        "calls.read_team", "calls.read_all", "calls.write", "tickets.read", "tickets.read_team", "tickets.read_all",
        "tickets.write", "tickets.assign", "conversations.read", "conversations.read_team", "conversations.read_all",
        "conversations.write", "conversations.assign", "macros.write", "campaigns.read", "outbound.stop",
        "consents.read", "consents.write", "recordings.listen", "recordings.download", "flows.read", "settings.read",
        "commands.send", "users.read", "users.performance", "tags.write", "system.read", "tokens.write", *_OWN,
    ),
    "marketer": (
        "customers.read", "customers.read_all", "segments.read", "segments.write", "templates.read",
        "templates.write", "campaigns.read", "campaigns.write", "campaigns.run", "campaigns.export", "outbound.stop",
        "consents.read", "consents.write", "tags.write", *_OWN,
    ),
    "reviewer": (
        "customers.read", "customers.read_all", "segments.read", "templates.read", "campaigns.read",
        "campaigns.approve", "outbound.stop", "consents.read", "audit.read", *_OWN,
    ),
    "administrator": tuple(PERMISSIONS),
}  # fmt: skip

#: What is shown in part only to who lacks the permission. ``phone`` is every number, ``private`` a custom field.
MASKS: Final[Mapping[str, str]] = {
    "customers.read_numbers": "phone",
    "customers.read_emails": "email",
    "customers.read_addresses": "address",
    "customers.read_private": "private",
}

Scope = Literal["own", "team", "all"]
Scoped = Literal["customers", "calls", "tickets", "conversations"]
Kind = Literal["user", "system", "token"]

#: The kinds of records that have a scope; everything else belongs to one of them.
SCOPED: Final[tuple[Scoped, ...]] = get_args(Scoped)


@dataclass(frozen=True, slots=True)
class Viewer:
    """``masks`` name what is shown in part only, for example ``phone``; ``teams`` are those that they are in."""

    user_id: UUID | None
    kind: Kind
    permissions: frozenset[str]
    masks: frozenset[str] = frozenset()
    locale: str = "en"
    teams: frozenset[UUID] = frozenset()

    def may(self, permission: str) -> bool:
        """Whether the viewer holds ``permission``."""
        return permission in self.permissions

    def require(self, permission: str) -> None:
        """Raise Forbidden unless the viewer holds ``permission``."""
        if permission not in self.permissions:
            raise Forbidden()

    def scope_of(self, kind: Scoped) -> Scope:
        """How far the viewer sees records of a kind, once they may see any; ``hotline.crm.scopes`` says whose."""
        if f"{kind}.read_all" in self.permissions:
            return "all"
        return "team" if f"{kind}.read_team" in self.permissions else "own"

    @property
    def marks(self) -> tuple[str, ...]:
        """The audience marks of the events that reach this viewer."""
        own = () if self.user_id is None else (user_mark(self.user_id),)
        return (EVERYONE, *own, *(permission_mark(permission) for permission in sorted(self.permissions)))


def acting(user_id: UUID) -> Viewer:
    """A user who does something about their own account, without any right: signing in, a second factor."""
    return Viewer(user_id=user_id, kind="user", permissions=frozenset())


def viewer_of(
    user_id: UUID,
    permissions: frozenset[str],
    *,
    kind: Kind = "user",
    scopes: frozenset[str] | None = None,
    locale: str = "en",
    teams: Iterable[UUID] = (),
) -> Viewer:
    """The viewer of a user with their role's ``permissions``; a token's ``scopes`` narrow these, ``all`` does not."""
    if scopes is not None and "all" not in scopes:
        permissions &= scopes
    return Viewer(
        user_id=user_id,
        kind=kind,
        permissions=permissions,
        masks=frozenset(mask for permission, mask in MASKS.items() if permission not in permissions),
        locale=locale,
        teams=frozenset(teams),
    )


#: hotline itself: jobs, the telephone's listener, commands of the administrator's shell.
SYSTEM: Final = Viewer(user_id=None, kind="system", permissions=frozenset(PERMISSIONS))
