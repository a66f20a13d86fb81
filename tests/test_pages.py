"""Tests of HTML pages that become articles."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from newsqa.domain import Article
from newsqa.errors import LoadError
from newsqa.loading import pages
from newsqa.loading.given import Given

URL = "https://www.herald.example/news/harbour-bridge"
FIRST = (
    "The council of Vårsund voted on Monday to rebuild the harbour bridge, which has been closed to lorries since a "
    "pier sank by nine centimetres in the winter storms."
)
SECOND = (
    "“We have waited long enough,” said Ilse Brandvik, who chairs the council’s committee for roads, after a debate "
    "that lasted for more than five hours and ended close to midnight."
)
THIRD = (
    "The town of Ézelle pays forty per cent of the cost, because most of the lorries that cross the bridge come from "
    "its sugar mills, and the region of Haldermarch pays the rest."
)
STORY = f"<p>{FIRST}</p><p>{SECOND}</p><p>{THIRD}</p>"
TEXT = f"{FIRST}\n\n{SECOND}\n\n{THIRD}"


def page(body: str, head: str = "<title>Harbour bridge to be rebuilt</title>") -> str:
    return f"<!DOCTYPE html><html lang='en'><head><meta charset='utf-8'>{head}</head><body>{body}</body></html>"


def news(body: str, around: str = "") -> str:
    return page(
        "<header><nav><ul><li><a href='/'>Home</a></li><li><a href='/sport'>Sport</a></li></ul></nav></header>"
        f"<main><article><h1>Harbour bridge to be rebuilt</h1>{body}</article></main>{around}"
        "<footer><p>© Haldermarch Herald. All rights reserved.</p></footer>"
    )


def load(html: str | bytes, url: str = URL, content_type: str = "") -> Article:
    content = html.encode() if isinstance(html, str) else html
    (article,) = pages.articles(Given("bridge.html", content, url, content_type))
    assert isinstance(article, Article)
    return article


def loaded_or_refused(content: bytes, url: str = URL, content_type: str = "") -> tuple[str, str]:
    """The article's text, or what the refusal says."""
    try:
        return load(content, url, content_type).text, ""
    except LoadError as error:
        return "", str(error)


def test_a_page_is_its_article_and_nothing_around_it() -> None:
    article = load(news(STORY))
    assert TEXT == article.text
    assert "Harbour bridge to be rebuilt" == article.title
    assert (URL, "en") == (article.url, article.language)


def test_a_page_without_a_date_has_none() -> None:
    article = load(news(STORY))
    assert (None, None) == (article.published_at, article.updated_at)
    assert ("", "", "") == (article.publisher, article.author, article.subtitle)


def test_a_saved_page_is_known_by_its_name() -> None:
    (article,) = pages.articles(Given("saved.zip!/2025/bridge.html", news(STORY).encode()))
    assert isinstance(article, Article)
    assert ("bridge", "") == (article.id, article.url)


def test_what_the_page_says_of_itself_is_taken() -> None:
    said = {
        "@type": "NewsArticle",
        "headline": "Harbour bridge to be rebuilt",
        "description": "A decision after years of debate",
        "author": {"name": "Jon Tarn"},
        "publisher": {"name": "Haldermarch Herald"},
        "datePublished": "2025-05-12T21:30:00Z",
    }
    article = load(page(STORY, f"<script type='application/ld+json'>{json.dumps(said)}</script>"))
    assert ("Jon Tarn", "Haldermarch Herald") == (article.author, article.publisher)
    assert datetime(2025, 5, 12, 21, 30, tzinfo=UTC) == article.published_at
    assert "A decision after years of debate" == article.subtitle


def test_a_description_that_is_the_beginning_of_the_text_is_no_subtitle() -> None:
    head = f'<title>A bridge</title><meta name="description" content="{FIRST[:70]}…">'
    assert "" == load(page(f"<article>{STORY}</article>", head)).subtitle


CLUTTER = {
    "consent banner": "<div id='cookie-consent'><p>We use cookies to show you what you like. Accept all?</p></div>",
    "newsletter box": "<div class='newsletter-signup'><p>Get the morning briefing. Subscribe now!</p></div>",
    "newsletter box, named otherwise": "<div class='c1 NewsletterBox'><p>A letter on each day. Join!</p></div>",
    "form": "<form><label>Your address</label><input name='mail'><button>Sign me up</button></form>",
    "related stories": "<div class='related'><h3>Related</h3><ul><li><a href='/a'>Ferry is late</a></li></ul></div>",
    "read more": "<p>Read more: <a href='/news/ferry'>Ferry to Ézelle is late for the third day</a></p>",
    "read more, in any language": "<p><b>Läs också:</b> <a href='/news/ferry'>Färjan till Ézelle är sen igen</a></p>",
    "teaser between paragraphs": "<a href='/news/ferry'><i>Also here</i> <i>Ferry is late again</i></a>",
    "list of stories": "<ul><li><a href='/a'>Ferry is late now</a></li><li><a href='/b'>Mill hires ten</a></li></ul>",
    "caption": "<figure><img src='x.jpg'><figcaption>The bridge in March. Photo: J. Tarn</figcaption></figure>",
    "caption without its tag": "<div><div><img src='x.jpg'></div><br><span>The bridge in March</span></div>",
    "share buttons": "<div class='share-tools'><a href='#'>Share</a> <button>Mail this</button></div>",
    "advertisement": "<div class='advertisement'>Advertisement: buy sugar of Ézelle</div>",
    "comments": "<section id='comments'><p>Reader one: At last! About time that this was done.</p></section>",
    "sidebar": "<aside><h3>Most popular</h3><p>Ten recipes with sugar beet for a rainy day.</p></aside>",
    "script": "<script>var text = 'The council of nothing';</script><style>p { color: red }</style>",
}


@pytest.mark.parametrize("clutter", CLUTTER.values(), ids=CLUTTER)
def test_what_is_strewn_into_an_article_is_left_out(clutter: str) -> None:
    assert TEXT == load(news(f"<p>{FIRST}</p>{clutter}<p>{SECOND}</p><p>{THIRD}</p>")).text


@pytest.mark.parametrize("clutter", CLUTTER.values(), ids=CLUTTER)
def test_what_follows_an_article_is_left_out(clutter: str) -> None:
    assert TEXT == load(news(STORY + clutter)).text


def test_a_box_whose_name_says_clutter_but_that_holds_the_story_stays() -> None:
    assert TEXT == load(news(f"<div class='story paywall'>{STORY}</div>")).text


def test_links_to_other_sites_and_in_sentences_stay() -> None:
    link = "<p>Plans: <a href='https://vaarsund.example/plans'>Harbour bridge of Vårsund, plans of May</a></p>"
    sentence = "<p>Last year <a href='/news/storm'>the worst storm since 1953</a> tore two cranes from the quay.</p>"
    text = load(news(STORY + link + sentence)).text
    assert "Plans: Harbour bridge of Vårsund, plans of May" in text
    assert "Last year the worst storm since 1953 tore two cranes from the quay." in text


def test_headings_lists_and_tables_stay_recognisable() -> None:
    body = (
        f"{STORY}<h2>What it costs</h2><ul><li>Steel: 4 million crowns for the span</li>"
        "<li>Labour: 3 million crowns for the crew</li></ul>"
        "<table><tr><th>Town</th><th>Share</th></tr><tr><td>Vårsund</td><td>35 per cent</td></tr></table>"
        f"<h3>What is next</h3><ol><li>Plans are drawn up</li><li>The old bridge comes down</li></ol><p>{SECOND}!</p>"
    )
    lines = load(news(body)).text.splitlines()
    for line in (
        "## What it costs",
        "- Steel: 4 million crowns for the span",
        "Town | Share",
        "Vårsund | 35 per cent",
        "### What is next",
        "2. The old bridge comes down",
    ):
        assert line in lines


def test_days_and_quotation_marks_in_a_sentence_stay() -> None:
    body = "<p>It opens on <time datetime='2027-05-12'>12 May 2027</time>, <q>if <b>all</b> goes well</q>, he said.</p>"
    assert "It opens on 12 May 2027, “if all goes well”, he said." in load(news(STORY + body)).text


def test_posts_that_are_quoted_stay() -> None:
    post = "We will cross it together in the spring, all of us. — Town of Vårsund (@vaarsund) 12 May 2025"
    body = f"<p>{FIRST}</p><div class='widget embed'><blockquote class='social-embed'><p>{post}</p></blockquote></div>"
    assert post in load(news(f"{body}<p>{SECOND}</p><p>{THIRD}</p>")).text


@pytest.mark.parametrize(
    "title",
    [
        "<h1>Harbour bridge to be rebuilt</h1>",
        "<h2>Harbour bridge to be rebuilt</h2>",
        "<h1>Harbour Bridge to be rebuilt!</h1>",
        "<div><h1><span>Harbour bridge to be rebuilt</span></h1></div>",
    ],
)
def test_the_title_is_not_repeated_in_the_text(title: str) -> None:
    assert TEXT == load(page(f"<article>{title}{STORY}</article>")).text


def test_the_element_that_says_it_is_the_body_is_believed() -> None:
    extra = "<p>Tonight on our own stage the chamber choir of the sugar mills sings songs of the harbour.</p>"
    html = news(f"<div><div itemprop='articleBody'>{STORY}</div><div>{extra * 3}</div></div>")
    assert TEXT == load(html).text


def test_a_story_that_the_page_shows_the_beginning_of_is_taken_from_its_json_ld() -> None:
    said = json.dumps({"@type": "NewsArticle", "headline": "A bridge", "articleBody": f"{FIRST}\n{SECOND}\n{THIRD}"})
    shown = f"<article><p>{FIRST}</p><p>Subscribe to go on reading.</p></article>"
    assert TEXT == load(page(shown, f"<script type='application/ld+json'>{said}</script>")).text


def test_prose_that_the_strict_mode_leaves_out_is_found_all_the_same() -> None:
    parts = [f"<p>Part {n}: {FIRST} {SECOND}</p>" for n in range(8)]
    text = load(page(f"<article>{''.join(parts[:6])}<div class='bottom'>{''.join(parts[6:])}</div></article>")).text
    assert "Part 5" in text
    assert "Part 7" in text


def test_a_teaser_before_a_paywall_is_an_article_of_its_own() -> None:
    assert FIRST in load(news(f"<p>{FIRST}</p><div class='paywall'><p>Log in to go on.</p></div>")).text


def test_the_entries_of_a_live_blog_are_all_there() -> None:
    entries = "".join(
        f"<div class='entry'><h3><time datetime='2025-05-12T{hour}:00'>{hour}:00</time> Part {hour}</h3>"
        f"<p>At {hour} o’clock the council heard another twenty citizens, most of whom spoke for the bridge.</p></div>"
        for hour in range(10, 20)
    )
    text = load(news(entries)).text
    assert [text.find(f"At {hour} o’clock") for hour in range(10, 20)] == sorted(
        text.find(f"At {hour} o’clock") for hour in range(10, 20)
    )
    assert "At 10 o’clock" in text


def test_a_list_of_things_keeps_its_things() -> None:
    things = "".join(
        f"<h2>{n}. Bridge {n}</h2><p>Built in 19{n}, it carries some {n} thousand people on every working day.</p>"
        for n in range(11, 20)
    )
    text = load(news(f"<p>{FIRST}</p>{things}")).text
    assert 9 == text.count("\n\n## ")


def test_an_amp_page_is_read() -> None:
    html = (
        "<html amp lang='en'><head><title>Harbour bridge to be rebuilt</title></head><body>"
        "<amp-sidebar>Home</amp-sidebar><amp-consent><p>We use cookies, do you agree?</p></amp-consent>"
        f"<article><h1>Harbour bridge to be rebuilt</h1><amp-img src='x.jpg'></amp-img>{STORY}"
        "<amp-ad>Buy sugar of the best kind</amp-ad></article></body></html>"
    )
    assert TEXT == load(html).text


def test_a_page_in_another_language_is_read_alike() -> None:
    text = (
        "Рада міста Ворсунд у понеділок проголосувала за відбудову портового мосту, який закрили для вантажівок. "
        "Засідання тривало понад п’ять годин, і закінчилося воно майже опівночі, після виступів двадцяти мешканців."
    )
    article = load(
        page(f"<article><h1>Міст</h1><p>{text}</p></article>", "<title>Міст</title>").replace("'en'", "'uk'")
    )
    assert (text, "Міст", "uk") == (article.text, article.title, article.language)


def test_a_language_without_spaces_has_words_too() -> None:
    text = (
        "ヴォルスンド市議会は月曜日、冬の嵐で橋脚が沈み、大型車の通行が禁止されていた港の橋を架け替えることを決めた。"
        * 2
    )
    assert text == load(page(f"<article><p>{text}</p></article>")).text


ACCENTS = page(f"<article><p>{FIRST} Été à Ézelle.</p><p>{SECOND}</p></article>").replace("<meta charset='utf-8'>", "")


@pytest.mark.parametrize(
    ("encoding", "content_type", "head"),
    [
        ("utf-8", "", ""),
        ("utf-8", "text/html; charset=UTF-8", ""),
        ("utf-8", "text/html; charset=ascii-of-sorts", "<meta charset='utf-8'>"),
        ("utf-8", "text/html; charset=idna", ""),
        ("utf-8", "", "<meta charset='utf-16'>"),
        ("utf-8-sig", "text/html; charset=iso-8859-1", ""),
        ("utf-16", "", ""),
        ("cp1252", "", ""),
        ("cp1252", "text/html; charset=ISO-8859-1", ""),
        ("cp1252", "", "<meta http-equiv='Content-Type' content='text/html; charset=windows-1252'>"),
        ("cp1252", "text/html; charset=utf-8", ""),
    ],
)
def test_a_page_is_decoded_by_what_says_its_encoding(encoding: str, content_type: str, head: str) -> None:
    html = ACCENTS.replace("</head>", f"{head}</head>")
    assert "Été à Ézelle." in load(html.encode(encoding), content_type=content_type).text


def test_mixed_encodings_and_nulls_never_end_the_reading() -> None:
    content = news(STORY).encode().replace(b"Monday", b"Mon\0day \xff\xfe \x81") + "é".encode("cp1252")
    assert "Monday" in load(content).text


@pytest.mark.parametrize(
    "html",
    [
        "",
        "   ",
        "<html></html>",
        "<!-- nothing -->",
        "\0",
        page("<h1>Sign in</h1><form><input name='user'><button>Sign in</button></form><p>Please sign in first.</p>"),
        page(
            "<ul>" + "".join(f"<li><a href='/{n}'>Headline number {n} of today</a></li>" for n in range(60)) + "</ul>"
        ),
    ],
)
def test_a_page_without_an_article_is_refused_with_a_next_step(html: str) -> None:
    with pytest.raises(LoadError, match=r"^bridge\.html: holds no .*; \w+") as raised:
        load(html)
    assert "\n" not in str(raised.value)


def test_a_page_that_is_too_large_is_refused() -> None:
    with pytest.raises(LoadError, match="more than 10,000,000 bytes"):
        load(b"<p>" + b"a " * 5_000_000)


HOSTILE = {
    "nested elements": "<div>" * 100_000 + STORY,
    "nested lists": "<ul><li>a" * 50_000 + STORY,
    "attributes": "<p " + " ".join(f"a{n}=1" for n in range(300_000)) + ">" + STORY,
    "attributes without spaces": "<p " + "".join(f'a{n}="1"' for n in range(300_000)) + ">" + STORY,
    "a long attribute": "<p class='" + "related " * 1_000_000 + "'>" + STORY,
    "links": "<p>" + "<a href='/x'>one two three</a>" * 400_000 + "</p>" + STORY,
    "bare links": "<a href='/x'>one two three</a>" * 9000 + STORY,
    "pictures": "<div>" + "<img src=x>abc " * 9000 + "</div>" + STORY,
    "quotations": "<blockquote>abc def</blockquote>" * 9000 + STORY,
    "opening brackets": "<" * 9_900_000,
    "comments": "<!--" * 2_000_000 + STORY,
    "entities": "&lt;" * 2_000_000,
    "JSON in JSON": "<script type='application/ld+json'>" + "[" * 1_000_000 + "</script>" + STORY,
    "JSON types": "<script type='application/ld+json'>" + '"@type":[' * 200_000 + "</script>" + STORY,
    "JSON commas": "<script type='application/ld+json'>{" + ", " * 900_000 + "</script>" + STORY,
    "properties": "<div itemscope>" + "<b itemprop='author'>abc</b>" * 9000 + "</div>" + STORY,
}


@pytest.mark.parametrize("html", HOSTILE.values(), ids=HOSTILE)
def test_pages_made_to_overload_end_in_time(html: str) -> None:  # what takes too long meets the limit of a test
    assert "\n" not in loaded_or_refused(html[:10_000_000].encode())[1]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(content=st.binary(max_size=2000), content_type=st.text(max_size=40))
@example(content=b"<\xff\xfe", content_type="text/html; charset=utf-7")
@example(content=b"<p>" + b"\xed\xa0\x80 word" * 50, content_type="")
@example(content=b"<svg><p>" + b"word " * 50, content_type="charset=unicode_escape")
def test_any_bytes_are_an_article_or_refused(content: bytes, content_type: str) -> None:
    text, refusal = loaded_or_refused(content, content_type=content_type)
    assert bool(text) != bool(refusal)
    assert "\n" not in refusal


WHOLE = news(STORY + "".join(CLUTTER.values())).encode()
PIECES = (
    b"<p>",
    b"</article>",
    b"<table><tr><td>",
    b"<!--",
    b"<script>",
    b"<q>",
    b"\0",
    b"&#0;",
    b"<svg>",
    b"<blockquote>",
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    places=st.lists(st.tuples(st.integers(0, len(WHOLE)), st.integers(0, 60), st.sampled_from(PIECES)), max_size=8),
    url=st.sampled_from(["", URL, "https://[", "nonsense"]),
)
def test_a_page_that_is_cut_and_patched_is_an_article_or_refused(
    places: list[tuple[int, int, bytes]], url: str
) -> None:
    content = WHOLE
    for at, cut, piece in places:
        content = content[:at] + piece + content[at + cut :]
    text, refusal = loaded_or_refused(content, url)
    assert bool(text) != bool(refusal)
    assert text.strip() == text
    assert not any(char in text for char in "\0\r")
