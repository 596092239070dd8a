"""What an import changes of customers who are there: gathered for a step, and written by a statement for each table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from hotline.crm import copy_rows
from hotline.crm.commands.customers import customer_changes
from hotline.crm.commands.customers.customer_state import differences
from hotline.crm.commands.customers.tags import make_tags
from hotline.crm.import_seal import ADDRESS_COLUMNS, POINT_COLUMNS, Sealing, seal_address, seal_custom, seal_point
from hotline.crm.keys import PersonalKey
from hotline.crm.unit_of_work import UnitOfWork
from hotline.customers.import_policy import Outcome, custom_of
from hotline.ids import new_text_id

EFFECT_COLUMNS: Final = ("customer_import_id", "customer_id", "kind", "version")
_UPDATE: Final = """
UPDATE customer SET version = version + 1, updated_at = $2, kind = $3, name_cipher = COALESCE($4, name_cipher),
    search_tokens = COALESCE($5, search_tokens), locale = $6, tier_id = $7, classification = $8, responsible_id = $9,
    custom = $10, custom_cipher = $11
WHERE id = $1
"""


class Changes:
    """Changes of many customers, gathered and written by a statement per table."""

    def __init__(self, uow: UnitOfWork, import_id: UUID, sealing: Sealing) -> None:
        self._uow, self._import_id, self._sealing = uow, import_id, sealing
        self._updates: list[tuple[Any, ...]] = []
        self._points: list[bytes] = []
        self._addresses: list[bytes] = []
        self._tags: list[tuple[UUID, str]] = []
        self._changes: list[tuple[Any, ...]] = []
        self._effects: list[tuple[Any, ...]] = []

    def add(
        self, customer_id: UUID, key: PersonalKey, version: int, before: Mapping[str, Any], outcome: Outcome
    ) -> None:
        """Change one locked customer, of this version and state, to the outcome."""
        uow, keyring, state = self._uow, self._uow.keyring, outcome.state
        sealer, text_id = keyring.sealer(key), str(customer_id)
        after = dict(state)
        points, addresses = list(before.get("contact_points") or ()), list(before.get("addresses") or ())
        owner = copy_rows.uuid(text_id)
        for point in outcome.points:
            kind, value, label = point
            point_id, index = new_text_id(), keyring.contact_index(kind, value.value)
            self._points.append(seal_point(keyring, sealer, point_id, owner, point, index, len(points)))
            points.append(
                {"id": point_id, "kind": kind, "value": value.value, "label": label, "country": value.country}
            )
        for address in outcome.addresses:
            address_id = new_text_id()
            self._addresses.append(seal_address(sealer, address_id, owner, address, len(addresses)))
            text, label, country = address
            addresses.append({"id": address_id, "label": label, "text": text, "country": country})
        if outcome.points:
            after["contact_points"] = points
        if outcome.addresses:
            after["addresses"] = addresses
        if outcome.tags:
            after["tags"] = sorted((*(before.get("tags") or ()), *outcome.tags), key=str.casefold)
            self._tags += [(customer_id, tag) for tag in outcome.tags]
        clear, cipher = seal_custom(sealer, text_id, self._sealing.fields, custom_of(after))
        renamed = after["name"] != before.get("name")
        self._updates.append(
            (
                *(customer_id, uow.now, after["kind"]),
                sealer("customer", "name_cipher", text_id, after["name"]) if renamed else None,
                keyring.name_tokens(after["name"]) if renamed else None,
                *(after.get("locale"), self._sealing.tiers.get(after.get("tier") or ""), after.get("classification")),
                UUID(after["responsible"]) if after.get("responsible") else None,
                *(clear, cipher),
            )
        )
        for name, (was, becomes) in differences(before, after).items():
            self._changes.append(
                customer_changes.record(
                    keyring, key, id=uow.new_id(), customer_id=customer_id, version=version + 1, at=uow.now,
                    user_id=uow.viewer.user_id, field=name, before=was, after=becomes, source="import",
                    source_id=self._import_id,
                )
            )  # fmt: skip
        self._effects.append((self._import_id, customer_id, "updated", version + 1))

    def note(self, customer_id: UUID, version: int) -> None:
        """The import told something of a customer that stands elsewhere than in their record."""
        self._effects.append((self._import_id, customer_id, "updated", version))

    async def write(self) -> None:
        """Write all that was added."""
        uow = self._uow
        await uow.execute_many(_UPDATE, self._updates)
        now = copy_rows.moment(uow.now)
        await uow.copy_made("contact_point", POINT_COLUMNS, self._points, now)
        await uow.copy_made("address", ADDRESS_COLUMNS, self._addresses, now)
        tags = await make_tags(uow, [tag for _, tag in self._tags])
        await uow.execute_many(
            """INSERT INTO customer_tag (customer_id, tag_id) VALUES ($1, $2)
               ON CONFLICT (customer_id, tag_id) DO NOTHING""",
            [(customer_id, tags[tag]) for customer_id, tag in self._tags],
        )
        await uow.copy("customer_change", customer_changes.COLUMNS, self._changes)
        await uow.copy("import_effect", EFFECT_COLUMNS, self._effects)
