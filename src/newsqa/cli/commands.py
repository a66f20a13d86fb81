"""The command line: `newsqa add`, `ask`, `chat`, `articles`, `show`, `remove`, `serve`, `mcp`, `doctor` and more."""

import os
import sys
from collections.abc import Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from newsqa.cli.desk import open_desk
from newsqa.cli.printing import json_text, plain, print_answer, print_article, print_articles, print_origins
from newsqa.errors import NewsqaError

if TYPE_CHECKING:
    from pathlib import Path

    from newsqa.assistant import Assistant
    from newsqa.library.ownership import Owner
    from newsqa.settings import Settings

# Everything heavy is imported inside the commands, so that `--help` answers at once.

app = typer.Typer(
    help="Answers questions about a collection of articles and shows the exact sentence each statement rests on.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
keys = typer.Typer(help="Keys of the API.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(keys, name="keys")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def main() -> None:
    """Runs the program: exit 0 done, 1 a refusal (its message on stderr), 2 wrong usage, 130 interrupted."""
    try:
        app()
    except NewsqaError as error:
        print(f"newsqa: {plain(str(error))}", file=sys.stderr)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except BrokenPipeError:
        sys.stderr.close()
        raise SystemExit(0) from None


@app.command(
    epilog="Examples:  newsqa ask 'Who offered to host the talks?'    newsqa ask 'Why was it late?' --json"
    "    newsqa ask 'How many marched?' --publisher 'Haldermarch Herald' --from 2025-03-01"
)
def ask(
    question: Annotated[str, typer.Argument(help="The question, in quotes.")],
    article: Annotated[list[str] | None, typer.Option(help="Search only this article; may be repeated.")] = None,
    publisher: Annotated[str, typer.Option(help="Search only this publisher's articles.")] = "",
    published_from: Annotated[str, typer.Option("--from", help="First day of publication, as 2025-05-12.")] = "",
    published_to: Annotated[str, typer.Option("--to", help="Last day of publication.")] = "",
    prefer: Annotated[str, typer.Option(help="Of near-identical articles cite this publisher's.")] = "",
    as_json: AsJson = False,
) -> None:
    """Ask one question."""
    from newsqa.domain import Filters

    days = _day("--from", published_from), _day("--to", published_to)
    filters = Filters(tuple(article or ()), publisher, *days, preferred_publisher=prefer)
    with open_desk() as desk:
        answer = desk.ask(question, filters, ())
    print_answer(answer, as_json=as_json)


@app.command(epilog="Examples:  newsqa chat    newsqa chat < questions.txt    newsqa chat --json < questions.txt")
def chat(as_json: AsJson = False) -> None:
    """Ask one question after another; follow-ups may lean on the ones before. Reads a line each from a pipe."""
    from newsqa.domain import Filters, Turn

    turns: list[Turn] = []
    with open_desk() as desk:
        if sys.stdin.isatty():
            articles = desk.counts()["articles"]
            print(f"{articles} articles. Ask, or press Ctrl-D to leave.", file=sys.stderr)
        for question in _questions():
            try:
                answer = desk.ask(question, Filters(), turns)
            except NewsqaError as error:
                print(f"newsqa: {plain(str(error))}", file=sys.stderr)
                continue
            if not sys.stdin.isatty() and not as_json:
                print(f"> {question}")
            print_answer(answer, as_json=as_json)
            turns.append(Turn(question, answer["text"]))


@app.command(epilog="Examples:  newsqa articles    newsqa articles --json")
def articles(as_json: AsJson = False) -> None:
    """List the articles, newest first, and below them where they come from and how fresh that is."""
    with open_desk() as desk:
        found = desk.articles()
    if as_json:
        print(json_text(found["articles"]))
    elif not found["articles"]:
        print("There are no articles yet: newsqa add PATH")
    else:
        print_articles(found["articles"])
        print_origins(found["origins"])


@app.command(epilog="Examples:  newsqa show istanbul-talks-2025-05    newsqa show istanbul-talks-2025-05 --at 1204")
def show(
    article: Annotated[str, typer.Argument(help="The article's id, as `newsqa articles` lists it.")],
    at: Annotated[
        int | None, typer.Option(min=0, help="Show the sentence at this offset with what is around it.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print an article, or the part of it around a citation."""
    with open_desk() as desk:
        found = desk.article(article)
    if as_json:
        print(json_text(found))
    else:
        print_article(found, at)


@app.command(epilog="Example:  newsqa remove hollin-bridge-delay")
def remove(article: Annotated[list[str], typer.Argument(help="Ids of articles.", metavar="ARTICLE...")]) -> None:
    """Remove articles: all of those named, or none if one is not there."""
    with open_desk() as desk:
        desk.remove(article)
    print(f"{len(article)} removed")


@app.command(
    epilog="Examples:  newsqa serve    newsqa serve --open    newsqa serve --no-page --port 8080"
    "    NEWSQA_API_KEYS=... newsqa serve --host 0.0.0.0"
)
def serve(
    host: Annotated[str, typer.Option(help="Address to listen at; any but this machine's own needs keys.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen at; 0 takes a free one.")] = 8000,
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "info",
    page: Annotated[bool, typer.Option(help="The page beside the API.")] = True,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in this machine's browser.")] = False,
) -> None:
    """Serve the page and the API, until Ctrl-C. The API's documentation is at /docs."""
    from secrets import token_urlsafe

    from newsqa.api.app import create_app
    from newsqa.api.logs import LEVELS
    from newsqa.api.server import bound, check_address, local_address
    from newsqa.api.server import serve as serve_app
    from newsqa.wiring import open_loader, read_server_settings, read_settings

    if log_level not in LEVELS:
        raise typer.BadParameter(f"{log_level!r} is none of {', '.join(LEVELS)}", param_hint="--log-level")
    settings = read_server_settings()
    check_address(host, settings)
    with bound(host, port) as listening, opened() as assistant:
        taken = listening.getsockname()[1]
        address = f"http://{f'[{host}]' if ':' in host else host}:{taken}"
        secret = token_urlsafe(32)
        app = create_app(assistant, settings, open_loader(read_settings()), secret)
        if page:
            from newsqa_ui.mounting import mount

            mount(app, settings)
        shown = f"{address}/ is the page, {address}/docs tells" if page else f"{address}/docs tells"
        if owned := assistant.library.ownership:
            owned.announce(local_address(listening), secret)
        print(f"newsqa: {shown} how to ask over HTTP; Ctrl-C ends it", file=sys.stderr, flush=True)
        if page and open_page:
            _open_in_browser(address)
        serve_app(app, settings, listening, log_level)


@app.command(epilog="Examples:  newsqa mcp    newsqa mcp --write")
def mcp(
    write: Annotated[bool, typer.Option("--write", help="Let the client add and remove articles too.")] = False,
) -> None:
    """Serve one assistant that speaks MCP, over stdin and stdout, until it closes them.

    In its configuration: {"mcpServers": {"newsqa": {"command": "newsqa", "args": ["mcp"]}}}
    """
    import asyncio
    import signal

    from newsqa.api.mcp import over_stdio
    from newsqa.wiring import read_server_settings

    settings = read_server_settings()
    with opened() as assistant:
        print("newsqa: speaks MCP on stdin and stdout; closing stdin ends it", file=sys.stderr, flush=True)
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # else Ctrl-C waits for the thread that waits for stdin
        asyncio.run(over_stdio(assistant, settings, write=write))


@keys.command("new", epilog="Examples:  newsqa keys new    newsqa keys new --scope write")
def keys_new(
    scope: Annotated[
        str, typer.Option(help="ask: questions and reading; write: articles too; admin: everything.")
    ] = "ask",
    as_json: AsJson = False,
) -> None:
    """Make a key for the API. It is printed this once; only its hash is kept, by you, in NEWSQA_API_KEYS."""
    from newsqa.api.access import SCOPES, new_key

    if scope not in SCOPES:
        raise typer.BadParameter(f"{scope!r} is none of {', '.join(SCOPES)}", param_hint="--scope")
    key, entry = new_key(scope)
    if as_json:
        print(json_text({"key": key, "entry": entry}))
        return
    print(f"key    {key}")
    print(f"entry  {entry}")
    print(
        "newsqa: give the key to who asks; add the entry to NEWSQA_API_KEYS, separated by spaces, and serve anew",
        file=sys.stderr,
    )


@app.command(
    epilog="Examples:  newsqa doctor    newsqa doctor --json    newsqa doctor --repair    newsqa doctor --reindex"
    "    newsqa doctor --chat-model"
)
def doctor(
    reindex: Annotated[bool, typer.Option("--reindex", help="First cut and embed every article anew.")] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="First make anew what is damaged: words, vectors, Chroma's folder.")
    ] = False,
    chat_model: Annotated[
        bool, typer.Option("--chat-model", help="Check the chat model alone: package, key, address, a one-token call.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Report versions, library, model and counts; check that nothing is damaged and vectors agree (exit 1 if not)."""
    from newsqa.cli import repairing
    from newsqa.cli.through import running_server
    from newsqa.library.migrations import NEWEST
    from newsqa.wiring import read_settings

    settings = read_settings()
    if chat_model:
        _print_facts(_chat_model(settings), as_json=as_json)
        return
    if not (reindex or repair) and (server := running_server()):
        _print_facts({**_versions(), "library": str(settings.data_dir), **_server(*server)}, as_json=as_json)
        print("newsqa: whether catalogue and vectors agree is told when the server has ended", file=sys.stderr)
        return
    with opened(reindex=reindex) as assistant:
        library = assistant.library
        if repair:
            repairing.repair(library)
        damage, health = repairing.examine(library)
        facts = {
            **_versions(),
            "library": library.name,
            "schema": NEWEST,
            "embedding model": settings.embedding_model,
            "embedding": library.identity,
            "articles": health.articles,
            "damaged articles": len(damage.articles),
            "passages": health.passages,
            "articles with damaged passages": len(damage.passages),
            "passages without a vector": health.missing_vectors,
            "vectors without a passage": health.stray_vectors,
            "catalogue and vectors agree": health.agree,
            "passages are found by": library.trouble or "Chroma",
        }
    _print_facts(facts, as_json=as_json)
    repairing.tell(damage)
    if not health.agree:
        print("newsqa: catalogue and vectors disagree; run `newsqa doctor --repair`", file=sys.stderr)
    if damage or not health.agree:
        raise SystemExit(1)


def _server(owner: "Owner", folder: "Path") -> dict[str, Any]:
    """What is known of the server that has the library open, and what it says."""
    from newsqa.cli.through import Through

    return {"open in": f"the server with pid {owner.pid}", "address": owner.url, **Through(owner, folder).counts()}


def _print_facts(facts: "Mapping[str, Any]", *, as_json: bool) -> None:
    if as_json:
        print(json_text(facts))
        return
    width = max(map(len, facts))
    for name, value in facts.items():
        print(f"{name:<{width}}  {value if not isinstance(value, bool) else ('yes' if value else 'no')}")


def _chat_model(settings: "Settings") -> dict[str, Any]:
    """What is known of the chat model, and whether it answers.

    Raises:
        SettingsError: none is set.
        ModelError: its package or key is missing, or it does not answer.
    """
    from time import perf_counter

    from newsqa.errors import SettingsError
    from newsqa.wiring import chat_key_place, open_chat

    chat = open_chat(settings.model_copy(update={"chat_tokens": 1}))
    if chat is None:
        raise SettingsError(
            "no chat model is set: set NEWSQA_CHAT_MODEL to openai:NAME, anthropic:NAME or ollama:NAME, or "
            "NEWSQA_CHAT_BASE_URL to the address of a server that speaks as OpenAI's does"
        )
    with chat:
        start = perf_counter()
        writing = chat.write([("human", "Say yes.")])
        list(writing)
    return {
        "chat model": chat.name,
        "address": settings.chat_base_url or "the provider's own",
        "key": chat_key_place(settings),
        "answers": True,
        "seconds": round(perf_counter() - start, 2),
        **{name.replace("_", " "): value for name, value in writing.usage.items()},
        "unverified statements": {"withdraw": "withdrawn", "mark": "marked"}[settings.unverified],
    }


@app.command(
    "eval",
    add_help_option=False,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    options_metavar="[SUITE]... [OPTIONS]",
)
def evaluate(context: typer.Context) -> None:
    """Measure the answers with suites of cases, and compare with the baseline. See `newsqa eval --help`."""
    try:
        from newsqa_evals.command import app as evals

        status = evals(context.args, prog_name="newsqa eval", standalone_mode=False)
    except ModuleNotFoundError as error:
        if error.name not in {
            "newsqa_evals",
            "ir_measures",
            "jinja2",
            "langchain_text_splitters",
            "readability",
            "scipy",
        }:
            raise
        raise NewsqaError(f"{error.name} is missing; install the evals: pip install 'newsqa[evals]'") from error
    raise typer.Exit(status or 0)


# What the commands share


def _open_in_browser(address: str) -> None:
    """Opens the address where there is a screen; a browser in the terminal would take that away."""
    import webbrowser

    if sys.platform in ("darwin", "win32") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        webbrowser.open(address)


def opened(*, reindex: bool = False) -> "Assistant":
    """The assistant of this command, which no server's can stand in for."""
    from newsqa.wiring import open_assistant

    return open_assistant(reindex=reindex)


def _questions() -> Iterator[str]:
    if not sys.stdin.isatty():
        yield from (line.strip() for line in sys.stdin if line.strip())
        return
    while True:
        try:
            line = input("? ").strip()
        except EOFError:
            print(file=sys.stderr)
            return
        if line:
            yield line


def _day(option: str, text: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no date; write it as 2025-05-12", param_hint=option) from error


def _versions() -> dict[str, str]:
    import platform
    from importlib.metadata import version

    names = ("newsqa", "chromadb", "langchain-core", "onnxruntime", "sqlalchemy")
    return {"python": platform.python_version(), **{name: version(name) for name in names}}
