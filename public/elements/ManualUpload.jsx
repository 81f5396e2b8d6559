// Files on their way into the library: chosen or dropped, sent, read. The server checks every call.
import { Fragment, useEffect, useState } from "react";

const SOON_MS = 800;
const LATER_MS = 8000;

const Field = ({ name, one, words, kit, known }) => {
  const id = `mw-${one.key}-${name}`;
  const value = one.fields[name];
  const isSuggested = Boolean(value) && value === one.suggested[name];
  const about = {
    id,
    value,
    disabled: one.state !== "form",
    "aria-describedby": isSuggested ? `${id}-suggested` : undefined,
    onChange: (event) => kit.files.set(words, one, { fields: { ...one.fields, [name]: event.target.value } }),
  };
  return (
    <div className="mw-field" data-field={name}>
      <span>
        <label htmlFor={id}>{words[name === "title" ? "name" : name]}</label>
        {isSuggested ? <em id={`${id}-suggested`}>{words["upload.suggested"]}</em> : null}
      </span>
      {name === "language" ? (
        <select {...about}>
          <option value="">{words["upload.language_open"]}</option>
          {["de", "en"].map((one) => <option key={one} value={one}>{words[`language.${one}`]}</option>)}
        </select>
      ) : (
        <input {...about} type={name === "valid_from" ? "date" : "text"} maxLength={120} list={known.length ? `${id}-known` : undefined} />
      )}
      {known.length ? <datalist id={`${id}-known`}>{known.map((text) => <option key={text} value={text} />)}</datalist> : null}
      {name === "machine" && value && kit.files.list.filter((other) => other.state === "form").length > 1 ? (
        <button type="button" className="mw-small" onClick={() => kit.files.forAll(words, name, value)}>{words["upload.for_all"]}</button>
      ) : null}
    </div>
  );
};

// What will happen to the revisions that are there: as the server says, before anything is done.
const Plan = ({ one, words, kit }) => {
  const { effect, unasked, others } = one.plan;
  const isChoice = others.length > 0 && ["replaces", "older"].includes(unasked);
  // At once, not only when the server has answered.
  const chosen = { yes: "replaces", no: "older" }[one.replaces] || unasked;
  const choose = (wanted) => kit.files.set(words, one, { replaces: wanted === unasked ? "" : { replaces: "yes", older: "no" }[wanted] });
  return (
    <div className="mw-plan" data-effect={effect}>
      <p role="status">{kit.planText(words, props.language, one.plan, one.fields.valid_from)}</p>
      {isChoice ? (
        <fieldset disabled={one.state !== "form"}>
          <legend>{words["plan.choose"]}</legend>
          {["replaces", "older"].map((wanted) => (
            <label key={wanted}>
              <input type="radio" name={`mw-plan-${one.key}`} checked={chosen === wanted} onChange={() => choose(wanted)} />
              {words[`plan.choose_${wanted}`]}
            </label>
          ))}
        </fieldset>
      ) : null}
    </div>
  );
};

const Chosen = ({ one, words, kit }) => {
  const isForm = ["form", "confirming"].includes(one.state);
  const manuals = kit.keep.manuals || [];
  const known = (name) => (["machine", "type"].includes(name) ? [...new Set(manuals.map((other) => other[name]).filter(Boolean))].sort() : []);
  return (
    <li className="mw-file" data-state={one.state}>
      <header>
        <strong>{one.name}</strong>
        <button type="button" disabled={["sending", "looking", "confirming"].includes(one.state)} onClick={() => kit.files.discard(words, one)}>{words["upload.remove"]}</button>
      </header>
      {isForm ? (
        <Fragment>
          {one.look?.has_text ? null : <p className="mw-hint">{words[one.look ? "upload.scan" : "upload.no_look"]}</p>}
          <div className="mw-fields">
            {kit.files.FIELDS.map((name) => <Field key={name} name={name} one={one} words={words} kit={kit} known={known(name)} />)}
          </div>
          {one.plan ? <Plan one={one} words={words} kit={kit} /> : null}
        </Fragment>
      ) : null}
      {["waiting", "sending", "looking"].includes(one.state) ? (
        <Fragment>
          <span className="mw-state" role="status">{kit.fill(words[`upload.${one.state}`], one)}</span>
          <progress max="100" value={one.state === "looking" ? undefined : one.percent || 0} aria-label={one.name} />
        </Fragment>
      ) : null}
      {one.error ? <p className="mw-wrong" role="alert">{one.error}</p> : null}
    </li>
  );
};

const Job = ({ job, words, kit, onAction }) => {
  const works = ["queued", "running"].includes(job.status);
  const ended = [words[`job.${job.status}`], words[job.manual_status === "scheduled" ? "job.scheduled" : `status.${job.manual_status}`]].filter(Boolean).join(", ");
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
  const [, setTick] = useState(0);
  const [over, setOver] = useState(false);
  const [error, setError] = useState("");
  const chosen = kit.files.list;
  useEffect(() => {
    const show = () => setTick((now) => now + 1);
    kit.events.addEventListener("files", show);
    kit.files.find(words).catch((failed) => setError(failed.message));
    return () => kit.events.removeEventListener("files", show);
  }, []);

  const drop = (event) => {
    event.preventDefault();
    event.stopPropagation();
    setOver(false);
    kit.files.add(words, event.dataTransfer.files);
  };
  const drag = (event) => {
    event.preventDefault();
    setOver(event.type !== "dragleave");
  };

  const ready = chosen.filter((one) => one.state === "form");
  const busy = chosen.some((one) => ["waiting", "sending", "looking", "confirming"].includes(one.state));
  const minutes = Math.min(...ready.map((one) => one.minutes));
  return (
    <Fragment>
      <div className="mw-drop" data-over={over || undefined} onDrop={drop} onDragEnter={drag} onDragOver={drag} onDragLeave={drag}>
        <span>{words["upload.drop"]}</span>
        <label className="mw-choose">
          {words["upload.choose"]}
          <input
            type="file"
            accept={props.accept}
            multiple
            onChange={(event) => { kit.files.add(words, event.target.files); event.target.value = ""; }}
          />
        </label>
        <small>{kit.fill(words["upload.limit"], { limit: props.limit_mb, formats: props.formats })}</small>
      </div>
      {error ? <p className="mw-wrong" role="alert">{error}</p> : null}
      {chosen.length ? <ul className="mw-chosen-files">{chosen.map((one) => <Chosen key={one.key} one={one} words={words} kit={kit} />)}</ul> : null}
      {ready.length ? (
        <div className="mw-send-row">
          <button type="button" className="mw-main mw-send" disabled={busy} onClick={() => kit.files.confirm(words)}>
            {kit.fill(words[ready.length > 1 ? "upload.send_all" : "upload.send"], { count: ready.length })}
          </button>
          <small>{kit.fill(words["upload.kept"], { minutes })}</small>
        </div>
      ) : null}
    </Fragment>
  );
};

export default function ManualUpload() {
  const ready = () => (window.millwright.manuals?.files ? window.millwright.manuals : null);
  const [kit, setKit] = useState(ready());
  useEffect(() => {
    window.millwright.load("manuals").then(() => window.millwright.load("manuals_files")).then(() => setKit(ready()));
  }, []);
  return (
    <section className="mw-library mw-upload" aria-label={props.words["upload.title"]}>
      <h2>{props.words["upload.title"]}</h2>
      {kit ? <Fragment><Upload kit={kit} /><Jobs kit={kit} /></Fragment> : <p role="status">{props.words.loading}</p>}
    </section>
  );
}
