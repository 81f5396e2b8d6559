// Files on their way into the library: sent, looked at, confirmed. Kept apart from the element that
// shows them, because Chainlit may build that anew at any time. What was typed survives a reload.
"use strict";

(() => {
  const { manuals } = window.millwright;
  const FIELDS = ["title", "machine", "type", "revision", "language", "valid_from"];
  const TYPED = "millwright-draft-";
  const PLAN_MS = 300;
  const files = [];
  let count = 0;
  let sending = Promise.resolve();

  // Everything that is shown is made anew from ``files``.
  const tell = () => manuals.events.dispatchEvent(new Event("files"));
  const change = (one, values) => { Object.assign(one, values); tell(); };
  const remove = (one) => {
    localStorage.removeItem(TYPED + one.id);
    files.splice(files.indexOf(one), 1);
    tell();
  };
  const failed = (error) => ({ state: "failed", error: error.message });

  const take = (one, draft) => {
    const suggested = Object.fromEntries(FIELDS.map((name) => [name, draft.look?.[name] || ""]));
    const typed = JSON.parse(localStorage.getItem(TYPED + draft.id) || "{}");
    return { id: draft.id, name: draft.file_name, look: draft.look, minutes: draft.minutes_left, state: "form", suggested, fields: { ...suggested, ...typed.fields }, replaces: typed.replaces || "" };
  };

  const plan = async (words, one) => {
    const { title, ...about } = one.fields;
    const asked = new URLSearchParams({ ...about, replaces: one.replaces });
    try {
      const got = await manuals.call(words, "GET", `/plan?${asked}`);
      change(one, { plan: got, error: "" });
    } catch (error) {
      change(one, { plan: null, error: error.message });
    }
  };

  const set = (words, one, values) => {
    Object.assign(one, values);
    localStorage.setItem(TYPED + one.id, JSON.stringify({ fields: one.fields, replaces: one.replaces }));
    tell();
    clearTimeout(one.timer);
    one.timer = setTimeout(() => plan(words, one), PLAN_MS);
  };

  const sendOne = async (words, one) => {
    if (!files.includes(one)) return;
    change(one, { state: "sending", percent: 0 });
    try {
      const draft = await manuals.send(words, one.file, (percent) => change(one, { percent, state: percent < 100 ? "sending" : "looking" }));
      change(one, take(one, draft));
      await plan(words, one);
    } catch (error) {
      change(one, failed(error));
    }
  };

  const add = (words, chosen) => {
    for (const file of chosen) {
      const one = { key: (count += 1), file, name: file.name, state: "waiting", error: "" };
      files.push(one);
      sending = sending.then(() => sendOne(words, one));
    }
    tell();
  };

  // What an earlier visit has sent and not confirmed.
  const find = async (words) => {
    const { drafts } = await manuals.call(words, "GET", "/drafts");
    const known = new Set(drafts.map((draft) => TYPED + draft.id));
    Object.keys(localStorage).filter((key) => key.startsWith(TYPED) && !known.has(key)).forEach((key) => localStorage.removeItem(key));
    for (const draft of drafts) {
      if (files.some((one) => one.id === draft.id || one.state === "looking")) continue;
      const one = { key: (count += 1), error: "" };
      files.push(Object.assign(one, take(one, draft)));
      plan(words, one);
    }
    tell();
  };

  const forAll = (words, name, value) => {
    for (const one of files.filter((other) => other.state === "form")) set(words, one, { fields: { ...one.fields, [name]: value } });
  };

  const discard = async (words, one) => {
    try {
      if (one.id) await manuals.call(words, "DELETE", `/drafts/${one.id}`);
    } catch (error) {
      // Gone already: that is what was wanted.
      if (error.status !== 404) return change(one, { error: error.message });
    }
    remove(one);
  };

  const confirm = async (words) => {
    for (const one of files.filter((other) => other.state === "form")) {
      change(one, { state: "confirming", error: "" });
      try {
        const { job } = await manuals.call(words, "POST", `/drafts/${one.id}`, { ...one.fields, replaces: one.replaces });
        manuals.keep.mine.add(job.id);
        remove(one);
        manuals.events.dispatchEvent(new Event("sent"));
      } catch (error) {
        change(one, { state: "form", error: error.message });
      }
    }
  };

  manuals.files = { FIELDS, add, confirm, discard, find, forAll, list: files, set };
})();
