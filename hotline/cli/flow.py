"""``hotline flow``: check, draw and try the IVR's flows, and print their JSON Schema. No service needs to run."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from hotline.cli.try_flow import CALLERS, Caller, walk
from hotline.errors import Invalid, NotFound
from hotline.ivr.flow import FlowSet
from hotline.ivr.loader import Library, Source
from hotline.ivr.loader import load as load_flows
from hotline.ivr.problems import Problem
from hotline.ivr.schema import schema_text
from hotline.settings import load_settings
from hotline.workflows.ivr.flow_registry import read_file, read_folder, shipped_folder

app = typer.Typer(no_args_is_help=True, help="Check, draw and try the flows of the IVR.")

Files = Annotated[
    list[Path] | None,
    typer.Argument(
        help="Flow files or folders; without any: the shipped flows and HOTLINE_FLOWS_DIR.", metavar="FILE…"
    ),
]
Which = Annotated[str, typer.Argument(help="Name of a flow, or its file.", metavar="NAME|FILE")]


@app.command()
def check(files: Files = None) -> None:
    """Tell what is wrong with flows, each finding with file, line and column; exit 1 when one would be refused."""
    library, unread = _library([Path(file) for file in files] if files else None)
    found = [*unread, *(problem for problems in library.problems.values() for problem in problems)]
    for problem in sorted(found):
        typer.echo(str(problem))
    wrong = sum(not problem.warning for problem in found)
    if wrong:
        sys.stderr.write(f"hotline: {wrong} {'error' if wrong == 1 else 'errors'}; these flows would be refused.\n")
        raise typer.Exit(1)
    checked = len(library.problems)
    typer.echo(f"{checked} {'file is' if checked == 1 else 'files are'} fit for use.")


@app.command()
def draw(
    flow: Which,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="The SVG file; without it: NAME.svg here.")] = None,
    language: Annotated[str | None, typer.Option("--language", "-l", help="Language of the prompts shown.")] = None,
) -> None:
    """Draw a flow as an SVG picture."""
    found = _find(flow)
    path = out or Path(f"{found.name}.svg")
    from hotline.ivr.draw import draw as draw_flow  # numpy comes with it

    picture = draw_flow(found.root, language=language)
    if str(path) == "-":
        typer.echo(picture, nl=False)
        return
    try:
        path.write_text(picture, "utf-8")
    except OSError as error:
        raise Invalid(f"{path} cannot be written ({error.strerror}).") from None
    typer.echo(f"drew {found.name} to {path}")


@app.command("try")
def try_flow(
    flow: Which,
    caller: Annotated[Caller, typer.Option(help=f"Who calls: {', '.join(CALLERS)}.")] = "unknown",
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="When, for opening hours: 2026-12-25T03:00; without it: now.")
    ] = None,
    language: Annotated[
        str | None, typer.Option("--language", "-l", help="Language of the caller's record, for example zh.")
    ] = None,
) -> None:
    """Walk a flow in the terminal: it prints what callers hear; type keys and Enter, an empty line waits in silence."""
    settings = load_settings()
    walk(_find(flow), caller, at, language, settings.timezone, settings.region, sys.stdin, typer.echo)


@app.command()
def schema() -> None:
    """Print the JSON Schema of flow files, for editors."""
    typer.echo(schema_text(), nl=False)


def _find(which: str) -> FlowSet:
    """A flow by name or file. What is wrong with its file is printed."""
    path = Path(which)
    by_file = path.suffix in (".yaml", ".yml") or path.is_file()
    library, unread = _library([path] if by_file else None)
    name = path.stem if by_file else which
    found = library.sets.get(name)
    if found is not None:
        return found
    for problem in sorted([*unread, *library.errors]):
        sys.stderr.write(f"{problem}\n")
    if unread or library.errors:
        raise Invalid(f"{which} has errors.")
    raise NotFound(f"There is no flow {which}; there are {', '.join(sorted(library.sets))}.")


def _library(files: list[Path] | None) -> tuple[Library, list[Problem]]:
    """The flows of some files, which may call those beside them and the shipped ones; or all flows that the service
    would use."""
    shipped, unread = read_folder(shipped_folder(), "hotline/")
    if files is None:
        own, more = _folder(load_settings().flows_dir)
        return load_flows(own, shipped), unread + more
    asked: dict[str, Source] = {}
    beside: dict[str, Source] = {}
    for file in files:
        if file.is_dir():
            found, more = read_folder(file, f"{file}/")
            asked.update((source.file, source) for source in found)
            unread += more
            continue
        try:
            asked[str(file)] = read_file(file, str(file))
        except OSError as error:
            unread.append(Problem(str(file), 1, 1, f"The file cannot be read ({error.strerror})."))
        around, _ = read_folder(file.parent, "" if file.parent == Path() else f"{file.parent}/")
        beside.update((source.file, source) for source in around)
    others = [source for source in beside.values() if source.file not in asked]
    library = load_flows(asked.values(), _others(shipped, others))
    problems = {file: told for file, told in library.problems.items() if file in asked}
    for name, source in asked.items():
        if source.stem not in library.sets and not any(one.file == name for one in library.errors):
            # Fit by itself, but it calls a flow that is not: tell that one's problems too.
            return Library(library.sets, library.problems), unread
    return Library(library.sets, problems), unread


def _folder(folder: Path | None) -> tuple[list[Source], list[Problem]]:
    return ([], []) if folder is None else read_folder(folder, f"{folder}/")


def _others(below: Iterable[Source], above: Iterable[Source]) -> list[Source]:
    """Both, without those below that one above stands for."""
    above = list(above)
    stems = {source.stem for source in above}
    return [*(source for source in below if source.stem not in stems), *above]
