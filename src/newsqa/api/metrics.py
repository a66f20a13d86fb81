"""Figures for Prometheus: requests, latencies by stage, abstentions, passages, and the line of questions."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from newsqa.api import wire

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2.5, 5, 10, 30, 60)

_SPENT = {"input_tokens", "output_tokens", "cost"}
"""What stands among an answer's timings and is no time."""


class Metrics:
    """The figures of one app, in a registry of their own."""

    def __init__(self) -> None:
        """All figures begin at 0."""
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "newsqa_requests", "Requests answered.", ("method", "route", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "newsqa_request_seconds",
            "Time of a reply.",
            ("route",),
            registry=self._registry,
            buckets=SECONDS,
        )
        self._answers = Counter(
            "newsqa_answers", "Answers given, abstained ones too.", ("status", "answerer"), registry=self._registry
        )
        self._stages = Histogram(
            "newsqa_answer_seconds", "Time of an answer by stage.", ("stage",), registry=self._registry, buckets=SECONDS
        )
        self._statements = Counter(
            "newsqa_chat_statements",
            "Statements of the chat model, by what became of them.",
            ("outcome",),
            registry=self._registry,
        )
        self._fallbacks = Counter(
            "newsqa_chat_fallbacks",
            "Answers that the chat model did not give, or not to their end.",
            registry=self._registry,
        )
        self._spent = Counter(
            "newsqa_chat_spent", "Tokens and dollars of the chat model.", ("what",), registry=self._registry
        )
        self._citations = Counter("newsqa_citations", "Citations given, each verified.", registry=self._registry)

    def requested(self, method: str, route: str, status: int, seconds: float) -> None:
        """Counts a request."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def answered(self, answer: wire.Answer) -> None:
        """Counts an answer."""
        self._answers.labels(answer.status, answer.answerer).inc()
        self._citations.inc(len(answer.citations))
        for outcome, count in answer.grounding.items():
            self._statements.labels(outcome).inc(count)
        self._fallbacks.inc(bool(answer.fallback))
        for name, value in answer.timings.items():
            if name in _SPENT:
                self._spent.labels(name).inc(value)
            else:
                self._stages.labels(name).observe(value)

    def watch(self, name: str, meaning: str, value: Callable[[], float]) -> None:
        """Adds a figure that is read when it is asked for."""
        Gauge(f"newsqa_{name}", meaning, registry=self._registry).set_function(value)

    def text(self) -> bytes:
        """All figures in Prometheus' text format."""
        return generate_latest(self._registry)
