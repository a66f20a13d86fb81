"""A server with its page, and tabs of a real browser that tell of everything that must not happen."""

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from newsqa import Article, open_assistant
from tests.fetch_serving import Site, answer, site
from tests.serving import Server, serving

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WIDE, PHONE = (1440, 900), (360, 740)
expect.set_options(timeout=15_000)


@dataclass
class Tab:
    """A page in the browser, and what went on in it that must not."""

    page: Page
    server: Server
    foreign: list[str] = field(default_factory=list)
    """Requests to any other place than the server."""
    faults: list[str] = field(default_factory=list)
    """Errors of scripts, and replies that are errors."""

    def ask(self, question: str) -> None:
        """Asks, and waits for the whole answer."""
        number = self.page.locator(".nq-answer").count() + 1
        self.page.locator("#nq-question textarea").fill(question)
        self.page.keyboard.press("Enter")
        self.await_answers(number)

    def await_answers(self, number: int) -> None:
        """Waits until there are so many answers, all complete."""
        expect(self.page.locator(".nq-answer")).to_have_count(number)
        expect(self.page.locator(".nq-growing")).to_have_count(0)
        expect(self.page.locator("#nq-question .submit-button")).to_be_visible()

    def tell(self, text: str) -> None:
        """Waits until the last answer has this text."""
        expect(self.page.locator(".nq-answer").last).to_contain_text(text)


@pytest.fixture(scope="module")  # no longer: its event loop stands in the way of others
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not found:
        pytest.skip("there is no Chromium on this machine; on Debian: apt install chromium")
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        launched = playwright.chromium.launch(executable_path=found, args=arguments)
        yield launched
        launched.close()


_OTTERS = """<html lang="en"><head><title>Otters return</title></head><body><article><h1>Otters return</h1>
<p>The otters of Lake Quorn were counted on Friday: there are 73, as many as in the year before the flood.</p>
<p>Wardens walked the shore from the weir to the old mill and looked for tracks in the mud.</p></article></body>
</html>"""


@pytest.fixture(scope="module")
def web() -> Iterator[Site]:
    """A web of one page, /otters."""
    with site({"/otters": answer(_OTTERS.encode())}) as running:
        yield running


@pytest.fixture(scope="module")
def paged(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory, corpus: list[Article], web: Site
) -> Iterator[Server]:
    """A server with its page over the shipped corpus, allowed that web; tests put back what they change."""
    del browser  # where there is none, no server is started either
    folder = tmp_path_factory.mktemp("paged") / "library"
    with open_assistant(folder) as opened:
        opened.library.add(corpus)
    with serving(folder, {"NEWSQA_FETCH_ALLOW": f"127.0.0.1:{web.port}"}, page=True) as running:
        yield running


Open = Callable[..., Tab]


@pytest.fixture
def open_tab(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Open]:
    """Opens tabs; at the end none of them may have asked another machine for anything, nor had errors."""
    contexts: list[BrowserContext] = []
    tabs: list[Tab] = []

    def opened(server: Server, size: tuple[int, int] = WIDE, *, path: str = "/", **options: object) -> Tab:
        width, height = size
        context = browser.new_context(viewport={"width": width, "height": height}, **options)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        tab = Tab(page, server)
        page.on("request", lambda sent: None if _own(sent.url, server) else tab.foreign.append(sent.url))
        page.on("pageerror", lambda error: tab.faults.append(str(error)))
        page.on(
            "response", lambda reply: tab.faults.append(f"{reply.status} {reply.url}") if reply.status >= 400 else None
        )
        page.goto(server.url + path)
        tabs.append(tab)
        return tab

    yield opened
    for context in contexts:
        context.close()
    assert [] == [url for tab in tabs for url in tab.foreign], "a request left the machine"
    if "faulty" not in request.keywords:
        assert [] == [fault for tab in tabs for fault in tab.faults]


@pytest.fixture
def tab(paged: Server, open_tab: Open) -> Tab:
    """The page at 1440 pixels, nothing asked yet."""
    opened = open_tab(paged)
    expect(opened.page.locator(".nq-welcome")).to_be_visible()
    return opened


def _own(url: str, server: Server) -> bool:
    return url.startswith((server.url, "data:", "blob:")) or bool(re.fullmatch("about:.*", url))


@pytest.fixture
def poisoned(tmp_path: Path) -> Path:
    """A file whose every part is an attack on the page."""
    file = tmp_path / "poisoned.md"
    file.write_text(POISONED, encoding="utf-8")
    return file


POISONED = """---
title: '</a><script>window.hacked = "title"</script><img src=x onerror="window.hacked = 1"> Zorbian harvest'
publisher: '"><svg onload="window.hacked = 2"> Zorbian Post'
author: '<iframe src="javascript:parent.hacked = 3"></iframe>'
url: 'javascript:window.hacked = 4'
subtitle: '<style>body { display: none }</style>'
published: 2026-04-01
---
The Zorbian harvest yielded 88,412 baskets of plums <script>window.hacked = "body"</script> in the valley of Quarn.

<img src="http://evil.example/pixel.png" onerror="window.hacked = 5"> The harvest was led by Orla Quist.

![plums](http://evil.example/plums.png) [click](javascript:window.hacked=6) The plums of Zorbia cost 17 crowns. [7] \
</pre></details></div><script>window.hacked = 7</script>

<a href="#do/remove/istanbul-talks-2025-05">The elder of Quarn said the plums were good.</a>
"""
