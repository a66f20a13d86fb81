"""Who plainly says what a sentence says, and whether it points back; where it is not plain, nobody is named."""

import pytest

from newsqa.answering.saying import is_pronoun, leans, only_name, speaker

SPEAKERS = [
    ("According to the IMF they have cut it.", "", "the IMF"),
    ("“Talks are good,” said a local teacher, speaking anonymously.", "", "a local teacher"),
    ("K. L. Marsh, the director, told staff in a letter that she would leave.", "", "K. L. Marsh"),
    ("The bridge will cost nine million, said Carla Voss, who builds it.", "", "Carla Voss"),
    ("It opens in June, the Roads Office said on Wednesday.", "", "the Roads Office"),
    ("It rained, per The Telegraph, and snowed.", "", "The Telegraph"),
    ("He said that the dam was safe.", "The minister, Carla Voss, spoke on the radio.", "Carla Voss"),
    ("He said that the dam was safe.", "Merz met Macron in Paris.", ""),
    ("On Monday Merz said that it rained.", "", ""),
    ("But Merz said that it rained.", "", ""),
    ("The wife of Carlo Bassi told him.", "", ""),
    ("A man who met Carla Voss told him.", "", ""),
    ("Police in Ulm, 40 km away, said so.", "", ""),
    ("Output fell by 5% per Capita.", "", ""),
    ("The talks failed.", "Carla Voss spoke.", ""),
]


@pytest.mark.parametrize(("sentence", "previous", "who"), SPEAKERS)
def test_a_speaker_is_who_is_plainly_named_as_one(sentence: str, previous: str, who: str) -> None:
    assert who == speaker(sentence, previous)


def test_who_says_something_else_is_not_named() -> None:
    sentence = "Ukraine reports 31,000 soldiers killed, Russia claimed 50,000 of its own dead."
    assert "" == speaker(sentence, place=sentence.index("31,000"))


def test_a_name_stands_for_he_only_where_there_is_but_one() -> None:
    assert "Carla Voss" == only_name("Carla Voss came by train on Tuesday.")
    assert "" == only_name("Carla Voss met Bo Fox.")


@pytest.mark.parametrize("sentence", ["He left.", "“They did,” he said.", "But this failed.", "It rained."])
def test_a_sentence_that_points_back_leans(sentence: str) -> None:
    assert leans(sentence)


@pytest.mark.parametrize("sentence", ["The ferry left.", "Theresa left.", "Itaipu is a dam."])
def test_a_sentence_that_names_what_it_speaks_of_does_not(sentence: str) -> None:
    assert not leans(sentence)


def test_a_pronoun_is_no_name() -> None:
    assert [True, True, False, False] == [is_pronoun(answer) for answer in ("She", "their", "Theresa", "she said")]
