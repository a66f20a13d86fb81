"""What must be true of a library whatever happened to it, and what is wrong with one where it is not."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
from langchain_core.embeddings import Embeddings

from newsqa import Article, Filters, Library
from newsqa.library.store import indexed_text
from newsqa.library.words import headline, terms
from newsqa.passages import split_passages
from tests.faults.deeds import edition, filed, pilot, take_inbox, written
from tests.faults.journal import Story

_NAMED = (
    ("passages", "article_id", "articles", "id"),
    ("articles", "id", "passages", "article_id"),
    ("revisions", "article_id", "articles", "id"),
    ("held", "article_id", "articles", "id"),
    ("fingerprints", "article_id", "articles", "id"),
    ("articles", "id", "fingerprints", "article_id"),
    ("articles", "id", "stories", "article_id"),
    ("stories", "article_id", "articles", "id"),
    ("stories", "first_id", "bands", "article_id"),
    ("bands", "article_id", "articles", "id"),
    ("addresses", "article_id", "articles", "id"),
    ("articles", "id", "changes", "article_id"),
)
"""What is named in one table, and the table where it has to be."""
_LOOKED_AT = 8


@dataclass
class Soundness:
    """An open library, and what is known of it."""

    library: Library
    folder: Path
    embedding: Embeddings
    words: int
    """Of a passage."""
    story: Story
    """What may be stored."""
    chance: Random
    """Chooses what is looked at closely."""
    near: float = 0.999
    """Cosine of the vectors of one text, at the least."""

    def faults(self) -> list[str]:
        """What is wrong with it, in words; nothing if all is well."""
        catalogue = self.folder / "catalogue.sqlite3"
        articles = self.library.articles()
        touched = {id for _, after in self.story.broken_off for id in after}
        near = [each for each in articles if each.id in touched]
        near += self.chance.sample(articles, min(len(articles), _LOOKED_AT))
        if wrong := [*self._half_there(articles), *_in_tables(catalogue)]:
            return wrong
        return [
            *self._not_found(articles, near, "before Chroma is up to date"),
            *(fault for article in near for fault in self._cut_wrongly(article, catalogue)),
            *self._disagreeing(catalogue),
            *self._not_found(articles, near, "with Chroma"),
            *self._not_synced(),
        ]

    def versions(self) -> dict[str, str | None]:
        """What is there."""
        return {each.id: edition(each.text) for each in self.library.articles()}

    def _half_there(self, articles: Sequence[Article]) -> Iterator[str]:
        there = {each.id: each for each in articles}
        for id in there.keys() | self.story.possible.keys():
            possible = self.story.possible.get(id, {None})
            version = edition(there[id].text) if id in there else None
            if version not in possible:
                yield f"{id} is {version}, not one of {possible}"
            elif version and there[id].text != written(id, version):
                yield f"{id}: its text is not that of {version}"
        for deed, after in self.story.broken_off:
            left = after.keys() & there.keys()
            if deed == "remove" and len(self.story.broken_off) == 1 and left not in (set(), after.keys()):
                yield f"of {sorted(after)}, {sorted(left)} were not removed"

    def _cut_wrongly(self, article: Article, catalogue: Path) -> Iterator[str]:
        """Passages, words and vectors are those of the text."""
        stored, passages = self.library.whole(article.id)
        if stored != article or split_passages(article, self.words) != passages:
            yield f"{article.id}: its passages are not those of its text"
            return
        made = np.asarray(self.embedding.embed_documents([indexed_text(article, each) for each in passages]))
        with closing(sqlite3.connect(catalogue)) as connection:
            for passage, vector in zip(passages, made, strict=True):
                query = "SELECT words, vector FROM passages WHERE id = ?"
                kept, there = connection.execute(query, [passage.id]).fetchone()
                if kept != terms(headline(article)) + terms(passage.text):
                    yield f"{passage.id} of {article.id}: its words are not those of its text"
                if not np.frombuffer(there, "<f2").astype(float) @ vector > self.near:
                    yield f"{passage.id} of {article.id}: its vector is not that of its text"

    def _not_found(self, articles: Sequence[Article], near: Sequence[Article], when: str) -> Iterator[str]:
        """Each is found by a word that it alone holds, and by its vector; what is gone is not."""
        for article in near:
            if {article.id} != (found := self._holding(pilot(article.id, edition(article.text)))):
                yield f"a word of {article.id} finds {found}, {when}"
            passage = self.library.whole(article.id)[1][0]
            vector = self.embedding.embed_query(indexed_text(article, passage))
            cosines = self.library.search_vectors(vector, 10, Filters())
            if not cosines.get(passage.id, 0) > self.near:
                yield f"{article.id} is not found by its vector, {when}"
            known = {each.passage.id for each in self.library.passages(dict.fromkeys(cosines, (0.0, {})))}
            if known != cosines.keys():
                yield f"a vector of nothing is found, {when}"
        for id, version in self.story.may_be_gone - {(each.id, edition(each.text)) for each in articles}:
            if found := self._holding(pilot(id, version)):
                yield f"a word of {version} of {id}, which is gone, finds {found}, {when}"

    def _holding(self, wanted: str) -> set[str]:
        ids = self.library.search_text([wanted], 10, Filters())
        return {each.passage.article_id for each in self.library.passages(dict.fromkeys(ids, (0.0, {})))}

    def _disagreeing(self, catalogue: Path) -> Iterator[str]:
        """Chroma is up to date, and has the catalogue's vectors."""
        follower, health = self.library._follower, self.library.health()
        if not health.agree or follower.trouble or follower._vectors is None:
            yield f"{health} {follower.trouble}"
            return
        with closing(sqlite3.connect(catalogue)) as connection:
            if (behind := connection.execute("SELECT count(*) FROM unsettled").fetchone()) != (0,):
                yield f"{behind} passages are not settled"
            kept = dict(connection.execute("SELECT id, vector FROM passages").fetchall())
        for id, vector in follower._vectors.read(list(kept)).items():
            if not np.frombuffer(kept[id], "<f2").astype(np.float32) @ vector > Soundness.near:
                yield f"{id}: Chroma has another vector of it"

    def _not_synced(self) -> Iterator[str]:
        """A sync brings what was broken off to its end."""
        if "sync" in {deed for deed, _ in self.story.broken_off} or self.chance.random() < 0.1:
            take_inbox(self.library, self.folder)
            there = {each.id: edition(each.text) for each in self.library.articles() if each.origin}
            if there != filed(self.folder):
                yield f"after a sync of {filed(self.folder)} there is {there}"


def _in_tables(catalogue: Path) -> Iterator[str]:
    with closing(sqlite3.connect(catalogue)) as connection:
        for pragma, good in (("integrity_check", [("ok",)]), ("foreign_key_check", [])):
            if (said := connection.execute(f"PRAGMA {pragma}").fetchall()) != good:
                yield f"{pragma}: {said[:5]}"
        for table, column, other, named in _NAMED:
            query = f"SELECT {column} FROM {table} EXCEPT SELECT {named} FROM {other}"  # noqa: S608  # our own names
            if lacking := connection.execute(query).fetchall():
                yield f"{table}.{column} names {lacking[:5]}, which {other} has not"
