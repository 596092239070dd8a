"""Templates of what campaigns send, each with what it ever said; and the links in what was sent."""

from __future__ import annotations

from typing import Any

from tortoise import fields
from tortoise.fields.db_defaults import Now
from tortoise.indexes import Index
from tortoise.models import Model

from hotline.crm.models.indexes import WhereIndex
from hotline.crm.models.user import User
from hotline.ids import new_id


class Template(Model):
    """A template of one channel. ``current`` is the number of its newest version; archived ones are offered no more.
    Names are unique without case among those that are not archived."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    name = fields.CharField(max_length=100)
    channel = fields.CharField(max_length=16)
    current = fields.IntField(db_default=1)
    archived_at = fields.DatetimeField(null=True)
    created_by: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "crm.User", related_name=False, null=True, on_delete=fields.SET_NULL
    )
    version = fields.IntField(db_default=1)
    created_at = fields.DatetimeField(db_default=Now())
    updated_at = fields.DatetimeField(db_default=Now())

    class Meta:
        table = "template"


class TemplateVersion(Model):
    """What a template says, in all its languages, checked and as it is filled in. Never changed: ``sha256`` is that of
    ``content``. Without ``template``: the content of one campaign alone; the same content is one row then."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    template: fields.ForeignKeyNullableRelation[Template] = fields.ForeignKeyField(
        "crm.Template", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    number = fields.IntField()
    channel = fields.CharField(max_length=16)
    content: Any = fields.JSONField()
    sha256 = fields.BinaryField()
    user_id = fields.UUIDField(null=True)
    at = fields.DatetimeField()

    class Meta:
        table = "template_version"
        unique_together = (("template", "number"),)
        indexes = (WhereIndex(fields=("sha256",), name="template_version_anonymous", where="template_id IS NULL"),)


class TrackedLink(Model):
    """Where a link of an approved manifest leads. ``n`` is what stands in its token."""

    id = fields.BigIntField(primary_key=True)
    manifest_id = fields.UUIDField()
    n = fields.SmallIntField()
    url = fields.TextField()

    class Meta:
        table = "tracked_link"
        unique_together = (("manifest_id", "n"),)


class LinkClick(Model):
    """The first click of a recipient on a link; ``machine``: only programs have followed it so far."""

    id = fields.BigIntField(primary_key=True)
    delivery_id = fields.UUIDField()
    manifest_id = fields.UUIDField()
    n = fields.SmallIntField()
    at = fields.DatetimeField()
    machine = fields.BooleanField(db_default=False)

    class Meta:
        table = "link_click"
        unique_together = (("delivery_id", "n"),)
        indexes = (Index(fields=("manifest_id", "n"), name="link_click_link"),)
