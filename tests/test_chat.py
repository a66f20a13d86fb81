"""A chat model is asked within limits: tries, time, patience; and nothing that a provider writes gets out."""

import threading
from typing import Any

import pytest

from newsqa import chat
from newsqa.chat import FAILURES, REST, Breaker, Chat
from newsqa.errors import AbandonedError, ChatModelError
from tests.fakes import HTTPFaultError, scripted

ASK = [("human", "Is the ferry late?")]


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat, "FIRST_WAIT", 0.001)


def _written(asked: Chat) -> str:
    with asked:
        return "".join(asked.write(ASK))


def test_pieces_come_as_they_are_written_and_usage_with_its_cost() -> None:
    with scripted(["It ", "is."], usage=(1000, 200)) as asked:
        writing = asked.write(ASK)
        assert ["It ", "is."] == list(writing)
    assert {"input_tokens": 1000, "output_tokens": 200, "cost": 0.003} == writing.usage


def test_langchains_own_fake_is_asked_like_any_other() -> None:
    from langchain_core.language_models import GenericFakeChatModel
    from langchain_core.messages import AIMessage

    fake = GenericFakeChatModel(messages=iter([AIMessage("It is late [1].")]))
    assert "It is late [1]." == _written(Chat(fake, "fake"))


@pytest.mark.parametrize(
    "fault", [HTTPFaultError(503), HTTPFaultError(429), HTTPFaultError(529), ConnectionError("refused"), TimeoutError()]
)
def test_what_may_pass_is_tried_again(fault: Exception) -> None:
    assert "Yes." == _written(scripted([fault], [fault], "Yes."))


def test_the_wait_is_the_providers_where_it_is_short() -> None:
    assert 1.5 == chat._wait(1, HTTPFaultError(429, headers={"retry-after": "1.5"}))
    for asked_for in ("3600", "soon", "-1"):
        assert chat._wait(1, HTTPFaultError(429, headers={"retry-after": asked_for})) < 0.01
    assert chat._wait(3, OSError()) >= 4 * chat.FIRST_WAIT


@pytest.mark.parametrize(
    ("faults", "told"),
    [
        ([HTTPFaultError(503)] * 3, "failed (HTTP 503)"),
        ([HTTPFaultError(429)] * 3, "too many requests"),
        ([HTTPFaultError(401)], "refused the key"),
        ([HTTPFaultError(400)], "NEWSQA_CHAT_TEMPERATURE"),
        ([HTTPFaultError(404)], "check NEWSQA_CHAT_MODEL"),
        ([HTTPFaultError(429, "insufficient_quota")], "used up its quota"),
        ([ConnectionRefusedError("sk-secret-1234")] * 3, "can't be reached"),
        ([ValueError("sk-secret-1234")], "failed (ValueError)"),
    ],
)
def test_what_goes_wrong_is_told_in_our_own_words(faults: list[Exception], told: str) -> None:
    with pytest.raises(ChatModelError) as caught:
        _written(scripted(*([fault] for fault in faults)))
    assert told in str(caught.value)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_call_that_has_begun_is_not_tried_again() -> None:
    with scripted(["It ", HTTPFaultError(503)], "Never.") as asked:
        writing = iter(asked.write(ASK))
        assert "It " == next(writing)
        with pytest.raises(ChatModelError, match="503"):
            next(writing)


def test_a_slow_model_is_given_up() -> None:
    with pytest.raises(ChatModelError, match=r"longer than 0\.2 s"):
        _written(scripted(["It ", 200.0, "is."], seconds=0.2))


@pytest.mark.parametrize("reply", [["It ", 200.0, "is."], [200.0, "It is."]])
def test_an_abandoned_call_is_stopped(reply: list[Any]) -> None:
    gone = threading.Event()
    with scripted(reply) as asked:
        threading.Timer(0.15, gone.set).start()
        with pytest.raises(AbandonedError):
            list(asked.write(ASK, gone.is_set))


def test_who_stops_reading_stops_the_model() -> None:
    with scripted(["It ", 0.05, "is ", 200.0, "late."]) as asked:
        writing = asked.write(ASK)
        assert "It " == next(iter(writing))
        writing.close()
        assert "It " == next(iter(asked.write(ASK)))


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        (["<think>Hm, [1]?</think>\n\nIt is."], "It is."),
        (["\n<th", "ink>So", " what</thi", "nk> It", " is."], " It is."),
        (["<think>never ends"], ""),
        (["<", "thin air"], "<thin air"),
        (["<thi"], "<thi"),
        (["A <think>b</think>"], "A <think>b</think>"),
        (["<Thinking>x\n</thinking>It is."], "It is."),
    ],
)
def test_thoughts_before_an_answer_are_left_out(pieces: list[str], text: str) -> None:
    assert text == _written(scripted(pieces)).replace("\n", "")


def test_many_threads_ask_at_one_time() -> None:
    with scripted(["It ", 0.05, "is."]) as asked:
        texts: list[str] = []
        threads = [threading.Thread(target=lambda: texts.append("".join(asked.write(ASK)))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert ["It is."] * 8 == texts


# The breaker


def test_a_dead_model_is_left_alone_for_a_while_then_tried_once() -> None:
    now = [0.0]
    breaker = Breaker(lambda: now[0])
    for _ in range(FAILURES):
        breaker.check()
        breaker.failed()
    with pytest.raises(ChatModelError, match="asked again in 30 s"):
        breaker.check()
    now[0] += REST
    breaker.check()
    with pytest.raises(ChatModelError):  # others wait for how the trial ends
        breaker.check()
    breaker.failed()
    now[0] += REST
    breaker.check()
    breaker.succeeded()
    breaker.check()
    breaker.failed()
    breaker.check()


def test_a_trial_that_nobody_waits_for_to_the_end_counts_as_an_answer() -> None:
    with scripted(["It ", 200.0]) as asked:
        asked._breaker._failures = FAILURES
        writing = asked.write(ASK)
        next(iter(writing))
        writing.close()
        assert "It " == next(iter(asked.write(ASK)))


def test_a_trial_that_ends_undecided_leaves_the_next_one_a_trial() -> None:
    with scripted(["It is."]) as asked:
        asked._breaker._failures = FAILURES
        with pytest.raises(AbandonedError):
            list(asked.write(ASK, lambda: True))
        assert ["It is."] == list(asked.write(ASK))


def test_less_time_than_the_limits_allow_says_little_of_the_model() -> None:
    with scripted([0.3, "It is."]) as asked:
        for _ in range(FAILURES):
            with pytest.raises(ChatModelError, match="longer than"):
                list(asked.write(ASK, None, 0.01))
        assert ["It is."] == list(asked.write(ASK))


def test_what_is_under_way_ends_with_the_chat_model() -> None:
    with scripted(["It ", 200.0]) as asked:
        writing = iter(asked.write(ASK))
        next(writing)
        asked.close()
        with pytest.raises(ChatModelError, match="broke off"):
            next(writing)


def test_a_refused_key_opens_the_breaker_at_once() -> None:
    with scripted([HTTPFaultError(401)]) as asked:
        with pytest.raises(ChatModelError, match="refused the key"):
            list(asked.write(ASK))
        with pytest.raises(ChatModelError, match="asked again in"):
            list(asked.write(ASK))
        assert 1 == len(asked._model.asked)  # type: ignore[attr-defined]
