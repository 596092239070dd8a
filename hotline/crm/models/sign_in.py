"""Signing in: its history, the moment between password and code, and the codes for a lost telephone."""

from __future__ import annotations

from tortoise import fields
from tortoise.fields.db_defaults import Now
from tortoise.indexes import Index
from tortoise.models import Model

from hotline.crm.models.user import User
from hotline.ids import new_id


class SignIn(Model):
    """A try to sign in as a user: ``outcome`` is ``in``, ``wrong_password``, ``wrong_code``, ``locked`` or
    ``disabled``, ``method`` ``password``, ``totp`` or ``recovery_code``. ``network`` as a session's."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "crm.User", related_name=False, on_delete=fields.CASCADE
    )
    at = fields.DatetimeField()
    outcome = fields.CharField(max_length=16)
    method = fields.CharField(max_length=16)
    network = fields.CharField(max_length=64, db_default="")
    user_agent = fields.CharField(max_length=300, db_default="")

    class Meta:
        table = "sign_in"
        indexes = (Index(fields=("user_id", "at"), name="sign_in_user"),)


class RefusedSignIn(Model):
    """How often somebody tried logins that nobody has or that are locked, per day. The row that such a try writes makes
    it cost what a wrong password costs."""

    day = fields.DateField(primary_key=True)
    tries = fields.BigIntField(db_default=0)
    seen_at = fields.DatetimeField(db_default=Now())

    class Meta:
        table = "refused_sign_in"


class SignInChallenge(Model):
    """The password was right, the code is asked for. Only the hash of its token is kept; it opens nothing else."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "crm.User", related_name=False, on_delete=fields.CASCADE, db_index=True
    )
    token_hash = fields.BinaryField()
    created_at = fields.DatetimeField(db_default=Now())
    expires_at = fields.DatetimeField()
    used_at = fields.DatetimeField(null=True)

    class Meta:
        table = "sign_in_challenge"
        unique_together = (("token_hash",),)


class RecoveryCode(Model):
    """A code for who lost their telephone: ``mark`` is its keyed hash, ``used_at`` its end."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "crm.User", related_name=False, on_delete=fields.CASCADE
    )
    mark = fields.BinaryField()
    created_at = fields.DatetimeField(db_default=Now())
    used_at = fields.DatetimeField(null=True)

    class Meta:
        table = "recovery_code"
        unique_together = (("user", "mark"),)


class HandoverItem(Model):
    """A record that a background job gave from one user to another: ``kind`` is ``customer``, ``ticket`` or
    ``conversation``."""

    id = fields.BigIntField(primary_key=True)
    job_id = fields.UUIDField()
    kind = fields.CharField(max_length=16)
    record_id = fields.UUIDField()
    undone_at = fields.DatetimeField(null=True)

    class Meta:
        table = "handover_item"
        unique_together = (("job_id", "kind", "record_id"),)
