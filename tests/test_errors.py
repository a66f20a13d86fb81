"""The tree of errors: as it is drawn, so it is."""

import ast
import inspect
from pathlib import Path

import newsqa
from newsqa import errors

CLASSES = {
    name: kind for name, kind in inspect.getmembers(errors, inspect.isclass) if kind.__module__ == errors.__name__
}


def _drawn(picture: str) -> dict[str, str]:
    """Every class of the picture with the class above it."""
    parents: dict[str, str] = {}
    above: list[tuple[int, str]] = [(-1, "Exception")]
    for line in picture.splitlines():
        name = next((word for word in line.split() if word.endswith("Error")), "")
        if not name or not line.startswith("    ") or line.lstrip(" │├└─").split()[0] != name:
            continue
        column = line.index(name)
        above = [(place, other) for place, other in above if place < column]
        parents[name] = above[-1][1]
        above.append((column, name))
    return parents


def test_the_tree_in_the_docstring_is_the_tree_of_the_classes() -> None:
    assert _drawn(errors.__doc__ or "") == {name: kind.__bases__[0].__name__ for name, kind in CLASSES.items()}


def test_the_drawing_is_read_by_its_columns() -> None:
    assert {"AError": "Exception", "BError": "AError", "CError": "BError", "DError": "AError"} == _drawn(
        "    AError      one\n    ├── BError  two\n    │   └── CError three\n    └── DError four\n"
    )


def test_one_except_clause_catches_them_all() -> None:
    assert all(issubclass(kind, newsqa.NewsqaError) for kind in CLASSES.values())
    assert not issubclass(newsqa.NewsqaError, ValueError | OSError | LookupError)


def test_every_error_says_in_a_sentence_what_is_wrong() -> None:
    assert [] == [name for name, kind in CLASSES.items() if not (kind.__doc__ or "").rstrip().endswith(".")]


def test_every_error_is_raised_somewhere() -> None:
    raised = {
        node.exc.func.id
        for file in Path(errors.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and isinstance(node.exc.func, ast.Name)
    }
    assert set() == set(CLASSES) - raised
