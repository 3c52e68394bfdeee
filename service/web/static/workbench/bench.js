// The second screen: talk, spell and pictures side by side; on a phone one at a time.
import { t } from "../i18n.js";
import { pane, show, view } from "../state.js";
import { Icon } from "../ui.js";
import { html, useEffect } from "../vendor/preact.js";
import { generate, loadJobs, running } from "./jobs.js";
import { GenerateBar, Pictures } from "./pictures.js";
import { SpellCard } from "./spell.js";
import { Talk } from "./talk.js";

const PANES = [["talk", "chat"], ["spell", "wand"], ["pictures", "image"]];

export function Bench() {
  useEffect(() => {
    loadJobs();
    const onKey = (event) => {
      if (!(event.ctrlKey || event.metaKey) || event.key !== "Enter" || view.value !== "work" || document.querySelector("dialog[open]")) return;
      event.preventDefault();
      generate();
    };
    const onHelp = (event) => {
      if (event.key === "?" && !event.target.closest("input, textarea, select")) show("shortcuts");
    };
    document.addEventListener("keydown", onKey);
    document.addEventListener("keydown", onHelp);
    return () => { document.removeEventListener("keydown", onKey); document.removeEventListener("keydown", onHelp); };
  }, []);
  return html`<main id="main" class="bench" data-pane=${pane.value} tabindex="-1">
    <h1 class="hidden">${t("benchTitle")}</h1>
    <${Talk} />
    <${SpellCard} />
    <div class="side"><${GenerateBar} /><${Pictures} /></div>
    <nav class="panes" aria-label=${t("panes")}>${PANES.map(([name, icon]) => html`<button key=${name} type="button" id=${`pane-${name}`} aria-pressed=${pane.value === name} onClick=${() => { pane.value = name; }}><${Icon} name=${icon} /><span>${t(`pane.${name}`)}</span>${name === "pictures" && running.value.length > 0 && html`<i class="dot" aria-hidden="true"></i>`}</button>`)}</nav>
  </main>`;
}
