// The right side: the button that draws, what is being drawn, and what was drawn.
import { isOver, pictureUrl } from "../api.js";
import { language, t } from "../i18n.js";
import { sentenceOf } from "../problems.js";
import { catalogue, checkpoint, hasRoute, show, working } from "../state.js";
import { Icon, IconButton } from "../ui.js";
import { html, useEffect, useSignal } from "../vendor/preact.js";
import { cancel, count, gallery, generate, jobs, running, size, spokenEta } from "./jobs.js";

const SIDE = 512; // pixels of a thumbnail

export function GenerateBar() {
  const most = catalogue.value?.limits.images_per_job ?? 64;
  const set = (value) => { count.value = Math.min(most, Math.max(1, value || 1)); };
  const isBusy = working.value === "generate";
  const [width, height] = size.value;
  return html`<div class="generate-bar">
    <button type="button" id="generate" class="primary big" disabled=${isBusy} onClick=${generate}><${Icon} name="spark" /><span>${isBusy ? t("saving") : t("generate")}</span><kbd>Ctrl ↵</kbd></button>
    <div class="stepper" role="group" aria-label=${t("count")}>
      <${IconButton} icon="down" label=${t("fewer")} onClick=${() => set(count.value - 1)} />
      <input id="count" type="number" min="1" max=${most} aria-label=${t("count")} value=${count.value} onInput=${(event) => set(Number(event.target.value))} />
      <${IconButton} icon="up" label=${t("more")} onClick=${() => set(count.value + 1)} />
    </div>
    <p class="quiet facts">${checkpoint.value?.name ?? ""} · ${width} × ${height}</p>
  </div>`;
}

export function Pictures() {
  const done = gallery.value;
  const over = jobs.value[0] && isOver(jobs.value[0].status) ? jobs.value[0] : null;
  return html`<section id="pictures-pane" class="card pictures" aria-labelledby="pictures-title">
    <h2 id="pictures-title">${t("picturesTitle")}</h2>
    <div class="running">${[...running.value].reverse().map((job) => html`<${Running} key=${job.id} job=${job} />`)}</div>
    ${over && html`<p id="job-status" role="status" class=${`quiet ${over.status}`}>${ended(over)}</p>`}
    <${Notice} />
    ${!done.length && !running.value.length && html`<div class="empty"><${Icon} name="image" /><p>${t("picturesEmpty")}</p></div>`}
    <ul id="pictures" class="gallery">${done.map((image, at) => html`<li key=${image.id}><${Thumb} image=${image} at=${at} /></li>`)}</ul>
  </section>`;
}

function ended(job) {
  if (job.status === "failed") return t("failed", { detail: job.problem ? sentenceOf(job.problem) : "" });
  return t(job.status, { count: job.images.length });
}

/** The honest sentence about the checkpoint, when there is one. */
function Notice() {
  const now = checkpoint.value;
  if (!now?.notice && !now?.is_demo) return null;
  return html`<p id="job-notice" class="quiet">${now.is_demo && !(language.value === "en" && now.notice) ? t("demoModel") : now.notice}</p>`;
}

function Running({ job }) {
  const { progress } = job;
  const share = progress?.share ?? 0;
  return html`<article class="job" aria-label=${t("jobLabel")}>
    ${progress?.preview ? html`<img id="preview" class="preview" src=${progress.preview} alt=${t("previewAlt")} />` : html`<div class="preview blank" aria-hidden="true"><${Icon} name="spark" /></div>`}
    <div class="grow">
      <progress max="1" value=${share} aria-label=${t("progress")}></progress>
      <p role="status" class="job-status" id="job-status">${status(job)}</p>
      <div class="row"><button type="button" class="cancel" disabled=${job.status === "cancelling"} onClick=${() => cancel(job)}><${Icon} name="stop" />${t("cancel")}</button>
      <span class="quiet">${job.count > 1 && t("picturesOf", { done: job.images.length, count: job.count })}</span></div>
    </div>
  </article>`;
}

function status(job) {
  if (job.cut) return t("reconnecting");
  if (job.status === "cancelling") return t("cancelling");
  if (job.status === "queued") return job.queue_ahead ? t("queued", { ahead: job.queue_ahead }) : t("starting");
  if (job.reason) return t(`waiting.${job.reason}`);
  if (!job.progress) return t("starting");
  const { done, total, phase, eta_seconds: eta } = job.progress;
  const phases = { waiting: t("phaseWaiting"), base: t("phaseBase"), hires: t("phaseHires") };
  return t("running", { phase: phases[phase] ?? phase, done, total, eta: spokenEta(eta) });
}

function Thumb({ image, at }) {
  const alt = t("pictureAlt", { seed: image.seed ?? "?" });
  const path = hasRoute("GET /api/images/{id}/thumbnail") ? `${image.url}/thumbnail?side=${SIDE}` : image.url;
  return html`<button type="button" class="thumb" aria-label=${t("openPicture", { alt })} onClick=${() => show("lightbox", { at })}><${Picture} path=${path} alt="" /></button>`;
}

/** A picture of the API; with a key it is fetched, because an `<img>` cannot send one. */
export function Picture({ path, alt, ...rest }) {
  const address = useSignal("");
  useEffect(() => {
    let isShown = true;
    pictureUrl(path).then((url) => { if (isShown) address.value = url; }, () => {});
    return () => { isShown = false; };
  }, [path]);
  return html`<img src=${address.value || undefined} alt=${alt} loading="lazy" decoding="async" ...${rest} />`;
}
