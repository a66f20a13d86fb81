"""Makes quotes and a chat model's prose into verified citations: the one room where citations are made."""

from newsqa.grounding.citing import Statement, ground
from newsqa.grounding.prose import Prose
from newsqa.grounding.support import Evidence, Verdict, verify

__all__ = ["Evidence", "Prose", "Statement", "Verdict", "ground", "verify"]
