"""newsqa answers questions about a collection of articles and shows the exact sentence each statement rests on.

with newsqa.open_assistant(data_dir="library") as assistant:
    assistant.library.add(newsqa.load("corpus"))
    print(assistant.ask("Who offered to host the talks?").text)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from newsqa.assistant import Assistant
    from newsqa.domain import (
        Answer,
        Article,
        Citation,
        Event,
        Filters,
        Passage,
        ScoredPassage,
        Sentence,
        Span,
        Turn,
    )
    from newsqa.errors import NewsqaError
    from newsqa.library import Library
    from newsqa.loading import load
    from newsqa.passages import split_passages, split_sentences
    from newsqa.retrieval import HybridRetriever
    from newsqa.settings import Settings
    from newsqa.wiring import open_assistant

# The names in the order of the flow, each with its home; imported when first used, so that `import newsqa` is quick.
_HOMES = {
    # from a file to an article
    "load": "loading",
    "Article": "domain",
    # from an article to passages
    "split_sentences": "passages",
    "split_passages": "passages",
    "Sentence": "domain",
    "Passage": "domain",
    # stored and found
    "Library": "library",
    "HybridRetriever": "retrieval",
    "Filters": "domain",
    "ScoredPassage": "domain",
    # asked and answered
    "open_assistant": "wiring",
    "Assistant": "assistant",
    "Settings": "settings",
    "Turn": "domain",
    "Answer": "domain",
    "Citation": "domain",
    "Span": "domain",
    "Event": "domain",
    # gone wrong
    "NewsqaError": "errors",
}

__version__ = "0.1.0"
__all__ = [*_HOMES]  # noqa: PLE0604  # the keys are strings


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'newsqa' has no attribute {name!r}")
    return getattr(import_module(f"newsqa.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
