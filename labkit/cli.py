"""The command line, thin: each command is its options, its help and one call into the module that does it.

Without this page every tool would have its own way to be started. Modules are imported inside the
commands, so that ``labkit --help`` does not wait for JupyterLab.

To add a command: a function under ``@app.command()`` whose docstring is its help, which imports what it
needs, calls it, and raises ``typer.Exit(code)`` when the exit code is not 0.
"""

from pathlib import Path
from typing import Annotated

import typer

import labkit

app = typer.Typer(
    name="labkit",
    help="Learn to call LLM APIs in production: a boundary, a provider that breaks on command, and a lab.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Port = Annotated[int, typer.Option(min=0, max=65535, help="0 picks a free port.")]


def run(arguments: list[str]) -> int:
    """Run one command line; return its exit code. An error of ours ends as a sentence, not a traceback."""
    from labkit.failures import LabkitError  # noqa: PLC0415

    try:
        app(arguments, prog_name="labkit")
    except LabkitError as error:
        typer.echo(f"labkit: {error}", err=True)
        return 1
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


@app.command()
def start(
    browser: Annotated[bool, typer.Option(help="Open the browser, or only print the address.")] = True,
    port: Port = 0,
) -> None:
    """Check that a call works, then open JupyterLab at the first lesson."""
    from labkit.lab.start import start as start_lab  # noqa: PLC0415

    raise typer.Exit(start_lab(browser=browser, port=port))


@app.command(name="test")
def run_tests(
    quick: Annotated[bool, typer.Option("--quick", help="A part that takes at most a minute.")] = False,
    pytest_arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="[-- PYTEST ARGUMENTS]", help="Run pytest once, with these arguments."),
    ] = None,
) -> None:
    """Run the checks: style, types, tests and every notebook. The exit code tells whether all passed."""
    from labkit.lab import checks  # noqa: PLC0415

    raise typer.Exit(checks.run_checks(quick=quick, arguments=pytest_arguments or []))


@app.command()
def doctor(
    canary: Annotated[
        bool, typer.Option("--canary", help="Send a marker down every path that writes; find it in none.")
    ] = False,
) -> None:
    """Look at this machine and say what is missing and how to mend it. Exit code 1 if the lab cannot run."""
    from labkit.lab.doctor import doctor as look  # noqa: PLC0415

    if canary:
        from labkit.lab.canary_paths import report  # noqa: PLC0415

        raise typer.Exit(report())
    raise typer.Exit(look())


@app.command()
def provider(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Port = 8000,
    faults: Annotated[str, typer.Option(help="What the calls get, in their order: 429,529,ok")] = "",
    chance: Annotated[
        list[str] | None, typer.Option(help="A fault by chance, again and again: 429=0.1")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed brings the same faults by chance.")] = 0,
) -> None:
    """Serve the practice provider, for any client that speaks to OpenAI or Anthropic."""
    from labkit.lab.provider import UnknownFault, serve  # noqa: PLC0415

    chances = dict(_chance(text) for text in chance or [])
    try:
        serve(host=host, port=port, seed=seed, faults=faults, chances=chances)
    except UnknownFault as error:
        raise typer.BadParameter(str(error)) from None
    except OSError as error:
        raise typer.BadParameter(f"cannot listen on {host}, port {port}: {error.strerror}") from None


def _chance(text: str) -> tuple[str, float]:
    name, _, share = text.partition("=")
    try:
        return name, float(share)
    except ValueError:
        raise typer.BadParameter(f"--chance is {text!r}; wanted NAME=SHARE, as in 429=0.1") from None


@app.command()
def scan(
    paths: Annotated[list[Path] | None, typer.Argument(help="Files and folders; the current folder.")] = None,
    *,
    staged: Annotated[bool, typer.Option("--staged", help="What the next commit would add.")] = False,
    history: Annotated[bool, typer.Option("--history", help="Also every version in git's history.")] = False,
    form: Annotated[str, typer.Option("--format", help="text, json or sarif")] = "text",
    baseline: Annotated[Path | None, typer.Option(help="Findings in this file are known.")] = None,
    write_baseline: Annotated[Path | None, typer.Option(help="Accept all findings into this file.")] = None,
) -> None:
    """Look for leaked keys. Exit code 0: none; 1: at least one; 2: the scan itself failed."""
    from labkit.scan import run_scan  # noqa: PLC0415

    code = run_scan(
        paths or [Path()],
        staged=staged,
        history=history,
        form=form,
        baseline=baseline,
        write_baseline=write_baseline,
    )
    raise typer.Exit(code)


@app.command()
def cost(
    records: Annotated[Path, typer.Argument(help="What JsonlSink or SqliteSink wrote.")],
    card: Annotated[Path | None, typer.Option(help="A rate card in TOML; else the illustrative one.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Also save the bars as a picture here.")] = None,
    batch: Annotated[bool, typer.Option("--batch", help="As if all had been sent in batches.")] = False,
) -> None:
    """Say what each task cost: records joined to a rate card."""
    from labkit.lab.cost_report import render  # noqa: PLC0415

    typer.echo(render(records, card, plot, batch=batch))


@app.command()
def call(
    *,
    live: Annotated[bool, typer.Option("--live", help="To the provider in LLM_* settings.")] = False,
    provider: Annotated[str, typer.Option(help="Practice in this wire format.")] = "openai",
    script: Annotated[str, typer.Option(help="What the practice provider does: 429,ok")] = "",
    cap: Annotated[str, typer.Option(help="Dollars a day that live calls may cost.")] = "0.50",
    record: Annotated[Path | None, typer.Option(help="Keep it as a cassette in this new file.")] = None,
) -> None:
    """Make the course's one call. Exit code 0: an answer; 1: a named failure."""
    from labkit.lab import call as caller  # noqa: PLC0415
    from labkit.lab.house import house  # noqa: PLC0415

    told, code = caller.main(
        live=live, provider=provider, script=script, cap=cap, record=record, home=house()
    )
    typer.echo(told)
    raise typer.Exit(code)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1", port: Port = 8080
) -> None:
    """Run the capstone's support desk in a browser, with a practice provider of its own."""
    from labkit.lab.capstone import serve as run_desk  # noqa: PLC0415

    run_desk(host, port, typer.echo)


@app.command()
def enrich(
    records: Annotated[int, typer.Option(min=1, help="How many accounts.")] = 50_000,
    out: Annotated[Path, typer.Option(help="Where the job and its results are kept.")] = Path("work/enrich"),
    workers: Annotated[int, typer.Option(min=1, max=64)] = 4,
) -> None:
    """Run the nightly job of lesson 13; stop it at any point and start it again."""
    from labkit.lab.enrich import main  # noqa: PLC0415

    main(out, records, workers)


@app.command()
def replay(
    story: Annotated[
        str | None, typer.Argument(help="A story's name or a cassette's file; none: a list.")
    ] = None,
    *,
    step: Annotated[bool, typer.Option("--step", help="Stop before each event and ask what comes.")] = False,
    real_time: Annotated[bool, typer.Option("--real-time", help="At the recorded pace.")] = False,
    against: Annotated[str | None, typer.Option(help="A second one, beside it.")] = None,
) -> None:
    """Play a recorded call event by event, in three lanes. No network, no key."""
    from rich import print as show  # noqa: PLC0415

    from labkit.lab import replay as player  # noqa: PLC0415

    if story is None:
        show(player.listing())
    else:
        player.replay(story, step=step, real_time=real_time, against=against)


@app.command()
def check(
    number: Annotated[str, typer.Argument(help="The exercise: 06")],
    file: Annotated[Path | None, typer.Argument(help="Another notebook than your copy in work/.")] = None,
    *,
    watch: Annotated[bool, typer.Option("--watch", help="Check it again whenever it is saved.")] = False,
) -> None:
    """Run your exercise fresh, from top to bottom, and say what was found. Exit code 0: all passed."""
    from labkit.lab.grading import learner  # noqa: PLC0415
    from labkit.lab.house import house  # noqa: PLC0415
    from labkit.lab.selfstudy import journal_here  # noqa: PLC0415

    if watch:
        learner.watch(number, house(), journal_here(), file=file)
        return
    raise typer.Exit(learner.check_file(number, house(), journal_here(), file=file))


@app.command()
def hint(number: Annotated[str, typer.Argument(help="The exercise: 06")]) -> None:
    """Give the next of three hints. They cost nothing; your journal notes them."""
    from labkit.lab.grading.learner import hint as next_hint  # noqa: PLC0415
    from labkit.lab.selfstudy import journal_here  # noqa: PLC0415

    typer.echo(next_hint(number, journal_here()))


@app.command()
def reset(number: Annotated[str, typer.Argument(help="The exercise: 06")]) -> None:
    """Put an exercise back as it was handed out. What you had is kept in work/kept."""
    from labkit.lab.grading.learner import reset as put_back  # noqa: PLC0415
    from labkit.lab.house import house  # noqa: PLC0415

    typer.echo(put_back(number, house()))


@app.command()
def grade(
    submissions: Annotated[list[Path], typer.Argument(help="Folders, zip files and notebooks.")],
    out: Annotated[Path, typer.Option(help="Where marks and feedback go; a killed run resumes there.")],
    workers: Annotated[int, typer.Option(min=0, help="Processes; 0: one for each core.")] = 0,
    *,
    cluster: Annotated[str, typer.Option(help="Send the work to this Dask scheduler: tcp://…:8786")] = "",
    unsafe_no_sandbox: Annotated[
        bool, typer.Option("--unsafe-no-sandbox", help="Run the notebooks as you, with no walls.")
    ] = False,
) -> None:
    """Grade a class. Exit code 0: all have a result; 1: it could not run; 3: some have no mark."""
    from labkit.lab.grading.command import grade_class  # noqa: PLC0415

    walls = not unsafe_no_sandbox
    raise typer.Exit(grade_class(submissions, out, workers=workers, sandboxed=walls, cluster=cluster))


@app.command()
def verify() -> None:
    """For authors: solutions pass, exercises fail, each known mistake is told its reason. 0: all of it."""
    from labkit.lab.grading.verify import verify as look  # noqa: PLC0415
    from labkit.lab.house import house  # noqa: PLC0415

    raise typer.Exit(look(house()))


@app.command()
def report(folder: Annotated[Path, typer.Argument(help="What `labkit grade --out` wrote.")]) -> None:
    """Write a page about the class: marks, questions, misconceptions, work that looks alike."""
    from labkit.lab.grading.report import write_report  # noqa: PLC0415

    typer.echo(write_report(folder))


@app.command()
def progress() -> None:
    """Say how far you are, and how often you were right when you were sure."""
    import time  # noqa: PLC0415

    from labkit.lab import selfstudy  # noqa: PLC0415

    typer.echo(selfstudy.progress(selfstudy.journal_here().read(), time.time()))


@app.command()
def review(
    most: Annotated[int, typer.Option(min=1, help="Ask at most so many questions.")] = 10,
) -> None:
    """Ask what you missed: after one day, after three and after seven."""
    from labkit.lab import selfstudy  # noqa: PLC0415

    selfstudy.review(selfstudy.journal_here(), say=typer.echo, most=most)


journal = typer.Typer(help="Take your journal along as one file; nothing is sent.", no_args_is_help=True)
app.add_typer(journal, name="journal")


@journal.command(name="export")
def journal_export(file: Annotated[Path, typer.Argument(help="A new file.")]) -> None:
    """Write the whole journal into one file."""
    from labkit.lab import selfstudy  # noqa: PLC0415

    typer.echo(selfstudy.carry(selfstudy.journal_here(), out=file))


@journal.command(name="import")
def journal_import(file: Annotated[Path, typer.Argument(help="What export wrote.")]) -> None:
    """Add what another journal has and this one lacks."""
    from labkit.lab import selfstudy  # noqa: PLC0415

    typer.echo(selfstudy.carry(selfstudy.journal_here(), into=file))


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(labkit.__version__)
