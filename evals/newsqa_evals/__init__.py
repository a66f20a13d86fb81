"""Measures newsqa: cases with their expected evidence, retrieval against the tutorial pipeline, and speed."""
