// The admins' page of the language model: is it there, on which hosts, and fetch it.
// The server checks every call.
import { useEffect, useState } from "react";

const GIGABYTE = 1e9;
const BUSY_MS = 700;
const IDLE_MS = 5000;

const Pull = ({ pull, words, kit }) => {
  if (pull.status === "running") {
    const number = new Intl.NumberFormat(props.language, { maximumFractionDigits: 2, minimumFractionDigits: 2 });
    const sizes = { done: number.format(pull.completed / GIGABYTE), total: number.format(pull.total / GIGABYTE) };
    return (
      <div className="mw-upload" role="status">
        <progress max={pull.total || 1} value={pull.total ? pull.completed : undefined} aria-label={pull.stage} />
        <small>{pull.stage}{pull.total ? ` · ${kit.fill(words.progress, sizes)}` : ""}</small>
      </div>
    );
  }
  if (pull.status === "failed") return <p className="mw-wrong" role="alert">{kit.fill(words.failed, { error: pull.error })}</p>;
  return ["done", "cancelled"].includes(pull.status) ? <p role="status"><small>{words[pull.status]}</small></p> : null;
};

const Host = ({ host, number, model, words, kit, onAction }) => {
  const resting = host.breaker === "open";
  const state = !host.reachable ? "away" : !host.has_model ? "missing" : resting ? "resting" : "ready";
  const running = host.pull.status === "running";
  const act = (name) => onAction(`/model/${number}/${name}`);
  return (
    <li className="mw-host" data-host={host.url} data-state={state}>
      <strong>{host.url}</strong> <span className="mw-status">{kit.fill(words[`host.${state}`], { model })}</span>
      {host.reachable ? <p><small>{words["host.models"]}: {host.models.join(", ") || words["host.none"]}</small></p> : null}
      <Pull pull={host.pull} words={words} kit={kit} />
      {running ? <button type="button" onClick={() => act("cancel")}>{words.cancel}</button> : null}
      {state === "missing" && !running ? (
        <button type="button" className="mw-main" onClick={() => act("pull")}>{kit.fill(words.pull, { model })}</button>
      ) : null}
    </li>
  );
};

const Health = ({ kit }) => {
  const { words } = props;
  const [health, setHealth] = useState(null);
  const [error, setError] = useState("");
  const show = (wanted) => wanted.then((got) => { setHealth(got); setError(""); }, (failed) => setError(failed.message));
  const busy = health?.hosts.some((host) => host.pull.status === "running");

  useEffect(() => {
    const load = () => show(kit.call(words, "GET", "/model"));
    load();
    const timer = setInterval(load, busy ? BUSY_MS : IDLE_MS);
    return () => clearInterval(timer);
  }, [busy]);

  if (health === null) return <p role="status">{error || words.loading}</p>;
  return (
    <div>
      <p data-reason={health.reason}>{kit.fill(words[health.reason], { model: health.model })}</p>
      {error ? <p className="mw-wrong" role="alert">{error}</p> : null}
      <ul>
        {health.hosts.map((host, number) => (
          <Host key={host.url} host={host} number={number} model={health.model} words={words} kit={kit}
            onAction={(path) => show(kit.call(words, "POST", path))} />
        ))}
      </ul>
      {health.hosts.length ? <p><small>{kit.fill(words.queue, health.queue)}</small></p> : null}
    </div>
  );
};

export default function LanguageModel() {
  const [kit, setKit] = useState(window.millwright.manuals || null);
  useEffect(() => { window.millwright.load("manuals").then(() => setKit(window.millwright.manuals)); }, []);
  return (
    <section className="mw-library mw-model" aria-label={props.words.title}>
      <h2>{props.words.title}</h2>
      {kit ? <Health kit={kit} /> : <p role="status">{props.words.loading}</p>}
    </section>
  );
}
