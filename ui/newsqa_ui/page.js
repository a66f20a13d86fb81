// What Gradio has no part for: links that act, the card of a citation, panels, and the way into an article and back.
(() => {
  const rooms = () => document.getElementById("nq-rooms");
  const wide = matchMedia("(min-width: 1100px)");
  let opener = null; // what had the focus before an article was opened

  const send = (name, values) => window.newsqaSend?.(name, { values });
  const acts = (link) => link.getAttribute("href").split("/").slice(1).map(decodeURIComponent);

  // Links that act. None in what the reader typed does; what deletes does so only where it asks before.

  function linkOf({ target }) {
    const link = target.closest?.('a[href^="#do/"]');
    if (!link || link.closest(".user-row")) return null;
    const deletes = ["remove", "forget"].includes(acts(link)[0]);
    return deletes && !link.closest("details.nq-confirm") ? null : link;
  }

  const own = {
    copy(id) {
      const text = document.getElementById(`${id}-copied`).textContent;
      const copying = navigator.clipboard?.writeText(text) ?? Promise.reject();
      copying.then(() => tell("Copied"), () => tell("The browser does not allow copying here: select the text"));
    },
    new() {
      address("");
      send("new", []);
    },
    close: closeArticle,
    everything() {
      for (const box of document.querySelectorAll("#nq-listing input:checked")) box.checked = false;
      send("everything", []);
    },
    remove(id) {
      send("remove", [id]);
      focusOn(document.querySelector("#nq-articles h2"));
    },
    forget(id) {
      send("forget", [id]);
      focusOn(document.querySelector("#nq-conversations h2"));
    },
    converse(id) {
      if (!wide.matches) panel("");
      send("converse", [id]);
    },
  };

  document.addEventListener("click", (event) => {
    if (event.target.closest?.('a[href^="#do/"]')) event.preventDefault();
    const link = linkOf(event);
    if (!link) return;
    const [name, ...values] = acts(link);
    if (["cite", "near", "read"].includes(name)) opener = link;
    link.closest("details.nq-confirm")?.removeAttribute("open");
    hideCard();
    if (own[name]) own[name](...values);
    else send(name, values);
  });
  document.addEventListener("mousedown", (event) => {
    // A date that loses the focus here would be told beside "everything", and filter again when it came second.
    if (event.target.closest?.('a[href="#do/everything"]')) event.preventDefault();
  });
  document.addEventListener("keydown", (event) => {
    const link = linkOf(event);
    if (link?.getAttribute("role") === "button" && event.key === " ") {
      event.preventDefault();
      link.click();
    }
    if (event.key !== "Escape") return;
    if (event.target.closest?.("#nq-chat textarea")) document.querySelector('#nq-chat [aria-label="Cancel"]')?.click();
    else if (!card.hidden) hideCard();
    else if (rooms().dataset.article) closeArticle();
    else panel("");
  });
  document.addEventListener("change", (event) => {
    const id = event.target.dataset?.id;
    if (id !== undefined) send("choose", [id, event.target.checked ? "yes" : "no"]);
  });

  let searching = 0;
  document.addEventListener("input", ({ target }) => {
    if (!target.closest?.("#nq-search")) return;
    clearTimeout(searching);
    searching = setTimeout(() => send("search", [target.value]), 200);
  });

  // The card of a citation

  const card = document.createElement("div");
  card.id = "nq-card";
  card.setAttribute("role", "tooltip");
  card.hidden = true;
  document.body.append(card);
  let leaving = 0;

  function showCard(chip) {
    const [, id, number] = acts(chip);
    const from = document.getElementById(`${id}-${number}`);
    if (!from) return;
    clearTimeout(leaving);
    const quote = document.createElement("q");
    quote.textContent = from.querySelector(".nq-quote").textContent.replace(/^“|”$/g, "");
    const outlet = document.createElement("p");
    outlet.textContent = from.querySelector(".nq-outlet").textContent;
    card.replaceChildren(outlet, quote);
    card.hidden = false;
    const at = chip.getBoundingClientRect(), size = card.getBoundingClientRect();
    const left = Math.min(Math.max(8, at.left + at.width / 2 - size.width / 2), innerWidth - size.width - 8);
    const above = at.top - size.height - 8;
    card.style.left = `${left}px`;
    card.style.top = `${above > 8 ? above : at.bottom + 8}px`;
    chip.setAttribute("aria-describedby", card.id);
  }
  function hideCard() {
    card.hidden = true;
  }
  const chipOf = (event) => event.target.closest?.("a.nq-chip");
  for (const coming of ["pointerover", "focusin"])
    document.addEventListener(coming, (event) => {
      const chip = chipOf(event);
      if (chip) showCard(chip);
      else if (card.contains(event.target)) clearTimeout(leaving);
    });
  for (const going of ["pointerout", "focusout"])
    document.addEventListener(going, (event) => {
      if (chipOf(event) || card.contains(event.target)) leaving = setTimeout(hideCard, 200);
    });

  // The article beside the conversation

  window.newsqaShown = (room) => {
    const paper = room.querySelector(".nq-paper");
    if (!paper) return;
    rooms().dataset.article = "open";
    entered();
    told();
    const lit = paper.querySelector("mark.nq-lit, mark.nq-strong");
    requestAnimationFrame(() => {
      if (lit) lit.scrollIntoView({ block: "center" });
      else room.closest("#nq-article").scrollTop = 0;
      focusOn(lit ?? paper.querySelector("h2") ?? paper);
    });
  };
  function closeArticle() {
    delete rooms().dataset.article;
    if (!rooms().dataset.panel) left();
    told();
    if (opener?.isConnected && opener.checkVisibility()) opener.focus();
    else document.querySelector("#nq-question textarea").focus();
  }
  function focusOn(element) {
    element.tabIndex = -1;
    element.focus({ preventScroll: true });
  }

  // Panels; where they cover the conversation, "back" leaves them

  function panel(name) {
    rooms().dataset.panel = name;
    if (!wide.matches) {
      delete rooms().dataset.article;
      if (name) entered();
      else left();
    }
    told();
  }
  function told() {
    const shown = wide.matches || !rooms().dataset.article ? rooms().dataset.panel : ""; // else the article covers it
    for (const button of document.querySelectorAll("button[data-panel]"))
      button.setAttribute("aria-expanded", String(button.dataset.panel === shown));
  }
  function entered() {
    if (!wide.matches && !history.state?.room) history.pushState({ room: true }, "");
  }
  function left() {
    if (history.state?.room) history.back();
  }
  addEventListener("popstate", () => {
    if (history.state?.room) return;
    delete rooms().dataset.article;
    rooms().dataset.panel = "";
    told();
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("button[data-panel]");
    if (button) panel(button.getAttribute("aria-expanded") === "true" ? "" : button.dataset.panel);
    if (event.target.closest?.("[data-theme]")) {
      const dark = document.body.classList.toggle("dark");
      localStorage.setItem("newsqa-theme", dark ? "dark" : "light");
    }
  });
  const theme = localStorage.getItem("newsqa-theme");
  if (theme) document.body.classList.toggle("dark", theme === "dark");

  // The conversation's address, and short notes

  function address(conversation) {
    const search = conversation ? `?conversation=${encodeURIComponent(conversation)}` : location.pathname;
    history.replaceState(history.state, "", search);
  }
  window.newsqaPlace = address;

  function tell(words) {
    const status = document.getElementById("nq-told");
    status.textContent = words;
    setTimeout(() => { status.textContent = ""; }, 3000);
  }

  // The last question stays at the top while its answer grows, until the reader scrolls

  let asked = 0, pinned = false, placed = 0;
  function keepInView() {
    const questions = document.querySelectorAll("#nq-chat .user-row");
    if (questions.length !== asked) pinned = (asked = questions.length) > 0;
    if (!pinned) return;
    const room = document.querySelector("#nq-chat .bubble-wrap");
    room.scrollTop += questions[asked - 1].getBoundingClientRect().top - room.getBoundingClientRect().top;
    placed = room.scrollTop;
  }
  document.addEventListener("scroll", ({ target }) => {
    if (target.matches?.("#nq-chat .bubble-wrap") && Math.abs(target.scrollTop - placed) > 2) pinned = false;
  }, { capture: true, passive: true });

  // Gradio labels each message with its markup, which screen readers would read out, and calls buttons a list.

  new MutationObserver((changes) => {
    const within = (room) => changes.some(({ target }) => target.closest?.(room));
    if (within("#nq-bar")) told();
    if (!within("#nq-chat")) return;
    keepInView();
    for (const labelled of document.querySelectorAll("#nq-chat [data-testid][aria-label]"))
      labelled.removeAttribute("aria-label");
    for (const list of document.querySelectorAll("#nq-chat .examples[role=list]")) {
      list.setAttribute("role", "group");
      list.setAttribute("aria-label", "Suggested questions");
    }
  }).observe(document.body, { subtree: true, childList: true, attributes: true, attributeFilter: ["aria-label"] });
})();
