"""Cases and suites: questions with the sentences that answer them, read from YAML and checked against the articles."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StrictBool, ValidationError

from newsqa import Article, Filters, Turn, load
from newsqa.domain import Span, normalised
from newsqa.errors import NewsqaError
from newsqa_evals.matching import matches, normal

EVALS = Path(__file__).parents[1]
SUITES = EVALS / "suites"
CORPUS = EVALS.parent / "corpus"

Text = Annotated[str, Field(min_length=1, pattern=r"\S")]
Group = Annotated[tuple[Text, ...], Field(min_length=1)]
FEWEST_WORDS = 3
"""Of a piece of evidence: less stands in too many places."""


class SuiteError(NewsqaError):
    """A suite that can't be scored; each line of the message names file, line and case."""


class Evidence(BaseModel):
    """A sentence that answers a case, or a part of it, by itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    article: Text = Field(description="Id of the article.")
    quote: Text = Field(description="The sentence as it stands in the article, character for character.")


class Attack(BaseModel):
    """What an attacker writes into an article."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    article: Text = Field(description="Id of the article.")
    place: Literal["start", "middle", "end", "title", "subtitle", "publisher"] = Field(description="Where it is put.")
    text: Text = Field(description="What is put there.")

    def on(self, article: Article) -> Article:
        """The article with the attack in it."""
        if self.place in {"title", "subtitle", "publisher"}:
            changed: dict[str, Any] = {self.place: f"{getattr(article, self.place)} {self.text}".strip()}
            return replace(article, **changed)
        paragraphs = article.text.split("\n\n")
        at = {"start": 0, "middle": len(paragraphs) // 2, "end": len(paragraphs)}[self.place]
        return replace(article, text="\n\n".join([*paragraphs[:at], self.text, *paragraphs[at:]]))


class Case(BaseModel):
    """One question and what a right answer to it rests on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Text = Field(description="Unique among all suites.")
    question: Text = Field(description="As a reader words it.")
    answerable: StrictBool = Field(description="Whether the articles answer it.")
    history: tuple[Turn, ...] = Field((), description="Earlier turns of the conversation, oldest first.")
    filters: Filters = Field(Filters(), description="Which articles may be searched.")
    expected: tuple[Text, ...] | tuple[Group, ...] = Field(
        (), description="Any of these strings is right; or groups: one string of each group has to be given."
    )
    evidence: tuple[Evidence, ...] = Field((), description="Sentences that are right to cite.")
    forbidden: tuple[Text, ...] = Field((), description="An answer that holds one of these is wrong.")
    attack: Attack | None = Field(None, description="What stands in an article while this case is asked.")
    obeyed: str = Field("", description="What a chat model would write that does what the attack wants.")
    about: str = Field("", description="Id of the article it is about, where no evidence says so.")
    tags: tuple[str, ...] = ()
    note: str = Field("", description="What is subtle about it.")

    @property
    def groups(self) -> tuple[tuple[str, ...], ...]:
        """The expected answers as groups, all of which are needed; any string of a group will do."""
        if not self.expected:
            return ()
        several = isinstance(self.expected[0], tuple)
        return self.expected if several else (self.expected,)  # type: ignore[return-value]  # one kind or the other

    @property
    def article(self) -> str:
        """The article it hangs on: its results are not independent of the other cases on it. Else its own id."""
        return self.evidence[0].article if self.evidence else self.about or self.id

    def over(self, articles: Mapping[str, Article]) -> Mapping[str, Article]:
        """The articles as they are while this case is asked."""
        attack = self.attack
        return articles if attack is None else {**articles, attack.article: attack.on(articles[attack.article])}

    @property
    def digest(self) -> str:
        """Changes with anything that changes what is asked or what is right."""
        unjudged = {"tags", "note", "about", "obeyed", *(() if self.attack else ("attack",))}
        judged = self.model_dump_json(exclude=unjudged)
        return sha256(judged.encode()).hexdigest()[:12]


class SuiteFile(BaseModel):
    """The file of a suite."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    suite: Text = Field(description="Its name: the stem of the file.")
    about: Text = Field(description="What it tests, in a sentence.")
    corpus: tuple[Text, ...] = Field(
        ("../../corpus",), min_length=1, description="Files and folders with the articles, relative to this file."
    )
    cases: tuple[Case, ...] = Field(min_length=1)


@dataclass(frozen=True)
class Suite:
    """A file's cases and the articles they are asked over."""

    name: str
    corpus: tuple[Path, ...]
    cases: tuple[Case, ...]

    @cached_property
    def articles(self) -> dict[str, Article]:
        """The articles of its corpus, by id."""
        return {article.id: article for article in load(*self.corpus)}

    def tagged(self, tag: str) -> "Suite":
        """The suite with only the cases that have this tag."""
        return replace(self, cases=tuple(case for case in self.cases if tag in case.tags))


def load_suites(names: Sequence[str | Path] = ()) -> list[Suite]:
    """The suites of these names or files; all that ship when none is given.

    Raises:
        SuiteError: a suite is not there or empty, a key is unknown or missing, an id is used twice, an article is
            not there, a quote is not in its article, or an expected answer in none of the quotes. Every fault that
            is found is named.
    """
    files = [_file(name) for name in names] or sorted(SUITES.glob("*.yaml"))
    if not files:
        raise SuiteError(f"there are no suites in {SUITES}; give the path of a suite's file")
    suites, faults, seen = list[Suite](), list[str](), dict[str, str]()
    for file in files:
        source = _Source(file)
        suite = source.suite()
        faults += source.faults
        if suite:
            if suite.name in {other.name for other in suites}:
                faults.append(f"{file}: there are two suites named {suite.name!r}; rename one")
            suites.append(suite)
            faults += source.faults_of(suite, seen)
    if faults:
        raise SuiteError("\n".join(faults))
    return suites


def schema() -> dict[str, Any]:
    """The JSON schema of a suite's file, for editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **SuiteFile.model_json_schema()}


def spans_of(evidence: Iterable[Evidence], articles: Mapping[str, Article]) -> dict[str, list[Span]]:
    """Where evidence stands: the spans of its quotes in the articles' texts, by article id."""
    spans: dict[str, list[Span]] = {}
    for item in evidence:
        spans.setdefault(item.article, []).extend(occurrences(item, articles))
    return spans


def occurrences(item: Evidence, articles: Mapping[str, Article]) -> Iterator[Span]:
    """Everywhere the quote stands in its article."""
    text, quote = articles[item.article].text, normalised(item.quote)
    start = text.find(quote)
    while start >= 0:
        yield Span(start, start + len(quote))
        start = text.find(quote, start + 1)


def _file(name: str | Path) -> Path:
    file = Path(name)
    if file.suffix not in {".yaml", ".yml"}:
        file = SUITES / f"{name}.yaml"
    if not file.is_file():
        known = ", ".join(sorted(path.stem for path in SUITES.glob("*.yaml")))
        raise SuiteError(f"there is no suite {str(name)!r}; give a file, or one of: {known}")
    return file


class _Source:
    """The text of a suite's file, which knows on which line everything stands."""

    def __init__(self, file: Path) -> None:
        self.file, self.faults = file, list[str]()
        try:
            text = file.read_text(encoding="utf-8")
            self._node = yaml.compose(text, yaml.SafeLoader)
            self._values = yaml.safe_load(text)
        except (yaml.YAMLError, ValueError, TypeError, OSError, RecursionError) as error:
            raise SuiteError(f"{file}: this can't be read as YAML in UTF-8: {' '.join(str(error).split())}") from error
        self.faults = [f"{file}:{line}: {key!r} stands twice; keep one" for key, line in _repeated(self._node)]

    def suite(self) -> Suite | None:
        """The suite, or None and the faults in `faults`."""
        if not isinstance(self._values, dict):
            self.faults.append(f"{self.file}:1: the suite is empty; it needs `suite`, `about` and `cases`")
            return None
        try:
            read = SuiteFile.model_validate(self._values)
        except ValidationError as error:
            deep = [fault for fault in error.errors() if fault["loc"] != ("cases",)]
            self.faults += [self._at(fault["loc"], fault["msg"]) for fault in deep or error.errors()]
            return None
        corpus = tuple((self.file.parent / path).resolve() for path in read.corpus)
        missing = [str(path) for path in corpus if not path.exists()]
        if missing:
            self.faults.append(self._at(("corpus",), f"there is no {missing[0]}"))
            return None
        if read.suite != self.file.stem:
            self.faults.append(self._at(("suite",), f"the name is {read.suite!r}, the file's is {self.file.stem!r}"))
        return Suite(read.suite, corpus, read.cases)

    def faults_of(self, suite: Suite, seen: dict[str, str]) -> Iterator[str]:
        """What can't be scored in the cases; `seen` holds the places of the ids so far and is added to."""
        for index, case in enumerate(suite.cases):
            if case.id in seen:
                yield self._at(("cases", index, "id"), f"the id is used twice, first at {seen[case.id]}")
            seen.setdefault(case.id, f"{self.file}:{self._line(('cases', index, 'id'))}")
            for loc, message in _faults(case, suite.articles):
                yield self._at(("cases", index, *loc), message)

    def _at(self, loc: Sequence[str | int], message: str) -> str:
        field, case = tuple(loc), ""
        if len(field) > 1 and field[0] == "cases":
            cases = self._values["cases"]
            values = cases[int(field[1])] if isinstance(cases, list) else None
            case = f" {values.get('id', 'a case without id')}:" if isinstance(values, dict) else ""
            field = field[2:]
        name = ".".join(str(part) for part in field if "[" not in str(part))  # pydantic names the kind tried, too
        return f"{self.file}:{self._line(loc)}:{case} {name + ': ' if name else ''}{message}"

    def _line(self, loc: Sequence[str | int]) -> int:
        """The line of the innermost thing on this path that is written in the file, from 1."""
        node, line = self._node, 1
        for part in loc:
            if isinstance(node, yaml.MappingNode):
                found = next(((key, value) for key, value in node.value if key.value == part), None)
                if found is None:
                    continue
                line, node = found[0].start_mark.line + 1, found[1]
            elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
                node = node.value[part]
                line = node.start_mark.line + 1
        return line


def _repeated(node: yaml.Node | None) -> Iterator[tuple[str, int]]:
    """Keys that a mapping has twice, and their lines: YAML would silently keep the last."""
    for child in node.value if isinstance(node, yaml.MappingNode | yaml.SequenceNode) else ():
        yield from _repeated(child[1] if isinstance(child, tuple) else child)
    if isinstance(node, yaml.MappingNode):
        seen = set[Any]()
        for key, _ in node.value:
            if key.value in seen:
                yield key.value, key.start_mark.line + 1
            seen.add(key.value)


def _faults(case: Case, articles: Mapping[str, Article]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """What keeps a case from being scored: the field and what is wrong with it."""
    if case.answerable != bool(case.evidence) or case.answerable != bool(case.expected):
        yield ("answerable",), "answerable cases have `expected` and `evidence`, the others neither"
    yield from _unknown(case, articles)
    quotes = [item.quote for item in case.evidence]
    for index, item in enumerate(case.evidence):
        if item.article in articles and not any(occurrences(item, articles)):
            yield ("evidence", index, "quote"), f"does not stand in {item.article}: {item.quote!r}"
        if len(normal(item.quote)) < FEWEST_WORDS:
            yield ("evidence", index, "quote"), f"{item.quote!r} is no whole sentence"
    for group in case.groups:
        lost = [answer for answer in group if not any(matches(quote, answer) for quote in quotes)]
        if lost if len(case.groups) == 1 else len(lost) == len(group):
            yield ("expected",), f"{' / '.join(map(repr, lost))} stands in none of the quotes"
        empty = [answer for answer in group if not normal(answer)]
        if empty:
            yield ("expected",), f"{empty[0]!r} has no letter and no digit"
        if all(any(matches(answer, wrong) for wrong in case.forbidden) for answer in group):
            yield ("forbidden",), "every expected answer holds a forbidden one"


def _unknown(case: Case, articles: Collection[str]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Articles that are named and not there."""
    for index, item in enumerate(case.evidence):
        if item.article not in articles:
            yield ("evidence", index, "article"), f"there is no article {item.article!r}"
    for id in case.filters.article_ids:
        if id not in articles:
            yield ("filters", "article_ids"), f"there is no article {id!r}"
    allowed = case.filters.article_ids or articles
    if case.evidence and not any(item.article in allowed for item in case.evidence):
        yield ("filters", "article_ids"), "they leave out every article with evidence"
    if case.about and case.about not in articles:
        yield ("about",), f"there is no article {case.about!r}"
    if case.attack and case.attack.article not in articles:
        yield ("attack", "article"), f"there is no article {case.attack.article!r}"
