"""Chroma follows the catalogue, which stays the truth: when Chroma hangs, and when it is further than what was read."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from newsqa import Article, Filters, Library
from newsqa.library.catalogue import Catalogue
from newsqa.library.following import Follower
from tests.fakes import BagOfWordsEmbeddings

FERRY = Article("The ferry", "The ferry to Vårsund leaves at noon. It carries forty cars.", id="ferry")


class _Hanging:
    """A place that does not come back from what is asked of it, as Chroma in a damaged file."""

    looks_after = None
    remedy = "wait"

    def __init__(self) -> None:
        self.asked, self.noted, self._never = threading.Event(), False, threading.Event()

    def is_doubtful(self) -> bool:
        return True

    def look(self) -> None: ...

    def open(self, *, alone: bool) -> None:
        del alone
        self.asked.set()
        self._never.wait()

    def forget(self) -> None: ...

    def note_closing(self) -> None:
        self.noted = True

    def come_back(self) -> None:
        self._never.set()


def test_closing_does_not_wait_for_ever_where_chroma_hangs(tmp_path: Path) -> None:
    catalogue, place = Catalogue(tmp_path / "catalogue.sqlite3"), _Hanging()
    catalogue.unsettle(["gone"])
    follower = Follower(place, catalogue, lambda point: None)
    assert place.asked.wait(30)
    closing = threading.Thread(target=follower.close, args=(0.2,), daemon=True)
    closing.start()
    closing.join(30)
    assert not closing.is_alive()
    assert not place.noted
    place.come_back()
    catalogue.close()


class _Interrupting(list[float]):
    """A vector during the search for which the library changes, after its passages were read and before Chroma's."""

    def __init__(self, vector: list[float], library: Library, new: Article) -> None:
        super().__init__(vector)
        self._library, self._new = library, new

    def __iter__(self) -> Iterator[float]:
        self._library.add(self._new)
        assert self._library.health().agree
        return super().__iter__()


def test_an_article_that_is_replaced_during_a_search_is_found(library: Library) -> None:
    library.add(FERRY)
    assert library.health().agree
    new = replace(FERRY, text="The ferry to Vårsund leaves at nine. It carries fifty cars.")
    vector = _Interrupting(BagOfWordsEmbeddings().embed_query("forty cars at noon"), library, new)
    cosines = library.search_vectors(vector, 3, Filters())
    (found,) = library.passages({id: (cosine, {}) for id, cosine in cosines.items()})
    assert new.text == found.passage.text
