// The public API, nothing else: requests, event streams, the key. Whatever goes wrong comes out as a `Problem`.
import { signal } from "./vendor/preact.js";

const KEY = "spellwright.key";
const FINALS = ["done", "failed", "cancelled"];
const LONGEST_WAIT = 15_000; // milliseconds
const SILENCE = 35_000; // the server says something every 10 s

export class Problem extends Error {
  constructor(body) {
    super(body.detail);
    this.code = body.code;
    this.facts = body;
  }
}

/** Whether the server asks for a key; the resolver of whoever waits for one. */
export const keyAsked = signal(null);

export const isOver = (status) => FINALS.includes(status);
export const hasKey = () => Boolean(storedKey());

function storedKey() {
  return sessionStorage.getItem(KEY) ?? localStorage.getItem(KEY);
}

/** Keep a key for this tab, or for good. */
export function keepKey(key, isForGood) {
  sessionStorage.removeItem(KEY);
  localStorage.removeItem(KEY);
  if (key) (isForGood ? localStorage : sessionStorage).setItem(KEY, key);
  keyAsked.value?.(Boolean(key));
  keyAsked.value = null;
}

let waiting = null; // one dialog for everybody who was refused

function askForKey() {
  waiting ??= new Promise((resolve) => { keyAsked.value = resolve; }).finally(() => { waiting = null; });
  return waiting;
}

/** `fetch` with the key; asks for one when the server wants it. `credentials: omit` keeps the browser's own prompt away. */
export async function send(path, options = {}) {
  for (;;) {
    const key = storedKey();
    const headers = { ...options.headers, ...(key ? { Authorization: `Bearer ${key}` } : {}) };
    let response;
    try {
      response = await fetch(path, { ...options, headers, credentials: "omit" });
    } catch (failed) {
      if (failed.name === "AbortError") throw failed;
      throw new Problem({ code: "unreachable", detail: "" });
    }
    if (response.status !== 401 || !(await askForKey())) return response;
  }
}

async function problemOf(response) {
  const body = await response.json().catch(() => ({}));
  return new Problem({ code: "http_error", detail: response.statusText, ...body });
}

export async function call(method, path, body, headers = {}) {
  const options = { method, headers: { ...headers } };
  if (body instanceof FormData) options.body = body;
  else if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers["Content-Type"] = "application/json";
  }
  const response = await send(path, options);
  if (!response.ok) throw await problemOf(response);
  return response.json();
}

/** As `call`, but a request that was cut off is sent again under the same key: the job is made once. */
export async function callOnce(path, body, key = newKey()) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await call("POST", path, body, { "Idempotency-Key": key });
    } catch (problem) {
      if (problem.code !== "unreachable" || attempt === 3) throw problem;
      await pause(700 * attempt);
    }
  }
}

export function newKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function pause(milliseconds) {
  return new Promise((resolve) => {
    const timer = setTimeout(done, milliseconds);
    function done() {
      clearTimeout(timer);
      removeEventListener("online", done);
      resolve();
    }
    addEventListener("online", done);
  });
}

/** Follow a job until it is over, through cuts and restarts. Handlers: snapshot, progress, image, moved, cut, gone. */
export function follow(jobId, handlers) {
  const address = `/api/jobs/${encodeURIComponent(jobId)}`;
  const aborter = new AbortController();
  let last = "";
  let isFinished = false;
  const hear = (event, data) => {
    if (event === "snapshot") handlers.snapshot(data);
    else if (event === "progress") handlers.progress(data);
    else if (event === "image") handlers.image(data);
    else handlers.moved(data);
    isFinished = isFinished || isOver(event) || (event === "snapshot" && isOver(data.status));
  };

  async function listen() {
    const headers = { Accept: "text/event-stream", ...(last ? { "Last-Event-ID": last } : {}) };
    const response = await send(`${address}/events`, { headers, signal: aborter.signal });
    if (!response.ok) throw await problemOf(response);
    if (response.status === 204) {
      isFinished = true;
      return;
    }
    for await (const { event, data, id } of frames(response.body)) {
      if (id) last = id;
      hear(event, data);
      if (isFinished) return;
    }
  }

  async function run() {
    for (let refusals = 0; !isFinished && !aborter.signal.aborted; refusals++) {
      try {
        const before = last;
        await listen();
        if (last !== before) refusals = 0;
      } catch (problem) {
        if (aborter.signal.aborted) return;
        if (problem.code === "not_found") return handlers.gone();
        if (problem.code !== "unreachable") await lookUp();
      }
      if (isFinished || aborter.signal.aborted) return;
      handlers.cut();
      await pause(Math.min(LONGEST_WAIT, 800 * 2 ** refusals));
    }
  }

  /** A stream that is refused leaves the plain question. */
  async function lookUp() {
    try {
      hear("snapshot", await call("GET", address));
    } catch (problem) {
      if (problem.code === "not_found") { isFinished = true; handlers.gone(); }
    }
  }

  run();
  return () => aborter.abort();
}

/** Send a chat message; `onText` gets the answer as it is written. Resolves to the whole answer. */
export async function chat(spellId, body, onText) {
  const headers = { "Content-Type": "application/json", Accept: "text/event-stream" };
  const response = await send(`/api/spells/${spellId}/chat`, { method: "POST", headers, body: JSON.stringify(body) });
  if (!response.ok) throw await problemOf(response);
  for await (const { event, data } of frames(response.body)) {
    if (event === "delta") onText(data.text);
    else if (event === "problem") throw new Problem(data);
    else if (event === "version") return data;
  }
  throw new Problem({ code: "unreachable", detail: "" });
}

/** The events of a stream. A stream that is cut, or silent for too long, ends in `unreachable`. */
async function* frames(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    let timer = 0;
    const silence = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error("silent")), SILENCE); });
    let chunk;
    try {
      chunk = await Promise.race([reader.read(), silence]);
    } catch {
      reader.cancel().catch(() => {});
      throw new Problem({ code: "unreachable", detail: "" });
    } finally {
      clearTimeout(timer);
    }
    if (chunk.done) return;
    const parts = (rest + chunk.value).split("\n\n");
    rest = parts.pop();
    for (const part of parts) {
      const fields = Object.fromEntries(part.split("\n").map((line) => [line.split(":", 1)[0], line.slice(line.indexOf(":") + 1).trim()]));
      if (fields.event) yield { event: fields.event, data: JSON.parse(fields.data), id: fields.id };
    }
  }
}

const pictures = new Map(); // address -> object URL; pictures never change

/** Where an `<img>` finds a picture: it cannot send a key itself. */
export async function pictureUrl(path) {
  if (!hasKey()) return path;
  if (!pictures.has(path)) {
    const response = await send(path);
    if (!response.ok) throw await problemOf(response);
    pictures.set(path, URL.createObjectURL(await response.blob()));
  }
  return pictures.get(path);
}
