"""The report of everything that is kept about a person, and their files, opened one by one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from hotline.crm.privacy import report as queries
from hotline.crm.privacy.report import PersonReport, ReportFile, lines_of
from hotline.crm.queries.customers.customers import get_customer
from hotline.crm.viewer import Viewer
from hotline.media.sealed import SealedReader
from hotline.workflows.house import House
from hotline.workflows.upkeep.backup_parts import parts


async def make_report(house: House, viewer: Viewer, customer_id: UUID) -> PersonReport:
    """Everything about a customer, and about every record that was merged into theirs. The trail notes who asked.

    Whoever may make the report sees all of it, numbers and private fields too. Raises Forbidden and NotFound.
    """
    viewer.require("customers.report")
    customer = await get_customer(house.db, house.keyring, viewer, customer_id)
    async with house.unit(viewer) as uow:
        # One moment, and with the audit entry: nobody gets a report that the trail does not know.
        report = await queries.person_report(uow, uow.keyring, viewer, customer.id)
        uow.audit("customer:reported", report.customer_id, lines=lines_of(report.sections), files=len(report.files))
    return report


@contextmanager
def opened(house: House, file: ReportFile) -> Iterator[Iterator[bytes]]:
    """A file's content, piece by piece. Blocking. Raises Damaged when it is gone or was changed."""
    reader = SealedReader(parts(house.settings)[file.part] / file.path, file.key.secret, file.owner)
    try:
        yield reader.read(0, reader.size)
    finally:
        reader.close()
