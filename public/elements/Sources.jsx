// Numbered source cards below an answer. A card opens its page with the passage marked. What the
// answer does not rest on stands apart, below.
const Card = ({ source, words }) => {
  const { place } = source;
  return (
    <li className="mw-card" data-n={source.n} data-further={source.further || undefined}>
      <button type="button" onClick={() => window.millwright.openPage(place, words)}>
        <span className="mw-n">{source.n}</span>
        <span className="mw-page">
          {words.page} {place.label}
          {source.machine && !place.title.includes(source.machine) ? ` · ${source.machine}` : ""}
        </span>
        <span className="mw-title">
          {place.title}
          {source.revision ? ` (${words.revision} ${source.revision})` : ""}
        </span>
        {source.section ? <span className="mw-section">{source.section}</span> : null}
        {source.quote ? (
          <span className="mw-quote" lang={source.language}>
            {source.quote}
          </span>
        ) : null}
      </button>
      <a href={`${window.millwright.root}/api/v1/manuals/${place.manual}/file#page=${place.page}`} target="_blank" rel="noopener">
        PDF<span className="sr-only">, {words.page} {place.label}</span>
      </a>
    </li>
  );
};

const Group = ({ heading, sources, words }) =>
  sources.length ? (
    <div>
      <h2>{heading}</h2>
      <ul>{sources.map((source) => <Card key={source.n} source={source} words={words} />)}</ul>
    </div>
  ) : null;

export default function Sources() {
  const { sources, words } = props;
  return (
    <section className="mw-sources" aria-label={words.sources}>
      <Group heading={words.sources} sources={sources.filter((one) => !one.further)} words={words} />
      <Group heading={words.further} sources={sources.filter((one) => one.further)} words={words} />
    </section>
  );
}
