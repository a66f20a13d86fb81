"""Verifies a chat model's prose sentence by sentence as it comes, and gives it citations of our own making."""

import re
from collections.abc import Callable, Iterator, Sequence

from newsqa.domain import Article, Citation, Event, Failure, ScoredPassage, Sentence, Span, Unverified, Withdrawal
from newsqa.english import words
from newsqa.errors import ArticleNotFoundError, GroundingError
from newsqa.grounding.citing import Statement, citation
from newsqa.grounding.markup import Marker, Scanner, Word, holds_address
from newsqa.grounding.support import Evidence, Verdict, verify
from newsqa.passages import split_sentences
from newsqa.reader import Reads

MAX_SENTENCE_CHARS = 1000
"""A longer one is no statement that could be verified."""
AHEAD = 3
"""Words behind a sentence that show whether it has ended: "at 9 p.m. Moscow time" goes on."""
MAX_CHARS = 10_000
"""Of an answer; what comes after is not read."""
_SLICE = 1000
MOST_READ = 30_000
"""Characters of a reply that are read, verified or not."""
_TEXTS = r"(?:articles?|passages?|texts?|sources?|context)"
_NOT = r"(?:do(?:es)?(?: no|n[’']?)t|can(?:not|[’']?t))"
_NOTHING_SAID = re.compile(
    rf"^\W*(?:(?:sorry|unfortunately|i[’']m sorry|based on [^,]{{1,40}}),? (?:but )?)?(?:"
    rf"(?:the |these )?(?:(?:provided|given|available|above) )?{_TEXTS} (?:provided |given )?(?:{_NOT} "
    rf"(?:say|answer|mention|contain|provide|specify|state|indicate|discuss|include|give|tell)|say nothing)|"
    rf"none of the {_TEXTS}|there is no (?:information|mention))\b(?!.*\b(?:but|however)\b)"
)
"""The no-answer sentence, in the ways in which chat models put it."""


class Prose:
    """The answer as far as it has come.

    The text that was sent so far is always `text`, where every sentence was verified, and the sentence that is under
    way. The chat model's own markers are never shown: a sentence that is borne out gets numbers of its own behind it,
    counted on from 1, and keeps them.
    """

    def __init__(
        self,
        passages: Sequence[ScoredPassage],
        article: Callable[[str], Article],
        reader: Reads,
        *,
        mark: bool = False,
    ) -> None:
        """Nothing has come yet.

        Args:
            passages: what the chat model was given, in the order of its numbers, from 1.
            article: gives the stored article of an id; quotes are checked against its text.
            reader: says what bears a statement out.
            mark: keep what fails verification, marked, in the place of withdrawing it.
        """
        self._reader, self._read = reader, 0
        self._given, self._article, self._mark = [Evidence(each) for each in passages], article, mark
        self._scanner = Scanner()
        self._tail, self._markers, self._linked = "", list[int](), False
        self._waiting, self._ahead = list[Word](), list[int]()
        self.text = ""
        """What was verified, with its markers."""
        self.citations: list[Citation] = []
        self.unverified: list[Unverified] = []
        self.says_nothing = False
        """Whether it says that the articles don't say."""

    @property
    def full(self) -> bool:
        """Whether nothing more is wanted."""
        return self.says_nothing or len(self.text) >= MAX_CHARS or self._read >= MOST_READ

    def feed(self, piece: str) -> Iterator[Event]:
        """The events of a further piece: deltas, citations, and what is marked or withdrawn."""
        for start in range(0, len(piece), _SLICE):
            yield from self._take(self._scanner.feed(piece[start : start + _SLICE]))

    def end(self) -> Iterator[Event]:
        """The events of what was held back, when nothing more comes."""
        if self.full:  # what is under way may be half a sentence
            yield from self.cut()
            return
        yield from self._take(self._scanner.end())
        yield from self._advance(last=True)
        yield from self._settle()

    def cut(self) -> Iterator[Event]:
        """Takes back the sentence under way, which will not be ended."""
        yield from self._take_back(None)
        self._scanner, self._waiting = Scanner(), []

    def _take(self, tokens: Iterator[Word | Marker]) -> Iterator[Event]:
        for token in tokens:
            if self.full:
                return
            if token.opens_line:
                yield from self._advance(last=True)
                yield from self._settle()
            if isinstance(token, Marker):
                self._note(token.numbers)
            else:
                self._read += len(token.text)
                self._waiting.append(token)
                yield from self._advance(last=False)

    def _note(self, numbers: Sequence[int]) -> None:
        """A marker is of the words before it; at the beginning of a line of those behind it."""
        (self._markers if self._tail and not self._waiting else self._ahead).extend(numbers)

    def _advance(self, *, last: bool) -> Iterator[Event]:
        """Says the words that came, when it is clear whether they are of the sentence under way or of the next one."""
        while self._waiting and not self.full:
            whole = self._tail + "".join(word.text for word in self._waiting)
            if self._tail and len(split_sentences(whole)) > 1:
                if not last and len(self._waiting) < AHEAD:
                    return
                yield from self._settle()
                continue
            said = self._waiting[:1] if not self._tail else self._waiting
            self._waiting = self._waiting[len(said) :]
            yield from self._say(said)

    def _say(self, said: Sequence[Word]) -> Iterator[Event]:
        text = "".join(word.text for word in said)
        self._linked |= any(word.linked for word in said)
        self._markers, self._ahead = [*self._markers, *self._ahead], []
        if not self._tail:
            text = text.lstrip()
        if text:
            space = " " if self.text and not self._tail else ""
            self._tail += text
            yield Event("delta", space + text)

    def _settle(self) -> Iterator[Event]:
        """Judges the sentence under way, which is whole."""
        sentence = self._tail
        if not sentence:
            return
        self._linked |= holds_address(sentence)
        says_nothing = bool(_NOTHING_SAID.match(sentence.lower()))
        if says_nothing or not words(sentence):
            self.says_nothing |= says_nothing and not self.text
            yield from self._take_back(None)
        else:
            verdict = self._verdict(sentence)
            if verdict.failure is None:
                yield from self._cite(sentence, verdict)
            else:
                yield from self._reject(sentence, verdict.failure)
        self._tail, self._markers, self._linked = "", [], False

    def _verdict(self, sentence: str) -> Verdict:
        if self._linked or len(sentence) > MAX_SENTENCE_CHARS:
            return Verdict("unsupported")
        named = dict.fromkeys(self._markers)
        cited = [self._given[number - 1] for number in named if 1 <= number <= len(self._given)]
        return verify(sentence, cited, self._given, self._reader, marked=bool(named))

    def _cite(self, sentence: str, verdict: Verdict) -> Iterator[Event]:
        start = len(self.text) + bool(self.text)
        span = Span(start, start + len(sentence))
        sentences = {(scored.passage.article_id, told.start): (scored, told) for scored, told in verdict.borne_out_by}
        try:
            made = [
                self._citation(number, scored, cited, span)
                for number, (scored, cited) in enumerate(sentences.values(), len(self.citations) + 1)
            ]
        except (GroundingError, ArticleNotFoundError):  # the article was replaced since it was read
            yield from self._reject(sentence, "fabricated")
            return
        markers = "".join(f" [{each.number}]" for each in made)
        self.text = f"{self.text}{' ' if self.text else ''}{sentence}{markers}"
        self.citations += made
        yield Event("delta", markers)
        for each in made:
            yield Event("citation", each)

    def _citation(self, number: int, scored: ScoredPassage, cited: Sentence, span: Span) -> Citation:
        passage = scored.passage
        statement = Statement(span.of(""), passage.article_id, Span(cited.start, cited.end), cited.text, scored.copies)
        return citation(number, statement, span, self._article(passage.article_id))

    def _reject(self, sentence: str, kind: Failure) -> Iterator[Event]:
        if self._mark and not self._linked and len(sentence) <= MAX_SENTENCE_CHARS:
            start = len(self.text) + bool(self.text)
            marked = Unverified(kind, sentence, Span(start, start + len(sentence)))
            self.text = f"{self.text}{' ' if self.text else ''}{sentence}"
            self.unverified.append(marked)
            yield Event("unverified", marked)
        else:
            self.unverified.append(Unverified(kind, sentence[:MAX_SENTENCE_CHARS]))
            yield from self._take_back(kind)

    def _take_back(self, kind: Failure | None) -> Iterator[Event]:
        if self._tail:
            yield Event("withdrawn", Withdrawal(len(self.text), kind))
        self._tail = ""
