// Numbered source cards below an answer. A card opens its page with the passage marked.
export default function Sources() {
  const address = (place) => `${window.millwright.root}/api/v1/manuals/${place.manual}/file#page=${place.page}`;
  return (
    <section className="mw-sources" aria-label={props.words.sources}>
      <h2>{props.words.sources}</h2>
      <ul>
        {props.sources.map((source) => (
          <li className="mw-card" key={source.n} data-n={source.n}>
            <button type="button" onClick={() => window.millwright.openPage(source.place, props.words)}>
              <span className="mw-n">{source.n}</span>
              <span className="mw-page">
                {props.words.page} {source.place.label}
                {source.machine && !source.place.title.includes(source.machine) ? ` · ${source.machine}` : ""}
              </span>
              <span className="mw-title">
                {source.place.title}
                {source.revision ? ` (${props.words.revision} ${source.revision})` : ""}
              </span>
              {source.section ? <span className="mw-section">{source.section}</span> : null}
              {source.quote ? (
                <span className="mw-quote" lang={source.language}>
                  {source.quote}
                </span>
              ) : null}
            </button>
            <a href={address(source.place)} target="_blank" rel="noopener">
              PDF<span className="sr-only">, {props.words.page} {source.place.label}</span>
            </a>
          </li>
        ))}
      </ul>
    </section>
  );
}
