"""What changes the library: adding, importing, replacing and removing, each a job in the one line of changes."""

import asyncio
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace as with_changes

from newsqa.api.access import Caller
from newsqa.api.jobs import Job
from newsqa.api.problems import ProblemError
from newsqa.api.service import Service
from newsqa.domain import Article
from newsqa.errors import ArticleDamagedError, LoadError
from newsqa.library import Intake, Library, sync, take
from newsqa.library.identity import address_key
from newsqa.loading import origin_of

WAIT_SECONDS = 5.0
"""For a change to the library, before its job is answered instead; the header Prefer changes it."""
MAX_WAIT_SECONDS = 60.0


async def adding(article: Article, service: Service, caller: Caller, prefer: str | None) -> Job:
    """The job that adds an article, ended or as far as it is when the caller need not wait any longer.

    Raises:
        ProblemError: one of its id is there and differs, or it can't be stored.
    """

    def add(job: Job) -> None:
        library = service.assistant.library
        with library.changing():
            _refuse_other(library, article)
            library.add(article, on_article=job.article, on_passages=job.passages, by_id=True)

    return await _finished(service, Job("add", caller.id, 1), add, prefer)


async def importing(
    articles: Sequence[Article],
    service: Service,
    caller: Caller,
    prefer: str | None,
    failed: Sequence[tuple[str, str]] = (),
    *,
    replace: bool,
) -> Job:
    """The job that adds many articles, likewise; one that is refused stops no other.

    Args:
        articles: to be added.
        service: has the library.
        caller: asks for it.
        prefer: the header, which says how long to wait.
        failed: titles and reasons of those that are refused already.
        replace: whether those that are there and differ are replaced; else they are refused.
    """
    library = service.assistant.library

    def add(job: Job) -> None:
        def refuse(article: Article, error: Exception) -> None:
            job.refused(article.title, error.detail if isinstance(error, ProblemError) else str(error))

        chosen = _allowed(articles, library, refuse, replace=replace)
        with library.changing():
            library.add(chosen, on_article=job.article, on_error=refuse, on_passages=job.passages, by_id=True)

    job = Job("add", caller.id, len(articles) + len(failed), refusals=list(failed))
    return await _finished(service, job, add, prefer)


def _allowed(
    articles: Sequence[Article], library: Library, refuse: Callable[[Article, Exception], None], *, replace: bool
) -> Iterator[Article]:
    """Those that take no other's address and, unless they replace, are in the place of no other, here or there."""
    seen: dict[str, str] = {}
    for article in articles:
        try:
            _refuse_address(library, article)
            for key in (article.id, address_key(article.url)) if not replace else ():
                if key and seen.setdefault(key, article.revision) != article.revision:
                    raise _exists(article.id, seen[key])
            if not replace:
                _refuse_other(library, article)
        except (ProblemError, ArticleDamagedError) as error:
            refuse(article, error)
        else:
            yield article


def _refuse_address(library: Library, article: Article) -> None:
    """Raises where the article is there, and another one has the address that it would get."""
    owner = library.at(article.url)
    if owner and owner.id != article.id and library.known(article, by_id=True) != owner:
        raise ProblemError("article-exists", f"the article {owner.id!r} has this url already; replace that one")


async def loading(url: str, service: Service, caller: Caller, prefer: str | None) -> Job:
    """The job that loads what is at an address, likewise: what is there and differs is replaced.

    Raises:
        ProblemError: nothing there can be loaded.
    """

    def add(job: Job) -> None:
        _note(job, take(service.assistant.library, service.loader, [origin_of(url)], progress=job))
        if not job.outcomes and len(job.refusals) == 1 and not job.left:
            raise LoadError(": ".join(job.refusals[0]))

    return await _finished(service, Job("add", caller.id, 0), add, prefer)


async def syncing(service: Service, caller: Caller, prefer: str | None, *, prune: bool) -> Job:
    """The job that looks at every origin again, likewise; `prune` removes what is not there any longer."""

    def look(job: Job) -> None:
        _note(job, sync(service.assistant.library, service.loader, prune=prune, progress=job))

    return await _finished(service, Job("sync", caller.id, 0), look, prefer)


def _note(job: Job, intake: Intake) -> None:
    job.duplicates, job.gone, job.left = intake.copies, intake.gone, intake.left


async def replacing(article: Article, service: Service, caller: Caller, prefer: str | None, if_match: str) -> Job:
    """The job that puts an article in the place of the one of its id, likewise.

    Raises:
        ArticleNotFoundError: none of its id is there.
        ProblemError: it is not the revision that `if_match` names, or the new one can't be stored.
    """
    library = service.assistant.library

    def replace(job: Job) -> None:
        with library.changing():
            _check_revision(library, article.id, if_match)
            new = with_changes(article, origin=library.get(article.id).origin)
            _refuse_address(library, new)
            library.add(new, on_article=job.article, on_passages=job.passages, by_id=True)

    return await _finished(service, Job("replace", caller.id, 1), replace, prefer)


async def removing(
    article_id: str, service: Service, caller: Caller, prefer: str | None, if_match: str | None = None
) -> Job:
    """The job that removes an article, be it damaged, likewise.

    Raises:
        ArticleNotFoundError: it is not there.
        ProblemError: it is not the revision that `if_match` names.
    """
    library = service.assistant.library

    def remove(job: Job) -> None:
        with library.changing():
            _check_revision(library, article_id, if_match or "*")
            library.remove(article_id)
        job.removed(article_id)

    await asyncio.to_thread(library.revision_of, article_id)
    return await _finished(service, Job("remove", caller.id, 1), remove, prefer)


async def _finished(service: Service, job: Job, work: Callable[[Job], None], prefer: str | None) -> Job:
    """The job, once it has ended or the caller need not wait any longer.

    Raises:
        ProblemError: it failed.
    """
    service.check_ready()
    service.jobs.start(job, work)
    if await service.jobs.wait(job, _wait_seconds(prefer)) and job.problem:
        raise job.problem
    return job


def _wait_seconds(prefer: str | None) -> float:
    if prefer and "respond-async" in prefer:
        return 0.0
    asked = re.search(r"\bwait=(\d{1,6})\b", prefer or "")
    return min(float(asked[1]), MAX_WAIT_SECONDS) if asked else WAIT_SECONDS


def other_in_place(library: Library, article: Article) -> Article | None:
    """The article that is there in its place, of its id or its address, and differs."""
    existing = library.known(article, by_id=True)
    return existing if existing and existing.revision != article.revision else None


def _refuse_other(library: Library, article: Article) -> None:
    """Raises where an article of this id or address is there and differs."""
    existing = other_in_place(library, article)
    if existing:
        raise _exists(existing.id, existing.revision)


def _exists(article_id: str, revision: str) -> ProblemError:
    detail = f"an article {article_id!r} is there already and differs; replace it by PUT, or with replace=yes"
    return ProblemError("article-exists", detail, headers={"ETag": etag(revision)})


def _check_revision(library: Library, article_id: str, if_match: str) -> None:
    revision = library.revision_of(article_id)
    if not matches(if_match, revision):
        raise ProblemError("changed-meanwhile", headers={"ETag": etag(revision)})


def etag(revision: str) -> str:
    """The ETag of a revision."""
    return f'"{revision}"'


def matches(given: str, revision: str, *, weak: bool = False) -> bool:
    """Whether a header's list of ETags holds this revision's; weak ones count only where that is asked for."""
    tags = [tag.strip().removeprefix("W/" if weak else "") for tag in given.split(",")]
    return "*" in tags or etag(revision) in tags
