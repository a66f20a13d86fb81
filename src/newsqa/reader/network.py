"""The reader as a torch module: all-MiniLM-L6-v2's encoder with heads for the span and for "the answer is here"."""

from pathlib import Path

import torch
from transformers import BertModel

Logits = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


class ReaderNetwork(torch.nn.Module):
    """Reads questions and passages together.

    Takes token ids, attention mask and token types (0 question, 1 passage), each of shape (pairs, tokens); gives the
    logits of span start and span end, of shape (pairs, tokens), where the first token stands for "no span", and the
    logit that the answer is in the passage, of shape (pairs,).
    """

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
        self.here = torch.nn.Sequential(torch.nn.Linear(width, width), torch.nn.Tanh(), torch.nn.Linear(width, 1))

    def forward(self, ids: torch.Tensor, mask: torch.Tensor, types: torch.Tensor) -> Logits:
        """The three logits."""
        states = self.encoder(input_ids=ids, attention_mask=mask, token_type_ids=types).last_hidden_state
        start, end = self.span(states).unbind(-1)
        return start, end, self.here(states[:, 0]).squeeze(-1)
