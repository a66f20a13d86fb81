"""What a sentence plainly says: yes or no, and who says so; where it is not plain, nothing is said."""

import pytest

from newsqa.answering.saying import decision, leans, only_name, speaker

UNDECIDED = [
    ("Did Ukraine attack the dam?", "Moscow said Ukraine attacked the dam."),
    ("Did Ukraine join NATO?", "Ukraine wants to join NATO."),
    ("Did Ukraine join NATO?", "Ukraine is to join NATO."),
    ("Did the mayor resign?", "Opposition leaders urged the mayor to resign."),
    ("Did the mayor resign?", "The deputy mayor resigned."),
    ("Did the mayor resign?", "The mayor resigned, the false report said."),
    ("Did Iran attack Israel?", "Iran threatened to attack Israel on Monday."),
    ("Has Merz visited Kyiv?", "Merz will visit Kyiv on Friday."),
    ("Was Smith convicted of murder?", "Smith was acquitted; Jones was convicted of murder."),
    ("Is the museum open on Monday?", "The museum is open every day except Monday."),
    ("Will talks start before the election?", "Talks will start after the election."),
    ("Does the law ban smoking?", "The law bans smoking in bars but not in private homes."),
    ("Did the strike end?", "The strike ended no later than Friday."),
    ("Did Ulm beat Lund?", "Lund beat Ulm."),
    ("Is it?", "It is."),
]
DECIDED = [
    ("Is Turkey in NATO?", "Turkey is in NATO.", "Yes"),
    ("Is the bridge closed?", "The bridge is closed for repairs.", "Yes"),
    ("Is the bridge closed?", "The bridge is not closed.", "No"),
    ("Did the flood kill anybody?", "The flood didn’t kill anybody in Ulm.", "No"),
]


@pytest.mark.parametrize(("question", "sentence"), UNDECIDED)
def test_what_is_not_plain_is_not_decided(question: str, sentence: str) -> None:
    assert "" == decision(question, sentence)


@pytest.mark.parametrize(("question", "sentence", "verdict"), DECIDED)
def test_what_is_plain_is_decided(question: str, sentence: str, verdict: str) -> None:
    assert verdict == decision(question, sentence)


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
