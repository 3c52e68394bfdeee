// Picture jobs: ordering them, following them through cuts and restarts, and the pictures they made.
import { call, callOnce, follow, isOver } from "../api.js";
import { t } from "../i18n.js";
import { attempt, checkpoint, draft, keep, pane, remember, say, takes, trouble, view } from "../state.js";
import { computed, effect, signal } from "../vendor/preact.js";

const STREAMS = 3; // browsers open six connections to a server, and some are needed for other things
export const jobs = signal([]); // newest first
export const count = signal(1);
export const running = computed(() => jobs.value.filter((job) => !isOver(job.status)));
export const gallery = computed(() => jobs.value.flatMap((job) => job.images.map((image) => ({ ...image, job }))));
const followed = new Map(); // job id -> what stops it

export const lastSeed = computed(() => gallery.value[0]?.seed ?? null);

/** The job of this draft; what was typed is kept as a version first. */
export function generate() {
  return attempt("generate", async () => {
    const version = await keep();
    const order = { spell_id: version.spell_id, version: version.number, ...(count.value > 1 && { count: count.value }) };
    submitted(await callOnce("/api/jobs", order));
  });
}

/** A job of a spell that is sent along. */
export function order(body, said) {
  return attempt("generate", async () => {
    submitted(await callOnce("/api/jobs", body));
    say(said);
  });
}

/** Others like this: drawn over it where the server can, else from new seeds. */
export function vary(image, spell) {
  const fresh = { ...spell, params: { ...spell.params, seed: null } };
  if (!takes("JobIn", "img2img")) return order({ spell: fresh, count: 4 }, t("varySeeds"));
  return order({ spell: fresh, count: 4, img2img: { source: { image_id: image.id }, denoising_strength: 0.55 } }, t("varyOver"));
}

/** The same picture, larger: the hires pass behind the same first pass. */
export function enlarge(spell) {
  const hires = { upscale_by: 2, denoising_strength: 0.5, upscaler: "Latent (bicubic antialiased)", steps: 0 };
  return order({ spell: { ...spell, params: { ...spell.params, hires } }, count: 1 }, t("hiresOrdered"));
}

function submitted(job) {
  put({ ...job, cut: false });
  remember({ job: job.id });
  view.value = "work";
  pane.value = "pictures";
  listen();
}

/** The jobs of before: pictures that are there, and work that goes on. */
export async function loadJobs() {
  const found = await call("GET", "/api/jobs?limit=24").catch(() => null);
  for (const job of (found?.jobs ?? []).reverse()) if (job.kind !== "interrogate") put(job);
  listen();
}

/** A job by its id; one that is not here any more is said, and forgotten. */
export async function watch(id) {
  try {
    const job = await call("GET", `/api/jobs/${encodeURIComponent(id)}`);
    put(job);
    if (!isOver(job.status)) pane.value = "pictures";
    listen();
  } catch (problem) {
    remember({ job: null });
    trouble.value = problem.code === "not_found" ? { code: "job_gone", detail: "" } : problem.facts;
  }
}

export function cancel(job) {
  return attempt("cancel", async () => put(await call("DELETE", `/api/jobs/${job.id}`)));
}

function put(job) {
  const known = jobs.value.find((one) => one.id === job.id);
  // The answer to a cancel may come after the end that it asked for.
  const merged = known ? { ...known, ...job, status: isOver(known.status) && !isOver(job.status ?? "") ? known.status : job.status ?? known.status } : { progress: null, ...job };
  const others = jobs.value.filter((one) => one.id !== job.id);
  jobs.value = [...others, merged].sort((a, b) => (a.id < b.id ? 1 : -1));
}

function change(id, changes) {
  const job = jobs.value.find((one) => one.id === id);
  if (job) put({ ...job, ...(typeof changes === "function" ? changes(job) : changes) });
}

function addImage(id, image) {
  change(id, (job) => job.images.some((one) => one.id === image.id) ? {} : { images: [...job.images, image].sort((a, b) => a.slot - b.slot) });
}

function listen() {
  const open = running.value.filter((job) => !followed.has(job.id)).reverse();
  for (const job of open.slice(0, Math.max(0, STREAMS - followed.size))) {
    followed.set(job.id, follow(job.id, {
      snapshot: (now) => { put({ ...now, cut: false }); leave(now); },
      progress: (progress) => change(job.id, { progress, cut: false, status: "running" }),
      image: (image) => addImage(job.id, { id: image.image_id, slot: image.slot, seed: image.seed, width: image.width, height: image.height, notes: image.notes ?? [], url: `/api/images/${image.image_id}` }),
      moved: (event) => { change(job.id, { status: event.status, problem: event.problem ?? null, reason: event.reason ?? null, cut: false }); leave({ id: job.id, status: event.status }); },
      cut: () => change(job.id, { cut: true }),
      gone: () => { followed.delete(job.id); jobs.value = jobs.value.filter((one) => one.id !== job.id); remember({ job: null }); trouble.value = { code: "job_gone", detail: "" }; },
    }));
  }
}

function leave({ id, status }) {
  if (!isOver(status)) return;
  followed.get(id)?.();
  followed.delete(id);
  refreshQueue();
  listen();
}

/** Places in the queue move when a job ends. */
async function refreshQueue() {
  for (const job of running.value.filter((one) => one.status === "queued")) {
    const now = await call("GET", `/api/jobs/${job.id}`).catch(() => null);
    if (now) put(now);
  }
}

/** How long all of it may take, in words; empty when nobody can say. */
export function spokenEta(seconds) {
  if (seconds === null || seconds === undefined) return t("etaUnknown");
  return seconds < 90 ? t("etaSeconds", { seconds: Math.max(1, Math.round(seconds)) }) : t("etaMinutes", { minutes: Math.round(seconds / 60) });
}

export const size = computed(() => {
  const { width, height, hires } = draft.value.params;
  const defaults = checkpoint.value?.defaults ?? {};
  const [w, h] = [width ?? defaults.width ?? 512, height ?? defaults.height ?? 512];
  const by = hires ? hires.upscale_by ?? 2 : 1;
  return hires?.resize_to ? hires.resize_to : [Math.trunc(w * by), Math.trunc(h * by)];
});

effect(() => {
  const first = running.value.at(-1);
  const share = first?.progress?.share;
  const plain = document.title.replace(/^\d+ % · /, "");
  document.title = share === undefined ? plain : `${Math.round(share * 100)} % · ${plain}`;
});
