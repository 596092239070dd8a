"""The tables, a file per noun.

Everybody reads and writes through ``crm.queries`` and ``crm.commands``; nothing above crm imports a model.
"""

from hotline.crm.models.audit import AuditEntry, AuditSeal
from hotline.crm.models.background import BackgroundJob
from hotline.crm.models.batch import BatchItem
from hotline.crm.models.call import Call, CallAlias, Leg
from hotline.crm.models.campaign import Approval, Campaign, Manifest
from hotline.crm.models.campaign_run import CampaignRun
from hotline.crm.models.consent import Consent, ConsentRecord
from hotline.crm.models.conversation import (
    CatchUp,
    Conversation,
    Message,
    MessageAttempt,
    MessageFile,
    SenderPace,
    SenderPause,
    Suppression,
    TriageCorrection,
)
from hotline.crm.models.custom_field import CustomField
from hotline.crm.models.customer import Address, ContactPoint, Customer, CustomerTag, Tag, Tier
from hotline.crm.models.customer_import import (
    CustomerExport,
    CustomerImport,
    ImportEffect,
    ImportMapping,
    ImportRefusal,
)
from hotline.crm.models.customer_record import CustomerChange, CustomerFile, CustomerRelation, Purchase
from hotline.crm.models.deadlines import BusinessCalendar, CompanySetting, SlaBasis, SlaClock, SlaPolicy
from hotline.crm.models.delivery import Delivery, DeliveryAttempt, DispatchNode, OutboundStop, PushRate
from hotline.crm.models.erasure import Erasure
from hotline.crm.models.flow import FlowCount, FlowVersion, IvrSession
from hotline.crm.models.grant import RoleGrant
from hotline.crm.models.idempotency import IdempotencyKey
from hotline.crm.models.inapp import InappMessage, PushSubscription
from hotline.crm.models.interaction import Interaction
from hotline.crm.models.key import PersonalKey, SharedKey
from hotline.crm.models.lease import Lease
from hotline.crm.models.list_entry import ListEntry
from hotline.crm.models.macro import Macro, MacroVersion
from hotline.crm.models.mail import MailAddress, Mailbox
from hotline.crm.models.merging import DuplicateBlocks, DuplicateCandidate, DuplicatePair, Merge, MergeField, MergeItem
from hotline.crm.models.outbox import OutboxEntry, OutboxHead
from hotline.crm.models.pbx import PbxCommand, PbxState, QueueMember
from hotline.crm.models.prompt import PromptRecording
from hotline.crm.models.push_file import PushFile
from hotline.crm.models.recording import Recording
from hotline.crm.models.segment import (
    CustomerFacts,
    CustomerFactsDue,
    Recipient,
    Segment,
    SegmentMember,
    SegmentVersion,
)
from hotline.crm.models.sender import Sender
from hotline.crm.models.sign_in import HandoverItem, RecoveryCode, RefusedSignIn, SignIn, SignInChallenge
from hotline.crm.models.stored_pbx import StoredPbx
from hotline.crm.models.team import Team, TeamMember
from hotline.crm.models.template import LinkClick, Template, TemplateVersion, TrackedLink
from hotline.crm.models.ticket import Category, Ticket, TicketEntry, TicketView, WrapUp
from hotline.crm.models.twilio_agents import TwilioLeg, TwilioWaiting
from hotline.crm.models.twilio_fetch import TwilioFetch
from hotline.crm.models.user import ApiToken, Role, Session, User
from hotline.crm.models.webhook import WebhookClaim

__all__ = [
    "Address",
    "ApiToken",
    "Approval",
    "AuditEntry",
    "AuditSeal",
    "BackgroundJob",
    "BatchItem",
    "BusinessCalendar",
    "Call",
    "CallAlias",
    "Campaign",
    "CampaignRun",
    "CatchUp",
    "Category",
    "CompanySetting",
    "Consent",
    "ConsentRecord",
    "ContactPoint",
    "Conversation",
    "CustomField",
    "Customer",
    "CustomerChange",
    "CustomerExport",
    "CustomerFacts",
    "CustomerFactsDue",
    "CustomerFile",
    "CustomerImport",
    "CustomerRelation",
    "CustomerTag",
    "Delivery",
    "DeliveryAttempt",
    "DispatchNode",
    "DuplicateBlocks",
    "DuplicateCandidate",
    "DuplicatePair",
    "Erasure",
    "FlowCount",
    "FlowVersion",
    "HandoverItem",
    "IdempotencyKey",
    "ImportEffect",
    "ImportMapping",
    "ImportRefusal",
    "InappMessage",
    "Interaction",
    "IvrSession",
    "Lease",
    "Leg",
    "LinkClick",
    "ListEntry",
    "Macro",
    "MacroVersion",
    "MailAddress",
    "Mailbox",
    "Manifest",
    "Merge",
    "MergeField",
    "MergeItem",
    "Message",
    "MessageAttempt",
    "MessageFile",
    "OutboundStop",
    "OutboxEntry",
    "OutboxHead",
    "PbxCommand",
    "PbxState",
    "PersonalKey",
    "PromptRecording",
    "Purchase",
    "PushFile",
    "PushRate",
    "PushSubscription",
    "QueueMember",
    "Recipient",
    "Recording",
    "RecoveryCode",
    "RefusedSignIn",
    "Role",
    "RoleGrant",
    "Segment",
    "SegmentMember",
    "SegmentVersion",
    "Sender",
    "SenderPace",
    "SenderPause",
    "Session",
    "SharedKey",
    "SignIn",
    "SignInChallenge",
    "SlaBasis",
    "SlaClock",
    "SlaPolicy",
    "StoredPbx",
    "Suppression",
    "Tag",
    "Team",
    "TeamMember",
    "Template",
    "TemplateVersion",
    "Ticket",
    "TicketEntry",
    "TicketView",
    "Tier",
    "TrackedLink",
    "TriageCorrection",
    "TwilioFetch",
    "TwilioLeg",
    "TwilioWaiting",
    "User",
    "WebhookClaim",
    "WrapUp",
]
