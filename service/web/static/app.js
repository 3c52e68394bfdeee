// The page: the shell, and which screen is shown. A pure client of the public API.
import { Problem, call, keyAsked } from "./api.js";
import { LANGUAGES, language, setLanguage, startLanguage, t } from "./i18n.js";
import { hintOf, sentenceOf } from "./problems.js";
import { attempt, catalogue, dialog, keepDraftInTab, offers, openSpell, photo, readPaste, readPhoto, remember, remembered, say, show, startAnew, toast, trouble, view, watchPhoto, working } from "./state.js";
import { Start, photoStage } from "./start.js";
import { Icon, IconButton, Later } from "./ui.js";
import { html, render, useEffect, useSignal } from "./vendor/preact.js";

const THEME = "spellwright.theme";
const WINDOWS = {
  doctor: [() => import("./panels/doctor.js"), "Doctor"],
  paste: [() => import("./panels/paste.js"), "Paste"],
  history: [() => import("./panels/library.js"), "Library"],
  keys: [() => import("./panels/keys.js"), "Keys"],
  lightbox: [() => import("./panels/lightbox.js"), "Lightbox"],
  photo: [() => import("./panels/photo.js"), "Photo"],
  verdicts: [() => import("./panels/verdicts.js"), "Verdicts"],
  shortcuts: [() => import("./panels/shortcuts.js"), "Shortcuts"],
};
const workbench = () => import("./workbench/bench.js");
const jobs = () => import("./workbench/jobs.js");

function App() {
  const isWork = view.value === "work";
  return html`
    <a class="skip" href="#main">${t("skip")}</a>
    <${Header} />
    <${Trouble} />
    ${isWork ? html`<${Later} key="work" from=${workbench} name="Bench" />` : html`<${Start} key="start" draw=${() => jobs().then((made) => made.generate())} />`}
    <footer><p>${t("aiNotice")}</p><p><a href="/docs">${t("apiDocs")}</a> · <button type="button" class="link" onClick=${() => show("shortcuts")}>${t("shortcuts")}</button></p></footer>
    <${DropAnywhere} />
    <${Toast} />
    ${dialog.value && html`<${Later} key=${dialog.value.name} from=${WINDOWS[dialog.value.name][0]} name=${WINDOWS[dialog.value.name][1]} ...${dialog.value.props} close=${() => { dialog.value = null; }} />`}
    ${keyAsked.value && html`<${Later} key="key" from=${WINDOWS.keys[0]} name="Keys" close=${() => { keyAsked.value?.(false); keyAsked.value = null; }} />`}
  `;
}

function Header() {
  return html`<header class="top">
    <button type="button" class="brand" onClick=${startAnew} aria-label=${`Spellwright: ${t("newSpell")}`}><${Mark} /><b>Spellwright</b></button>
    <p class="tagline">${t("tagline")}</p>
    <nav aria-label=${t("navLabel")}>
      ${view.value === "work" && html`<button type="button" id="new" onClick=${startAnew}><${Icon} name="plus" /><span>${t("newSpell")}</span></button>`}
      <${IconButton} icon="history" label=${t("recentTitle")} onClick=${() => show("history")} id="library" />
      <${IconButton} icon="pulse" label=${t("doctorTitle")} onClick=${() => show("doctor")} id="doctor" />
      <${Theme} />
      <label class="lang"><span class="hidden">${t("language")}</span><select id="language" value=${language.value} onChange=${(event) => setLanguage(event.target.value)}>${Object.entries(LANGUAGES).map(([name, text]) => html`<option key=${name} value=${name} selected=${name === language.value}>${text}</option>`)}</select></label>
    </nav>
  </header>`;
}

/** The mark of mark.svg, without a request of its own. */
function Mark() {
  return html`<svg class="mark" viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="8" fill="#5b4bc4" /><path d="M8 24 20 12" stroke="#fff" stroke-width="3" stroke-linecap="round" /><path d="m22 5 1.4 3.6L27 10l-3.6 1.4L22 15l-1.4-3.6L17 10l3.6-1.4z" fill="#ffd166" /></svg>`;
}

function Theme() {
  const theme = useSignal(document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"));
  const next = theme.value === "dark" ? "light" : "dark";
  const turn = () => { theme.value = next; document.documentElement.dataset.theme = next; localStorage.setItem(THEME, next); };
  return html`<${IconButton} id="theme" icon=${next === "dark" ? "moon" : "sun"} label=${next === "dark" ? t("themeDark") : t("themeLight")} onClick=${turn} />`;
}

function Trouble() {
  const body = trouble.value;
  if (!body) return html`<div role="alert" class="hidden"></div>`;
  return html`<div id="alert" class="alert" role="alert"><${Icon} name="info" /><p id="alert-text">${[sentenceOf(body), hintOf(body.code)].filter(Boolean).join("\n")}</p><${IconButton} icon="close" label=${t("close")} onClick=${() => { trouble.value = null; }} /></div>`;
}

function Toast() {
  useEffect(() => {
    if (!toast.value) return undefined;
    const timer = setTimeout(() => say(""), 4500);
    return () => clearTimeout(timer);
  }, [toast.value]);
  const isReading = working.value === "photo" && view.value === "work";
  return html`<div id="toast" role="status" class=${toast.value || isReading ? "toast shown" : "toast"}>${isReading ? photoStage(photo.value) : toast.value}</div>`;
}

/** Pictures may be dropped or pasted anywhere; parameters may be pasted outside of fields. */
function DropAnywhere() {
  const isOver = useSignal(false);
  useEffect(() => {
    const hasFile = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
    const over = (event) => { if (hasFile(event)) { event.preventDefault(); isOver.value = true; } };
    const leave = (event) => { if (!event.relatedTarget) isOver.value = false; };
    const drop = (event) => {
      if (!hasFile(event)) return;
      event.preventDefault();
      isOver.value = false;
      if (event.dataTransfer.files[0]) readPhoto(event.dataTransfer.files[0]);
    };
    const paste = (event) => {
      const file = [...(event.clipboardData?.files ?? [])].find((one) => one.type.startsWith("image/"));
      if (file) { event.preventDefault(); readPhoto(file); return; }
      if (event.target.closest?.("input, textarea, dialog")) return;
      const text = event.clipboardData?.getData("text/plain") ?? "";
      if (text.trim()) readPaste(text);
    };
    const all = { dragover: over, dragleave: leave, drop, paste };
    for (const [name, hear] of Object.entries(all)) document.addEventListener(name, hear);
    return () => { for (const [name, hear] of Object.entries(all)) document.removeEventListener(name, hear); };
  }, []);
  return isOver.value && html`<div class="curtain"><p><${Icon} name="image" />${t("dropHere")}</p></div>`;
}

async function open() {
  const patience = setTimeout(() => say(t("loadingModels")), 900);
  try {
    const [found, offered] = await Promise.all([call("GET", "/api/catalogue"), call("GET", "/api/capabilities")]);
    catalogue.value = found;
    offers.value = offered;
    say("");
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    trouble.value = problem.facts;
  }
  clearTimeout(patience);
  if (remembered("spell")) await attempt("open", () => openSpell(remembered("spell")));
  keepDraftInTab();
  if (remembered("job")) {
    view.value = "work";
    jobs().then((made) => made.watch(remembered("job")));
  }
  if (remembered("photo")) {
    attempt("photo", () => watchPhoto(remembered("photo"))).then(() => remember({ photo: null }));
  }
}

const theme = localStorage.getItem(THEME);
if (theme) document.documentElement.dataset.theme = theme;
const speaking = startLanguage(); // before the questions: the texts are all that the first sight needs
const opening = open();
await speaking;
render(html`<${App} />`, document.getElementById("app"));
document.body.dataset.painted = "yes";
await opening;
document.body.dataset.ready = "yes";
