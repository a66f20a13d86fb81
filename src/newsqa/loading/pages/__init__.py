"""An HTML page to its article: the body without what stands around it, and what the page says of itself."""

from newsqa.loading.pages.page import MAX_BYTES, articles, decoded

__all__ = ["MAX_BYTES", "articles", "decoded"]
