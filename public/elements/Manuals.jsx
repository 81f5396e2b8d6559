// The admins' library: a table, or cards where there is little room. The server checks every call.
import { Fragment, useEffect, useState } from "react";

const COLUMNS = ["machine", "name", "type", "revision", "language", "pages", "chunks", "status", "uploaded"];
const NUMBERS = ["pages", "chunks"];
const ACTIONS = {
  needs_release: ["release", "edit", "delete"],
  scheduled: ["activate", "edit", "delete"],
  active: ["disable", "edit", "delete"],
  disabled: ["enable", "edit", "delete"],
  superseded: ["roll_back", "edit", "delete"],
  processing: [],
};

const Quality = ({ manual, words, kit }) => {
  const quality = manual.quality;
  // "p. 40": the number alone would be taken for how many.
  const list = (pages) => (pages.length ? kit.fill(words["quality.which"], { pages: pages.join(", ") }) : words.nothing);
  const percent = quality.ocr_confidence === null ? null : Math.round(quality.ocr_confidence * 100);
  const confidence = percent === null ? "" : ` (${kit.fill(words["quality.confidence"], { percent })})`;
  const seconds = new Intl.NumberFormat(props.language, { maximumFractionDigits: 1 }).format(quality.seconds);
  const rows = [
    ["pages", quality.pages],
    ["unread", list(quality.unread_pages), quality.unread_pages.length > 0],
    ["ocr", list(quality.ocr_pages) + confidence, percent !== null && percent < 60],
    ["hidden", list(quality.hidden_text_pages), quality.hidden_text_pages.length > 0],
    ["tables", quality.tables],
    ["notices", quality.notices],
    ["faults", quality.fault_codes],
    ["parts", quality.part_numbers],
    ["languages", quality.languages.map((one) => words[`language.${one}`]).join(", ") || words.nothing],
    ["seconds", `${seconds} s`],
  ];
  return (
    <div className="mw-quality">
      <h3>{words.quality}</h3>
      {manual.status === "needs_release" ? <p role="note">{words["quality.why"]}</p> : null}
      <dl>
        {rows.map(([name, value, doubtful]) => (
          <div key={name} data-doubtful={doubtful || undefined}>
            <dt>{words[`quality.${name}`]}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
};

const Details = ({ manual, titles, words, kit, onAction }) => (
  <div className="mw-details">
    <dl className="mw-facts">
      <div><dt>{words.file}</dt><dd>{manual.file_name}</dd></div>
      <div><dt>{words.valid_from}</dt><dd>{manual.valid_from || words.not_given}</dd></div>
      {titles[manual.supersedes] ? <div><dt>{words.supersedes}</dt><dd>{titles[manual.supersedes]}</dd></div> : null}
    </dl>
    <Quality manual={manual} words={words} kit={kit} />
    <div className="mw-actions">
      {manual.status === "processing" ? null : (
        <button type="button" onClick={() => kit.openPages(words, manual, manual.quality.unread_pages[0])}>
          {words["action.preview"]}
        </button>
      )}
      {ACTIONS[manual.status].map((name) => (
        <button
          type="button"
          key={name}
          className={{ delete: "mw-dangerous", release: "mw-main" }[name]}
          onClick={() => onAction(name, manual)}
        >
          {words[`action.${name}`]}
        </button>
      ))}
    </div>
  </div>
);

const Row = ({ manual, words, open, onOpen, children }) => {
  const day = new Intl.DateTimeFormat(props.language, { dateStyle: "medium", timeStyle: "short" });
  const cells = {
    machine: manual.machine || words.not_given,
    name: (
      <button type="button" className="mw-open" aria-expanded={open} onClick={onOpen}>
        {manual.title}
      </button>
    ),
    type: manual.type || words.not_given,
    revision: manual.revision || words.not_given,
    language: words[`language.${manual.language}`],
    pages: manual.pages,
    chunks: manual.chunks,
    status: (
      <Fragment>
        <span className="mw-status" data-status={manual.status}>{words[`status.${manual.status}`]}</span>
        {manual.status === "scheduled" ? <small>{new Intl.DateTimeFormat(props.language, { dateStyle: "medium" }).format(new Date(`${manual.valid_from}T12:00`))}</small> : null}
      </Fragment>
    ),
    uploaded: `${day.format(new Date(manual.uploaded_at))}${manual.uploaded_by ? ` ${words.uploaded_by.replace("{who}", manual.uploaded_by)}` : ""}`,
  };
  return (
    <Fragment>
      <tr role="row" data-manual={manual.id} data-status={manual.status}>
        {COLUMNS.map((name) => (
          <td role="cell" key={name} data-column={name} data-label={words[name]}>{cells[name]}</td>
        ))}
      </tr>
      {open ? <tr role="row" className="mw-opened"><td role="cell" colSpan={COLUMNS.length}>{children}</td></tr> : null}
    </Fragment>
  );
};

const arranged = (manuals, search, sort, words) => {
  const wanted = search.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  const text = (one) =>
    [one.machine, one.title, one.type, one.revision, one.file_name, one.uploaded_by, words[`language.${one.language}`], words[`status.${one.status}`]]
      .join(" ").toLocaleLowerCase();
  const field = { name: "title", uploaded: "uploaded_at" }[sort.by] || sort.by;
  const value = (one) => (["status", "language"].includes(field) ? words[`${field}.${one[field]}`] : one[field]);
  const order = (a, b) =>
    NUMBERS.includes(field) ? a[field] - b[field] : value(a).localeCompare(value(b), props.language, { numeric: true });
  return manuals
    .filter((one) => wanted.every((word) => text(one).includes(word)))
    .sort((a, b) => (sort.down ? -1 : 1) * order(a, b) || a.title.localeCompare(b.title, props.language));
};

const Library = ({ kit }) => {
  const words = props.words;
  const [manuals, setManuals] = useState(kit.keep.manuals || null);
  const [search, setSearch] = useState(kit.keep.search || "");
  const [sort, setSort] = useState(kit.keep.sort || { by: "machine", down: false });
  const [open, setOpen] = useState(kit.keep.open || "");
  const [error, setError] = useState("");
  Object.assign(kit.keep, { manuals, search, sort, open });

  const load = () =>
    kit.call(words, "GET", "/manuals").then((got) => { setManuals(got.manuals); return got; }, (failed) => setError(failed.message));
  useEffect(() => {
    load();
    kit.events.addEventListener("changed", load);
    return () => kit.events.removeEventListener("changed", load);
  }, []);

  // A release may replace a revision, or file an older one: said before it is done.
  const next = async (name, manual) => {
    if (name !== "release") return "";
    const { machine, type, revision, language, valid_from, replaces } = manual;
    const asked = new URLSearchParams({ machine, type, revision, language, valid_from, replaces, manual_id: manual.id });
    return ` ${kit.planText(words, props.language, await kit.call(words, "GET", `/plan?${asked}`), valid_from)}`;
  };

  const act = async (name, manual) => {
    setError("");
    const values = { ...manual, unread: manual.quality.unread_pages.join(", ") || words.nothing };
    try {
      if (name === "edit") {
        const fields = await kit.edit(words, manual);
        if (fields) await kit.call(words, "PATCH", `/manuals/${manual.id}`, fields);
      } else if (await kit.confirm(words, kit.fill(words[`confirm.${name}`], values) + (await next(name, manual)), words[`action.${name}`], name === "delete")) {
        const [method, path] = name === "delete" ? ["DELETE", ""] : ["POST", `/${name}`];
        await kit.call(words, method, `/manuals/${manual.id}${path}`);
      }
    } catch (failed) {
      setError(failed.message);
    }
    await load();
  };

  if (manuals === null) return <p role="status">{error || words.loading}</p>;
  const shown = arranged(manuals, search, sort, words);
  const titles = Object.fromEntries(manuals.map((one) => [one.id, `${one.title}${one.revision ? `, ${words.revision} ${one.revision}` : ""}`]));
  const turn = (by) => setSort({ by, down: sort.by === by && !sort.down });
  return (
    <Fragment>
      <div className="mw-tools">
        <input type="search" placeholder={words.search} aria-label={words.search} value={search} onChange={(event) => setSearch(event.target.value)} />
        <label className="mw-sort">
          {words.sort}
          <select value={sort.by} onChange={(event) => setSort({ ...sort, by: event.target.value })}>
            {COLUMNS.map((name) => <option key={name} value={name}>{words[name]}</option>)}
          </select>
          <button type="button" aria-label={words[sort.down ? "descending" : "ascending"]} onClick={() => setSort({ ...sort, down: !sort.down })}>
            {sort.down ? "↓" : "↑"}
          </button>
        </label>
        <span role="status">{kit.fill(words.shown, { shown: shown.length, all: manuals.length })}</span>
      </div>
      {error ? <p className="mw-wrong" role="alert">{error}</p> : null}
      {shown.length ? (
        <table role="table">
          <thead role="rowgroup">
            <tr role="row">
              {COLUMNS.map((name) => (
                <th role="columnheader" key={name} data-column={name} aria-sort={sort.by === name ? (sort.down ? "descending" : "ascending") : "none"}>
                  <button type="button" onClick={() => turn(name)}>
                    {words[name]}
                    <span aria-hidden="true">{sort.by === name ? (sort.down ? " ↓" : " ↑") : ""}</span>
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody role="rowgroup">
            {shown.map((manual) => (
              <Row key={manual.id} manual={manual} words={words} open={open === manual.id} onOpen={() => setOpen(open === manual.id ? "" : manual.id)}>
                <Details manual={manual} titles={titles} words={words} kit={kit} onAction={act} />
              </Row>
            ))}
          </tbody>
        </table>
      ) : (
        <p>{manuals.length ? words.none_found : words.none}</p>
      )}
    </Fragment>
  );
};

export default function Manuals() {
  const [kit, setKit] = useState(window.millwright.manuals || null);
  useEffect(() => { window.millwright.load("manuals").then(() => setKit(window.millwright.manuals)); }, []);
  return (
    <section className="mw-library mw-manuals" aria-label={props.words.title}>
      <h2>{props.words.title}</h2>
      {kit ? <Library kit={kit} /> : <p role="status">{props.words.loading}</p>}
    </section>
  );
}
