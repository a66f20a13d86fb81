"""Where news text is cut into sentences: the hard places, and the shipped articles."""

import textwrap

import pytest

from newsqa import Article, Sentence, split_sentences

# The texts below: `|` stands where a sentence ends.
PROSE = {
    "titles": "Dr. Marsh met Ms. Jones, Gov. Brandvold and Cllr. Leif Tarrant.|Mr. and Mrs. Smith stayed away.",
    "saints": "The road to St. Orlan is closed.|St. Anna’s Square is not.",
    "military ranks": "Lt. Col. Marsh and Maj-Gen. Rask left.|Sgt. Winde stayed.",
    "number seven": "Bus No. 7 turns back.|Technical School No. 2 opens.|No. 10 denied it.",
    "companies": "Korvane Minerals Inc. and Combe Noire Ltd. agreed.|Acme Corp. did not.",
    "a company at the end": "He works for Korvane Inc.|She does not.",
    "for example": "Some fruit, e.g. apples, i.e. the cheap kind, sells.|Pears do not.",
    "about": "It holds approx. 40 people.|Approx. 30 came, est. 1911.|Nos. 4 and 5 left.",
    "versus": "Smith v. Jones was heard.|The U.S. vs. Canada was not.",
    "months": "On Jan. 5 he came.|He left on Sept. 3, 2024.",
    "decimals": "A tonne sold for $80.5 in May.|It lost €12.45 million.|Version 2.0.1 is out.",
    "per cent": "It fell by 3.7 per cent.|Nobody knew why.",
    "per cent. inside": "It fell by 3.7 per cent. to 41 on Monday.|Nobody knew why.",
    "a year at the end": "He was born in 1990.|In 2024 he left.",
    "U.S. President": "It was spurred by U.S. President Donald Trump’s demand.|The U.N. Security Council met.",
    "U.S. at the end": "He moved to the U.S.|The move was hard.",
    "initials": "K. L. Marsh spoke.|J. P. Ostervane and George W. Bush did not.",
    "joined initials": "J.P. Morgan rose.|J.R.R. Tolkien wrote.",
    "initials beyond ASCII": "Ł. Nuñez spoke.|Ø. Ñandú did not.",
    "a suffix of a name": "The Rev. Dr. Martin Luther King Jr. spoke.|He left.",
    "Moscow time": "Speaking at 2 a.m. Moscow time on May 11, he accused Ukraine.|She did not.",
    "other zones": "It began at 9 a.m. ET.|It ended at 5 p.m. UTC on Monday.|Others say 6 p.m. Eastern Time.",
    "a weekday after the hour": "The gates opened at 9 a.m. Monday.|They closed at 5 p.m. Dec. 3.",
    "the hour at the end": "He left at 5 p.m.|The bus was late.|He came back at 6 a.m.|This time nobody saw him.",
    "the hour in the middle": "They met from 9 a.m. to 6:45 p.m. on Sunday.|It rained.",
    "curly quotes at the end": "He said “no.”|She said “yes”.|They parted.",
    "straight quotes at the end": 'He said "no."|She said "yes".|They parted.',
    "single quotes": "‘We came,’ he said.|‘We left.’|Nobody knew.",
    "a quotation of two sentences": "“We came. We left,” he said.|Then it rained.",
    "a word in quotes": "It “capped a dramatic 48 hours” of diplomacy.|Nobody knew.",
    "a question in quotes": "“Is it true?” she asked.|“No!” he cried.|They parted.",
    "a quotation after a colon": "He posted: “HAVE THE MEETING, NOW!!!”|Then he slept.",
    "apostrophes": "The dogs’ bowls were full.|The ’90s’ music wasn't.|Nobody cared.",
    "an open quotation": "“We came.|We left.",
    "ellipses": "He paused... and left.|She stayed … for an hour.|Then... nothing.",
    "question and exclamation": "What?!|Nobody knew.|Really??|Yes!!!|No.",
    "a name with a mark": "Yahoo! rose on Monday.|It fell.",
    "parentheses": "He came (late).|She left (see p. 7).|They met (in Kyiv, May 2025).",
    "a sentence in parentheses": "He came (it rained. It poured.) and left.|She stayed.",
    "addresses": "See www.example.com for more.|Write to a.b@example.com.|It is free.",
    "an agency's opening": "WASHINGTON (AP) — He came.|She left.",
    "a dash": "He came—late.|She left – at once.",
    "a lower-case name": "He sold iPhones.|iPads were sold out.",
    "no capitals at all": "it rained.|nobody came.|the end.",
    "Spanish marks": "El Niño returned.|¿Por qué?|Nadie lo sabe.",
    "a dialogue": "Q: Why did it rain?|A: Because it could.|Then it poured.",
    "inside a list item": "- It rained.|It poured.",
    "a numbered item": "1. It rained at 5 p.m. in Kyiv.|It poured.",
}


@pytest.mark.parametrize("marked", PROSE.values(), ids=PROSE)
def test_running_text_is_cut_where_sentences_end(marked: str) -> None:
    assert marked.split("|") == [sentence.text for sentence in split_sentences(marked.replace("|", " "))]


# What is found in each; `=` stands before a heading.
LAYOUT = {
    "Markdown heading": (
        "It rained.\n\n## Why it rained\n\nNobody knows.",
        "It rained.|=## Why it rained|Nobody knows.",
    ),
    "Markdown heading with a mark": ("# Why?\nNobody knows.", "=# Why?|Nobody knows."),
    "bare heading": ("It rained.\nA History of Rain\nIt rains often.", "It rained.|=A History of Rain|It rains often."),
    "bare line at the end": ("It rained.\nThe End", "It rained.|The End"),
    "lines with a full stop": ("It rained.\nNobody came.\nIt rained.", "It rained.|Nobody came.|It rained."),
    "hashtag": ("It rained.\n#Kyiv is free.\nIt rained.", "It rained.|#Kyiv is free.|It rained."),
    "list": ("Three things:\n- rain\n- snow\n* hail", "Three things:|- rain|- snow|* hail"),
    "numbered list": ("Two:\n1. Rain in May\n2) Snow\n10. Hail.", "Two:|1. Rain in May|2) Snow|10. Hail."),
    "wrapped list item": ("- rain that falls\n  on the plain\n- snow", "- rain that falls on the plain|- snow"),
    "wrapped by hand": ("It rained on\nthe plain.\nNobody came.", "It rained on the plain.|Nobody came."),
    "dialogue": ("Q: Why?\nA: Nobody knows.\n\nQ: And now?", "Q: Why?|A: Nobody knows.|Q: And now?"),
    "lower case after a full stop": ("It rained.\nnobody came.", "It rained.|nobody came."),
    "an open quotation": ("“It rained\nNobody came.", "“It rained|Nobody came."),
    "a rule": ("It rained.\n\n---\n\nIt poured.", "It rained.|---|It poured."),
    "a long line": (f"{'It rained ' * 8}and\nIt poured.", f"{'It rained ' * 8}and|It poured."),
    "the longest of two lines": (f"{'It rained ' * 6}today\nIt poured.", f"={'It rained ' * 6}today|It poured."),
    "blank lines with white space": ("It rained.\n \t\n\xa0\nIt poured.", "It rained.|It poured."),
}


@pytest.mark.parametrize(("text", "expected"), LAYOUT.values(), ids=LAYOUT)
def test_lines_are_joined_or_kept_apart_as_they_are_meant(text: str, expected: str) -> None:
    found = ["=" * sentence.heading + " ".join(sentence.text.split()) for sentence in split_sentences(text)]
    assert expected.split("|") == found


def test_a_line_known_to_be_a_heading_is_one_even_with_a_full_stop() -> None:
    text = "It rained. And how.\nNobody came."
    found = split_sentences(text, headings=[" It rained. And how. "])
    assert [("It rained. And how.", True), ("Nobody came.", False)] == [(line.text, line.heading) for line in found]


RAGGED = """\
The Greyhallow mine in Dunmarrow will shut for good on 30 September,
and all of its 430 employees will lose their jobs, says Dr.
Marsh, who told the workforce at two meetings on the site of Korvane
on Tuesday."""


def test_lines_of_about_the_same_length_are_joined() -> None:
    assert [RAGGED] == [sentence.text for sentence in split_sentences(RAGGED)]


@pytest.mark.parametrize("title", ["The Greyhallow mine will shut for good on 30 September", "Apple"])
def test_a_title_is_kept_apart_from_the_lines_below_it(title: str) -> None:
    for below in (RAGGED, "iPhones are sold out."):
        assert [title, below] == [sentence.text for sentence in split_sentences(f"{title}\n{below}", headings=[title])]


def test_bare_lines_of_which_some_are_equally_long_are_kept_apart() -> None:
    lines = ["Mayor of the town " + "x" * length for length in (40, 40, 40, 10, 20, 12, 9, 30, 15)]
    assert lines == [sentence.text for sentence in split_sentences("\n".join(lines))]


@pytest.mark.parametrize("width", [60, 68, 72, 76, 80, 100])
def test_an_article_broken_into_lines_has_the_sentences_it_had_before(corpus: list[Article], width: int) -> None:
    def one_line(text: str) -> list[tuple[str, bool]]:
        return [(" ".join(found.text.split()), found.heading) for found in split_sentences(text)]

    for article in corpus:
        if article.fictional:
            paragraphs = article.text.split("\n")
            broken = [textwrap.fill(line, width, break_on_hyphens=False) for line in paragraphs]
            assert one_line(article.text) == one_line("\n".join(broken))
            assert one_line(article.text) == one_line("\n".join(line for line in broken if line))


HEADINGS_OF_THE_TALKS = [
    "Ukraine-Russia Talks in Turkey: Hope or Stalemate?",
    "As world leaders push for peace, will Istanbul’s talks end the bloodbath or deepen the crisis?",
    "Trump’s Push Ignites Action",
    "A History of Broken Truces",
    "The Stakes in Numbers",
    "Turkey’s Delicate Balancing Act",
    "Zelenskyy’s Bold Gambit",
    "Putin’s Hardline Stance",
    "Global Eyes on Istanbul",
    "Voices from the Ground",
    "What It Means Now",
    "A Ticking Clock",
    "Stay sharp with Ongoing Now 24",
]


def test_the_article_on_the_talks_has_its_thirteen_headings_and_sixty_five_sentences(corpus: list[Article]) -> None:
    sentences = _sentences_of(corpus, "istanbul-talks-2025-05")
    assert HEADINGS_OF_THE_TALKS == [sentence.text for sentence in sentences if sentence.heading]
    assert 65 == sum(not sentence.heading for sentence in sentences)


TRICKY = {
    "istanbul-talks-2025-05": [
        "Istanbul, May 12, 2025—Turkey’s historic city braces for a pivotal moment.",
        "The announcement, spurred by U.S. President Donald Trump’s public demand, electrified global headlines.",
        "Trump, eager to cement his peacemaker image, posted on Truth Social: “HAVE THE MEETING, NOW!!!”",
        (
            "Zelenskyy, initially insisting on a ceasefire first, shifted gears, saying, "
            "“I will be waiting for Putin in Turkey on Thursday. Personally.”"
        ),
        "The move stunned analysts, with Reuters noting it “capped a dramatic 48 hours” of diplomacy.",
        "Over 20 attempts since 2022 failed, some within minutes, per BBC reports.",
        "Erdoğan’s office confirmed Sunday that Turkey is “ready to host negotiations for a permanent solution.”",
        "“I hope the Russians won’t look for excuses,” he posted on X (@ZelenskyyUa), signaling defiance.",
        "Zelenskyy’s team hopes talks revive U.S. support, waning since Washington withdrew from mediation on May 2.",
        (
            "Speaking at 2 a.m. Moscow time on May 11, he accused Ukraine of breaking past truces and demanded talks "
            "address “root causes”—Russia’s term for Ukrainian neutrality and territorial losses."
        ),
        "Al Jazeera reported Kyiv hopes a deal becomes “operational” within weeks to bolster U.S. support.",
        (
            "If talks collapse, Sumy and Kursk face intensified fighting, with global markets bracing for energy price "
            "spikes (oil hit $80/barrel, May 2025)."
        ),
        "Will peace prevail, or will war’s shadow deepen?",
    ],
    "cup-final-weavers": [
        "After the break Sundqvist-Rae headed in a corner for 2–1 (57th).",
        "“But nobody took our eleventh man from us. We gave him away.”",
    ],
    "ezelle-ash-cheese": [
        "- Best ripe cendrelle: Trois Saules, for the third time in five years.",
        "The last of these was announced over the loudspeakers at 5 p.m. on Sunday.",
    ],
    "greyhallow-mine-deal": [
        "A retraining centre with 120 places opens in September at Technical School No. 2.",
        "J. P. Ostervane, Korvane’s chief executive, put it differently.",
        "“We listened, and we found a partner,” he said after the signing, and left for the 4:50 p.m. train.",
    ],
    "interview-mayor-varsund": [
        "Q: In December the council passed a budget of €212.6 million, by 27 votes to 18.",
        "A: No.",
        "Q: And if you lose?",
    ],
    "st-orlan-flood-toll": [
        "Firefighters pumping out the street found him at 11:20 a.m.",
        "- The shelter in Primary School No. 3 stays open; lessons for its 240 pupils move to the parish hall.",
    ],
    "why-st-orlan-flooded": [
        (
            "“Ordinarily the soil would have swallowed a good part of that,” says Dr. Ørjan Þórsdóttir-Wójcik, 39, "
            "chief hydrologist of the Tarnel River Authority."
        ),
        "1. Replace gate No. 4 and its motor before the coming winter, at a price of €2.15 million.",
        "“The folder marked ‘spring’ was in my building,” wrote Marsh, who is 57.",
    ],
}


@pytest.mark.parametrize("article_id", TRICKY)
def test_the_tricky_sentences_of_the_shipped_articles_are_whole(corpus: list[Article], article_id: str) -> None:
    found = {sentence.text for sentence in _sentences_of(corpus, article_id) if not sentence.heading}
    assert set() == set(TRICKY[article_id]) - found


def _sentences_of(corpus: list[Article], article_id: str) -> list[Sentence]:
    article = next(article for article in corpus if article.id == article_id)
    return split_sentences(article.text, article.language, (article.title, article.subtitle))
