"""Routes of articles: list, get, add, replace, remove."""

import asyncio
import re
from collections.abc import Sequence
from datetime import date
from hashlib import sha256
from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, File, Header, Query, Response, UploadFile
from pydantic import BaseModel

from newsqa.api import wire
from newsqa.api.changes import adding, etag, importing, loading, matches, removing, replacing
from newsqa.api.jobs import Job, sent
from newsqa.api.paging import Cursor, Limit, page, place_of
from newsqa.api.problems import ProblemError, Responses, declared
from newsqa.api.repeats import once
from newsqa.api.service import Asker, Serving, Writer
from newsqa.domain import Article, Filters, to_json
from newsqa.library import Library
from newsqa.loading import Given, Loader
from newsqa.loading.loader import MAX_FILE_BYTES

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
ALL: Responses = {200: {"model": wire.Job, "description": "All is done."}}
_SEVERAL: Responses = {
    200: {"model": wire.ArticleSummary | wire.Job, "description": "It was there already, or all of many is done."}
}
JOB: Responses = {202: {"model": wire.Job, "description": "It takes longer and goes on by itself; see `Location`."}}
_KNOWN: Responses = {304: {"description": "It is still the revision that If-None-Match names."}}
_REPLACED: Responses = {200: {"model": wire.ArticleSummary, "description": "It is replaced."}}
_REPEATED = ("too-busy", "request-in-progress", "key-reused", "invalid-request", "invalid-article", "not-ready")


@router.get("/v1/articles", responses=declared("invalid-request"))
async def list_articles(
    service: Serving,
    _: Asker,
    publisher: Annotated[str, Query(max_length=1000, description="Only this publisher's, by its exact name.")] = "",
    published_from: Annotated[date | None, Query(description="First day of publication, inclusive.")] = None,
    published_to: Annotated[date | None, Query(description="Last day of publication, inclusive.")] = None,
    search: Annotated[
        str, Query(max_length=1000, description="Words that all stand in title, subtitle, publisher, author or place.")
    ] = "",
    limit: Limit = 20,
    cursor: Cursor = "",
) -> wire.ArticleList:
    """Lists articles, newest first; those without a date last."""
    filters = Filters((), publisher, published_from, published_to)
    return await asyncio.to_thread(article_page, service.assistant.library, filters, limit, cursor, search)


def article_page(library: Library, filters: Filters, limit: int, cursor: str, search: str = "") -> wire.ArticleList:
    """One page of the articles that pass.

    Raises:
        ProblemError: the cursor is none.
    """
    found = library.articles(filters, limit + 1, place_of(cursor), search)
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
    headers = {"ETag": etag(article.revision)}
    if if_none_match and matches(if_none_match, article.revision, weak=True):
        return Response(status_code=304, headers=headers)
    return _json(article, headers=headers)


def whole_article(library: Library, article_id: str, revision: str = "") -> wire.Article:
    """An article as it is sent; an earlier revision has no passages.

    Raises:
        ArticleNotFoundError: it, or the revision, is not there.
    """
    article, passages = library.whole(article_id) if not revision else (library.get(article_id, revision), [])
    return wire.Article.of(article, passages=passages)


@router.post("/v1/articles", status_code=201, responses=_ONE | JOB | declared("article-exists", *_REPEATED))
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
        return _one(job, 201 if job.outcomes[0][1] == "added" else 200) if job.state == "done" else job_response(job)

    return await once(service, caller, idempotency_key, body.model_dump_json, respond)


@router.post(
    "/v1/articles/import",
    responses=ALL | JOB | declared(*_REPEATED),
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
        return job_response(await importing(articles, service, caller, prefer, replace=replace == "yes"))

    return await once(service, caller, idempotency_key, lambda: f"{replace} {body.model_dump_json()}", respond)


@router.post(
    "/v1/articles/upload",
    responses=ALL | JOB | declared(*_REPEATED),
)
async def upload_articles(
    files: Annotated[
        list[UploadFile],
        File(
            min_length=1,
            max_length=MAX_FILES,
            description="Text, Markdown, HTML, PDF, DOCX, EPUB, JSON, zip.",
        ),
    ],
    service: Serving,
    caller: Writer,
    replace: Replace = "no",
    prefer: Prefer = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Adds articles from files; the id is the file's own, else made of its address, else its name.

    What a file is is told by its content, not by its name. A bad file stops no other.
    """
    contents = [(file_name(file.filename or ""), await file.read(MAX_FILE_BYTES + 1)) for file in files]
    articles, failed = await asyncio.to_thread(read_files, service.loader, contents)

    async def respond() -> Response:
        return job_response(await importing(articles, service, caller, prefer, failed, replace=replace == "yes"))

    def request() -> str:
        return f"{replace} {[(name, sha256(content).hexdigest()) for name, content in contents]}"

    return await once(service, caller, idempotency_key, request, respond)


@router.post(
    "/v1/articles/from-url", status_code=201, responses=_ONE | _SEVERAL | JOB | declared("not-loadable", *_REPEATED)
)
async def create_article_from_url(
    body: wire.ArticleAddress,
    service: Serving,
    caller: Writer,
    prefer: Prefer = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Loads a page; of a feed, a sitemap, a list of feeds or an archive every article. What changed is replaced.

    The reply is the article where there is one only, else the job. Only public addresses are asked
    (`NEWSQA_FETCH_ALLOW` names others); the address is looked at again at every sync.
    """

    async def respond() -> Response:
        job = await loading(body.url, service, caller, prefer)
        alone = job.state == "done" and len(job.outcomes) == 1 and not job.refusals
        return _one(job, 201 if job.outcomes[0][1] == "added" else 200) if alone else job_response(job)

    return await once(service, caller, idempotency_key, body.model_dump_json, respond)


@router.put(
    "/v1/articles/{article_id:path}",
    responses=_REPLACED
    | JOB
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
    job = await replacing(body.domain(id=article_id), service, caller, prefer, if_match)
    return _one(job, 200) if job.state == "done" else job_response(job)


@router.delete(
    "/v1/articles/{article_id:path}",
    status_code=204,
    responses=JOB | declared("article-not-found", "changed-meanwhile", "invalid-request", "not-ready"),
)
async def delete_article(
    article_id: str, service: Serving, caller: Writer, if_match: IfMatch = None, prefer: Prefer = None
) -> Response:
    """Removes an article with all its revisions; what was cited in kept conversations stays there."""
    job = await removing(article_id, service, caller, prefer, if_match)
    return Response(status_code=204) if job.state == "done" else job_response(job)


# What the routes share


def read_files(loader: Loader, contents: Sequence[tuple[str, bytes]]) -> tuple[list[Article], list[tuple[str, str]]]:
    """The articles of files, given by name and content, and the names of those that are none with the reason."""
    articles, failed = list[Article](), list[tuple[str, str]]()
    for name, content in contents:
        for item in loader.contents(Given(name, content)):
            if isinstance(item, Article):
                articles.append(item)
            else:
                failed.append((name, str(item)))
    return articles, failed


def file_name(given: str) -> str:
    """The last part of the name a client gave, printable and short."""
    name = re.split(r"[/\\]", given)[-1]
    return "".join(char for char in name if char.isprintable())[:200] or "article"


def _json(model: BaseModel, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(model.model_dump_json(), status, headers, "application/json")


def _one(job: Job, status: int) -> Response:
    """The article as the job stored it, whatever others did to it since."""
    assert job.stored is not None  # noqa: S101  # it is done
    headers = {"ETag": etag(job.stored.revision), "Location": f"/v1/articles/{quote(job.stored.id, safe='')}"}
    return _json(job.stored, status, headers)


def job_response(job: Job) -> Response:
    """The job: 200 when it is done, else 202."""
    return _json(sent(job), 200 if job.state == "done" else 202, {"Location": f"/v1/jobs/{job.id}"})
