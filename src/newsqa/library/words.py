"""Text as full text search sees it: the Porter stems of its words, each as a number."""

from functools import lru_cache
from hashlib import blake2b

import numpy as np

from newsqa.domain import Article
from newsqa.english import stem, words


def headline(article: Article) -> str:
    """What is searched beside each passage: title, subtitle, publisher, place and the date in words."""
    published = article.published_at.strftime("%-d %B %Y") if article.published_at else ""
    return "\n".join(filter(None, (article.title, article.subtitle, article.publisher, article.place, published)))


def terms(text: str) -> bytes:
    """The terms of all words of `text` in their order, function words too: 4 bytes each, little endian."""
    return np.fromiter(map(term, words(text)), "<u4").tobytes()


@lru_cache(maxsize=100_000)
def term(word: str) -> int:
    """The number (0 to 2**32 - 1) of a word's stem.

    It is a hash, so that no vocabulary is kept: of 200,000 stems one in 20,000 shares its number with another one.
    """
    return int.from_bytes(blake2b(stem(word).encode(), digest_size=4).digest(), "little")
