// A running job: progress, time left, preview, cancel, pictures. Lives on through reloads: its id is in the address.
import { sentenceOf } from "./alert.js";
import { call, follow } from "./api.js";
import { $, h } from "./dom.js";
import { t } from "./i18n.js";

const FINAL = ["done", "failed", "cancelled"];

export class JobPanel {
  #use;
  #alert;
  #gone;
  #noticeOf; // what people must know about a checkpoint's pictures
  #job = null;
  #stop = () => {};
  #isOver = false;

  constructor({ use, alert, noticeOf, gone }) {
    this.#use = use;
    this.#alert = alert;
    this.#noticeOf = noticeOf;
    this.#gone = gone;
    $("cancel").addEventListener("click", async () => {
      this.#alert.hide();
      try {
        this.#moved(await call("DELETE", `/api/jobs/${this.#job}`));
      } catch (problem) {
        this.#alert.show(problem);
      }
    });
  }

  /** Show a job and follow it until it is over. */
  watch(id) {
    this.#stop();
    this.#job = id;
    this.#isOver = false;
    $("job-box").hidden = false;
    $("pictures").replaceChildren();
    $("preview").hidden = true;
    $("bar").value = 0;
    $("job-status").textContent = t("starting");
    this.#stop = follow(id, {
      snapshot: (job) => this.#snapshot(job),
      progress: (progress) => this.#progress(progress),
      image: (image) => this.#picture(image.image_id, image.slot, image.seed, image.notes),
      moved: (event) => this.#moved(event),
      cut: () => { $("job-status").textContent = t("reconnecting"); },
      gone: () => { $("job-box").hidden = true; this.#gone(); },
    });
  }

  #snapshot(job) {
    for (const image of job.images) this.#picture(image.id, image.slot, image.seed, image.notes);
    $("job-notice").textContent = this.#noticeOf(job.spell?.params.checkpoint);
    this.#moved(job);
    if (job.status === "queued") $("job-status").textContent = t("queued", { ahead: job.queue_ahead });
    else if (job.progress && !FINAL.includes(job.status)) this.#progress(job.progress);
  }

  #progress({ done, total, share, phase, eta_seconds: eta, preview }) {
    $("bar").value = share;
    const phases = { waiting: t("phaseWaiting"), base: t("phaseBase"), hires: t("phaseHires") };
    $("job-status").textContent = t("running", { phase: phases[phase] ?? phase, done, total, eta: spokenEta(eta) });
    if (preview) {
      $("preview").src = preview;
      $("preview").hidden = false;
    }
  }

  #moved({ status, problem }) {
    const isOver = FINAL.includes(status);
    if (this.#isOver && !isOver) return; // the answer to a cancel may come after the end that it asked for
    this.#isOver = isOver;
    $("cancel").hidden = isOver;
    const count = $("pictures").children.length;
    if (status === "done") { $("bar").value = 1; $("job-status").textContent = t("done", { count }); }
    else if (status === "failed") $("job-status").textContent = t("failed", { detail: problem ? sentenceOf(problem) : "" });
    else if (status === "cancelled") $("job-status").textContent = t("cancelled", { count });
    else if (status === "cancelling") $("job-status").textContent = t("cancelling");
    else if (status === "running") $("job-status").textContent = t("starting");
    else if (status === "queued") $("job-status").textContent = t("queued", { ahead: 0 });
    if (isOver) $("preview").hidden = true;
  }

  #picture(id, slot, seed, notes) {
    if (document.querySelector(`[data-image="${id}"]`)) return;
    const use = h("button", { type: "button", textContent: t("useParameters") });
    use.addEventListener("click", async () => {
      this.#alert.hide();
      try {
        this.#use((await call("GET", `/api/images/${id}/spell`)).spell);
      } catch (problem) {
        this.#alert.show(problem);
      }
    });
    const url = `/api/images/${id}`;
    const save = h("a", { className: "button", href: url, download: `spellwright-${id}.png`, textContent: t("download") });
    const item = h("li", {}, h("a", { href: url, target: "_blank", rel: "noopener" }, h("img", { src: url, alt: t("pictureAlt", { seed }) })), h("div", { className: "row" }, use, save));
    if (notes?.length) item.append(h("p", { className: "quiet", textContent: t("notes", { notes: notes.join(" ") }) }));
    item.dataset.image = id;
    item.dataset.slot = slot;
    const later = [...$("pictures").children].find((other) => Number(other.dataset.slot) > slot);
    $("pictures").insertBefore(item, later ?? null);
  }
}

function spokenEta(seconds) {
  if (seconds === null || seconds === undefined) return t("etaUnknown");
  return seconds < 90 ? t("etaSeconds", { seconds: Math.max(1, Math.round(seconds)) }) : t("etaMinutes", { minutes: Math.round(seconds / 60) });
}
