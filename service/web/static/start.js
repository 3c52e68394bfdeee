// The first screen: the three uses at first sight, what works on this machine, and what was made before.
import { call } from "./api.js";
import { since, t } from "./i18n.js";
import { catalogue, checkpoint, expand, openSpell, attempt, hasBeenHere, offers, photo, readPaste, readPhoto, show, working, write } from "./state.js";
import { Icon } from "./ui.js";
import { html, useEffect, useSignal } from "./vendor/preact.js";

const PICTURES = "image/png,image/jpeg,image/webp";

export function Start({ draw }) {
  return html`<main id="main" class="start">
    <h1>${t("heroTitle")}</h1>
    <p class="lead">${t("heroLead")}</p>
    <div class="doors">
      <${PhotoDoor} />
      <${IdeaDoor} draw=${draw} />
      <${PasteDoor} />
    </div>
    <${FirstRun} />
    <${Recent} />
  </main>`;
}

function PhotoDoor() {
  const isBusy = working.value === "photo";
  const now = photo.value;
  return html`<section class="door card" aria-labelledby="door-photo">
    <h2 id="door-photo"><span class="door-icon"><${Icon} name="image" /></span>${t("photoTitle")}</h2>
    <label class=${`drop ${isBusy ? "busy" : ""}`}>
      ${isBusy && now?.url ? html`<img src=${now.url} alt="" />` : html`<${Icon} name="plus" />`}
      <span>${isBusy ? photoStage(now) : t("photoDrop")}</span>
      <input id="photo" class="hidden" type="file" accept=${PICTURES} onChange=${(event) => { if (event.target.files[0]) readPhoto(event.target.files[0]); event.target.value = ""; }} />
    </label>
    <p class="quiet">${t("photoHelp")}</p>
  </section>`;
}

export function photoStage(now) {
  return now?.stage ? t("photoStage", { stage: now.stage, percent: Math.round(now.share * 100) }) : t("photoReading");
}

function IdeaDoor({ draw }) {
  const idea = useSignal("");
  const isBusy = working.value === "idea";
  const submit = async (event) => {
    event.preventDefault();
    const isDrawn = event.submitter?.value === "draw";
    if (await expand(idea.value) && isDrawn) draw();
  };
  const onKeyDown = (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); event.target.form.requestSubmit(); }
  };
  return html`<form class="door main card" aria-labelledby="door-idea" onSubmit=${submit}>
    <h2 id="door-idea"><span class="door-icon"><${Icon} name="chat" /></span>${t("ideaTitle")}</h2>
    <textarea id="idea" rows="4" maxlength="4000" aria-labelledby="door-idea" placeholder=${t("ideaPlaceholder")} value=${idea.value} onInput=${(event) => { idea.value = event.target.value; }} onKeyDown=${onKeyDown}></textarea>
    <div class="row wishes">${wishes().map((wish) => html`<button key=${wish} type="button" class="pill" onClick=${() => { idea.value = wish; document.getElementById("idea").focus(); }}>${wish}</button>`)}</div>
    <div class="row">
      <button id="idea-send" class="primary" disabled=${isBusy}>${isBusy ? t("ideaWorking") : t("ideaSend")}</button>
      <button id="idea-draw" value="draw" disabled=${isBusy}>${t("ideaDraw")}</button>
    </div>
  </form>`;
}

/** Ideas that this machine's checkpoint can draw. */
function wishes() {
  return (checkpoint.value?.is_demo ? [t("wishDemo1"), t("wishDemo2"), t("wishDemo3")] : [t("wish1"), t("wish2"), t("wish3")]);
}

function PasteDoor() {
  const text = useSignal("");
  const isBusy = working.value === "paste";
  const onPaste = (event) => {
    const pasted = event.clipboardData?.getData("text/plain") ?? "";
    if (text.value === "" && /\n.*(Steps|Negative prompt):|^\s*\{/s.test(pasted)) { event.preventDefault(); text.value = pasted; readPaste(pasted); }
  };
  return html`<form class="door card" aria-labelledby="door-paste" onSubmit=${(event) => { event.preventDefault(); readPaste(text.value); }}>
    <h2 id="door-paste"><span class="door-icon"><${Icon} name="paste" /></span>${t("pasteTitle")}</h2>
    <textarea id="paste" rows="4" aria-labelledby="door-paste" placeholder=${t("pastePlaceholder")} value=${text.value} onPaste=${onPaste} onInput=${(event) => { text.value = event.target.value; }}></textarea>
    <div class="row"><button id="paste-send" disabled=${isBusy}>${t("pasteSend")}</button><button type="button" id="write" class="plain" onClick=${write}>${t("writeOwn")}</button></div>
    <p class="quiet">${t("pasteHelp")}</p>
  </form>`;
}

/** What works now on this machine, and how to get more. */
function FirstRun() {
  const found = catalogue.value;
  const demo = checkpoint.value?.is_demo;
  if (!found || (!demo && found.llm)) return null;
  const lines = [];
  if (demo) lines.push([t("firstDemo"), `${t("demoModel")} ${t("demoAdd")}`, "spellwright models add FILE.safetensors"]);
  if (!found.llm) lines.push([t("firstWords"), t("demoLlm"), "SPELLWRIGHT_LLM_BASE_URL=http://127.0.0.1:11434/v1"]);
  lines.push([t("firstPhotos"), t("demoPhotos"), "spellwright models fetch clip-vit-l-14"]);
  return html`<details id="notice" class="first card">
    <summary><${Icon} name="info" /><span>${t("demoSummary")}</span></summary>
    <dl>${lines.map(([title, text, command]) => html`<div key=${title}><dt>${title}</dt><dd>${text}<code>${command}</code></dd></div>`)}</dl>
    <button type="button" id="open-doctor" onClick=${() => show("doctor")}><${Icon} name="pulse" />${t("doctorOpen")}</button>
  </details>`;
}

function Recent() {
  const spells = useSignal([]);
  useEffect(() => {
    if (offers.value && hasBeenHere()) call("GET", "/api/spells?limit=6").then((found) => { spells.value = found.spells; }, () => {});
  }, [offers.value]);
  if (!spells.value.length) return null;
  return html`<section class="recent" aria-labelledby="recent-title"><h2 id="recent-title">${t("recentTitle")}</h2>
    <ul>${spells.value.map((one) => html`<li key=${one.id}><button type="button" class="plain" onClick=${() => attempt("version", () => openSpell(one.id))}><span>${one.title || t("untitled")}</span><small class="quiet">${t("spellVersion", { number: one.head })} · ${since(one.updated_at)}</small></button></li>`)}</ul>
  </section>`;
}
