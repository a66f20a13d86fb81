"""Everything newsqa raises on purpose.

    NewsqaError                  one except clause catches them all
    ├── LoadError                a file or folder that can't become articles
    ├── ArticleError             an article that can't be stored
    │   └── ArticleNotFoundError an article id the library does not hold
    ├── LibraryError             a library that can't be opened or read
    │   ├── LibraryLockedError   another process owns it
    │   ├── LibraryUnreachableError  its database does not answer
    │   ├── ArticleDamagedError  an article is not what was stored
    │   └── IndexMismatchError   it was indexed with other settings
    ├── QuestionError            a question that can't be asked
    ├── AbandonedError           an answer that nobody waits for any longer
    ├── ConversationNotFoundError  a conversation the library does not hold
    ├── GroundingError           a citation whose quote is not in its article
    ├── SettingsError            a setting that is unknown or out of bounds
    └── ModelError               a model that can't be loaded
        └── ChatModelError       a chat model that does not answer

Every message says what is wrong, where, and the next step:

    try:
        answer = assistant.ask(question)
    except newsqa.NewsqaError as error:
        print(error)
"""


class NewsqaError(Exception):
    """Anything newsqa refuses; its message is one line, fit to be shown."""


class LoadError(NewsqaError):
    """A file or folder can't become articles; the message names it."""


class ArticleError(NewsqaError):
    """An article can't be stored; the message names the field."""


class ArticleNotFoundError(ArticleError):
    """The library holds no article of this id."""


class LibraryError(NewsqaError):
    """The library can't be opened or read."""


class LibraryLockedError(LibraryError):
    """Another process owns the library; the message names its pid."""


class LibraryUnreachableError(LibraryError):
    """The library's database does not answer; the message names it."""


class ArticleDamagedError(LibraryError):
    """An article's text or fields are not what was stored."""

    def __init__(self, article_id: str) -> None:
        """Names the article."""
        super().__init__(f"article {article_id!r} is damaged on the disk: remove it, and add it again")
        self.article_id = article_id


class IndexMismatchError(LibraryError):
    """The library was indexed with another embedding model or chunking; the message names the remedy."""


class QuestionError(NewsqaError):
    """A question or its history can't be asked; the message names the field."""


class AbandonedError(NewsqaError):
    """Nobody waits for the answer any longer, as the asker said."""


class ConversationNotFoundError(NewsqaError):
    """The library holds no conversation of this id."""


class GroundingError(NewsqaError):
    """A citation does not reproduce its quote, or points outside the answer."""


class SettingsError(NewsqaError):
    """A setting is unknown or out of bounds; the message names its variable."""


class ModelError(NewsqaError):
    """An embedding or chat model can't be loaded."""


class ChatModelError(ModelError):
    """A chat model does not answer; the message says why, and holds nothing that the provider wrote."""
