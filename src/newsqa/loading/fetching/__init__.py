"""Fetching from the web, from public addresses only, within bounds, politely."""

from newsqa.loading.fetching.fetcher import Fetched, Fetcher, Limits

__all__ = ["Fetched", "Fetcher", "Limits"]
