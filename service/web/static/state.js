// The spell store: what is on the table, and everything that can be done with it. Components only read signals and call these.
import { Problem, call, callOnce, chat, follow, isOver, newKey } from "./api.js";
import { t } from "./i18n.js";
import { batch, computed, effect, signal } from "./vendor/preact.js";

export const EMPTY = { prompt: "", negative_prompt: "", loras: [], params: {}, extra: [] };
const DRAFT = "spellwright.draft";
const BEEN_HERE = "spellwright.beenHere";
/** Whether a spell was made in this browser before: a newcomer has none to be shown. */
export const hasBeenHere = () => localStorage.getItem(BEEN_HERE) !== null;

export const catalogue = signal(null);
export const offers = signal(null); // what this server can do; `null` until it said so
export const draft = signal(EMPTY);
export const locked = signal([]);
export const head = signal(null); // newest stored version
export const versions = signal([]);
export const turns = signal([]);
export const reading = signal(null); // what is known about the photo or the paste this spell came from
export const review = signal(null); // the last change, until it is accepted: {diff, before}
export const view = signal("start"); // start | work
export const pane = signal("spell"); // on a phone: talk | spell | pictures
export const trouble = signal(null);
export const working = signal(""); // what is being waited for
export const toast = signal("");
export const dialog = signal(null); // {name, props}
export const isDirty = computed(() => head.value === null
  ? sorted(draft.value) !== sorted(EMPTY)
  : sorted(normal(draft.value)) !== sorted(normal(head.value.spell)) || sorted(locked.value) !== sorted(head.value.details?.locked ?? []));
export const checkpoint = computed(() => {
  const all = catalogue.value?.checkpoints ?? [];
  return all.find((one) => one.name === draft.value.params.checkpoint) ?? all.find((one) => one.is_usable) ?? null;
});
let isOfflineNext = false; // after the language model failed, the next try goes without it

/** Whether the server takes `field` in the body `schema`, or has the route. */
export const takes = (schema, field) => offers.value?.fields[schema]?.includes(field) ?? false;
export const hasRoute = (route) => offers.value?.routes.includes(route) ?? false;

export function show(name, props = {}) {
  dialog.value = { name, props };
}

export function say(text) {
  toast.value = text;
}

export function setDraft(changes) {
  draft.value = { ...draft.value, ...changes };
}

export function setParams(changes) {
  const params = { ...draft.value.params, ...changes };
  if ("checkpoint" in changes) params.checkpoint_hash = null;
  setDraft({ params });
}

/** Do `work` while the page says what it waits for; trouble is shown, and nothing that was typed is lost. */
export async function attempt(what, work) {
  trouble.value = null;
  working.value = what;
  try {
    const result = await work();
    isOfflineNext = false;
    return result ?? true;
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    if (problem.code.startsWith("llm_")) isOfflineNext = true;
    trouble.value = problem.facts;
    return null;
  } finally {
    if (working.value === what) working.value = "";
  }
}

function take(version, more = {}) {
  batch(() => {
    if (version.spell_id !== head.value?.spell_id) {
      versions.value = [];
      turns.value = [];
      reading.value = null;
      review.value = null;
    }
    versions.value = [...versions.value.filter((one) => one.number !== version.number), version];
    head.value = version;
    draft.value = version.spell;
    locked.value = version.details?.locked ?? [];
    if ("reading" in more) reading.value = more.reading;
    review.value = null; // whoever goes on has accepted
    view.value = "work";
  });
  remember({ spell: version.spell_id });
  localStorage.setItem(BEEN_HERE, "yes");
}

/** An idea in any language becomes version 1. */
export function expand(idea) {
  return attempt("idea", async () => {
    const body = { idea, offline: isOfflineNext };
    if (draft.value.params.checkpoint) body.checkpoint = draft.value.params.checkpoint;
    const version = await call("POST", "/api/spells", body);
    take(version, { reading: null });
    return version;
  });
}

export async function openSpell(id) {
  try {
    const found = await call("GET", `/api/spells/${encodeURIComponent(id)}`);
    take(found.head);
    batch(() => { versions.value = found.versions; turns.value = found.turns; });
    const first = found.versions[0];
    if (first?.details?.interrogation) reading.value = { source: "photo", interrogation: first.details.interrogation };
    else if (first?.author === "metadata") reading.value = { source: "metadata", interrogation: null };
  } catch (problem) {
    if (problem.code !== "not_found") throw problem;
    remember({ spell: null });
    throw new Problem({ code: "spell_gone", detail: "" });
  }
}

/** What was typed becomes a version before anything is made of it. */
export async function keep(note = "") {
  if (!isDirty.value && head.value) return head.value;
  if (head.value === null) {
    if (!draft.value.prompt.trim()) throw new Problem({ code: "nothing_yet", detail: "" });
    take(await call("POST", "/api/spells", { spell: draft.value, note }));
    return head.value;
  }
  const body = { spell: draft.value, parent: head.value.number, note };
  if (takes("SpellEditIn", "locked")) body.locked = locked.value;
  try {
    take(await call("POST", `/api/spells/${head.value.spell_id}/versions`, body));
  } catch (problem) {
    if (problem.code === "version_conflict") head.value = (await call("GET", `/api/spells/${head.value.spell_id}`)).head;
    throw problem;
  }
  return head.value;
}

/** Say what should change; `onText` gets the answer as it is written. */
export function talk(message, onText) {
  return attempt("chat", async () => {
    await keep();
    const before = head.value;
    const answer = await chat(before.spell_id, { message, parent: before.number, offline: isOfflineNext }, onText);
    turns.value = [...turns.value, { ...answer.turn, diff: answer.is_changed ? answer.diff : null, from: before.number }];
    take(answer.version);
    review.value = answer.is_changed ? { diff: answer.diff, before, version: answer.version.number } : null;
    return answer;
  });
}

/** Make an older version, or another spell, the next version. */
export function goBack(version, note) {
  return attempt("version", async () => {
    const body = { spell: version.spell, parent: head.value.number, note };
    if (takes("SpellEditIn", "base")) body.base = version.number;
    if (takes("SpellEditIn", "locked")) body.locked = version.details?.locked ?? [];
    take(await call("POST", `/api/spells/${version.spell_id}/versions`, body));
    review.value = null;
  });
}

export const undoReview = () => goBack(review.value.before, t("undone", { number: review.value.before.number }));
export const accept = () => { review.value = null; };

/** Put another spell on the table as an edit of the present one, or as a new one. */
export function use(spell, said) {
  batch(() => {
    draft.value = { ...EMPTY, ...spell };
    view.value = "work";
    pane.value = "spell";
  });
  say(said);
}

export function startAnew() {
  batch(() => {
    for (const [one, value] of [[draft, EMPTY], [locked, []], [head, null], [versions, []], [turns, []], [reading, null], [review, null], [trouble, null]]) one.value = value;
    view.value = "start";
  });
  remember({ spell: null, photo: null });
}

/** Begin with an empty prompt of one's own. */
export function write() {
  startAnew();
  view.value = "work";
}

/** A text from anywhere: parameters of another program become the spell; words alone are an idea or a prompt. */
export function readPaste(text) {
  return attempt("paste", async () => {
    if (!text.trim()) throw new Problem({ code: "paste_empty", detail: "" });
    const found = await call("POST", "/api/prompts/read", { text });
    const version = await call("POST", "/api/spells", { spell: found.spell, note: t("pastedFrom", { tool: found.is_plain ? t("plainText") : found.tool }) });
    take(version, { reading: { source: "paste", tool: found.tool, isPlain: found.is_plain, verdicts: found.verdicts, notes: found.notes, losses: found.losses } });
    return found;
  });
}

let stopPhoto = () => {};
export const photo = signal(null); // {url, name, stage, share, isOpen}

/** How photos are read: the wishes of the API, as a form takes them. */
export const wishes = signal({ mode: "fast", target: "tags", artists: true, brands: true, blocked: "", max_tokens: null });
const PLAIN = wishes.value;

function photoForm(file) {
  const form = new FormData();
  form.append("file", file);
  for (const [name, value] of Object.entries(wishes.value)) if (value !== PLAIN[name] && value !== null && value !== "") form.append(name, value);
  return form;
}

/** Read the photo, draw what was read and compare; `onStage` hears `reading`, then `drawing`. */
export function roundTrip(onStage) {
  return attempt("roundTrip", async () => {
    const key = newKey();
    for (;;) {
      const told = await callOnce("/api/round-trips", photoForm(photo.value.file), key);
      if (told.spell) take(told.spell, { reading: { source: "photo", by: told.interrogation.source, interrogation: told.interrogation.interrogation, url: photo.value?.url } });
      if (told.stage === "done") return told;
      onStage(told.stage);
    }
  });
}

/** Store what a round trip proposes as the next version; it can be undone like a turn. */
export function acceptProposal({ proposals, diff }) {
  return attempt("version", async () => {
    const before = head.value;
    const body = { edits: proposals.map(({ edit }) => edit), parent: before.number, note: t("roundAccepted") };
    const told = await call("POST", `/api/spells/${before.spell_id}/accept`, body);
    take(told.version ?? told);
    review.value = { diff, before, version: head.value.number };
  });
}

/** A photo from anywhere: its own metadata first, else what can be seen in it. */
export function readPhoto(file) {
  return attempt("photo", async () => {
    stopPhoto();
    const known = photo.value?.file === file ? photo.value : null;
    if (!known && photo.value?.url) URL.revokeObjectURL(photo.value.url);
    photo.value = { url: known?.url ?? URL.createObjectURL(file), name: file.name, file, stage: "", share: 0, isOpen: true };
    try {
      const found = await call("POST", "/api/interrogations", photoForm(file));
      if (found.status === "done") await tellPhoto(found);
      else {
        remember({ photo: found.id });
        await new Promise((resolve, reject) => { watchPhoto(found.id).then(resolve, reject); });
      }
    } catch (problem) {
      photo.value = known; // another try with other wishes needs it
      throw problem;
    }
  });
}

export function watchPhoto(id) {
  return new Promise((resolve, reject) => {
    const finish = () => call("GET", `/api/interrogations/${encodeURIComponent(id)}`).then(tellPhoto).then(resolve, reject);
    stopPhoto = follow(id, {
      snapshot: ({ status }) => { if (isOver(status)) finish(); },
      progress: ({ phase, share }) => { photo.value = { url: "", name: "", ...photo.value, stage: phase, share, isOpen: true }; },
      image: () => {},
      moved: ({ status }) => { if (isOver(status)) finish(); },
      cut: () => {},
      gone: () => { remember({ photo: null }); reject(new Problem({ code: "not_found", detail: "" })); },
    });
  });
}

async function tellPhoto(found) {
  remember({ photo: null });
  if (photo.value) photo.value = { ...photo.value, isOpen: false };
  if (found.problem) throw new Problem(found.problem);
  if (!found.version) return;
  const isExact = found.source === "metadata";
  take(found.version, { reading: { source: isExact ? "metadata" : "photo", by: found.source, interrogation: found.interrogation, url: photo.value?.url } });
  if (isExact) {
    const told = await call("POST", "/api/prompts/read", { text: found.version.infotext }).catch(() => null);
    if (told) reading.value = { ...reading.value, verdicts: told.verdicts };
  }
}

/** The address holds what must survive a reload. */
export function remember(changes) {
  const now = new URLSearchParams(location.hash.slice(1));
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) now.delete(name);
    else now.set(name, value);
  }
  history.replaceState(null, "", now.size ? `#${now}` : location.pathname);
}

export const remembered = (name) => new URLSearchParams(location.hash.slice(1)).get(name);

/** Unsaved typing survives a reload of this tab. */
export function keepDraftInTab() {
  const kept = JSON.parse(sessionStorage.getItem(DRAFT) ?? "null");
  if (kept && kept.spell === (head.value?.spell_id ?? null) && kept.version === (head.value?.number ?? null)) {
    draft.value = kept.draft;
    if (view.value === "start" && sorted(kept.draft) !== sorted(EMPTY)) view.value = "work";
  }
  effect(() => {
    const spell = head.value?.spell_id ?? null;
    sessionStorage.setItem(DRAFT, JSON.stringify({ spell, version: head.value?.number ?? null, draft: draft.value }));
  });
}

export { callOnce };

function normal(spell) {
  const params = Object.fromEntries(Object.entries(spell.params ?? {}).filter(([, value]) => value !== null && value !== undefined));
  return { ...spell, params };
}

export function sorted(value) {
  return JSON.stringify(value, (_, inner) => (inner && typeof inner === "object" && !Array.isArray(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner));
}
