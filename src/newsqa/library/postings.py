"""Which passages hold which words, in memory: what BM25 is computed from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


MOST_ROWS = 32_768
"""As many are made or joined in a fraction of a second, and their numbers fit into two bytes."""


@dataclass(frozen=True)
class Postings:
    """An inverted index over rows 0 to n - 1, at most `MOST_ROWS`. It is never changed; others are made of it."""

    terms: "NDArray[np.uint32]"
    """Every term that occurs, in order."""
    starts: "NDArray[np.int64]"
    """Where the rows of each term begin, and where the last one's end: [terms + 1]."""
    rows: "NDArray[np.uint16]"
    """The rows that hold a term, term by term."""
    counts: "NDArray[np.uint16]"
    """How often, beside `rows`; 65,535 for more."""
    lengths: "NDArray[np.int32]"
    """Words of each row: [n]."""

    @classmethod
    def of(cls, words: Sequence[bytes]) -> Self:
        """The postings of rows given by their terms, as `words.terms` gives them."""
        lengths = np.fromiter((len(each) // 4 for each in words), np.int32, len(words))
        found = np.frombuffer(b"".join(words), "<u4").astype(np.uint64)
        keys = (found << np.uint64(32)) | np.repeat(np.arange(len(words), dtype=np.uint64), lengths)
        keys.sort()
        first = np.flatnonzero(np.diff(keys, prepend=np.uint64(2**64 - 1)))
        counts = np.minimum(np.diff(first, append=len(keys)), 65_535).astype(np.uint16)
        return cls._sorted(keys[first], counts, lengths)

    @classmethod
    def joined(cls, parts: "Sequence[tuple[Postings, NDArray[np.bool_]]]") -> Self:
        """The rows of several, one after another, of each only those that are marked."""
        keys, counts, before = [], [], 0
        for part, kept in parts:
            renumbered = np.cumsum(kept) - 1 + before
            chosen = kept[part.rows]
            held = np.repeat(part.terms, np.diff(part.starts))[chosen].astype(np.uint64)
            keys.append((held << np.uint64(32)) | renumbered[part.rows[chosen]].astype(np.uint64))
            counts.append(part.counts[chosen])
            before += int(kept.sum())
        all_keys = np.concatenate(keys)
        order = np.argsort(all_keys, kind="stable")
        lengths = np.concatenate([part.lengths[kept] for part, kept in parts])
        return cls._sorted(all_keys[order], np.concatenate(counts)[order], lengths)

    @classmethod
    def _sorted(cls, keys: "NDArray[np.uint64]", counts: "NDArray[np.uint16]", lengths: "NDArray[np.int32]") -> Self:
        held = (keys >> np.uint64(32)).astype(np.uint32)
        terms, starts = np.unique(held, return_index=True)
        rows = (keys & np.uint64(0xFFFFFFFF)).astype(np.uint16)
        return cls(terms, np.append(starts, len(keys)).astype(np.int64), rows, counts, lengths)

    def holding(self, term: int) -> "tuple[NDArray[np.uint16], NDArray[np.uint16]]":
        """The rows that hold a term, and how often each does; both may be empty."""
        at = int(np.searchsorted(self.terms, term))
        if at == len(self.terms) or self.terms[at] != term:
            return self.rows[:0], self.counts[:0]
        part = slice(self.starts[at], self.starts[at + 1])
        return self.rows[part], self.counts[part]
