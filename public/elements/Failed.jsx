// A failure: says what failed and what to do. Never looks like an answer.
export default function Failed() {
  return (
    <div className="mw-failed" role="alert">
      <strong>{props.headline}</strong>
      {props.text}
      {props.question ? (
        <div>
          <button type="button" onClick={() => sendUserMessage(props.question)}>
            {props.again}
          </button>
        </div>
      ) : null}
    </div>
  );
}
