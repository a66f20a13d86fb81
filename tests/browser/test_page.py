"""Readers ask, click [1] and stand in the article: the page in a real browser."""

import re
import threading
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from newsqa import Article, open_assistant
from newsqa.api.access import new_key
from newsqa_ui.streams import LINGERING
from tests.browser.conftest import PHONE, WIDE, Open, Tab
from tests.chat_serving import chatting
from tests.fetch_serving import Site
from tests.serving import ON_LOOPBACK, Server, serving

pytestmark = [ON_LOOPBACK, pytest.mark.timeout(180)]
TERRITORY = "How much of Ukraine's territory does Russia control?"
SENTENCE = "Russia controls 18% of Ukrainian territory, including Crimea and parts of Donbas."


# Asking


def test_an_answer_shows_its_citation_confidence_and_where_it_is_from(tab: Tab) -> None:
    tab.ask(TERRITORY)
    answer = tab.page.locator(".nq-answer")
    expect(answer.locator(".nq-statement")).to_have_text(re.compile(f"^18%. {re.escape(SENTENCE)}\\s+Citation 1$"))
    expect(answer.locator(".nq-sureness")).to_contain_text("such answers are right")
    cited = answer.locator(".nq-citations li")
    expect(cited.locator(".nq-quote")).to_have_text(f"“{SENTENCE}”")
    expect(cited.locator(".nq-from")).to_contain_text("Ongoing Now 24, 12 May 2025")


def test_a_click_on_the_number_opens_the_article_at_the_lit_sentence(tab: Tab) -> None:
    tab.ask(TERRITORY)
    tab.page.locator(".nq-chip").click()
    lit = tab.page.locator("#nq-article mark")
    expect(lit.first).to_be_in_viewport()
    expect(lit.last).to_be_in_viewport()
    assert SENTENCE == "".join(lit.all_inner_texts())
    assert ["18%"] == tab.page.locator("#nq-article mark.nq-strong").all_inner_texts()
    expect(tab.page.locator("#nq-article h2")).to_have_text("Ukraine-Russia Talks in Turkey: Hope or Stalemate?")


def test_the_card_of_a_number_tells_who_says_it_when_and_what(tab: Tab) -> None:
    tab.ask(TERRITORY)
    card = tab.page.locator("#nq-card")
    tab.page.locator(".nq-chip").hover()
    expect(card).to_contain_text("Ongoing Now 24, 12 May 2025")
    expect(card).to_contain_text(SENTENCE)
    tab.page.keyboard.press("Escape")
    expect(card).to_be_hidden()
    tab.page.locator(".nq-chip").focus()
    expect(card).to_be_visible()


def test_each_statement_has_its_own_number_and_the_original_is_linked_at_its_words(tab: Tab) -> None:
    tab.ask("When does the Hollin Bridge open?")
    chips = tab.page.locator(".nq-statement .nq-chip")
    assert ["1", "2"] == [text.split()[-1] for text in chips.all_inner_texts()]
    link = tab.page.locator(".nq-citations li").first.get_by_role("link", name=re.compile("original"))
    assert re.fullmatch(r"https?://\S+#:~:text=\S+,\S+", link.get_attribute("href") or "")
    assert "noopener" in (link.get_attribute("rel") or "")


def test_what_the_articles_dont_say_looks_different_and_shows_what_is_near(tab: Tab) -> None:
    tab.ask("Who is the president of Brazil?")
    answer = tab.page.locator(".nq-abstained")
    expect(answer.locator(".nq-verdict")).to_have_text("The articles don’t say.")
    expect(answer.locator(".nq-sureness")).to_have_count(0)
    answer.locator("summary").click()
    near = answer.locator(".nq-near li a").first
    words = (near.text_content() or "").rstrip("…")
    near.click()
    lit = tab.page.locator("#nq-article mark")
    expect(lit.first).to_be_in_viewport()
    assert " ".join(lit.all_inner_texts()).startswith(words)


def test_articles_that_disagree_are_shown_with_their_outlets_and_dates(tab: Tab) -> None:
    told = {
        "fire-herald": (
            "2025-03-02",
            "Twelve people were injured when fire broke out at the harbour of Quenby on Sunday.",
        ),
        "fire-post": (
            "2025-03-04",
            "The number of people injured in the Quenby harbour fire has risen to 19, doctors say.",
        ),
    }
    with tab.server.client() as client:
        for id, (day, text) in told.items():
            article = {"id": id, "title": f"Harbour {id}", "publisher": id, "published_at": day, "text": text}
            client.post("/v1/articles", json=article).raise_for_status()
        tab.ask("How many people did the harbour fire in Quenby injure?")
        for id in told:
            client.delete(f"/v1/articles/{id}").raise_for_status()
    answer = tab.page.locator(".nq-answer")
    expect(answer.locator(".nq-preface")).to_have_text("The articles differ, the newest first.")
    outlets = answer.locator(".nq-statement strong").all_inner_texts()
    assert ["fire-post, 4 March 2025:", "fire-herald, 2 March 2025:"] == outlets


def test_small_talk_is_no_abstention(tab: Tab) -> None:
    tab.ask("Hello")
    tab.tell("I can answer questions about 18 articles")
    expect(tab.page.locator(".nq-abstained, .nq-near")).to_have_count(0)


def test_a_follow_up_says_how_it_was_understood(tab: Tab) -> None:
    tab.ask("Who is Dmitry Peskov?")
    tab.ask("What did he say?")
    expect(tab.page.locator(".nq-understood")).to_contain_text("Peskov")


def test_first_questions_come_of_the_articles_and_further_ones_follow_an_answer(tab: Tab) -> None:
    first = tab.page.locator("#nq-chat button.example")
    expect(first).to_have_count(3)
    question = first.nth(2).inner_text()
    first.nth(2).click()
    tab.await_answers(1)
    expect(tab.page.locator("[data-testid=user]")).to_have_text(question)
    expect(tab.page.locator(".nq-answer .nq-chip").first).to_be_visible()
    further = tab.page.locator("#nq-chat .options button")
    expect(further.first).to_be_visible()
    following = further.first.inner_text()
    further.first.click()
    tab.await_answers(2)
    expect(tab.page.locator("[data-testid=user]").last).to_have_text(following)


def test_an_answer_grows_without_moving_what_is_there(tab: Tab) -> None:
    tab.ask(TERRITORY)
    tab.page.evaluate(
        """() => { window.moved = 0; new PerformanceObserver(seen => {
            for (const entry of seen.getEntries()) window.moved += entry.value;
        }).observe({ type: 'layout-shift' }); }"""
    )
    tab.page.locator("#nq-question textarea").press_sequentially("When does the Hollin Bridge open?")
    tab.page.keyboard.press("Enter")
    tab.await_answers(2)
    assert 0.1 > tab.page.evaluate("window.moved")


def test_a_long_answer_is_read_from_its_top_and_scrolling_is_the_readers(paged: Server, open_tab: Open) -> None:
    tab = open_tab(paged, PHONE)
    tab.ask(TERRITORY)
    tab.ask("Summarise: Fewer ducks, more swans: 18,640 birds counted at Mørkevann")
    question = tab.page.locator("#nq-chat .user-row").last
    expect(tab.page.locator("#nq-chat .options button").first).to_be_attached()
    expect(question).to_be_in_viewport()
    tab.page.locator(".nq-chip").first.click()  # an earlier one, above: nothing pulls the reader back
    expect(tab.page.locator("#nq-article mark.nq-strong")).to_have_text("18%")


def test_a_question_that_cant_be_asked_is_explained(tab: Tab) -> None:
    tab.page.locator("#nq-question textarea").fill("why " * 700)
    tab.page.keyboard.press("Enter")
    expect(tab.page.locator(".nq-problem")).to_contain_text("shorten it")
    tab.ask(TERRITORY)
    tab.tell(SENTENCE)


# The conversation


def test_retry_asks_again_and_undo_takes_the_question_back(tab: Tab) -> None:
    tab.ask(TERRITORY)
    before = tab.page.locator(".nq-chip").get_attribute("href") or ""
    tab.page.get_by_role("button", name="Retry").click()
    expect(tab.page.locator(".nq-chip")).not_to_have_attribute("href", before)  # it is another answer's
    tab.await_answers(1)
    tab.tell(SENTENCE)
    tab.page.get_by_role("button", name="Undo").click()
    expect(tab.page.locator(".nq-answer")).to_have_count(0)
    expect(tab.page.locator("#nq-question textarea")).to_have_value(TERRITORY)
    assert [] == _kept(tab)["turns"]


def test_a_question_can_be_edited_and_what_came_after_it_goes(tab: Tab) -> None:
    tab.ask("Who is the president of Brazil?")
    tab.ask("What did Michael Clarke say?")
    tab.page.get_by_role("button", name="Edit").first.click()
    tab.page.locator("#nq-chat textarea").fill(TERRITORY)
    tab.page.get_by_role("button", name="Submit").click()
    tab.await_answers(1)
    tab.tell(SENTENCE)
    assert [TERRITORY] == [turn["answer"]["question"] for turn in _kept(tab)["turns"]]


def test_an_edited_question_that_cant_be_asked_loses_no_answer(tab: Tab) -> None:
    tab.ask(TERRITORY)
    tab.ask("What did Michael Clarke say?")
    tab.page.get_by_role("button", name="Edit").first.click()
    tab.page.locator("#nq-chat textarea").fill("why " * 700)
    tab.page.get_by_role("button", name="Submit").click()
    expect(tab.page.locator(".nq-problem")).to_contain_text("shorten it")
    expect(tab.page.locator(".nq-answer")).to_have_count(3)
    questions = [turn["answer"]["question"] for turn in _kept(tab)["turns"]]
    assert [TERRITORY, "What did Michael Clarke say?"] == questions


def test_a_conversation_is_found_again_with_the_same_citations(tab: Tab) -> None:
    tab.ask(TERRITORY)
    tab.ask("Who is the president of Brazil?")
    tab.page.wait_for_url(re.compile("conversation=conv_"))
    before = tab.page.locator(".nq-answer").all_inner_texts()
    tab.page.reload()
    tab.await_answers(2)
    assert before == tab.page.locator(".nq-answer").all_inner_texts()
    tab.page.locator(".nq-chip").first.click()
    expect(tab.page.locator("#nq-article mark.nq-strong")).to_have_text("18%")


def test_conversations_are_listed_opened_and_deleted(tab: Tab) -> None:
    tab.ask("What did Michael Clarke say?")
    page = tab.page
    page.get_by_role("button", name="New conversation").click()
    expect(page.locator(".nq-answer")).to_have_count(0)
    expect(page).to_have_url(tab.server.url + "/")
    page.get_by_role("button", name="Conversations", exact=True).click()
    kept = page.locator("#nq-kept li", has_text="What did Michael Clarke say?").first
    kept.locator("> a").click()
    tab.await_answers(1)
    kept.locator("summary").click()
    kept.get_by_role("button", name="Yes, delete").click()
    expect(page.locator(".nq-answer")).to_have_count(0)
    expect(page).to_have_url(tab.server.url + "/")


def test_a_conversation_that_is_gone_is_explained(paged: Server, open_tab: Open) -> None:
    tab = open_tab(paged, path="/?conversation=<img src=x onerror='window.hacked = 9'>")
    expect(tab.page.get_by_text("not there any longer")).to_be_visible()
    assert tab.page.evaluate("window.hacked === undefined")
    tab.ask(TERRITORY)
    tab.tell(SENTENCE)


def test_a_new_conversation_stays_new(tab: Tab) -> None:
    tab.ask(TERRITORY)
    tab.page.wait_for_url(re.compile("conversation=conv_"))
    first = tab.page.url
    tab.page.evaluate("""() => {
        document.querySelector("[href='#do/new']").click();
        document.querySelector("#nq-listing input").click();
    }""")
    expect(tab.page.locator(".nq-answer")).to_have_count(0)
    tab.ask("What did Michael Clarke say?")
    tab.page.wait_for_url(re.compile("conversation=conv_"))
    assert first != tab.page.url


@pytest.mark.faulty  # the connection is broken on purpose
def test_an_answer_whose_connection_breaks_keeps_no_other_from_being_asked(tab: Tab) -> None:
    tab.ask(TERRITORY)
    busy = _kept_waiting(tab, "What did Michael Clarke say?")
    expect(tab.page.locator(".nq-growing")).to_have_count(1)
    tab.page.reload()
    for each in busy:
        each.join()
    tab.ask("What did Dmitry Peskov say?")
    expect(tab.page.locator(".nq-answer").last.locator(".nq-chip").first).to_be_visible()


def test_a_conversation_deleted_elsewhere_is_explained_and_another_one_begins(tab: Tab) -> None:
    tab.ask(TERRITORY)
    tab.page.wait_for_url(re.compile("conversation=conv_"))
    id = tab.page.url.split("conversation=")[1]
    with tab.server.client() as client:
        client.delete(f"/v1/conversations/{id}").raise_for_status()
    tab.page.get_by_role("button", name="Undo").click()
    expect(tab.page.locator(".nq-answer")).to_have_count(0)
    tab.ask("What did Michael Clarke say?")
    expect(tab.page.locator(".nq-problem")).to_contain_text("deleted in another place")
    tab.ask("What did Michael Clarke say?")
    expect(tab.page.locator(".nq-answer").last.locator(".nq-chip").first).to_be_visible()


def test_a_conversation_is_exported_as_markdown(tab: Tab) -> None:
    tab.ask("When does the Hollin Bridge open?")
    with tab.page.expect_download() as download:
        tab.page.get_by_role("link", name="Export").click()
    text = Path(download.value.path()).read_text(encoding="utf-8")
    assert download.value.suggested_filename == "conversation.md"
    assert "## When does the Hollin Bridge open?" in text
    assert re.search(r"^1\. “The new bridge.*Herald, 2025-04-09 <https?://\S+>$", text, re.MULTILINE)


def test_what_a_reader_thinks_of_an_answer_is_kept(tab: Tab) -> None:
    tab.ask(TERRITORY)
    for label, verdict in (("Like", "up"), ("Dislike", "down")):
        tab.page.locator("#nq-chat .bot-row ~ * , #nq-chat").get_by_role("button", name=label, exact=True).first.click()
        expect(tab.page.get_by_text("Noted, thank you.").first).to_be_visible()
        id = _kept(tab)["turns"][0]["answer"]["id"]
        with tab.server.client() as client:
            given = {each["answer_id"]: each["verdict"] for each in client.get("/v1/feedback").json()["feedback"]}
        assert verdict == given[id]
        tab.page.get_by_role("button", name="Close").first.click()


def test_an_answer_is_copied_with_its_citations(paged: Server, open_tab: Open) -> None:
    tab = open_tab(paged, permissions=["clipboard-read", "clipboard-write"])
    expect(tab.page.locator(".nq-welcome")).to_be_visible()
    tab.ask(TERRITORY)
    tab.page.get_by_role("button", name="Copy").click()
    expect(tab.page.locator("#nq-told")).to_have_text("Copied")
    text = tab.page.evaluate("navigator.clipboard.readText()")
    assert text.splitlines()[0] == f"18%. {SENTENCE} [1]"
    assert text.splitlines()[1].startswith(f"[1] “{SENTENCE}” Ukraine-Russia Talks")


def test_an_answer_can_be_stopped(tab: Tab) -> None:
    tab.ask(TERRITORY)
    busy = _kept_waiting(tab, "What did Michael Clarke say?")
    tab.page.locator("#nq-question .stop-button").click()
    expect(tab.page.locator(".nq-answer .nq-note")).to_contain_text("Stopped")
    expect(tab.page.locator(".nq-growing")).to_have_count(0)
    for each in busy:
        each.join()
    tab.ask("What did Dmitry Peskov say?")
    questions = [turn["answer"]["question"] for turn in _kept(tab)["turns"]]
    assert [TERRITORY, "What did Dmitry Peskov say?"] == questions


# A chat model


def test_a_chat_models_words_stream_and_what_is_not_borne_out_is_withdrawn(
    tmp_path: Path, corpus: list[Article], open_tab: Open
) -> None:
    asked = []

    def script(prompt: str) -> list[str | float] | int:
        asked.append(prompt.rpartition("Question: ")[2].split("\n")[0])
        if "Peskov" in prompt.rpartition("Question:")[2]:
            return 500
        image = "![x](http://evil.example/pixel.png)"
        belgium = f"It controls 77% of Belgium {image}"
        return ["Russia controls 18% of ", 0.3, "Ukraine’s territory [1]. ", belgium, 1.0, " [1]."]

    folder = tmp_path / "library"
    with open_assistant(folder) as opened:
        opened.library.add(corpus)
    with chatting(script) as chat, serving(folder, {"NEWSQA_CHAT_BASE_URL": chat.url}, page=True) as server:
        tab = open_tab(server)
        expect(tab.page.locator(".nq-welcome")).to_be_visible()
        tab.page.locator("#nq-question textarea").fill(TERRITORY)
        tab.page.keyboard.press("Enter")
        expect(tab.page.locator(".nq-growing")).to_contain_text("It controls 77%")
        tab.await_answers(1)
        answer = tab.page.locator(".nq-answer")
        words = re.compile(r"^\s*Russia controls 18% of Ukraine’s territory\.\s+Citation 1\s*$")
        expect(answer.locator(".nq-prose")).to_have_text(words)
        expect(answer.locator(".nq-withdrawn")).to_contain_text("Withdrawn: 1 statement")
        expect(answer.locator("img")).to_have_count(0)
        answer.locator(".nq-chip").click()
        expect(tab.page.locator("#nq-article mark").first).to_be_in_viewport()
        tab.ask("What did Dmitry Peskov say?")
        expect(answer.last.locator(".nq-note")).to_contain_text("From the articles’ own sentences")
        tab.page.reload()
        expect(answer).to_have_count(2)
        expect(answer.first.locator(".nq-withdrawn")).to_contain_text("Withdrawn: 1 statement")
        tab.page.close()
    assert {TERRITORY, "What did Dmitry Peskov say?"} == set(asked), "suggestions were tried on the chat model"


# The articles


def test_articles_are_searched_filtered_and_asked_alone(tab: Tab) -> None:
    page, titles = tab.page, tab.page.locator("#nq-listing li > a")
    expect(titles).to_have_count(18)
    page.get_by_label("Search").press_sequentially("hollin")
    expect(titles).to_have_count(2)
    page.locator("#nq-listing input").evaluate_all("all => all.forEach(each => each.click())")  # at one moment
    expect(page.locator(".nq-narrowed")).to_contain_text("Hollin Bridge put back to October")
    expect(page.locator(".nq-narrowed")).to_contain_text("Hollin Bridge on course to open")
    tab.ask(TERRITORY)
    expect(page.locator(".nq-abstained")).to_be_visible()
    page.get_by_role("button", name="Ask all articles").click()
    expect(page.locator(".nq-narrowed")).to_have_count(0)
    page.get_by_role("button", name="Filter").click()
    page.get_by_label("Search").fill("")
    expect(titles).to_have_count(18)
    _typed(page, "From", "2025-06-01")
    expect(titles).to_have_count(3)
    expect(page.locator(".nq-narrowed")).to_contain_text("from 1 June 2025")
    _typed(page, "From", "soon")
    expect(page.get_by_text("is no date; write it as 2025-05-12")).to_be_visible()


def _typed(page: Page, label: str, text: str) -> None:
    """Types as fast as fingers can: a value and Enter in one moment are more than a field of Gradio's keeps up with."""
    page.get_by_label(label).clear()
    page.get_by_label(label).press_sequentially(text, delay=30)
    page.wait_for_timeout(300)
    page.get_by_label(label).press("Enter")


def test_an_article_is_read_from_the_list(tab: Tab) -> None:
    tab.page.locator("#nq-listing li > a", has_text="Bell thief").click()
    expect(tab.page.locator("#nq-article h2")).to_contain_text("Bell thief")
    expect(tab.page.locator("#nq-article mark")).to_have_count(0)
    tab.page.get_by_role("button", name="Close the article").click()
    expect(tab.page.locator("#nq-article")).to_be_hidden()


def test_files_are_added_asked_about_and_removed(tab: Tab, tmp_path: Path) -> None:
    good, bad = tmp_path / "otters.md", tmp_path / "empty.md"
    good.write_text("# Otters return\n\nThe otters of Lake Quorn were counted on Friday: there are 73.\n", "utf-8")
    bad.write_text("", encoding="utf-8")
    page = tab.page
    page.get_by_role("button", name="Add articles").click()
    page.locator("#nq-files input[type=file]").set_input_files([good, bad])
    expect(page.locator("#nq-added")).to_contain_text("1 added")
    expect(page.locator("#nq-added .nq-problem")).to_contain_text("empty.md: is empty")
    expect(page.locator("#nq-listing li")).to_have_count(19)
    tab.ask("How many otters of Lake Quorn were counted?")
    tab.tell("there are 73")
    good.write_text(good.read_text(encoding="utf-8").replace("73", "74"), encoding="utf-8")
    page.locator("#nq-files input[type=file]").set_input_files([good])
    expect(page.locator("#nq-added")).to_contain_text("Otters return: another article of this name is there")
    page.get_by_label("Replace articles of the same name").check()
    page.locator("#nq-files input[type=file]").set_input_files([good])
    expect(page.locator("#nq-added")).to_contain_text("1 replaced")
    page.locator(".nq-chip").first.click()
    expect(page.locator("#nq-article .nq-note")).to_contain_text("was changed since; this is what was cited")
    expect(page.locator("#nq-article mark.nq-strong")).to_have_text("73")
    item = page.locator("#nq-listing li", has_text="Otters return")
    item.locator("summary").click()
    item.get_by_role("button", name="Yes, remove").click()
    expect(page.locator("#nq-listing li")).to_have_count(18)
    page.locator(".nq-chip").first.click()
    expect(page.locator("#nq-article")).to_contain_text("was removed from the library since")
    expect(page.locator("#nq-article")).to_contain_text("there are 73")


def test_a_page_is_loaded_by_its_address_and_where_articles_come_from_is_shown(tab: Tab, web: Site) -> None:
    page = tab.page
    page.get_by_role("button", name="Add articles").click()
    page.get_by_label("Page or feed").fill("http://10.0.0.1/otters")
    page.get_by_role("button", name="Load", exact=True).click()
    expect(page.locator("#nq-added .nq-problem")).to_contain_text("is not on the public internet")
    page.get_by_label("Page or feed").fill(web.url("/otters"))
    page.get_by_role("button", name="Load", exact=True).click()
    expect(page.locator("#nq-added")).to_contain_text("1 added")
    page.locator(".nq-origins summary").click()
    expect(page.locator(".nq-origins")).to_contain_text(web.url("/otters"))
    tab.ask("How many otters of Lake Quorn were counted?")
    tab.tell("73")
    page.get_by_role("button", name="Look for news at all origins").click()
    expect(page.locator("#nq-added")).to_contain_text("1 unchanged")
    item = page.locator("#nq-listing li", has_text="Otters return")
    item.locator("summary").click()
    item.get_by_role("button", name="Yes, remove").click()
    expect(page.locator("#nq-listing li")).to_have_count(18)


def test_a_text_is_pasted_and_one_without_a_title_is_explained(tab: Tab) -> None:
    page = tab.page
    page.get_by_role("button", name="Add articles").click()
    page.get_by_role("button", name="Paste a text").click()
    page.get_by_label("Text", exact=True).fill("The owls of Brenn hoot 41 times a night.")
    page.get_by_role("button", name="Add this text").click()
    expect(page.locator("#nq-added")).to_contain_text("title")
    page.get_by_label("Title", exact=True).fill("Owls of Brenn")
    page.get_by_label("Published (if known)").fill("2025-02-30")
    page.get_by_role("button", name="Add this text").click()
    expect(page.locator("#nq-added")).to_contain_text("published_at")
    page.get_by_label("Published (if known)").fill("2025-02-03")
    page.get_by_role("button", name="Add this text").click()
    item = page.locator("#nq-listing li", has_text="Owls of Brenn")
    expect(item).to_contain_text("3 February 2025")
    item.locator("summary").click()
    item.get_by_role("button", name="Yes, remove").click()
    expect(item).to_have_count(0)


def test_an_empty_library_says_what_to_do(tmp_path: Path, open_tab: Open) -> None:
    with serving(tmp_path / "library", page=True) as server:
        tab = open_tab(server)
        expect(tab.page.locator(".nq-welcome")).to_contain_text("There are no articles yet")
        tab.ask("What is new?")
        tab.tell("There are no articles yet")
        tab.page.close()


# Safety


def test_a_poisoned_article_stays_inert(tab: Tab, poisoned: Path) -> None:
    page = tab.page
    page.get_by_role("button", name="Add articles").click()
    page.locator("#nq-files input[type=file]").set_input_files([poisoned])
    expect(page.locator("#nq-listing li")).to_have_count(19)
    for question in (
        "How many baskets did the Zorbian harvest yield?",
        "What do the plums of Zorbia cost?",
        "<img src=x onerror='window.hacked = 8'> ![x](http://evil.example/q.png) Who led the Zorbian harvest?",
    ):
        tab.ask(question)
        expect(page.locator(".nq-answer").last.locator(".nq-chip").first).to_be_visible()
    for chip in page.locator(".nq-chip").all():
        chip.click()
        expect(page.locator("#nq-article mark").first).to_be_in_viewport()
        chip.hover()
    assert "<script>" in page.locator("#nq-article").inner_text()
    for room in ("#nq-chat", "#nq-article", "#nq-listing", "#nq-kept", "#nq-card"):
        active = page.locator(f"{room} :is(img, script, iframe, style:not(svg style), object, embed)")
        assert [] == active.evaluate_all("all => all.map(each => each.outerHTML)")
    harmful = page.locator("a").evaluate_all("all => all.map(a => a.href).filter(href => !/^https?:/.test(href))")
    assert [] == harmful
    assert 0 == page.locator('#nq-article a[href*="do/remove"]').count()
    assert page.evaluate("window.hacked === undefined")
    # The [7] that the article has in its text is no citation.
    assert {"1", "2", "3", "4"} >= {text.split()[-1] for text in page.locator(".nq-chip").all_inner_texts()}
    item = page.locator("#nq-listing li", has_text="Zorbian harvest")
    item.locator("summary").click()
    item.get_by_role("button", name="Yes, remove").click()
    expect(item).to_have_count(0)


@pytest.mark.faulty  # the browser tells what it was kept from
def test_the_page_may_ask_no_other_machine(tab: Tab) -> None:
    blocked = tab.page.evaluate("fetch('http://127.0.0.2:9/').then(() => 'sent', error => error.message)")
    assert blocked == "Failed to fetch"
    policy = httpx.get(tab.server.url, trust_env=False).headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "http" not in policy
    tab.foreign.clear()  # the one above, which the policy stopped


def test_files_are_read_only_where_they_were_uploaded(tab: Tab, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("The password of the vault is 12345.", encoding="utf-8")
    with tab.server.client() as client:
        config = client.get("/config").json()
        for path in (str(secret), "http://evil.example/a", "../secret.txt", f"{tmp_path}/../x", ""):
            file = {"path": path, "meta": {"_type": "gradio.FileData"}}
            for event in config["dependencies"]:
                data = [[file], False] if len(event["inputs"]) > 1 else [file]
                sent = {"fn_index": event["id"], "session_hash": "hostile", "data": data}
                assert 400 == client.post("/gradio_api/queue/join", json=sent).status_code
        for body in (b"{", b"[]", b'"x"', b"[" * 100_000):
            assert 400 == client.post("/gradio_api/queue/join", content=body).status_code
        assert 18 == len(client.get("/v1/articles?limit=100").json()["articles"])


@pytest.mark.parametrize(
    "words", ["[more](#do/remove/cup-final-weavers)", "<a href='#do/remove/cup-final-weavers'>more</a>"]
)
def test_a_link_in_a_question_does_nothing(tab: Tab, words: str) -> None:
    tab.ask(f"Who won? {words}")
    user = tab.page.locator("[data-testid=user]")
    expect(user).to_contain_text("more")
    expect(user.locator("a")).to_have_count(0)
    tab.page.evaluate("""() => {
        const link = Object.assign(document.createElement("a"), { href: "#do/remove/cup-final-weavers" });
        document.querySelector("#nq-chat .user-row").append(link);
        document.querySelector("#nq-chat .bot-row").append(link.cloneNode());
        for (const each of document.querySelectorAll("#nq-chat a[href*=remove]")) each.click();
    }""")
    tab.ask("Who won the cup?")
    with tab.server.client() as client:
        assert 200 == client.get("/v1/articles/cup-final-weavers").status_code


def test_of_gradios_routes_only_those_of_the_page_are_there(paged: Server) -> None:
    with paged.client() as client:
        for path in (
            *("gradio_api/info", "gradio_api/openapi.json", "gradio_api/file=/etc/passwd", "gradio_api/proxy=http://x"),
            *("monitoring", "manifest.json", "gradio_api/deep_link", "gradio_api/runs", "gradio_api/startup-events"),
        ):
            assert 404 == client.get(f"/{path}").status_code, path
        for path in ("gradio_api/run/ask", "gradio_api/call/ask", "gradio_api/vibe-edit", "gradio_api/stream/x"):
            assert 404 == client.post(f"/{path}", json={"data": []}).status_code, path
        assert 405 == client.get("/v1/ask").status_code
        assert 403 == client.get("/", headers={"Host": "evil.example"}).status_code
        told = client.post("/gradio_api/queue/join", json={"data": []}, headers={"Origin": "http://evil.example"})
        assert 403 == told.status_code


@pytest.mark.faulty  # a key that is not known is a 401
def test_keys_are_asked_for_and_respected(tmp_path: Path, open_tab: Open) -> None:
    (asking, ask_entry), (writing, write_entry) = new_key("ask"), new_key("write")
    with serving(tmp_path / "library", {"NEWSQA_API_KEYS": f"{ask_entry} {write_entry}"}, page=True) as server:
        with server.client(writing) as client:
            article = {"title": "Otters", "text": "The otters of Lake Quorn are 73.", "id": "otters"}
            assert 201 == client.post("/v1/articles", json=article).status_code
        tab = open_tab(server)
        page = tab.page
        expect(page).to_have_url(server.url + "/login")
        page.get_by_label("Your key").fill("nqa_wrong")
        page.get_by_role("button", name="Enter").click()
        expect(page.get_by_role("alert")).to_have_text("This key is not known here.")
        page.get_by_label("Your key").fill(asking)
        page.get_by_role("button", name="Enter").click()
        tab.ask("How many otters of Lake Quorn are there?")
        tab.tell("73")
        expect(page.get_by_role("button", name="Add articles")).to_have_count(0)
        expect(page.locator("#nq-listing summary")).to_have_count(0)
        cookie = next(each for each in page.context.cookies() if each["name"] == "newsqa_key")
        assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
        upload = httpx.post(
            f"{server.url}/gradio_api/upload", files={"files": b"x"}, cookies={"newsqa_key": asking}, trust_env=False
        )
        assert 403 == upload.status_code
        asked = {"fn_index": 0, "data": [None], "session_hash": "mine"}
        for key, status in ((asking, 200), (writing, 403)):
            joined = httpx.post(
                f"{server.url}/gradio_api/queue/join", json=asked, cookies={"newsqa_key": key}, trust_env=False
            )
            assert status == joined.status_code
        for route in (
            "queue/data?session_hash=mine",
            "queue/data?session_hash=other&session_hash=mine",
            "heartbeat/mine",
        ):
            read = httpx.get(f"{server.url}/gradio_api/{route}", cookies={"newsqa_key": writing}, trust_env=False)
            assert 403 == read.status_code
        page.get_by_role("button", name="Leave").click()
        expect(page).to_have_url(server.url + "/login")
        page.get_by_label("Your key").fill(writing)
        page.get_by_role("button", name="Enter").click()
        expect(page.get_by_role("button", name="Add articles")).to_be_visible()
        page.get_by_role("button", name="Conversations", exact=True).click()
        expect(page.locator("#nq-kept")).to_contain_text("No conversation is kept yet")  # the other key's are its own
        page.close()


def test_an_open_page_does_not_keep_the_server_from_stopping(tmp_path: Path, open_tab: Open) -> None:
    with serving(tmp_path / "library", page=True) as server:
        tab = open_tab(server)
        expect(tab.page.locator(".nq-welcome")).to_be_visible()
        assert 0 == server.stop()
        tab.page.close()
        tab.faults.clear()  # its connection ended


def test_a_page_that_outlives_the_server_goes_on(tmp_path: Path, open_tab: Open) -> None:
    folder = tmp_path / "library"
    with serving(folder, page=True) as server:
        with server.client() as client:
            article = {"title": "Otters", "text": "The otters of Lake Quorn are 73. The owls are 12."}
            client.post("/v1/articles", json=article).raise_for_status()
        tab = open_tab(server)
        tab.ask("How many otters of Lake Quorn are there?")
        tab.page.wait_for_url(re.compile("conversation=conv_"))
        port = server.url.rsplit(":", 1)[1]
        tab.page.wait_for_timeout(1000 * LINGERING + 2000)  # nobody uses the page
        assert 0 == server.stop()
    with serving(folder, page=True, port=port) as server:
        tab.page.locator("#nq-question textarea").fill("How many owls are there?")
        tab.page.keyboard.press("Enter")
        tab.tell("12")
        expect(tab.page.locator(".nq-answer")).to_have_count(2)
        tab.page.locator(".nq-chip").first.click()
        expect(tab.page.locator("#nq-article mark.nq-strong")).to_have_text("73")
        tab.page.close()
    tab.faults.clear()  # what was asked for while there was no server


# For everyone


def test_everything_goes_by_keyboard(tab: Tab) -> None:
    page = tab.page
    page.locator("#nq-question textarea").focus()
    page.keyboard.type(TERRITORY)
    page.keyboard.press("Enter")
    tab.await_answers(1)
    _tab_to(page, "a.nq-chip", "Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#nq-article mark").first).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#nq-article")).to_be_hidden()
    expect(page.locator("a.nq-chip")).to_be_focused()
    _tab_to(page, "[href='#do/new']", "Shift+Tab")
    page.keyboard.press("Space")
    expect(page.locator(".nq-answer")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_axe_finds_nothing_serious(paged: Server, open_tab: Open, size: tuple[int, int], scheme: str) -> None:
    tab = open_tab(paged, size, color_scheme=scheme)
    expect(tab.page.locator("#nq-chat button.example").first).to_be_visible()
    found = _serious(tab.page)
    tab.ask("When does the Hollin Bridge open?")
    tab.ask("Who is the president of Brazil?")
    tab.page.locator(".nq-near summary").click()
    found += _serious(tab.page)
    tab.page.locator(".nq-chip").first.click()
    expect(tab.page.locator("#nq-article mark").first).to_be_visible()
    found += _serious(tab.page)
    tab.page.get_by_role("button", name="Close the article").click()
    tab.page.get_by_role("button", name="Conversations", exact=True).click()
    found += _serious(tab.page)
    if size == PHONE:
        tab.page.get_by_role("button", name="Articles", exact=True).click()
        found += _serious(tab.page)
    assert [] == found


def test_a_phone_shows_one_room_at_a_time_and_nothing_is_cut_off(paged: Server, open_tab: Open) -> None:
    tab = open_tab(paged, PHONE)
    page = tab.page
    expect(page.locator(".nq-welcome")).to_be_visible()
    tab.ask(TERRITORY)
    assert 360 >= page.evaluate("document.documentElement.scrollWidth")
    page.locator(".nq-chip").click()
    expect(page.locator("#nq-article mark").first).to_be_in_viewport()
    expect(page.locator("#nq-chat")).to_be_hidden()
    assert 360 >= page.evaluate("document.documentElement.scrollWidth")
    page.get_by_role("button", name="Close the article").click()
    expect(page.locator(".nq-chip")).to_be_visible()
    page.get_by_role("button", name="Articles", exact=True).click()
    expect(page.locator("#nq-listing li")).to_have_count(18)
    page.locator("#nq-listing li > a").first.click()
    expect(page.locator("#nq-article h2")).to_be_visible()
    page.get_by_role("button", name="Close the article").click()
    expect(page.locator("#nq-listing li > a").first).to_be_focused()
    page.locator("#nq-listing li > a").first.click()
    expect(page.locator("#nq-article h2")).to_be_visible()
    page.get_by_role("button", name="Articles", exact=True).click()
    expect(page.locator("#nq-listing li").first).to_be_visible()
    page.go_back()
    expect(page.locator(".nq-chip")).to_be_visible()
    assert 360 >= page.evaluate("document.documentElement.scrollWidth")


def test_the_answer_is_in_a_live_region_and_no_message_is_read_out_as_markup(tab: Tab) -> None:
    tab.ask(TERRITORY)
    log = tab.page.get_by_role("log")
    expect(log).to_have_attribute("aria-live", "polite")
    expect(log.locator(".nq-answer")).to_be_visible()
    expect(tab.page.locator("[data-testid][aria-label*='<']")).to_have_count(0)


def _kept(tab: Tab) -> dict[str, list[dict[str, dict[str, str]]]]:
    """The conversation of this tab, as the API has it."""
    tab.page.wait_for_url(re.compile("conversation=conv_"))
    with tab.server.client() as client:
        found = client.get(f"/v1/conversations/{tab.page.url.split('conversation=')[1]}")
    kept: dict[str, list[dict[str, dict[str, str]]]] = found.json()
    return kept


def _kept_waiting(tab: Tab, question: str) -> list[threading.Thread]:
    """Asks while the server has fifty other questions to answer first; these are to be joined."""
    busy = [threading.Thread(target=_ask_over_http, args=(tab.server,), daemon=True) for _ in range(50)]
    for each in busy:
        each.start()
    tab.page.locator("#nq-question textarea").fill(question)
    tab.page.keyboard.press("Enter")
    return busy


def _ask_over_http(server: Server) -> None:
    with server.client() as client:
        client.post("/v1/ask", json={"question": "When does the Hollin Bridge open and what does it cost?"})


def _tab_to(page: Page, selector: str, key: str) -> None:
    for _ in range(80):
        if page.evaluate("wanted => document.activeElement?.matches(wanted)", selector):
            return
        page.keyboard.press(key)
    raise AssertionError(f"{selector} can't be reached with {key}")


def _serious(page: Page) -> list[str]:
    """What axe finds serious or critical, each with the first element it is about."""
    violations = Axe().run(page).response["violations"]
    return [
        f"{each['id']} at {each['nodes'][0]['target']}: {each['nodes'][0].get('failureSummary', '')[:300]}"
        for each in violations
        if each["impact"] in ("serious", "critical")
    ]
