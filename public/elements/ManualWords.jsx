// The plant's own words: lists that were uploaded, and which of them is in use. The server checks
// every call and every line.
import { Fragment, useEffect, useState } from "react";

const List = ({ one, words, kit, isOurWordsInUse, onUse }) => {
  const isOurs = one.version > 0;
  const when = new Intl.DateTimeFormat(props.language, { dateStyle: "medium", timeStyle: "short" });
  const name = isOurs ? kit.fill(words["words.version"], one) : words["words.built_in"];
  return (
    <li className="mw-job" data-version={one.version} data-in-use={one.in_use || undefined}>
      <div>
        <strong>{name}</strong> {one.in_use ? <span className="mw-status" data-status="active">{words["words.in_use"]}</span> : null}
        <span className="mw-state">
          {isOurs
            ? `${kit.fill(words["words.facts"], one)} · ${one.file_name} · ${when.format(new Date(one.uploaded_at))} ${kit.fill(words.uploaded_by, { who: one.uploaded_by })}`
            : words["words.always"]}
        </span>
      </div>
      <a className="mw-link" href={`${kit.base}/glossary/${one.version}/file`} download aria-label={`${words["words.download"]}: ${name}`}>{words["words.download"]}</a>
      {isOurs && !one.in_use ? <button type="button" onClick={() => onUse(one)}>{words["words.use"]}</button> : null}
      {!isOurs && isOurWordsInUse ? <button type="button" onClick={() => onUse(one)}>{words["words.use_none"]}</button> : null}
    </li>
  );
};

const Words = ({ kit }) => {
  const words = props.words;
  const [lists, setLists] = useState(kit.keep.lists || []);
  const [wrong, setWrong] = useState(null);
  const [done, setDone] = useState("");
  kit.keep.lists = lists;

  const run = async (step) => {
    setWrong(null);
    setDone("");
    try {
      const got = await step();
      if (got) setLists(got.versions);
      return got;
    } catch (failed) {
      setWrong(failed);
      return null;
    }
  };
  useEffect(() => { run(() => kit.call(words, "GET", "/glossary")); }, []);

  const upload = async (input) => {
    const [file] = input.files;
    const taken = file && (await run(() => kit.call(words, "POST", `/glossary?${new URLSearchParams({ file_name: file.name })}`, file)));
    input.value = "";
    if (taken) setDone(words["words.taken"]);
  };
  const use = (one) =>
    run(async () => {
      const text = kit.fill(words[one.version ? "words.confirm_use" : "words.confirm_none"], one);
      const action = words[one.version ? "words.use" : "words.use_none"];
      return (await kit.confirm(words, text, action, false)) ? kit.call(words, "POST", `/glossary/${one.version}/use`) : null;
    });

  return (
    <Fragment>
      <p>{words["words.lead"]}</p>
      <div className="mw-drop">
        <label className="mw-choose">
          {words["words.upload"]}
          <input type="file" accept=".csv,text/csv" onChange={(event) => upload(event.target)} />
        </label>
        <small>{words["words.form"]}</small>
      </div>
      {wrong ? (
        <div className="mw-wrong" role="alert">
          {wrong.message}
          {wrong.list?.length ? <ul>{wrong.list.map((line) => <li key={line}>{line}</li>)}</ul> : null}
        </div>
      ) : null}
      {done ? <p role="status">{done}</p> : null}
      <ul className="mw-word-lists">
        {[...lists, { version: 0 }].map((one) => (
          <List key={one.version} one={one} words={words} kit={kit} isOurWordsInUse={lists.some((other) => other.in_use)} onUse={use} />
        ))}
      </ul>
    </Fragment>
  );
};

export default function ManualWords() {
  const [kit, setKit] = useState(window.millwright.manuals || null);
  useEffect(() => { window.millwright.load("manuals").then(() => setKit(window.millwright.manuals)); }, []);
  return (
    <section className="mw-library mw-words" aria-label={props.words["words.title"]}>
      <h2>{props.words["words.title"]}</h2>
      {kit ? <Words kit={kit} /> : <p role="status">{props.words.loading}</p>}
    </section>
  );
}
