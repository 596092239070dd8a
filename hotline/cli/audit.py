"""``hotline audit``: is the trail whole?"""

from __future__ import annotations

import typer

from hotline.cli.house import in_house
from hotline.crm.audit import Report
from hotline.crm.viewer import SYSTEM
from hotline.workflows.house import House
from hotline.workflows.upkeep.audit import seal_audit, verify_audit

app = typer.Typer(help="The audit trail.", no_args_is_help=True)


@app.command()
def verify() -> None:
    """Walk the whole trail; name entries that were changed, are missing or were cut off (exit 1).

    Then hold every campaign's submissions, decisions and recipients against it.
    """
    report = in_house(_verify)
    for finding in report.findings:
        typer.echo(f"{finding.kind}: {finding.text}")
    newer = f", {report.unsealed} not yet sealed" if report.unsealed else ""
    if report.intact:
        also = f"; {report.manifests} submissions of campaigns agree with it" if report.manifests else ""
        typer.echo(f"The audit trail is intact: {report.entries} entries under {report.seals} seals{newer}{also}.")
    else:
        typer.echo(
            f"The audit trail is NOT intact: {len(report.findings)} finding(s) in {report.entries} entries{newer}."
        )
        raise typer.Exit(1)


async def _verify(house: House) -> Report:
    # What committed while no service ran is sealed first, so that it is looked at too.
    await seal_audit(house)
    return await verify_audit(house, SYSTEM)
