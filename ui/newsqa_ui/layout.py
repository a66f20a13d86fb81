"""Lays the page out of Gradio's components: a bar, articles and conversations, the talk, and the article beside it."""

from importlib.resources import files

import gradio as gr

from newsqa_ui.session import Session
from newsqa_ui.showing import html

ACTIONS = (
    *("cite", "near", "read", "part", "search", "choose", "remove", "more", "everything"),
    *("converse", "forget", "new"),
)
"""What links of our own HTML ask for, and the search; each is an event of the bridge."""
_BRIDGE = f"window.newsqaSend = trigger; const sent = {list(ACTIONS)!r};"
_SHOWN = "watch('value', () => window.newsqaShown(element));"


class Layout:
    """The page's components, to be made within a `gr.Blocks`."""

    def __init__(self, *, leaving: bool) -> None:
        """Lays them out.

        Args:
            leaving: whether there is a key to forget.
        """
        self.session = gr.State(Session(), time_to_live=24 * 3600)
        self.bar = gr.HTML(html("bar", conversation="", leaving=leaving), elem_id="nq-bar")
        gr.HTML('<p id="nq-told" role="status"></p>', elem_id="nq-telling")
        self.bridge = gr.HTML("", js_on_load=_BRIDGE, elem_id="nq-bridge")
        self.place = gr.Textbox(visible="hidden", elem_id="nq-place", container=False)
        with gr.Row(elem_id="nq-rooms"):
            with gr.Column(elem_id="nq-articles", min_width=0):
                self._articles()
            with gr.Column(elem_id="nq-conversations", min_width=0):
                gr.HTML("<h2>Conversations</h2>")
                self.kept = gr.HTML("", elem_id="nq-kept")
            with gr.Column(elem_id="nq-talk", min_width=0):
                self._talk()
            with gr.Column(elem_id="nq-article", min_width=0):
                gr.HTML(
                    '<a role="button" class="nq-close" href="#do/close">Close the article</a>', elem_id="nq-closing"
                )
                self.article = gr.HTML("", js_on_load=_SHOWN, elem_id="nq-paper")

    def _articles(self) -> None:
        gr.HTML("<h2>Articles</h2>")
        gr.Textbox(label="Search", placeholder="Title, publisher, author…", elem_id="nq-search")
        with gr.Accordion("Filter", open=False, elem_id="nq-filter"):
            self.publisher = gr.Dropdown([("All publishers", "")], value="", label="Publisher")
            self.first = gr.Textbox(label="From", placeholder="2025-05-12", max_length=10)
            self.last = gr.Textbox(label="Until", placeholder="2025-05-31", max_length=10)
        with gr.Accordion("Add articles", open=False, elem_id="nq-add") as self.adding:
            self.uploads = gr.File(
                label="Text, HTML, PDF, Word, zip…",
                file_count="multiple",
                elem_id="nq-files",
                height=140,
            )
            self.replace = gr.Checkbox(label="Replace articles of the same name", value=False)
            self.address = gr.Textbox(label="Page or feed", placeholder="https://…", max_length=1000, submit_btn="Load")
            self.again = gr.Button("Look for news at all origins", size="sm")
            with gr.Accordion("Paste a text", open=False):
                self.title = gr.Textbox(label="Title", max_length=1000)
                self.text = gr.Textbox(label="Text", lines=6, max_lines=12)
                self.outlet = gr.Textbox(label="Publisher (if known)", max_length=1000)
                self.published = gr.Textbox(label="Published (if known)", placeholder="2025-05-12", max_length=40)
                self.url = gr.Textbox(label="Address (if known)", placeholder="https://…", max_length=1000)
                self.paste = gr.Button("Add this text", size="sm")
            self.added = gr.HTML("", elem_id="nq-added")
        self.listing = gr.HTML("", elem_id="nq-listing")

    def _talk(self) -> None:
        self.chat = gr.Chatbot(
            label="Conversation",
            show_label=False,
            elem_id="nq-chat",
            allow_tags=False,
            sanitize_html=True,
            latex_delimiters=[],
            buttons=[],
            editable="user",
            placeholder=html("welcome", empty=False),
            autoscroll=False,  # the page's script keeps the question in view, so that an answer is read from its top
            layout="bubble",
            height="100%",
            container=False,
        )
        self.asking = gr.HTML("", elem_id="nq-asking")
        self.box = gr.Textbox(
            label="Question",
            show_label=False,
            placeholder="Ask about the articles",
            submit_btn="Ask",
            stop_btn=False,
            lines=1,
            max_lines=6,
            autofocus=True,
            elem_id="nq-question",
        )


def theme() -> gr.Theme:
    """Fonts that the reader's machine has, so that none is fetched."""
    fonts = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]
    return gr.themes.Base(primary_hue="teal", neutral_hue="stone", font=fonts, font_mono=["ui-monospace", "monospace"])


def own_file(name: str) -> str:
    """The text of a file of this package."""
    return files("newsqa_ui").joinpath(name).read_text(encoding="utf-8")
