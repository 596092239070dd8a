"""``hotline backup``, ``hotline restore``: everything to one sealed file, and back."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from hotline import logs
from hotline.crm.backup.backup_keys import LONGEST, BackupKey, new_recovery_key, read_key
from hotline.errors import Invalid, SettingError
from hotline.settings import load_settings
from hotline.workflows.upkeep.backup import Made, make_backup
from hotline.workflows.upkeep.backup_archive import Contents, verify
from hotline.workflows.upkeep.backup_rotation import Keep
from hotline.workflows.upkeep.restore import Restored, restore_backup

_KEY_HELP = "File with the passphrase or the recovery key in its first line, readable by its owner alone; - is stdin."


def backup(
    target: Annotated[
        Path, typer.Argument(metavar="FILE", help="A new file; or a folder, in which it is named by its time.")
    ],
    key_file: str = typer.Option("", "--key-file", metavar="FILE", help=_KEY_HELP),
    keep_last: int = typer.Option(0, "--keep-last", min=0, help="In a folder: keep this many of the newest backups,"),
    keep_daily: int = typer.Option(0, "--keep-daily", min=0, help="the newest of so many days,"),
    keep_weekly: int = typer.Option(0, "--keep-weekly", min=0, help="of so many weeks,"),
    keep_monthly: int = typer.Option(0, "--keep-monthly", min=0, help="of so many months; remove the others."),
    quiet: bool = typer.Option(False, "--quiet", "-q", help="Say nothing but errors, for cron."),
) -> None:
    """Back up the records, recordings, prompts, customers' files and the key ring while hotline runs.

    Without --key-file a recovery key is made and printed, once. The file is encrypted, and read back before it counts.
    """
    settings = load_settings()
    logs.configure("warning", json=settings.log_format == "json")
    made_key = "" if key_file else new_recovery_key()
    key = read_key(made_key) if made_key else key_of(key_file)
    keep = Keep(keep_last, keep_daily, keep_weekly, keep_monthly)
    made = asyncio.run(make_backup(settings, target, key, keep=keep, tell=_teller(quiet)))
    if made_key:
        typer.echo(f"Recovery key: {made_key}")
        typer.echo(
            "Write it down now and keep it away from the backup: it is shown this once, and nothing else opens it."
        )
    if not quiet:
        _show(made)


def _show(made: Made) -> None:
    size = f"{made.bytes / 1_000_000:,.1f} MB"
    gone = f", {made.gone} deleted meanwhile" if made.gone else ""
    typer.echo(f"{made.path}: {size}, {made.rows:,} rows, {made.files:,} files{gone}; read back, whole.")
    for path in made.removed:
        typer.echo(f"removed {path.name}")


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A backup.", exists=True, dir_okay=False)],
    key_file: str = typer.Option("", "--key-file", metavar="FILE", help=_KEY_HELP + " Without it you are asked."),
    replace: bool = typer.Option(False, "--replace", help="Replace what is here: records, files and keys are lost."),
    erased: Annotated[
        list[Path] | None,
        typer.Option("--erased", metavar="FILE", help="One more list of people who were erased since, erasures.jsonl."),
    ] = None,
    check: bool = typer.Option(False, "--check", help="Only read the backup and see that it is whole."),
) -> None:
    """Put a backup back into an empty installation. Nothing is touched before the whole backup was checked.

    People who were erased after the backup was made are erased again. Everybody has to sign in anew.
    """
    settings = load_settings()
    logs.configure("warning", json=settings.log_format == "json")
    key = key_of(key_file) if key_file else _asked()
    if check:
        _tell_contents(file, verify(file, key))
        return
    if replace and sys.stdin.isatty() and key_file != "-":
        typer.confirm("Replace the records, files and keys of this installation? This cannot be undone.", abort=True)
    done = asyncio.run(restore_backup(settings, file, key, replace=replace, ledgers=erased or [], tell=_teller(False)))
    _tell_restored(done)


def _tell_contents(file: Path, contents: Contents) -> None:
    about = contents.about
    typer.echo(
        f"{file} is whole: made {about['made_at']} by hotline {about['version']} on {about['host']}, "
        f"{contents.rows:,} rows, {contents.files:,} files."
    )


def _tell_restored(done: Restored) -> None:
    typer.echo(f"Restored the backup of {done.made_at.isoformat()}: {done.rows:,} rows, {done.files:,} files.")
    for step in done.steps:
        typer.echo(f"applied {step}")
    if done.erased:
        typer.echo(f"{done.erased} people who were erased since are erased again.")
    if done.skipped:
        typer.echo(f"Left out, there is no place for it here: {', '.join(done.skipped)} (see docs/backup.md).")
    if done.kept_key is not None:
        typer.echo(f"A master key was put aside in {done.kept_key}; see docs/backup.md.")
    typer.echo("Everybody signs in anew. API tokens and passwords are those of that day.")


def key_of(file: str) -> BackupKey:
    """The key that a file holds, or standard input for ``-``. Raises SettingError for a file that others can read."""
    if file == "-":
        return read_key(sys.stdin.readline(LONGEST + 2))
    path = Path(file)
    try:
        if path.stat().st_mode & 0o077:
            raise SettingError(f"{path} can be read by others: chmod 600 it, and consider the key known")
        with path.open(encoding="utf-8") as opened:
            return read_key(opened.readline(LONGEST + 2))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"{path} cannot be read: {getattr(error, 'strerror', None) or 'no text'}") from None


def _asked() -> BackupKey:
    if not sys.stdin.isatty():
        raise Invalid("--key-file: name the file with the backup's passphrase or recovery key, or - for stdin.")
    return read_key(typer.prompt("Passphrase or recovery key", hide_input=True))


def _teller(quiet: bool) -> Teller:
    return Teller(not quiet and sys.stderr.isatty())


class Teller:
    """One line on a terminal that says what is being done."""

    def __init__(self, shown: bool) -> None:
        self._shown = shown

    def __call__(self, text: str) -> None:
        if self._shown:
            sys.stderr.write(f"\r\x1b[K{text} …")
            sys.stderr.flush()
