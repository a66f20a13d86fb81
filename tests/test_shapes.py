"""What form of answer a question wants."""

import pytest

from newsqa.answering.shapes import Shape, shape_of

SHAPES = {
    Shape.FACT: [
        "Who opened the bridge?",
        "What does Russia mean by “root causes”?",
        "Name the head of EU foreign policy.",
        "How many people came?",
        "Which newspaper mentions experts?",
        "Which of the two is longer, the bridge or the tunnel?",
        "Was it Ulm or Lund?",
        "cheese fair date",
        "Which sports team won?",
        "How strong was the quake?",
        "May I ask who won?",
        "",
    ],
    Shape.LIST: [
        "Which countries oppose it?",
        "In which years did the team win?",
        "Name the streets that were flooded.",
        "What kinds of people may speak?",
        "Who are the four parties to the agreement?",
        "And which cities were hit?",
        "What are the demands of the strikers?",
        "Which women were elected?",
    ],
    Shape.EXPLANATION: [
        "Why did the gate stick?",
        "How did the thieves get in?",
        "What happened in Ulm?",
        "Explain the plan.",
        "What led to the strike?",
        "What makes it dangerous?",
        "What was the cause of the fire?",
    ],
    Shape.DECISION: [
        "Is Turkey in NATO?",
        "did anybody get hurt?",
        "Can you tell me if it is open?",
        "Wasn’t it closed?",
    ],
}


@pytest.mark.parametrize(("shape", "question"), [(shape, each) for shape in SHAPES for each in SHAPES[shape]])
def test_the_words_of_a_question_tell_its_shape(shape: Shape, question: str) -> None:
    assert shape is shape_of(question)
