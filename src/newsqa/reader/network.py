"""The reader as a torch module: ms-marco-MiniLM-L-12's encoder with five heads."""

from pathlib import Path
from typing import NamedTuple

import torch
from transformers import BertModel


class Logits(NamedTuple):
    """What the heads say of each pair of question and passage."""

    start: torch.Tensor
    """Of each token to open the short answer, [pairs, tokens]; the first token stands for "no span"."""
    end: torch.Tensor
    """The same for its last token."""
    here: torch.Tensor
    """That the passage answers the question, [pairs]."""
    sentences: torch.Tensor
    """Of each sentence to belong to a good answer, [pairs, sentences]."""
    verdict: torch.Tensor
    """Yes (or: borne out), no (contradicted) and neither, [pairs, 3]."""
    leans: torch.Tensor
    """That the question needs the conversation before it, [pairs]; of pairs without a passage."""


class ReaderNetwork(torch.nn.Module):
    """Reads a question, or a statement, and a passage together."""

    def __init__(self, encoder: Path, attention: str = "sdpa") -> None:
        """Starts from the encoder in this folder, with new heads. No dropout: it halves the speed on a CPU."""
        super().__init__()
        self.encoder = BertModel.from_pretrained(
            encoder,
            add_pooling_layer=False,
            attn_implementation=attention,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        )
        width = self.encoder.config.hidden_size
        self.span = torch.nn.Linear(width, 2)
        self.here = _head(width, width, 1)
        self.sent = _head(2 * width, width, 1)
        self.verdict = _head(width, width, 3)
        self.leans = _head(width, width, 1)

    def heads(self) -> list[torch.nn.Parameter]:
        """The weights that do not belong to the encoder."""
        return [weight for name, weight in self.named_parameters() if not name.startswith("encoder.")]

    def forward(self, ids: torch.Tensor, mask: torch.Tensor, types: torch.Tensor, member: torch.Tensor) -> Logits:
        """The logits.

        Args:
            ids: of tokens, [pairs, tokens].
            mask: 1 for tokens and 0 for padding, [pairs, tokens].
            types: 0 for the question's tokens, 1 for the passage's, [pairs, tokens].
            member: 1 where a token belongs to a sentence, else 0, [pairs, sentences, tokens].
        """
        states = self.encoder(input_ids=ids, attention_mask=mask, token_type_ids=types).last_hidden_state
        start, end = self.span(states).unbind(-1)
        whole = states[:, 0]
        member = member.to(states.dtype)
        mean = (member @ states) / member.sum(-1, keepdim=True).clamp(min=1)
        beside = torch.cat([mean, whole.unsqueeze(1).expand_as(mean)], -1)
        return Logits(
            start,
            end,
            self.here(whole).squeeze(-1),
            self.sent(beside).squeeze(-1),
            self.verdict(whole),
            self.leans(whole).squeeze(-1),
        )


def _head(given: int, width: int, outputs: int) -> torch.nn.Sequential:
    return torch.nn.Sequential(torch.nn.Linear(given, width), torch.nn.Tanh(), torch.nn.Linear(width, outputs))
