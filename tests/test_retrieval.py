"""The best passages by meaning and by words, among those that pass."""

from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.retrievers import BaseRetriever

from newsqa import Article, Filters, HybridRetriever, Library
from newsqa.assistant import Assistant
from tests.fakes import BagOfWordsEmbeddings

HARD = [
    '"', '""', 'a" OR "b', "NEAR(a b)", "title:ferry", "ferry*", "-ferry", "^ferry", "AND OR NOT", "(", "'; DROP TABLE",
    "ferry\0noon", "？", "🚢", "a" * 2000, "what is it", "ﬁre", "%_",
]  # fmt: skip


def _retriever(library: Library, pool: int = 50, top_k: int = 8) -> HybridRetriever:
    return HybridRetriever(library=library, embedding=BagOfWordsEmbeddings(), pool=pool, top_k=top_k)


def test_it_is_a_langchain_retriever_whose_documents_say_where_they_stand(assistant: Assistant) -> None:
    assert isinstance(assistant.retriever, BaseRetriever)
    documents = assistant.retriever.invoke("Who offered to host the talks in Istanbul?")
    assert 8 == len(documents)
    for document in documents:
        found = document.metadata
        text = assistant.library.get(found["article_id"]).text
        assert document.page_content == text[found["start"] : found["end"]]


@pytest.mark.parametrize("question", HARD)
def test_no_question_is_query_syntax(library: Library, question: str) -> None:
    library.add(Article(title="Ferry", text="The ferry sails at noon."))
    _retriever(library).find(question)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(st.text(max_size=200))
def test_any_text_can_be_searched_for(assistant: Assistant, question: str) -> None:
    assert len(assistant.retriever.find(question)) <= 8


def test_an_empty_library_has_nothing(library: Library) -> None:
    assert [] == _retriever(library).find("anything")


def test_scores_fall_and_hold_their_parts(assistant: Assistant) -> None:
    found = assistant.retriever.find("How much did the Hollin Bridge cost?", top_k=20)
    assert 20 == len(found)
    assert [scored.score for scored in found] == sorted((scored.score for scored in found), reverse=True)
    assert all(-1 <= scored.scores["dense"] <= 1 and scored.scores["bm25"] >= 0 for scored in found)


def test_a_filter_brings_as_many_as_pass(assistant: Assistant) -> None:
    filters = Filters(article_ids=("cup-final-weavers",))
    found = assistant.retriever.find("How many people were evacuated in the flood?", filters, top_k=100)
    passages = {scored.passage.id for scored in found}
    assert {"cup-final-weavers"} == {scored.passage.article_id for scored in found}
    assert len(passages) == len(found) > 1


def test_filters_hold_for_publisher_and_dates(assistant: Assistant) -> None:
    filters = Filters(publisher="Haldermarch Herald", published_from=date(2025, 3, 1), published_to=date(2025, 4, 30))
    found = assistant.retriever.find("bridge", filters)
    assert {"dunmarrow-march-herald", "hollin-bridge-delay"} == {scored.passage.article_id for scored in found}


def test_a_filter_can_be_given_to_invoke(assistant: Assistant) -> None:
    documents = assistant.retriever.invoke("bridge", filters=Filters(article_ids=("hollin-bridge-delay",)))
    assert {"hollin-bridge-delay"} == {document.metadata["article_id"] for document in documents}


def test_words_that_only_one_search_finds_are_found(library: Library) -> None:
    library.add([Article(id=f"n{i}", title="Fares", text=f"A car pays {i} crowns.") for i in range(30)])
    library.add(Article(id="odd", title="Zeppelin", text="Something else entirely."))
    assert "odd" == _retriever(library, pool=5, top_k=3).find("zeppelin")[0].passage.article_id
