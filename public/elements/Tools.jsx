// Under an answer: say what is wrong, copy, print, ask again, and see how the answer was made.
import { useEffect, useState } from "react";

const REASONS = ["wrong_page", "wrong_value", "warning_missing"];

// Tells the server, which looks whether it is one's own answer. Throws when it refuses.
const rate = async (run, reason) => {
  const rating = { feedback: { forId: run, value: 0, reason } };
  const response = await fetch(`${window.millwright.root}/feedback`, {
    method: reason ? "PUT" : "DELETE",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(reason ? rating : { feedbackId: run }),
  });
  if (!response.ok) throw new Error(response.status);
};

const Made = ({ record, words, language }) => {
  const { provenance, checks } = record;
  const asked = new Date(record.asked_at).toLocaleString(language === "de" ? "de-DE" : "en-GB");
  const search = [words.words_only, provenance.embedder, provenance.reranker].filter(Boolean);
  const facts = [
    [words.when, asked],
    provenance.understood_as !== record.question && [words.understood, provenance.understood_as],
    record.mode === "quote" && [words.writer, words.nobody],
    ["llm", "completed_by_quote"].includes(record.mode) && [words.writer, provenance.model?.name],
    provenance.prompt_version && [words.prompt, provenance.prompt_version],
    [words.search, search.join(", ")],
    provenance.cached && [words.cached, words.cached_how],
  ].filter((fact) => fact && fact[1]);
  const duration = (ms) => {
    const long = ms >= 1000;
    const digits = { maximumFractionDigits: long || ms < 10 ? 1 : 0 };
    return `${Number(long ? ms / 1000 : ms).toLocaleString(language, digits)} ${long ? "s" : "ms"}`;
  };
  return (
    <div className="mw-made-body">
      <dl>
        {facts.map(([name, value]) => (
          <div key={name}><dt>{name}</dt><dd>{value}</dd></div>
        ))}
      </dl>
      <h3>{words.steps}</h3>
      <dl className="mw-steps">
        {Object.entries(provenance.timings_ms || {}).map(([name, ms]) => (
          <div key={name}><dt>{words[`stage_${name}`] || name}</dt><dd>{duration(ms)}</dd></div>
        ))}
      </dl>
      <h3>{words.passages}</h3>
      <ol>
        {(provenance.passages || []).map((one) => (
          <li key={one.chunk_id}>
            {one.title}{one.revision ? ` (${words.revision} ${one.revision})` : ""}, {words.page} {one.label}
            <small>{words.file} {one.file}, SHA-256 <code>{one.sha256.slice(0, 16)}…</code></small>
          </li>
        ))}
      </ol>
      <h3>{words.checks}</h3>
      {checks.length ? (
        <ul>
          {checks.map((check, index) => (
            <li key={index} data-status={check.status}>
              <strong>{check.text}</strong> {words[check.status]}{check.passage ? ` [${check.passage}]` : ""}
            </li>
          ))}
        </ul>
      ) : (
        <p>{words.no_checks}</p>
      )}
    </div>
  );
};

export default function Tools() {
  const { words, language, record } = props;
  const [given, setGiven] = useState("");
  const [said, setSaid] = useState("");

  // On a phone Chainlit leaves the address as it is, and a reload would lose the conversation.
  useEffect(() => {
    const { root } = window.millwright;
    if (props.thread && location.pathname === `${root}/`) {
      history.replaceState(history.state, "", `${root}/thread/${props.thread}`);
    }
  }, []);

  // What was said before a reload stays said.
  useEffect(() => {
    fetch(`${window.millwright.root}/feedback/${props.run}`)
      .then((response) => (response.ok ? response.json() : {}))
      .then(({ reason }) => REASONS.includes(reason) && setGiven(reason))
      .catch(() => {});
  }, []);

  const complain = async (reason) => {
    const wanted = given === reason ? "" : reason;
    try {
      await rate(props.run, wanted);
      setGiven(wanted);
      setSaid(wanted ? words.noted : words.taken_back);
    } catch {
      setSaid(words.not_noted);
    }
  };
  const copy = async () => setSaid((await window.millwright.copy(props.text)) ? words.copied : words.not_copied);
  const again = async () => {
    // Without it the kept answer would come once more.
    await callAction({ name: "ask_again", payload: { question: props.again } }).catch(() => {});
    sendUserMessage(props.again);
  };
  const print = async (event) => {
    const button = event.currentTarget;
    setSaid(words.printing);
    await window.millwright.print(button, props);
    setSaid("");
  };
  const save = () =>
    window.millwright.save(`millwright-${record.answer_id}.json`, JSON.stringify(record, null, 2));

  return (
    <div className="mw-tools">
      <div role="group" aria-label={words.actions} className="mw-actions">
        <button type="button" data-tool="copy" onClick={copy}>{words.copy}</button>
        <button type="button" data-tool="print" onClick={print}>{words.print}</button>
        <button type="button" data-tool="again" onClick={again}>{words.again}</button>
      </div>
      <div role="group" aria-label={words.wrong} className="mw-reasons">
        <span aria-hidden="true">{words.wrong}</span>
        {REASONS.map((reason) => (
          <button type="button" key={reason} data-tool={reason} aria-pressed={given === reason} onClick={() => complain(reason)}>
            {words[reason]}
          </button>
        ))}
      </div>
      <p className="mw-said" role="status">{said}</p>
      <details className="mw-made">
        <summary>{words.made}</summary>
        <Made record={record} words={words} language={language} />
        <button type="button" data-tool="save" onClick={save}>{words.download}</button>
      </details>
    </div>
  );
}
