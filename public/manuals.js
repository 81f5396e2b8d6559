// What the admins' elements share: calls to the server, questions before anything is changed, and
// the view of a page as it was understood. Loaded with the elements, so nobody else carries it.
"use strict";

(() => {
  const { make, root } = window.millwright;
  const base = `${root}/api/admin`;

  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);

  // --- calls -----------------------------------------------------------------------------------

  const failure = (answer, status, words) => {
    const error = new Error(typeof answer?.detail === "string" ? answer.detail : `${words.offline} (${status})`);
    error.list = answer?.errors || [];
    error.status = status;
    return error;
  };

  const call = async (words, method, path, body) => {
    const options = { method };
    if (body instanceof Blob) options.body = body;
    else if (body !== undefined) Object.assign(options, { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } });
    const response = await fetch(base + path, options).catch(() => { throw new Error(words.offline); });
    const answer = await response.json().catch(() => null);
    if (!response.ok) throw failure(answer, response.status, words);
    return answer;
  };

  // Not by fetch: that does not tell how much has been sent.
  const send = (words, file, onProgress) =>
    new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open("POST", `${base}/drafts?${new URLSearchParams({ file_name: file.name })}`);
      request.setRequestHeader("Content-Type", "application/octet-stream");
      request.responseType = "json";
      request.upload.onprogress = (event) => onProgress(Math.floor((100 * event.loaded) / (event.total || 1)));
      request.onerror = () => reject(new Error(words.offline));
      request.onload = () =>
        request.status === 201 ? resolve(request.response.draft) : reject(failure(request.response, request.status, words));
      request.send(file);
    });

  // --- questions -------------------------------------------------------------------------------

  const dialog = (words, text, action, dangerous, ...fields) =>
    new Promise((resolve) => {
      const form = make("form", { method: "dialog" });
      // Comes first, so that a question opens with the harmless answer in focus.
      const back = make("button", { type: "button", onclick: () => box.close("") }, words["action.back"]);
      const go = make("button", { type: "submit", value: "yes", class: dangerous ? "mw-dangerous" : "mw-main" }, action);
      form.append(make("p", {}, text), ...fields, make("nav", {}, back, go));
      const box = make("dialog", { class: "mw-question", "aria-label": text }, form);
      box.addEventListener("close", () => {
        box.remove();
        resolve(box.returnValue === "yes" ? Object.fromEntries(new FormData(form)) : null);
      });
      document.body.append(box);
      box.showModal();
    });

  const confirm = async (words, text, action, dangerous) => (await dialog(words, text, action, dangerous)) !== null;

  const edit = (words, manual) => {
    const fields = ["title", "machine", "type", "revision", "valid_from"].map((name) => {
      const attributes = { name, value: manual[name], maxlength: 120, type: name === "valid_from" ? "date" : "text" };
      if (name === "title") attributes.required = "";
      return make("label", {}, words[name === "title" ? "name" : name], make("input", attributes));
    });
    return dialog(words, manual.title, words["action.save"], false, ...fields);
  };

  // What becomes of a revision, and of those that are active: ``plan`` as the server says.
  const planText = (words, language, plan, day) => {
    const [open, close] = language === "de" ? ["„", "“"] : ["“", "”"];
    const name = (one) => `${open}${one.title}${close}${one.revision ? ` (${words.revision} ${one.revision})` : ""}`;
    const kind = { older: plan.unasked === "older" ? "older_known" : "older", later: plan.others.length ? "later" : "later_alone" }[plan.effect] || plan.effect;
    const shown = day ? new Intl.DateTimeFormat(language, { dateStyle: "long" }).format(new Date(`${day}T12:00`)) : "";
    return fill(words[`plan.${kind}`], { others: plan.others.map(name).join(", "), day: shown });
  };

  // --- a page as it was understood -------------------------------------------------------------

  const grid = (table) =>
    make("div", { class: "mw-grid" }, make("table", {},
      make("caption", {}, table.title),
      make("thead", {}, make("tr", {}, ...table.header.map((cell) => make("th", { scope: "col" }, cell)))),
      make("tbody", {}, ...table.rows.map((row) => make("tr", {}, ...row.map((cell) => make("td", {}, cell)))))));

  const part = (heading, ...content) => (content.length ? [make("h3", {}, heading), ...content] : []);

  const passage = (one, number, marks, words) => {
    const kind = [words[`kind.${one.kind}`], ...one.codes, one.language.toUpperCase()].join(" · ");
    const show = () => marks.forEach((mark) => mark.classList.toggle("mw-chosen", mark.dataset.n === String(number)));
    const node = make("article", { tabindex: "0", onclick: show },
      make("header", {}, make("b", {}, String(number)), make("span", {}, kind)),
      make("small", {}, one.heading), make("p", { lang: one.language }, one.text));
    node.addEventListener("focus", show);
    return node;
  };

  const mark = (box, number) => {
    const node = make("div", { class: "mw-part", "data-n": number }, make("span", {}, number));
    const percent = (value) => `${value * 100}%`;
    Object.assign(node.style, {
      left: percent(box.x0), top: percent(box.y0), width: percent(box.x1 - box.x0), height: percent(box.y1 - box.y0),
    });
    return node;
  };

  const understood = (page, marks, words) => {
    const confidence = page.confidence === null ? "" : `, ${fill(words["quality.confidence"], { percent: Math.round(page.confidence * 100) })}`;
    return [
      make("p", { class: "mw-read", "data-source": page.source }, `${words["preview.page"]} ${page.label}: ${words[`source.${page.source}`]}${confidence}`),
      ...part(words["preview.passages"], ...page.passages.map((one, index) => passage(one, index + 1, marks, words))),
      ...part(words["preview.tables"], ...page.tables.map(grid)),
      ...part(words["preview.hidden"], ...(page.hidden_text ? [make("pre", {}, page.hidden_text)] : [])),
      make("h3", {}, words["preview.text"]),
      make("pre", { lang: page.language }, page.text || words["preview.no_text"]),
    ];
  };

  const openPages = (words, manual, first) => {
    let index = 0;
    const picture = make("div", { class: "mw-sheet" });
    const text = make("div", { class: "mw-understood", tabindex: "0" });
    const back = make("button", { type: "button", onclick: () => show(index - 1) }, words["preview.previous"]);
    const on = make("button", { type: "button", onclick: () => show(index + 1) }, words["preview.next"]);
    const number = make("input", { type: "number", min: 1, max: manual.pages, "aria-label": words["preview.go"] });
    const close = make("button", { type: "button", "aria-label": words["preview.close"], onclick: () => viewer.close() }, "✕");
    const place = make("small", {});
    const viewer = make("dialog", { class: "mw-viewer mw-inspect", "aria-label": manual.title },
      make("header", {}, make("h2", {}, manual.title, place), close),
      make("div", { class: "mw-beside" }, make("div", { class: "mw-picture", tabindex: "0" }, picture), text), make("nav", {}, back, number, on));

    const show = async (wanted) => {
      const asked = Math.min(Math.max(1, wanted || 1), manual.pages);
      index = asked;
      number.value = asked;
      back.disabled = asked <= 1;
      on.disabled = asked >= manual.pages;
      place.textContent = fill(words["preview.sheet"], { index: asked, pages: manual.pages });
      const image = make("img", { src: `${root}/api/v1/pages/${manual.id}/${asked}?width=960`, alt: place.textContent });
      image.addEventListener("error", () => picture.replaceChildren(make("p", { class: "mw-lost", role: "alert" }, words["preview.lost"])));
      picture.replaceChildren(image);
      text.replaceChildren(make("p", {}, words.loading));
      try {
        const page = await call(words, "GET", `/manuals/${manual.id}/pages/${asked}`);
        if (asked !== index) return;
        const marks = page.passages.flatMap((one, order) => one.boxes.map((box) => mark(box, order + 1)));
        picture.append(...marks);
        text.replaceChildren(...understood(page, marks, words));
        text.scrollTo(0, 0);
      } catch (error) {
        text.replaceChildren(make("p", { class: "mw-lost", role: "alert" }, error.message));
      }
    };
    number.addEventListener("change", () => show(Number(number.value)));
    viewer.addEventListener("close", () => viewer.remove());
    document.body.append(viewer);
    viewer.showModal();
    show(first || 1);
  };

  // Chainlit may build the elements anew at any time: what must outlive that is in ``keep``.
  window.millwright.manuals = { base, call, confirm, edit, events: new EventTarget(), fill, keep: { mine: new Set() }, openPages, planText, send };
})();
