// The public API, nothing else. Problems come out as `Problem`.
export class Problem extends Error {
  constructor(body) {
    super(body.detail);
    this.code = body.code;
    this.facts = body;
  }
}

export async function call(method, path, body) {
  const options = { method, headers: {} };
  if (body instanceof FormData) options.body = body;
  else if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers["Content-Type"] = "application/json";
  }
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Problem({ code: "unreachable", detail: "" });
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Problem({ code: "http_error", detail: response.statusText, ...answer });
  return answer;
}

const FINALS = ["done", "failed", "cancelled"];
const LONGEST_WAIT = 30_000; // milliseconds

/** Follow a job until it is over. Handlers: snapshot, progress, image, moved, cut, gone. Returns a function that stops. */
export function follow(jobId, handlers) {
  const address = `/api/jobs/${encodeURIComponent(jobId)}`;
  const read = (event) => JSON.parse(event.data);
  let source = null;
  let timer = 0;
  let refusals = 0;
  let isStopped = false;

  function stop() {
    isStopped = true;
    clearTimeout(timer);
    source?.close();
  }

  function snapshot(job) {
    handlers.snapshot(job);
    if (FINALS.includes(job.status)) stop();
  }

  function open() {
    source = new EventSource(`${address}/events`);
    source.addEventListener("open", () => { refusals = 0; });
    source.addEventListener("snapshot", (event) => snapshot(read(event)));
    source.addEventListener("progress", (event) => handlers.progress(read(event)));
    source.addEventListener("image", (event) => handlers.image(read(event)));
    for (const kind of ["started", "waiting", "cancelling", ...FINALS]) {
      source.addEventListener(kind, (event) => {
        handlers.moved(read(event));
        if (FINALS.includes(kind)) stop();
      });
    }
    source.addEventListener("error", () => {
      if (source.readyState === EventSource.CLOSED) lookUp(); // refused: the browser does not try again by itself
      else handlers.cut();
    });
  }

  async function lookUp() {
    let job = null;
    try {
      job = await call("GET", address);
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      if (isStopped) return;
      if (problem.code === "not_found") {
        stop();
        handlers.gone();
        return;
      }
      handlers.cut();
    }
    if (isStopped) return;
    if (job) snapshot(job);
    if (!isStopped) timer = setTimeout(open, Math.min(LONGEST_WAIT, 1000 * 2 ** refusals++));
  }

  open();
  return stop;
}

/** Send a chat message; `onText` gets the answer as it is written. Resolves to the whole answer. */
export async function chat(spellId, body, onText) {
  let response;
  try {
    response = await fetch(`/api/spells/${spellId}/chat`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "text/event-stream" },
      body: JSON.stringify(body),
    });
  } catch {
    throw new Problem({ code: "unreachable", detail: "" });
  }
  if (!response.ok) throw new Problem(await response.json());
  for await (const [event, data] of frames(response.body)) {
    if (event === "delta") onText(data.text);
    else if (event === "problem") throw new Problem(data);
    else if (event === "version") return data;
  }
  throw new Problem({ code: "unreachable", detail: "" });
}

async function* frames(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n\n");
    rest = parts.pop();
    for (const part of parts) {
      const fields = Object.fromEntries(part.split("\n").map((line) => [line.split(":", 1)[0], line.slice(line.indexOf(":") + 1).trim()]));
      if (fields.event) yield [fields.event, JSON.parse(fields.data)];
    }
  }
}
