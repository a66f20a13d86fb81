"""Measures the page as a reader meets it: first paint, first words, the way into an article; medians over rounds.

python -m tests.browser.measure --rounds 10
"""

import argparse
import shutil
from collections import defaultdict
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from time import perf_counter

from playwright.sync_api import Browser, sync_playwright

from newsqa import load, open_assistant
from tests.browser.conftest import BROWSERS, WIDE
from tests.serving import Server, serving

QUESTIONS = (
    "How much of Ukraine's territory does Russia control?",
    "When does the Hollin Bridge open?",
    "Who is the president of Brazil?",
)
_WATCH = """number => { window.shown = {}; new MutationObserver((_, watching) => {
    const last = document.querySelectorAll('.nq-answer')[number - 1];
    if (!last) return;
    const say = last.querySelector('.nq-statement, .nq-verdict');
    if (say && !window.shown.words) window.shown.words = performance.now();
    if (!last.matches('.nq-growing')) { window.shown.whole = performance.now(); watching.disconnect(); }
}).observe(document.body, { subtree: true, childList: true, characterData: true }); }"""


def main() -> None:
    """Prints the median, the 95th percentile and the greatest of each time, in milliseconds."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=10, help="pages that are opened")
    rounds = options.parse_args().rounds
    times: dict[str, list[float]] = defaultdict(list)
    with TemporaryDirectory() as folder:
        library = Path(folder) / "library"
        with open_assistant(library) as opened:
            opened.library.add(load("corpus"))
        with serving(library, page=True) as server, sync_playwright() as playwright:
            found = next(filter(None, map(shutil.which, BROWSERS)))
            browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
            for _ in range(rounds):
                _round(browser, server, times)
    for name, values in times.items():
        p95 = quantiles(values, n=20)[-1]
        print(
            f"{name:<30} median {median(values):5.0f}  p95 {p95:5.0f}  greatest {max(values):5.0f} ms  of {len(values)}"
        )


def _round(browser: Browser, server: Server, times: dict[str, list[float]]) -> None:
    page = browser.new_context(viewport={"width": WIDE[0], "height": WIDE[1]}).new_page()
    start = perf_counter()
    page.goto(server.url)
    page.wait_for_selector(".nq-welcome")
    times["ready to be asked"].append(1000 * (perf_counter() - start))
    page.wait_for_selector("button.example")
    paint = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
    times["first paint"].append(page.evaluate(paint))
    for number, question in enumerate(QUESTIONS, start=1):
        page.fill("#nq-question textarea", question)
        page.evaluate(_WATCH, number)
        asked = page.evaluate("performance.now()")
        page.keyboard.press("Enter")
        page.wait_for_function("window.shown.whole")
        shown = page.evaluate("window.shown")
        times["first words of an answer"].append(shown["words"] - asked)
        times["whole answer"].append(shown["whole"] - asked)
        page.wait_for_selector("#nq-question .submit-button")
    start = perf_counter()
    page.locator(".nq-chip").first.click()
    page.wait_for_selector("#nq-article mark.nq-strong")
    times["from a number into the article"].append(1000 * (perf_counter() - start))
    page.context.close()


if __name__ == "__main__":
    main()
