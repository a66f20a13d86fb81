"""Answerers: passages in, an answer's statements out."""
