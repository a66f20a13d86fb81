"""Routes of articles: list, get, add, replace, remove."""

import asyncio
import re
from collections.abc import Callable, Sequence
from datetime import date
from hashlib import sha256
from pathlib import PurePath
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, File, Header, Query, Response, UploadFile
from pydantic import BaseModel

from newsqa.api import wire
from newsqa.api.access import Caller
from newsqa.api.jobs import Job, sent
from newsqa.api.paging import Cursor, Limit, page, place_of
from newsqa.api.problems import ProblemError, Responses, declared
from newsqa.api.service import Asker, Service, Serving, Writer
from newsqa.domain import Article, Filters, to_json
from newsqa.errors import ArticleError, ArticleNotFoundError, LoadError
from newsqa.library import Library
from newsqa.loading import MAX_FILE_BYTES, article_of

WAIT_SECONDS = 5.0
"""For a change to the library, before its job is answered instead; the header Prefer changes it."""
MAX_WAIT_SECONDS = 60.0
MAX_FILES = 100
router = APIRouter(tags=["articles"])

IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=200,
        description="Repeating a request with its key within 24 hours gives the first reply again and adds nothing.",
    ),
]
Prefer = Annotated[
    str | None,
    Header(max_length=200, description="`respond-async` answers with the job at once, `wait=N` after N seconds."),
]
IfMatch = Annotated[
    str | None,
    Header(max_length=2000, description="ETag of the article that is meant, or `*` for whatever is there."),
]
Replace = Annotated[
    Literal["yes", "no"],
    Query(description="Whether articles that are there and differ are replaced; else they are refused."),
]
_ONE: Responses = {
    200: {"model": wire.ArticleSummary, "description": "It was there already, the same."},
    201: {"model": wire.ArticleSummary, "description": "It was added; see `Location` and `ETag`."},
}
_ALL: Responses = {200: {"model": wire.Job, "description": "All is done."}}
_JOB: Responses = {202: {"model": wire.Job, "description": "It takes longer and goes on by itself; see `Location`."}}
_KNOWN: Responses = {304: {"description": "It is still the revision that If-None-Match names."}}
_REPLACED: Responses = {200: {"model": wire.ArticleSummary, "description": "It is replaced."}}
_REPEATED = ("request-in-progress", "key-reused", "invalid-request", "invalid-article", "not-ready")


@router.get("/v1/articles", responses=declared("invalid-request"))
async def list_articles(
    service: Serving,
    _: Asker,
    publisher: Annotated[str, Query(max_length=1000, description="Only this publisher's, by its exact name.")] = "",
    published_from: Annotated[date | None, Query(description="First day of publication, inclusive.")] = None,
    published_to: Annotated[date | None, Query(description="Last day of publication, inclusive.")] = None,
    limit: Limit = 20,
    cursor: Cursor = "",
) -> wire.ArticleList:
    """Lists articles, newest first; those without a date last."""
    filters = Filters((), publisher, published_from, published_to)
    return await asyncio.to_thread(article_page, service.assistant.library, filters, limit, cursor)


def article_page(library: Library, filters: Filters, limit: int, cursor: str) -> wire.ArticleList:
    """One page of the articles that pass.

    Raises:
        ProblemError: the cursor is none.
    """
    found = library.articles(filters, limit + 1, place_of(cursor))
    shown, following = page(found, limit, lambda article: (to_json(article.published_at) or "", article.id))
    return wire.ArticleList(articles=tuple(map(wire.ArticleSummary.of, shown)), next_cursor=following)


@router.get(
    "/v1/articles/{article_id:path}",
    response_model=wire.Article,
    responses=_KNOWN | declared("article-not-found", "invalid-request"),
)
async def get_article(
    article_id: str,
    service: Serving,
    _: Asker,
    revision: Annotated[str, Query(max_length=100, description="An earlier one, as a citation names it.")] = "",
    if_none_match: Annotated[str | None, Header(max_length=2000, description="ETag that is known already.")] = None,
) -> Response:
    """Gets an article with its full text and the passages it is cut into; the ETag is its revision."""
    article = await asyncio.to_thread(whole_article, service.assistant.library, article_id, revision)
    headers = {"ETag": _etag(article.revision)}
    if if_none_match and _matches(if_none_match, article.revision, weak=True):
        return Response(status_code=304, headers=headers)
    return _json(article, headers=headers)


def whole_article(library: Library, article_id: str, revision: str = "") -> wire.Article:
    """An article as it is sent; an earlier revision has no passages.

    Raises:
        ArticleNotFoundError: it, or the revision, is not there.
    """
    article = library.get(article_id, revision)
    passages = library.passages_of(article_id) if not revision else ()
    return wire.Article.of(article, passages=to_json(list(passages)))


@router.post("/v1/articles", status_code=201, responses=_ONE | _JOB | declared("article-exists", *_REPEATED))
async def create_article(
    body: wire.NewArticle,
    service: Serving,
    caller: Writer,
    prefer: Prefer = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Adds an article from its text. One of the same id that differs is not touched: replace it with PUT."""
    article = body.domain(id=body.id)

    async def respond() -> Response:
        job = await adding(article, service, caller, prefer)
        if job.state != "done":
            return _job_response(job, 202)
        (id, outcome), *_ = job.outcomes
        added = await asyncio.to_thread(service.assistant.library.get, id)
        return _one(added, 201 if outcome == "added" else 200)

    return await _once(service, caller, idempotency_key, body.model_dump_json(), respond)


async def adding(article: Article, service: Service, caller: Caller, prefer: str | None) -> Job:
    """The job that adds an article, ended or as far as it is when the caller need not wait any longer.

    Raises:
        ProblemError: one of its id is there and differs, or it can't be stored.
    """

    def add(job: Job) -> None:
        _refuse_other(service.assistant.library, article)
        service.assistant.library.add(article, on_article=job.note, on_passages=job.embedded)

    return await _finished(service, Job("add", caller.id, 1), add, prefer)


@router.post(
    "/v1/articles/import",
    responses=_ALL | _JOB | declared(*_REPEATED),
)
async def import_articles(
    body: wire.Import,
    service: Serving,
    caller: Writer,
    replace: Replace = "no",
    prefer: Prefer = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Adds many articles; one that is refused stops no other."""
    articles = [article.domain(id=article.id) for article in body.articles]

    async def respond() -> Response:
        return await _imported(service, caller, articles, [], replace=replace == "yes", prefer=prefer)

    return await _once(service, caller, idempotency_key, f"{replace} {body.model_dump_json()}", respond)


@router.post(
    "/v1/articles/upload",
    responses=_ALL | _JOB | declared(*_REPEATED),
)
async def upload_articles(
    files: Annotated[
        list[UploadFile],
        File(min_length=1, max_length=MAX_FILES, description="Text or Markdown in UTF-8, front matter allowed."),
    ],
    service: Serving,
    caller: Writer,
    replace: Replace = "no",
    prefer: Prefer = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Adds articles from files; the id is the front matter's, else the file's name. A bad file stops no other."""
    contents = [(_file_name(file), await file.read(MAX_FILE_BYTES + 1)) for file in files]
    articles, failed = [], []
    for name, content in contents:
        try:
            articles.append(article_of(PurePath(name), content))
        except LoadError as error:
            failed.append((name, str(error)))

    async def respond() -> Response:
        return await _imported(service, caller, articles, failed, replace=replace == "yes", prefer=prefer)

    digests = [(name, sha256(content).hexdigest()) for name, content in contents]
    return await _once(service, caller, idempotency_key, f"{replace} {digests}", respond)


@router.post("/v1/articles/from-url", status_code=201, responses=_ONE | _JOB | declared("not-built", "invalid-request"))
async def create_article_from_url(body: wire.ArticleAddress, _: Writer) -> Response:
    """Loads an article from the web: not built yet; send its text to `POST /v1/articles`."""
    del body
    raise ProblemError("not-built", "pages can't be loaded from the web yet; send the article's text")


@router.put(
    "/v1/articles/{article_id:path}",
    responses=_REPLACED
    | _JOB
    | declared(
        "article-not-found", "changed-meanwhile", "if-match-missing", "invalid-request", "invalid-article", "not-ready"
    ),
)
async def replace_article(
    article_id: str,
    body: wire.ArticleText,
    service: Serving,
    caller: Writer,
    if_match: IfMatch = None,
    prefer: Prefer = None,
) -> Response:
    """Replaces an article whole: what is not given becomes empty. If-Match keeps editors from each other's work."""
    if if_match is None:
        raise ProblemError("if-match-missing")
    library = service.assistant.library
    body.domain(id=article_id)  # what can't be an article is refused before anything waits

    def replace(job: Job) -> None:
        existing = _expected(library, article_id, if_match)
        new = body.domain(id=article_id, origin=existing.origin)
        library.add(new, on_article=job.note, on_passages=job.embedded)

    job = await _finished(service, Job("replace", caller.id, 1), replace, prefer)
    if job.state != "done":
        return _job_response(job, 202)
    return _one(await asyncio.to_thread(library.get, article_id), 200)


@router.delete(
    "/v1/articles/{article_id:path}",
    status_code=204,
    responses=_JOB | declared("article-not-found", "changed-meanwhile", "invalid-request", "not-ready"),
)
async def delete_article(
    article_id: str, service: Serving, caller: Writer, if_match: IfMatch = None, prefer: Prefer = None
) -> Response:
    """Removes an article with all its revisions; what was cited in kept conversations stays there."""
    job = await removing(article_id, service, caller, prefer, if_match)
    return Response(status_code=204) if job.state == "done" else _job_response(job, 202)


async def removing(
    article_id: str, service: Service, caller: Caller, prefer: str | None, if_match: str | None = None
) -> Job:
    """The job that removes an article, likewise.

    Raises:
        ArticleNotFoundError: it is not there.
        ProblemError: it is not the revision that `if_match` names.
    """
    library = service.assistant.library

    def remove(job: Job) -> None:
        job.note(_expected(library, article_id, if_match or "*"), "removed")
        library.remove(article_id)

    await asyncio.to_thread(library.get, article_id)
    return await _finished(service, Job("remove", caller.id, 1), remove, prefer)


# What the routes share


async def _imported(
    service: Service,
    caller: Caller,
    articles: Sequence[Article],
    failed: Sequence[tuple[str, str]],
    *,
    replace: bool,
    prefer: str | None,
) -> Response:
    library = service.assistant.library

    def add(job: Job) -> None:
        def fresh() -> Any:
            for article in articles:
                job.check()
                try:
                    if not replace:
                        _refuse_other(library, article)
                except ProblemError as problem:
                    job.refused(article.title, problem.detail)
                else:
                    yield article

        def refuse(article: Article, error: ArticleError) -> None:
            job.refused(article.title, str(error))

        library.add(fresh(), on_article=job.note, on_error=refuse, on_passages=job.embedded)

    job = Job("add", caller.id, len(articles) + len(failed), failed=list(failed))
    await _finished(service, job, add, prefer)
    return _job_response(job, 200 if job.state == "done" else 202)


async def _finished(service: Service, job: Job, work: Callable[[Job], None], prefer: str | None) -> Job:
    """The job, once it has ended or the caller need not wait any longer.

    Raises:
        ProblemError: it failed.
    """
    if not service.ready:
        raise ProblemError("not-ready", headers={"Retry-After": "2"})
    service.jobs.start(job, work)
    if await service.jobs.wait(job, _wait_seconds(prefer)) and job.problem:
        raise job.problem
    return job


def _wait_seconds(prefer: str | None) -> float:
    if prefer and "respond-async" in prefer:
        return 0.0
    asked = re.search(r"\bwait=(\d{1,6})\b", prefer or "")
    return min(float(asked[1]), MAX_WAIT_SECONDS) if asked else WAIT_SECONDS


def _refuse_other(library: Library, article: Article) -> None:
    """Raises where an article of this id is there and differs."""
    try:
        existing = library.get(article.id)
    except ArticleNotFoundError:
        return
    if existing.revision != article.revision:
        raise ProblemError(
            "article-exists",
            f"an article {article.id!r} is there already and differs; replace it with PUT and If-Match",
            headers={"ETag": _etag(existing.revision)},
        )


def _expected(library: Library, article_id: str, if_match: str) -> Article:
    existing = library.get(article_id)
    if not _matches(if_match, existing.revision):
        raise ProblemError("changed-meanwhile", headers={"ETag": _etag(existing.revision)})
    return existing


def _etag(revision: str) -> str:
    return f'"{revision}"'


def _matches(given: str, revision: str, *, weak: bool = False) -> bool:
    """Whether a header's list of ETags holds this revision's; weak ones count only where that is asked for."""
    tags = [tag.strip().removeprefix("W/" if weak else "") for tag in given.split(",")]
    return "*" in tags or _etag(revision) in tags


def _file_name(file: UploadFile) -> str:
    """The last part of the name a client gave, printable and short."""
    name = re.split(r"[/\\]", file.filename or "")[-1]
    return "".join(char for char in name if char.isprintable())[:200] or "article"


def _json(model: BaseModel, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(model.model_dump_json(), status, headers, "application/json")


def _one(article: Article, status: int) -> Response:
    headers = {"ETag": _etag(article.revision), "Location": f"/v1/articles/{quote(article.id, safe='')}"}
    return _json(wire.ArticleSummary.of(article), status, headers)


def _job_response(job: Job, status: int) -> Response:
    return _json(sent(job), status, {"Location": f"/v1/jobs/{job.id}"})


async def _once(
    service: Service, caller: Caller, key: str | None, request: str, respond: Callable[[], Any]
) -> Response:
    """The reply; with an Idempotency-Key the one that the same request got before."""
    if key is None:
        return await respond()  # type: ignore[no-any-return]
    store, fingerprint = service.assistant.library.conversations, sha256(request.encode()).hexdigest()
    kept = await asyncio.to_thread(store.reply, caller.id, key)
    if kept is None:
        return await _first(service, caller, key, fingerprint, respond)
    if kept["request"] != fingerprint:
        raise ProblemError("key-reused")
    headers = {**kept["headers"], "Idempotency-Replayed": "true"}
    return Response(kept["body"], kept["status"], headers, "application/json")


async def _first(service: Service, caller: Caller, key: str, fingerprint: str, respond: Callable[[], Any]) -> Response:
    if (caller.id, key) in service.in_progress:
        raise ProblemError("request-in-progress", headers={"Retry-After": "2"})
    service.in_progress.add((caller.id, key))
    try:
        response: Response = await respond()
        kept = {
            "request": fingerprint,
            "status": response.status_code,
            "headers": {name: response.headers[name] for name in ("Location", "ETag") if name in response.headers},
            "body": bytes(response.body).decode(),
        }
        store = service.assistant.library.conversations
        await asyncio.to_thread(store.keep_reply, caller.id, key, kept)
        return response
    finally:
        service.in_progress.discard((caller.id, key))
