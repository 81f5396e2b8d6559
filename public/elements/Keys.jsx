// Keys for scripts: a new one is shown once, by this page alone. The server checks every call.
import { useEffect, useState } from "react";

const Token = ({ made, words, kit, onDone }) => {
  const [copied, setCopied] = useState(false);
  const copy = async (event) => {
    const field = event.currentTarget.closest(".mw-token").querySelector("input");
    setCopied(await window.millwright.copy(made.token));
    field.select(); // to be copied by hand where the browser would not
  };
  return (
    <div className="mw-token" role="status">
      <p>{kit.fill(words.once, { name: made.key.name })}</p>
      <div>
        <input readOnly value={made.token} aria-label={words.title} spellCheck="false" onFocus={(event) => event.target.select()} />
        <button type="button" className="mw-main" onClick={copy}>{copied ? words.copied : words.copy}</button>
        <button type="button" onClick={onDone}>{words.stored}</button>
      </div>
    </div>
  );
};

const NewKey = ({ words, onMake }) => {
  const [name, setName] = useState("");
  const [scopes, setScopes] = useState(["ask"]);
  const [days, setDays] = useState(String(props.days));
  const turn = (scope) => setScopes(scopes.includes(scope) ? scopes.filter((one) => one !== scope) : [...scopes, scope]);
  const ready = name.trim() && scopes.length && days >= 1 && days <= props.longest_days;
  const make = () => onMake({ name, scopes, days: Number(days) }).then((made) => made && setName(""));
  return (
    <fieldset className="mw-new-key">
      <legend>{words.new}</legend>
      <label className="mw-field">
        {words.name}
        <input name="key-name" value={name} maxLength={props.name_letters} placeholder={words.name_example} onChange={(event) => setName(event.target.value)} />
      </label>
      <div role="group" aria-label={words.may}>
        {props.scopes.map((scope) => (
          <label className="mw-tick" key={scope}>
            <input type="checkbox" name={scope} checked={scopes.includes(scope)} onChange={() => turn(scope)} />
            {words[`scope.${scope}`]}
          </label>
        ))}
      </div>
      <label className="mw-field mw-days">
        {words.days}
        <input name="key-days" type="number" min="1" max={props.longest_days} value={days} onChange={(event) => setDays(event.target.value)} />
      </label>
      <button type="button" className="mw-main" disabled={!ready} onClick={make}>{words.make}</button>
    </fieldset>
  );
};

const Key = ({ one, words, kit, onRevoke }) => {
  const day = (time) => new Intl.DateTimeFormat(props.language, { dateStyle: "medium" }).format(new Date(time));
  const when = (time) => new Intl.DateTimeFormat(props.language, { dateStyle: "medium", timeStyle: "short" }).format(new Date(time));
  const ends = one.state === "revoked" ? one.revoked_at : one.expires_at;
  return (
    <li className="mw-job mw-key" data-key={one.id} data-state={one.state}>
      <div>
        <strong>{one.name}</strong> <span className="mw-status" data-status={one.state}>{kit.fill(words[`state.${one.state}`], { day: day(ends) })}</span>
        <span className="mw-state">{one.scopes.map((scope) => words[`scope.${scope}`]).join(", ")}</span>
        <small>
          {one.last_used_at ? kit.fill(words.used, { when: when(one.last_used_at) }) : words.unused}
          {" · "}{kit.fill(words.made, { day: day(one.created_at), who: one.created_by })}
          {" · "}<code>mw_{one.id}</code>
        </small>
      </div>
      {one.state === "active" ? <button type="button" className="mw-dangerous" onClick={() => onRevoke(one)}>{words.revoke}</button> : null}
    </li>
  );
};

const Board = ({ kit }) => {
  const { words } = props;
  const [keys, setKeys] = useState(null);
  const [made, setMade] = useState(null);
  const [error, setError] = useState("");

  const load = () => kit.call(words, "GET", "/keys").then((got) => setKeys(got.keys), (failed) => setError(failed.message));
  useEffect(() => { load(); }, []);
  const change = (wanted) =>
    wanted.then(
      (got) => { setError(""); load(); return got; },
      (failed) => { setError(failed.message); return null; },
    );
  const make = (wanted) => change(kit.call(words, "POST", "/keys", wanted)).then((got) => { if (got) setMade(got); return got; });
  const revoke = async (one) => {
    if (await kit.confirm(words, kit.fill(words.confirm, { name: one.name }), words.revoke, true)) {
      await change(kit.call(words, "POST", `/keys/${one.id}/revoke`));
    }
  };

  if (keys === null) return <p role="status">{error || words.loading}</p>;
  return (
    <div>
      <p>{words.about} <a className="mw-link" href={kit.base.replace(/admin$/, "v1/docs")} target="_blank" rel="noreferrer">{words.docs}</a></p>
      {made ? <Token made={made} words={words} kit={kit} onDone={() => setMade(null)} /> : <NewKey words={words} onMake={make} />}
      {error ? <p className="mw-wrong" role="alert">{error}</p> : null}
      {keys.length ? null : <p>{words.none}</p>}
      <ul>{keys.map((one) => <Key key={one.id} one={one} words={words} kit={kit} onRevoke={revoke} />)}</ul>
    </div>
  );
};

export default function Keys() {
  const [kit, setKit] = useState(window.millwright.manuals || null);
  useEffect(() => { window.millwright.load("manuals").then(() => setKit(window.millwright.manuals)); }, []);
  return (
    <section className="mw-library mw-keys" aria-label={props.words.title}>
      <h2>{props.words.title}</h2>
      {kit ? <Board kit={kit} /> : <p role="status">{props.words.loading}</p>}
    </section>
  );
}
