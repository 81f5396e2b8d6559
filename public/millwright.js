// What Chainlit's page cannot do by itself: the words of the first screen, names for buttons that
// only have a picture, and the viewer that opens a manual's page with the passage marked.
"use strict";

(() => {
  const texts = JSON.parse(document.getElementById("millwright-texts")?.textContent || "{}");

  // Follow the device's light or dark setting until somebody chooses.
  if (!localStorage.getItem("vite-ui-theme")) localStorage.setItem("vite-ui-theme", "system");

  // Chainlit connects twice when a conversation's address is loaded, at first without knowing which
  // conversation. Whoever has its cookie last stays, and with the first the page would wait for its
  // messages forever: only the latest goes on.
  const fetchAny = window.fetch;
  let connecting = 0;
  window.fetch = async (...request) => {
    const answer = fetchAny(...request);
    if (!String(request[0]?.url ?? request[0]).endsWith("/set-session-cookie")) return answer;
    const mine = ++connecting;
    await answer.catch(() => {});
    return mine === connecting ? answer : new Promise(() => {});
  };

  const make = (tag, attributes = {}, ...children) => {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name === "onclick") node.addEventListener("click", value);
      else node.setAttribute(name, value);
    }
    node.append(...children);
    return node;
  };

  // --- first screen and names ------------------------------------------------------------------

  const introduce = (screen) => {
    if (screen.querySelector(".mw-intro")) return;
    screen.append(
      make("div", { class: "mw-intro" }, make("h1", {}, texts.headline), make("p", {}, texts.lead)),
      make("p", { class: "mw-ai", role: "note" }, texts.ai)
    );
  };

  const NAMES = {
    "#sidebar-trigger-button": "history",
    "#new-chat-button": "new_chat",
    "#theme-toggle": "theme",
    "#user-nav-button": "account",
    "#chat-submit": "send",
    "#stop-button": "stop",
    "#ask-button-input": "choose_file",
    ".edit-message": "edit",
    "[class*=positive-feedback]": "thumb_up",
    "[class*=negative-feedback]": "thumb_down",
    "button:has(> .lucide-copy)": "copy",
    "button:has(> .lucide-arrow-down)": "to_the_end",
    "#thread-options": "options",
    "form .relative > button": "show_password",
    "[data-sidebar=rail]": "history",
    "[cmdk-list]": "choices",
    "#search-chats-button, [data-sidebar=header] button:has(svg):not([id])": "search",
  };

  // Chainlit tells of a refused call as "Too Many Requests: …": what counts stands behind the colon.
  // A wrong password is told by the form, in words.
  const inOurWords = (toast) => {
    if (toast.textContent.endsWith("credentialssignin")) toast.closest("[data-sonner-toast]").style.display = "none";
    const said = toast.textContent.replace(/^(?:[A-Z][A-Za-z]*(?: [A-Z][A-Za-z]*)*)?: /, "");
    if (said !== toast.textContent) toast.textContent = said;
  };

  const name = () => {
    for (const [selector, key] of Object.entries(NAMES)) {
      for (const node of document.querySelectorAll(selector)) {
        if (node.getAttribute("aria-label") !== texts[key]) node.setAttribute("aria-label", texts[key]);
      }
    }
    for (const menu of document.querySelectorAll("#thread-options:not([role])")) menu.setAttribute("role", "button");
    const input = document.getElementById("chat-input");
    if (input && !input.getAttribute("aria-label")) input.setAttribute("aria-label", texts.question);
    for (const list of document.querySelectorAll(".ai-message ol[start]")) {
      list.style.setProperty("--mw-start", Number(list.getAttribute("start")) - 1);
    }
    document.querySelectorAll("[data-sonner-toast] [data-title]").forEach(inOurWords);
    const screen = document.getElementById("welcome-screen");
    if (screen && texts.headline) introduce(screen);
  };

  // The question goes to the top of the window and its answer grows below it. The room that
  // Chainlit keeps for that is right only while text streams: take back what cards have filled.
  // Chainlit scrolls there, too, and ends early when the room changes meanwhile: for a moment we see
  // to it that it stays there, unless somebody takes over.
  const SETTLING_MS = 2000;
  let asked = 0;
  let settlesUntil = 0;
  const fitRoom = () => {
    const room = document.querySelector(".overflow-y-auto > .flex-shrink-0:last-child:empty");
    const questions = document.querySelectorAll('[data-step-type="user_message"]');
    if (asked > 0 && questions.length === asked + 1) settlesUntil = performance.now() + SETTLING_MS;
    asked = questions.length;
    if (!room || !questions.length) return;
    const last = questions[questions.length - 1];
    const used = room.getBoundingClientRect().top - last.getBoundingClientRect().top;
    const height = `${Math.max(0, Math.round(room.parentElement.clientHeight - used - 24))}px`;
    if (room.style.height !== height) room.style.height = height;
    if (performance.now() < settlesUntil) last.scrollIntoView({ block: "start" });
  };
  document.addEventListener("scrollend", fitRoom, true);
  for (const taking of ["wheel", "touchmove", "pointerdown", "keydown"]) {
    document.addEventListener(taking, () => { settlesUntil = 0; }, { capture: true, passive: true });
  }

  // A command of the menu needs no further words: choosing it calls it up. (Chainlit would wait for
  // "send".) What somebody has typed meanwhile stays where it is.
  const called = new WeakSet();
  const callUp = () => {
    const chosen = document.querySelector("#message-composer .command-button");
    if (!chosen || called.has(chosen)) return;
    called.add(chosen);
    if (!document.getElementById("chat-input").value) document.getElementById("chat-submit")?.click();
  };

  let waiting = false;
  new MutationObserver(() => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      name();
      fitRoom();
      callUp();
    });
  }).observe(document.documentElement, { childList: true, subtree: true });

  // --- the opened page -------------------------------------------------------------------------

  const root = document.querySelector('meta[property="og:root_path"]')?.content || "";

  // A box of a passage, in shares of the page, a little larger than its letters.
  const mark = ({ x0, y0, x1, y1 }) => {
    const box = make("div", { class: "mw-mark" });
    const pad = 0.004;
    const sides = { left: x0 - pad, top: y0 - pad, width: x1 - x0 + 2 * pad, height: y1 - y0 + 2 * pad };
    for (const [side, share] of Object.entries(sides)) box.style[side] = `${share * 100}%`;
    return box;
  };

  const sheet = (place, index, words) => {
    const label = index === place.page ? place.label : "";
    const caption = label ? `${words.page} ${label}` : `${words.sheet} ${index}`;
    const image = make("img", {
      src: `${root}/api/v1/pages/${place.manual}/${index}?width=1600`,
      alt: `${place.title}, ${caption}`,
    });
    const area = make("div", { class: "mw-sheet" }, image);
    image.addEventListener("error", () => area.replaceChildren(make("p", { class: "mw-lost", role: "alert" }, words.lost)));
    area.append(...place.boxes.filter((one) => one.page === index).map(mark));
    return make("figure", { "data-page": index }, area, make("figcaption", {}, caption));
  };

  const openPage = (place, words) => {
    document.querySelector(".mw-viewer")?.remove();
    let zoom = 1;
    const pages = make("div", { class: "mw-pages", tabindex: "0" });
    const pdf = make("a", { target: "_blank", rel: "noopener" }, words.pdf);
    const back = make("button", { type: "button", onclick: () => turn(-1) }, words.previous);
    const on = make("button", { type: "button", onclick: () => turn(1) }, words.next);
    const larger = make("button", { type: "button", onclick: () => magnify() }, words.larger);
    const close = make("button", { type: "button", "aria-label": words.close, onclick: () => viewer.close() }, "✕");
    const heading = make("h2", { id: "mw-viewer-title" }, `${words.page} ${place.label}`, make("small", {}, place.title));
    const viewer = make("dialog", { class: "mw-viewer", "aria-labelledby": "mw-viewer-title" },
      make("header", {}, heading, close), pages, make("nav", {}, back, on, larger, pdf));

    let first = place.page;
    const show = (from, to) => {
      first = from;
      pages.replaceChildren();
      for (let index = from; index <= to; index += 1) pages.append(sheet(place, index, words));
      pdf.href = `${root}/api/v1/manuals/${place.manual}/file#page=${from}`;
      back.disabled = from <= 1;
      on.disabled = place.pages > 0 && to >= place.pages;
      const image = pages.querySelector("img");
      const reveal = () => pages.querySelector(".mw-mark")?.scrollIntoView({ block: "center", inline: "nearest" });
      image.addEventListener("load", reveal, { once: true });
      pages.scrollTo(0, 0);
    };
    const turn = (by) => show(Math.max(1, first + by), Math.max(1, first + by));
    const magnify = () => {
      zoom = zoom >= 2 ? 1 : zoom + 0.5;
      pages.style.setProperty("--mw-zoom", zoom);
      pages.querySelector(".mw-mark")?.scrollIntoView({ block: "center", inline: "center" });
    };

    viewer.addEventListener("click", (event) => event.target === viewer && viewer.close());
    viewer.addEventListener("close", () => viewer.remove());
    document.body.append(viewer);
    viewer.showModal();
    show(place.page, Math.max(place.page, Math.min(place.last, place.page + 2)));
    pages.focus();
  };

  // --- what is done with an answer ---------------------------------------------------------------

  // Over plain http the browser offers no clipboard: then as of old, by a selection.
  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const area = make("textarea", { class: "sr-only", "aria-hidden": "true" });
      area.value = text;
      document.body.append(area);
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      return done;
    }
  };

  const save = (fileName, text) => {
    const address = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    const link = make("a", { href: address, download: fileName });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
  };

  // Paper for the shift book: one answer, then the pages it cites with the passages marked. Copies
  // of what is on the screen; the style sheet hides all else.
  const print = async (button, { words, language, question, record, pages, cited = [] }) => {
    const step = button.closest(".step");
    const message = step.querySelector(".message-content").cloneNode(true);
    message.querySelectorAll(".mw-tools").forEach((tools) => tools.remove());
    // On paper only what the answer rests on; what else was found is on the screen.
    if (cited.length) for (const card of message.querySelectorAll(".mw-card")) if (!cited.includes(Number(card.dataset.n))) card.remove();
    message.querySelectorAll(".mw-sources > div:not(:has(.mw-card))").forEach((group) => group.remove());
    // "Sources – tap to open the page": there is nothing to tap on paper.
    message.querySelectorAll(".mw-sources h2").forEach((one) => one.replaceChildren(one.textContent.split(" – ")[0]));
    const notices = noticesAbove(step);
    const asked = new Date(record.asked_at).toLocaleString(language === "de" ? "de-DE" : "en-GB", { dateStyle: "long", timeStyle: "short" });
    document.querySelector(".mw-paper")?.remove();
    const paper = make("div", { class: "mw-paper", lang: language },
      make("header", {}, make("strong", {}, "Millwright"), make("span", {}, asked)),
      make("h1", {}, question), ...(notices ? [notices.cloneNode(true)] : []), message,
      make("footer", {}, words.ai), ...(pages || []).map((one) => printedPage(one, words)));
    document.body.append(paper);
    await Promise.race([Promise.all([...paper.querySelectorAll("figure img")].map(arrived)), after(PRINT_WAIT_MS)]);
    addEventListener("afterprint", () => paper.remove(), { once: true });
    window.print();
  };

  const PRINT_WAIT_MS = 60_000; // a server that hangs must not keep the answer from being printed
  const after = (ms) => new Promise((done) => setTimeout(done, ms));
  const arrived = (image) => image.complete || new Promise((done) => ["load", "error"].forEach((end) => image.addEventListener(end, done)));

  const printedPage = (place, words) => {
    const { manual, title, page, label, boxes } = place;
    const named = label ? `${words.page} ${label}` : `PDF ${page}`;
    const image = make("img", { src: `${root}/api/v1/pages/${manual}/${page}?width=1200`, alt: `${title}, ${named}` });
    const area = make("div", { class: "mw-sheet" }, image, ...boxes.map(mark));
    image.addEventListener("error", () => area.replaceChildren(make("p", {}, words.paper_lost)));
    return make("figure", { "data-page": page }, make("figcaption", {}, `${words.page_image}: ${title}, ${named}`), area);
  };

  // Its notices are a message of their own, between the question and the answer.
  const noticesAbove = (step) => {
    let found = null;
    for (const node of document.querySelectorAll('[data-step-type="user_message"], .mw-notices, .mw-tools')) {
      if (step.contains(node)) return found;
      found = node.matches(".mw-notices") ? node : null;
    }
    return found;
  };

  // --- what only some people need --------------------------------------------------------------

  const loaded = {};
  const load = (part) =>
    (loaded[part] ??= new Promise((resolve, reject) => {
      const script = make("script", { src: `${root}/public/${part}.js` });
      script.addEventListener("load", resolve);
      script.addEventListener("error", reject);
      document.head.append(make("link", { rel: "stylesheet", href: `${root}/public/${part}.css` }), script);
    }));

  window.millwright = { copy, load, make, openPage, print, root, save };
})();
