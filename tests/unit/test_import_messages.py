"""What passes between the processes of an import comes out as it went in."""

from __future__ import annotations

from hotline.crm.import_seal import Prepared, PreparedRow, RefusedRow, Sealed, kept_of
from hotline.customers.contact_points import ContactValue
from hotline.customers.import_record import Reason, Record
from hotline.workflows.customers.import_messages import LENGTH, Ended, read, written

RECORD = Record(name="Anna", tags=("new",), points=(("email", ContactValue("anna@example.com"), ""),))
KNOWN = Record(number=7, locale="de")
SEALED = Sealed(b"id", b"key", b"customer", (b"point", b"point 2"), (b"address",))
REFUSED = RefusedRow(4, (Reason("phone", 1), Reason("no_name")), ("", "12"))


def passed(message: object) -> object:
    data = written(message)
    assert LENGTH.unpack(data[: LENGTH.size]) == (len(data) - LENGTH.size,)
    return read(data[LENGTH.size :])


def test_a_step_passes_whole() -> None:
    rows = [
        PreparedRow(2, None, ("email",), (b"index",), ("new",), kept_of(RECORD, ("Anna", "anna@example.com")), SEALED),
        PreparedRow(3, 7, (), (), (), kept_of(KNOWN, ("7", "de")), None),
    ]
    step = passed(Prepared.of(4, 3, rows, [REFUSED]))
    assert isinstance(step, Prepared)
    assert step == Prepared.of(4, 3, rows, [REFUSED])
    assert (step.numbers, step.customer_numbers, step.refused) == ((2, 3), (None, 7), (REFUSED,))
    assert [step.record(0), step.record(1)] == [RECORD, KNOWN]
    assert step.cells(1) == ("7", "de")
    assert step.ids == (b"id", b"")  # nobody new is made of a row without a name
    assert step.points == ((b"point", b"point 2"), ())


def test_a_step_of_a_trial_has_nothing_sealed() -> None:
    row = PreparedRow(2, None, (), (), (), kept_of(RECORD, ()), None)
    step = passed(Prepared.of(2, 1, [row], ()))
    assert isinstance(step, Prepared)
    assert (step.numbers, step.ids, step.customers) == ((2,), (), ())


def test_a_step_may_have_refused_rows_only() -> None:
    assert passed(Prepared.of(4, 1, [], [REFUSED])) == Prepared(4, 1, (REFUSED,))
    assert passed(Ended(9)) == Ended(9)
