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

/** Follow a job until it is over. Handlers: snapshot, progress, image, moved, cut. Returns a function that stops. */
export function follow(jobId, handlers) {
  const source = new EventSource(`/api/jobs/${jobId}/events`);
  const read = (event) => JSON.parse(event.data);
  const finals = ["done", "failed", "cancelled"];
  source.addEventListener("snapshot", (event) => {
    const job = read(event);
    handlers.snapshot(job);
    if (finals.includes(job.status)) source.close();
  });
  source.addEventListener("progress", (event) => handlers.progress(read(event)));
  source.addEventListener("image", (event) => handlers.image(read(event)));
  for (const kind of ["started", "waiting", "cancelling", ...finals]) {
    source.addEventListener(kind, (event) => {
      handlers.moved(read(event));
      if (finals.includes(kind)) source.close();
    });
  }
  source.addEventListener("error", () => {
    if (source.readyState !== EventSource.CLOSED) handlers.cut();
  });
  return () => source.close();
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
