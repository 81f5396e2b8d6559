// Files on their way into the library: chosen or dropped, sent, read. The server checks every call.
import { Fragment, useEffect, useState } from "react";

const FIELDS = ["machine", "type", "revision", "valid_from"];
const SOON_MS = 800;
const LATER_MS = 8000;

const Chosen = ({ chosen, words, kit, busy, onChange, onRemove }) => (
  <li className="mw-file">
    <strong>{chosen.file.name}</strong>
    <div className="mw-fields">
      {FIELDS.map((name) => (
        <label key={name}>
          {words[name]}
          <input
            type={name === "valid_from" ? "date" : "text"}
            placeholder={words.from_document}
            maxLength={120}
            value={chosen.fields[name] || ""}
            disabled={busy}
            onChange={(event) => onChange({ ...chosen, fields: { ...chosen.fields, [name]: event.target.value } })}
          />
        </label>
      ))}
    </div>
    {chosen.error ? <p className="mw-wrong" role="alert">{chosen.error}</p> : null}
    {chosen.percent === undefined ? (
      <button type="button" disabled={busy} onClick={onRemove}>{words["upload.remove"]}</button>
    ) : (
      <span className="mw-state" role="status">{kit.fill(words["upload.sending"], { percent: chosen.percent })}</span>
    )}
  </li>
);

const Job = ({ job, words, kit, onAction }) => {
  const works = ["queued", "running"].includes(job.status);
  const ended = [words[`job.${job.status}`], words[`status.${job.manual_status}`]].filter(Boolean).join(", ");
  const state = works ? kit.fill(words[`stage.${job.stage}`], job) : ended;
  const actions = works ? ["cancel"] : [...(job.status === "failed" && job.retryable ? ["retry"] : []), "forget"];
  return (
    <li className="mw-job" data-job={job.id} data-status={job.status}>
      <div>
        <strong>{job.file_name}</strong>
        <span className="mw-state" role="status">{state}</span>
        {works ? <progress max={job.total || 1} value={job.total ? job.done : undefined} aria-label={job.file_name} /> : null}
        {job.error ? <p className="mw-wrong">{job.error}</p> : null}
      </div>
      {actions.map((name) => (
        <button type="button" key={name} onClick={() => onAction(name, job)}>{words[`action.${name}`]}</button>
      ))}
    </li>
  );
};

// What is at work, what went wrong, and what this page has sent: not every job there ever was.
const worthShowing = (jobs, mine) => jobs.filter((job) => mine.has(job.id) || ["queued", "running", "failed"].includes(job.status));

const Jobs = ({ kit }) => {
  const words = props.words;
  const [state, setState] = useState(kit.keep.jobs || null);
  const [error, setError] = useState("");
  kit.keep.jobs = state;

  const load = async () => {
    const got = await kit.call(words, "GET", "/jobs");
    const news = `${got.version} ${got.jobs.map((job) => job.status)}`;
    if (kit.keep.news !== undefined && kit.keep.news !== news) kit.events.dispatchEvent(new Event("changed"));
    kit.keep.news = news;
    setState(got);
    setError("");
    return got;
  };
  useEffect(() => {
    let timer = 0;
    let gone = false;
    const again = async () => {
      clearTimeout(timer);
      let soon = false;
      try {
        if (!document.hidden) {
          const got = await load();
          soon = got.reindexing !== null || got.jobs.some((job) => ["queued", "running"].includes(job.status));
        }
      } catch (failed) {
        setError(failed.message);
      }
      if (!gone) timer = setTimeout(again, soon ? SOON_MS : LATER_MS);
    };
    again();
    kit.events.addEventListener("sent", again);
    document.addEventListener("visibilitychange", again);
    return () => {
      gone = true;
      clearTimeout(timer);
      kit.events.removeEventListener("sent", again);
      document.removeEventListener("visibilitychange", again);
    };
  }, []);

  const act = async (name, job) => {
    try {
      if (name === "cancel" && !(await kit.confirm(words, kit.fill(words["confirm.cancel"], { title: job.file_name }), words["action.cancel"], true))) return;
      const [method, path] = name === "forget" ? ["DELETE", ""] : ["POST", `/${name}`];
      await kit.call(words, method, `/jobs/${job.id}${path}`);
      kit.events.dispatchEvent(new Event("sent"));
    } catch (failed) {
      setError(failed.message);
    }
  };

  const shown = state ? worthShowing(state.jobs, kit.keep.mine) : [];
  return (
    <Fragment>
      {error ? <p className="mw-wrong" role="alert">{error}</p> : null}
      {state?.reindexing ? <p role="status">{kit.fill(words["jobs.reindexing"], { done: state.reindexing[0], total: state.reindexing[1] })}</p> : null}
      {shown.length ? (
        <Fragment>
          <h3>{words["jobs.title"]}</h3>
          <ul className="mw-jobs">{shown.map((job) => <Job key={job.id} job={job} words={words} kit={kit} onAction={act} />)}</ul>
        </Fragment>
      ) : null}
    </Fragment>
  );
};

const Upload = ({ kit }) => {
  const words = props.words;
  const [chosen, setChosen] = useState(kit.keep.chosen || []);
  const [busy, setBusy] = useState(false);
  const [over, setOver] = useState(false);
  kit.keep.chosen = chosen;

  const change = (one) => setChosen((now) => now.map((other) => (other.id === one.id ? { ...other, ...one } : other)));
  const remove = (one) => setChosen((now) => now.filter((other) => other.id !== one.id));
  const add = (files) => {
    const added = [...files].map((file) => ({ id: crypto.getRandomValues(new Uint32Array(1))[0], file, fields: {} }));
    setChosen((now) => [...now, ...added]);
  };
  const drop = (event) => {
    event.preventDefault();
    event.stopPropagation();
    setOver(false);
    add(event.dataTransfer.files);
  };
  const drag = (event) => {
    event.preventDefault();
    setOver(event.type !== "dragleave");
  };
  const send = async () => {
    setBusy(true);
    for (const one of chosen) {
      try {
        change({ id: one.id, percent: 0, error: "" });
        const job = await kit.upload(words, one.file, one.fields, (percent) => change({ id: one.id, percent }));
        kit.keep.mine.add(job.id);
        remove(one);
        kit.events.dispatchEvent(new Event("sent"));
      } catch (failed) {
        change({ id: one.id, percent: undefined, error: failed.message });
      }
    }
    setBusy(false);
  };

  return (
    <Fragment>
      <div className="mw-drop" data-over={over || undefined} onDrop={drop} onDragEnter={drag} onDragOver={drag} onDragLeave={drag}>
        <span>{words["upload.drop"]}</span>
        <label className="mw-choose">
          {words["upload.choose"]}
          <input
            type="file"
            accept=".pdf,application/pdf"
            multiple
            disabled={busy}
            onChange={(event) => { add(event.target.files); event.target.value = ""; }}
          />
        </label>
        <small>{kit.fill(words["upload.limit"], { limit: props.limit_mb })}</small>
      </div>
      {chosen.length ? (
        <Fragment>
          <ul className="mw-chosen-files">
            {chosen.map((one) => <Chosen key={one.id} chosen={one} words={words} kit={kit} busy={busy} onChange={change} onRemove={() => remove(one)} />)}
          </ul>
          <button type="button" className="mw-main mw-send" disabled={busy} onClick={send}>
            {kit.fill(words["upload.send"], { count: chosen.length })}
          </button>
        </Fragment>
      ) : null}
    </Fragment>
  );
};

export default function ManualUpload() {
  const [kit, setKit] = useState(window.millwright.manuals || null);
  useEffect(() => { window.millwright.load("manuals").then(() => setKit(window.millwright.manuals)); }, []);
  return (
    <section className="mw-library mw-upload" aria-label={props.words["upload.title"]}>
      <h2>{props.words["upload.title"]}</h2>
      {kit ? <Fragment><Upload kit={kit} /><Jobs kit={kit} /></Fragment> : <p role="status">{props.words.loading}</p>}
    </section>
  );
}
