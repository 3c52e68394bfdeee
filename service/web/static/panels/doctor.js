// What is there, what is missing, and how to get it.
import { call } from "../api.js";
import { has, language, t } from "../i18n.js";
import { attempt, say } from "../state.js";
import { Dialog, IconButton, copyText } from "../ui.js";
import { html, useEffect, useSignal } from "../vendor/preact.js";

const NAMED = ["settings", "refused files", "damaged files"]; // checks whose details name the culprit

export function Doctor({ close }) {
  const checks = useSignal(null);
  useEffect(() => { attempt("doctor", async () => { checks.value = await call("GET", "/api/doctor"); }); }, []);
  const all = checks.value ?? [];
  return html`<${Dialog} title=${t("doctorTitle")} onClose=${close} wide>
    <p class="quiet">${t("doctorLead")}</p>
    ${!checks.value && html`<p class="quiet pending" aria-busy="true">${t("doctorLooking")}</p>`}
    <ul id="doctor-list" class="doctor">${all.map((one) => html`<${Check} key=${one.name} check=${one} />`)}</ul>
    <div class="howto">
      <h3>${t("addTitle")}</h3>
      <dl>
        <div><dt>${t("addCheckpoint")}</dt><dd><${Command} text="spellwright models add ~/Downloads/model.safetensors" /></dd></div>
        <div><dt>${t("addClip")}</dt><dd><${Command} text="spellwright models fetch clip-vit-l-14" /></dd></div>
        <div><dt>${t("addLlm")}</dt><dd><${Command} text="export SPELLWRIGHT_LLM_BASE_URL=http://127.0.0.1:11434/v1 SPELLWRIGHT_LLM_MODEL=qwen3" /></dd></div>
        <div><dt>${t("addGpu")}</dt><dd><${Command} text="UV_TORCH_BACKEND=auto make serve" /></dd></div>
      </dl>
    </div>
  <//>`;
}

function Check({ check }) {
  const help = `doctor.${check.name}.${check.state}`;
  const name = has(`doctor.${check.name}`) ? t(`doctor.${check.name}`) : check.name;
  const isTold = has(help) && language.value !== "en"; // in the reader's words; the facts of what is there stay as they are
  return html`<li class=${check.state}><span class="state">${t(`state.${check.state}`)}</span><div><b>${name}</b>
    ${isTold && html`<p>${t(help)}</p>`}
    ${!(isTold && !NAMED.includes(check.name) && check.state !== "broken") && html`<p class="quiet" lang="en">${check.detail}</p>`}${check.remedy && html`<p class="remedy">${check.remedy}</p>`}</div></li>`;
}

function Command({ text }) {
  const copy = async () => say(await copyText(text) ? t("copiedPlain") : t("copyFailed"));
  return html`<span class="command"><code>${text}</code><${IconButton} icon="copy" label=${t("copyCommand")} onClick=${copy} /></span>`;
}
