// A photo from anywhere: dropped, pasted or chosen. Its own metadata first, else what can be seen in it.
import { call, follow } from "./api.js";
import { $, h } from "./dom.js";
import { t } from "./i18n.js";

export class Photo {
  #book;
  #alert;
  #stop = () => {};

  constructor(book, alert) {
    this.#book = book;
    this.#alert = alert;
    $("photo").addEventListener("change", (event) => this.#send(event.target.files[0]));
    const drop = $("drop");
    document.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
    document.addEventListener("dragleave", () => drop.classList.remove("over"));
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      drop.classList.remove("over");
      this.#send(event.dataTransfer.files[0]);
    });
    document.addEventListener("paste", (event) => {
      const file = [...(event.clipboardData?.files ?? [])].find((one) => one.type.startsWith("image/"));
      if (file) this.#send(file);
    });
  }

  async #send(file) {
    if (!file) return;
    this.#alert.hide();
    this.#stop();
    this.#view(file);
    $("photo-status").textContent = t("photoReading");
    const form = new FormData();
    form.append("file", file);
    try {
      const found = await call("POST", "/api/interrogations", form);
      if (found.status === "done") await this.#show(found);
      else this.#watch(found.id);
    } catch (problem) {
      $("photo-status").textContent = "";
      $("photo-view").hidden = true;
      this.#alert.show(problem);
    }
    $("photo").value = "";
  }

  #view(file) {
    const view = $("photo-view");
    if (view.src) URL.revokeObjectURL(view.src);
    view.src = URL.createObjectURL(file);
    view.hidden = false;
  }

  #watch(id) {
    const finish = async () => {
      try {
        await this.#show(await call("GET", `/api/interrogations/${id}`));
      } catch (problem) {
        this.#alert.show(problem);
      }
    };
    const isOver = (status) => ["done", "failed", "cancelled"].includes(status);
    this.#stop = follow(id, {
      snapshot: (job) => { if (isOver(job.status)) finish(); },
      progress: ({ phase, share }) => { $("photo-status").textContent = t("photoStage", { stage: phase, percent: Math.round(share * 100) }); },
      image: () => {},
      moved: ({ status }) => { if (isOver(status)) finish(); },
      cut: () => { $("photo-status").textContent = t("reconnecting"); },
      gone: () => { $("photo-status").textContent = ""; this.#alert.show({ code: "not_found", detail: "" }); },
    });
  }

  async #show(found) {
    $("photo-status").textContent = "";
    if (found.problem) {
      this.#alert.show(found.problem);
      return;
    }
    if (!found.version) return;
    const measured = () => [t("photoMeasured", { source: found.source }), ...noticesOf(found.interrogation)].join(" ");
    $("photo-status").textContent = found.source === "metadata" ? t("photoExact") : measured();
    this.#book.take(found.version);
    drawChips(trusted(found.interrogation));
  }
}

/** What people must know about the models that looked; the server's own words where the page has none. */
function noticesOf(interrogation) {
  const { weights, caption, mode, notice } = interrogation ?? {};
  if (!notice) return [];
  if (weights === "none") return [t("clipNone")];
  if (!["random", "trained-demo", "real"].includes(weights)) return [notice];
  const lines = { random: [t("clipRandom")], "trained-demo": [t("clipDemo")] }[weights] ?? [];
  return caption || ["tags", "negative"].includes(mode) ? lines : [...lines, t("captionNone")];
}

/** Terms that mean something: random weights rank by chance, what was measured is true all the same. */
function trusted(interrogation) {
  const terms = interrogation?.terms ?? [];
  return interrogation?.weights === "random" ? terms.filter((term) => term.source === "measured") : terms;
}

/** The evidence as chips: pressed means the term stands in the prompt. */
export function drawChips(terms) {
  $("chips-box").hidden = terms.length === 0;
  $("chips-note").textContent = t("chipsNote");
  $("chips").replaceChildren(...terms.map((term) => h("li", {}, chip(term))));
}

function chip(term) {
  const prompt = $("prompt");
  const button = h("button", { type: "button", title: evidence(term) }, term.text);
  if (term.similarity !== null) button.append(h("meter", { min: 0, max: 1, value: Math.max(0, term.similarity), "aria-label": evidence(term) }));
  const refresh = () => button.setAttribute("aria-pressed", String(phrases(prompt.value).includes(term.text)));
  button.addEventListener("click", () => {
    const now = phrases(prompt.value);
    prompt.value = (now.includes(term.text) ? now.filter((one) => one !== term.text) : [...now, term.text]).join(", ");
    prompt.dispatchEvent(new Event("input"));
  });
  prompt.addEventListener("input", refresh);
  refresh();
  return button;
}

function phrases(text) {
  return text.split(",").map((one) => one.trim()).filter(Boolean);
}

function evidence(term) {
  return `${term.category}${term.similarity === null ? "" : ` ${term.similarity.toFixed(2)}`}`;
}
