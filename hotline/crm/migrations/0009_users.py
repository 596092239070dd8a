"""What is kept about users: profile, skills, hours, second factors, sign-ins."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.fields.db_defaults import Now
from tortoise.indexes import Index
from tortoise.migrations import operations as ops
from tortoise.migrations.operations import Operation

from hotline.crm.models.indexes import WhereIndex
from hotline.ids import new_id


def _user() -> fields.Field[object]:
    return fields.ForeignKeyField(
        "crm.User", source_field="user_id", to_field="id", related_name=False, on_delete=OnDelete.CASCADE
    )


def _indexed_user() -> fields.Field[object]:
    return fields.ForeignKeyField(
        "crm.User",
        source_field="user_id",
        db_index=True,
        to_field="id",
        related_name=False,
        on_delete=OnDelete.CASCADE,
    )


class Migration(migrations.Migration):
    dependencies = [("crm", "0008_rights")]  # noqa: RUF012

    initial = False

    operations: list[Operation] = [  # noqa: RUF012
        ops.AddField(model_name="User", name="title", field=fields.CharField(max_length=100, null=True)),
        ops.AddField(
            model_name="User",
            name="key",
            field=fields.ForeignKeyField(
                "crm.PersonalKey", source_field="key_id", related_name=False, null=True, on_delete=fields.RESTRICT
            ),
        ),
        ops.AddField(model_name="User", name="email_cipher", field=fields.BinaryField(null=True)),
        ops.AddField(model_name="User", name="phone_cipher", field=fields.BinaryField(null=True)),
        ops.AddField(model_name="User", name="skills", field=fields.JSONField(db_default=[])),
        ops.AddField(model_name="User", name="working_hours", field=fields.JSONField(null=True)),
        ops.AddField(model_name="User", name="left_at", field=fields.DatetimeField(null=True)),
        ops.AddField(model_name="User", name="totp_cipher", field=fields.BinaryField(null=True)),
        ops.AddField(model_name="User", name="totp_pending_cipher", field=fields.BinaryField(null=True)),
        ops.AddField(model_name="User", name="totp_since", field=fields.DatetimeField(null=True)),
        ops.AddField(model_name="User", name="totp_step", field=fields.BigIntField(db_default=0)),
        ops.AddField(model_name="Session", name="network", field=fields.CharField(max_length=64, db_default="")),
        ops.AddField(model_name="Session", name="confirmed_at", field=fields.DatetimeField(null=True)),
        ops.AddField(model_name="Session", name="second_factor", field=fields.BooleanField(db_default=False)),
        ops.AddIndex(
            model_name="Ticket",
            index=WhereIndex(
                fields=["assignee_id", "resolved_at"], name="ticket_done_by", where="resolved_at IS NOT NULL"
            ),
        ),
        ops.CreateModel(
            name="SignIn",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("user", _user()),
                ("at", fields.DatetimeField()),
                ("outcome", fields.CharField(max_length=16)),
                ("method", fields.CharField(max_length=16)),
                ("network", fields.CharField(max_length=64, db_default="")),
                ("user_agent", fields.CharField(max_length=300, db_default="")),
            ],
            options={
                "table": "sign_in",
                "indexes": [Index(fields=["user_id", "at"], name="sign_in_user")],
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="RefusedSignIn",
            fields=[
                ("day", fields.DateField(primary_key=True)),
                ("tries", fields.BigIntField(db_default=0)),
                ("seen_at", fields.DatetimeField(db_default=Now())),
            ],
            options={"table": "refused_sign_in", "pk_attr": "day"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="SignInChallenge",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("user", _indexed_user()),
                ("token_hash", fields.BinaryField()),
                ("created_at", fields.DatetimeField(db_default=Now())),
                ("expires_at", fields.DatetimeField()),
                ("used_at", fields.DatetimeField(null=True)),
            ],
            options={"table": "sign_in_challenge", "unique_together": (("token_hash",),), "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="RecoveryCode",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("user", _user()),
                ("mark", fields.BinaryField()),
                ("created_at", fields.DatetimeField(db_default=Now())),
                ("used_at", fields.DatetimeField(null=True)),
            ],
            options={"table": "recovery_code", "unique_together": (("user", "mark"),), "pk_attr": "id"},
            bases=["Model"],
        ),
        ops.CreateModel(
            name="HandoverItem",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True)),
                ("job_id", fields.UUIDField()),
                ("kind", fields.CharField(max_length=16)),
                ("record_id", fields.UUIDField()),
                ("undone_at", fields.DatetimeField(null=True)),
            ],
            options={
                "table": "handover_item",
                "unique_together": (("job_id", "kind", "record_id"),),
                "pk_attr": "id",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="StoredPbx",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id)),
                ("name", fields.CharField(max_length=64, unique=True)),
                (
                    "key",
                    fields.ForeignKeyField(
                        "crm.PersonalKey",
                        source_field="key_id",
                        to_field="id",
                        related_name=False,
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("address_cipher", fields.BinaryField()),
                ("version", fields.IntField(db_default=1)),
                ("created_at", fields.DatetimeField(db_default=Now())),
                ("updated_at", fields.DatetimeField(db_default=Now())),
            ],
            options={"table": "stored_pbx", "pk_attr": "id"},
            bases=["Model"],
        ),
    ]
