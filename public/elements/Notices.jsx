// Safety notices above an answer: text as printed, colours of ISO 3864 / ANSI Z535.4.
const Sign = ({ signal }) =>
  signal === "notice" ? (
    <svg viewBox="0 0 28 28" aria-hidden="true">
      <circle cx="14" cy="14" r="12" fill="#fff" />
      <path d="M14 12v9M14 7v2" stroke="#0057a8" strokeWidth="3.4" strokeLinecap="round" />
    </svg>
  ) : (
    <svg viewBox="0 0 28 28" aria-hidden="true">
      <path d="M14 2.5 27 25H1z" fill={signal === "danger" ? "#fff" : "#111"} />
      <path
        d="M14 10v7M14 21v.2"
        stroke={{ danger: "#c8102e", warning: "#f57c00", caution: "#ffd100" }[signal]}
        strokeWidth="3"
        strokeLinecap="round"
      />
    </svg>
  );

// The first of several lines names the hazard; manuals print it bold.
const Words = ({ text }) => {
  const [first, ...rest] = text.split("\n");
  return <p>{rest.length ? <><strong>{first}</strong>{`\n${rest.join("\n")}`}</> : first}</p>;
};

export default function Notices() {
  return (
    <section className="mw-notices" aria-label={props.words.notices}>
      {props.notices.map((notice) => (
        <article className="mw-notice" data-signal={notice.signal} key={notice.id} lang={notice.language}>
          <header>
            <Sign signal={notice.signal} />
            {notice.word}
          </header>
          <Words text={notice.text} />
          <button
            type="button"
            className="mw-place"
            lang={props.language}
            onClick={() => window.millwright.openPage(notice.place, props.words)}
          >
            {notice.place.title}, {props.words.page} {notice.place.label}
          </button>
        </article>
      ))}
    </section>
  );
}
