"""Says what the library or an article holds: plain replies to small talk, and summaries in the articles' own words."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from langchain_core.embeddings import Embeddings

from newsqa.answering.extractive import NO_ANSWER, Reply
from newsqa.dialogue import Intent, topic_of
from newsqa.domain import Article, Filters, ScoredPassage, Sentence, Span
from newsqa.english import stems
from newsqa.grounding import Statement
from newsqa.library import Library
from newsqa.passages import split_sentences

NEWEST = 5
"""Articles that "what is new?" names."""
FEWEST_WORDS = 6
"""Of a sentence that is worth saying in a summary."""
MOST_SENTENCES = 300
"""Of a long article that are weighed, from its beginning."""
_POSITION = 0.25  # what standing first adds to a sentence's centrality; the next ones less
_REPEATED = 0.4  # what being like a sentence already chosen takes off, by their cosine
_ITEM = ("- ", "* ")
_WELCOME = {
    Intent.GREETING: "Hello.",
    Intent.THANKS: "You’re welcome.",
    Intent.HELP: "Ask me about the articles, and I show the sentence that each answer rests on.",
}


@dataclass(frozen=True)
class Overview:
    """Replies about the library at hand; needs no chat model."""

    library: Library
    embedding: Embeddings

    def small_talk(self, intent: Intent) -> Reply:
        """A plain reply with no citation: it says what can be asked about."""
        count, newest = len(self.library), self.library.articles(limit=3)
        titles = "; ".join(_quoted(article.title) for article in newest)
        articles = "1 article" if count == 1 else f"{count:,} articles"
        known = f"I can answer questions about {articles}, such as {titles}."
        said = known if newest else "There are no articles yet: add some first."
        return Reply((), "abstained", 0.0, f"{_WELCOME[intent]} {said}")

    def news(self, filters: Filters) -> Reply:
        """How each of the newest articles begins, newest first."""
        newest = self._newest(filters)
        leads = [(article, _worth_saying(article)[:1]) for article in newest]
        statements = tuple(_statement(article, sentence) for article, lead in leads for sentence in lead)
        if not statements:
            return Reply((), "abstained", 0.0, "There are no articles yet, or none passes the filters.")
        return Reply(statements, "answered", 1.0, "The newest articles begin so:")

    def _newest(self, filters: Filters) -> list[Article]:
        """The newest articles, of each story the newest."""
        newest = self.library.articles(filters, limit=4 * NEWEST)
        stories = self.library.stories([article.id for article in newest], filters)
        told: dict[str, Article] = {}
        for article in newest:
            story = stories.get(article.id)
            told.setdefault(story[0].article_id if story else article.id, article)
        return list(told.values())[:NEWEST]

    def summary(self, question: str, found: Sequence[ScoredPassage], filters: Filters) -> Reply:
        """An article in three to five of its sentences.

        Args:
            question: what was asked; names the article by its topic, or names nothing.
            found: passages for that topic, best first; the article with the greatest sum of scores is meant, if it
                has more than half of the topic's words.
            filters: where nothing is named and only one article passes, that one is meant; else all the newest.
        """
        if not topic_of(question):
            passing = self.library.articles(filters, limit=2)
            return self._of(passing[0], 1.0) if len(passing) == 1 else self.news(filters)
        if not found:
            return Reply((), "abstained", 0.0, "There is no article on this, or none passes the filters.")
        shares: dict[str, float] = {}
        for scored in found:
            id = scored.passage.article_id
            shares[id] = shares.get(id, 0.0) + max(scored.score, 0.0)
        best = max(shares, key=lambda id: shares[id])
        article = self.library.get(best)
        if not _speaks_of(article, topic_of(question)):
            return Reply((), "abstained", 0.0, f"{NO_ANSWER} No article seems to be about this.")
        return self._of(article, shares[best] / (sum(shares.values()) or 1.0))

    def _of(self, article: Article, confidence: float) -> Reply:
        sentences = _worth_saying(article)
        if not sentences:
            return Reply((), "abstained", 0.0, f"{_quoted(article.title)} has no whole sentences to show.")
        vectors = np.asarray(self.embedding.embed_documents([sentence.text for sentence in sentences]))
        chosen = central(vectors, 3 if len(sentences) < 20 else 4 if len(sentences) < 60 else 5)
        statements = tuple(_statement(article, sentences[index]) for index in chosen)
        return Reply(statements, "answered", confidence, f"{_quoted(article.title)} in brief:")


def central(vectors: "np.ndarray[tuple[int, int], np.dtype[np.float64]]", count: int) -> list[int]:
    """The rows that stand best for all of them, in their order; at most `count`.

    Chosen one after the other by cosine with the mean, plus a bonus for an early place, less the likeness to
    those already chosen (maximal marginal relevance: Carbonell and Goldstein 1998).

    Args:
        vectors: [sentences, dimensions], in the order of the text.
        count: how many.
    """
    if not len(vectors):
        return []
    units = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    centre = units.mean(axis=0)
    worth = units @ (centre / max(float(np.linalg.norm(centre)), 1e-9)) + _POSITION / np.sqrt(1 + np.arange(len(units)))
    chosen: list[int] = []
    while len(chosen) < min(count, len(units)):
        likeness = (units @ units[chosen].T).max(axis=1) if chosen else np.zeros(len(units))
        left = worth - _REPEATED * likeness
        left[chosen] = -np.inf
        chosen.append(int(left.argmax()))
    return sorted(chosen)


def _speaks_of(article: Article, topic: str) -> bool:
    """Whether more than half of the topic's words occur in the article."""
    wanted = set(stems(topic))
    return len(wanted & set(stems(f"{article.title} {article.subtitle} {article.text}"))) > len(wanted) / 2


def _quoted(title: str) -> str:
    return title if title.startswith(("“", '"', "‘")) else f"“{title}”"


def _worth_saying(article: Article) -> list[Sentence]:
    sentences = split_sentences(article.text, article.language, (article.title, article.subtitle))[:MOST_SENTENCES]
    return [
        sentence
        for sentence in sentences
        if len(sentence.text.split()) >= FEWEST_WORDS and not sentence.heading and not sentence.text.startswith(_ITEM)
    ]


def _statement(article: Article, sentence: Sentence) -> Statement:
    return Statement(sentence.text, article.id, Span(sentence.start, sentence.end), sentence.text)
