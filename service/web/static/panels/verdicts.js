// Field by field whether somebody else's picture can be drawn again here.
import { has, language, t } from "../i18n.js";
import { Dialog } from "../ui.js";
import { html } from "../vendor/preact.js";

export function Verdicts({ close, verdicts, notes, losses }) {
  const order = ["missing", "approximated", "exact"];
  const all = [...verdicts].sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state));
  const label = (field) => {
    const [, lora] = /^lora (.*)$/.exec(field) ?? [];
    const key = `field.${field.toLowerCase()}`;
    return lora ? `LoRA ${lora}` : has(key) ? t(key) : field;
  };
  const why = (one) => (language.value === "en" ? `${one.message} ${one.remedy}` : one.state === "exact" ? "" : t(`verdictWhy.${one.state}`));
  return html`<${Dialog} title=${t("verdictsTitle")} onClose=${close} wide>
    <p class="quiet">${t("verdictsLead")}</p>
    <table id="verdict-table"><thead><tr><th scope="col">${t("verdictField")}</th><th scope="col">${t("verdictAsked")}</th><th scope="col">${t("verdictState")}</th></tr></thead>
      <tbody>${all.map((one, i) => html`<tr key=${i} class=${one.state}><th scope="row">${label(one.field)}</th><td>${one.asked}</td><td><b>${t(`verdict.${one.state}`)}</b>${why(one) && html`<p class="quiet">${why(one)}</p>`}</td></tr>`)}</tbody></table>
    ${language.value === "en" && [...notes, ...losses.map((one) => one.message)].map((text) => html`<p key=${text} class="quiet">${text}</p>`)}
  <//>`;
}
