"""Questions to begin with and to go on with, made of the articles at hand; each was tried and has an answer."""

import asyncio
import re
from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator
from contextlib import aclosing

from newsqa.api import wire
from newsqa.api.problems import ProblemError
from newsqa.api.service import Service
from newsqa.domain import Answer, Article, Filters
from newsqa.english import content_words, name_runs
from newsqa.errors import ArticleNotFoundError, NewsqaError
from newsqa.passages import split_sentences

MOST = 3
"""Questions that are suggested at a time."""
_LOOKED_AT = 8
"""Articles, for questions to begin with."""
_TRIED = 4
"""Questions that are tried of an article."""
_LIKELY = 0.65
"""Least confidence of their answers."""
_REMEMBERED = 5000
"""Questions whose trial is remembered."""
_SENTENCES = 60
"""Of an article's beginning that questions are made of."""
_SAYS = "(?:said|told|added|warned|announced|argued|promised|insisted)"
_SAID = re.compile(rf"(?:,[^,.“”]{{1,80}},)? {_SAYS}\b")
_SAID_BY = re.compile(rf"”,? {_SAYS} $")
_APPOSED = re.compile(r", (?:an?|the|who)\b")
_PLACED = re.compile(r"\b(?:at|in|of|near|to|from|through|over|for)(?: the)? $", re.IGNORECASE)


class Suggestions:
    """Makes questions by patterns, and keeps those that the assistant answers from the article they were made of."""

    def __init__(self, service: Service) -> None:
        """Over a running service."""
        self._service, self._library = service, service.assistant.library
        self._tried: OrderedDict[tuple[str, str, str], bool] = OrderedDict()

    async def first(self, filters: Filters) -> list[str]:
        """Questions to begin with: a summary of the newest article that passes, and one each of other new ones."""
        newest = await asyncio.to_thread(self._library.articles, filters, _LOOKED_AT)
        summary = [one for article in newest[:1] for one in await self._good(article, [summary_of(article)], 1, ())]
        return summary + await self._of_names(newest[1:] or newest, summary, each=1, most=MOST - len(summary))

    async def after(self, answer: wire.Answer, asked: Collection[str]) -> list[str]:
        """Questions to go on with, of the articles that were cited or found."""
        cited = [each.article_id for each in answer.citations]
        found = [each.passage.article_id for each in answer.passages]
        articles = await asyncio.to_thread(self._articles, list(dict.fromkeys(cited + found))[:MOST])
        return await self._of_names(articles, {*asked, answer.standalone_question}, each=2, most=MOST)

    def _articles(self, ids: Iterable[str]) -> list[Article]:
        found = []
        for id in ids:
            try:
                found.append(self._library.get(id))
            except ArticleNotFoundError:  # it was removed since
                continue
        return found

    async def _of_names(self, articles: Iterable[Article], asked: Collection[str], each: int, most: int) -> list[str]:
        chosen: list[str] = []
        for article in articles:
            if len(chosen) >= most:
                break
            chosen += await self._good(article, questions_of(article), min(each, most - len(chosen)), [*asked, *chosen])
        return chosen

    async def _good(self, article: Article, questions: Iterable[str], most: int, asked: Collection[str]) -> list[str]:
        known = {tuple(content_words(question)) for question in asked}
        good: list[str] = []
        for question in questions:
            if len(good) == most:
                break
            if tuple(content_words(question)) not in known and await self._has_answer(article, question):
                good.append(question)
        return good

    async def _has_answer(self, article: Article, question: str) -> bool:
        trial = (article.id, article.revision, question)
        if trial not in self._tried:
            if self._service.questions.waiting:  # whoever asks goes first
                return False
            try:
                answer = await self._answer(question)
            except (NewsqaError, ProblemError):  # too busy, or too slow: tried another time
                return False
            likely = answer.status == "answered" and answer.confidence >= _LIKELY
            self._tried[trial] = likely and answer.citations[0].article_id == article.id
            while len(self._tried) > _REMEMBERED:
                self._tried.popitem(last=False)
        return self._tried[trial]

    async def _answer(self, question: str) -> Answer:
        trial = self._service.questions.stream(question, answerer="extractive")  # a chat model costs time and money
        async with aclosing(trial) as events:
            async for event in events:
                last = event
        answer: Answer = last.value
        return answer


def summary_of(article: Article) -> str:
    """The request for a summary of it."""
    return f"Summarise: {' '.join(article.title.split())}"


def questions_of(article: Article) -> list[str]:
    """Questions about who is named in the article and what they say."""
    sentences = [each.text for each in split_sentences(article.text, article.language) if not each.heading]
    made = (question for sentence in sentences[:_SENTENCES] for question in _of_names(sentence))
    return list(dict.fromkeys(made))[:_TRIED]


def _of_names(sentence: str) -> Iterator[str]:
    """For names of two and more words that say something, or that are explained."""
    for span in name_runs(sentence):
        name, before, after = span.of(sentence), sentence[: span.start], sentence[span.end :]
        if not 2 <= len(name.split()) <= 5:
            continue
        if _SAID.match(after) or _SAID_BY.search(before):
            yield f"What did {name} say?"
        elif _APPOSED.match(after) and not _PLACED.search(before):
            yield f"Who is {name}?"
