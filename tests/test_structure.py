"""The house: which module may import which, what is public, and what the errors promise."""

import ast
import re
from pathlib import Path

import pytest

import newsqa
import newsqa_ui

SOURCE = Path(newsqa.__file__).parent
LAYERS = (
    {"domain", "errors"},
    {
        "settings",
        "inference",
        "english",
        "loading",
        "passages",
        "embedding",
        "reader",
        "grounding",
        "chat",
        "dialogue",
        "models",
    },
    {"library", "retrieval", "answering"},
    {"speaking"},
    {"assistant"},
    {"wiring"},
    {"api"},
    {"cli"},
)
"""Lowest first; a module imports from its own layer or below."""
MODULES = sorted(SOURCE.rglob("*.py"))
PAGE = sorted(Path(newsqa_ui.__file__).parent.rglob("*.py"))


def _layer(module: str) -> int:
    return next(index for index, names in enumerate(LAYERS) if module in names)


def _imported(file: Path) -> set[str]:
    """The rooms of newsqa that a file imports from."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        found |= {name.split(".")[1] for name in names if name.startswith("newsqa.")}
    return found


@pytest.mark.parametrize("file", MODULES, ids=lambda file: str(file.relative_to(SOURCE)))
def test_a_module_imports_from_its_own_layer_or_below(file: Path) -> None:
    room = file.relative_to(SOURCE).parts[0].removesuffix(".py")
    if room == "__init__":  # the table of contents names every room
        return
    above = {other for other in _imported(file) if _layer(other) > _layer(room)}
    assert set() == above


def test_only_the_command_line_knows_the_page_and_the_evals() -> None:
    for file in MODULES:
        if file.parent.name != "cli":
            assert not re.search(r"^\s*(?:from|import) newsqa_(?:ui|evals)\b", file.read_text("utf-8"), re.MULTILINE), (
                file
            )


def test_domain_and_errors_import_the_standard_library_only() -> None:
    for name in ("domain", "errors"):
        roots = set()
        for node in ast.walk(ast.parse((SOURCE / f"{name}.py").read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                roots.add((node.module or "").split(".")[0])
        assert roots <= {"collections", "dataclasses", "datetime", "hashlib", "typing", "unicodedata", "newsqa"}


def test_only_grounding_makes_citations() -> None:
    makers = []
    for file in MODULES:
        tree = ast.parse(file.read_text(encoding="utf-8"))
        calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
        if any(isinstance(call, ast.Name) and call.id == "Citation" for call in calls):
            makers.append(str(file.relative_to(SOURCE)))
    assert ["grounding/citing.py"] == makers


def test_only_the_wiring_names_vendors() -> None:
    for file in MODULES:
        if file.name not in {"wiring.py", "embedding.py"}:
            assert "OnnxEmbeddings(" not in file.read_text(encoding="utf-8"), file


def test_every_public_name_is_there_and_documented() -> None:
    for name in newsqa.__all__:
        assert getattr(newsqa, name).__doc__, name


def test_the_public_names_are_those_that_type_checkers_see() -> None:
    tree = ast.parse((SOURCE / "__init__.py").read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {alias.name for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert set(newsqa.__all__) == seen


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing_like_this"):
        newsqa.nothing_like_this  # noqa: B018


@pytest.mark.parametrize("file", [*MODULES, *PAGE], ids=lambda file: f"{file.parent.name}/{file.name}")
def test_every_module_says_in_a_sentence_what_it_is(file: Path) -> None:
    docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
    assert docstring, file
    assert docstring.split("\n\n")[0].rstrip().endswith((".", "?", ":")), docstring
