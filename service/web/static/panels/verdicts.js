// Field by field whether somebody else's picture can be drawn again here.
import { has, language, t } from "../i18n.js";
import { Dialog } from "../ui.js";
import { html } from "../vendor/preact.js";

export function Verdicts({ close, verdicts, notes, losses }) {
  const order = ["missing", "approximated", "exact"];
  const all = [...verdicts].sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state));
  const label = (field) => (has(`field.${field}`) ? t(`field.${field}`) : field);
  return html`<${Dialog} title=${t("verdictsTitle")} onClose=${close} wide>
    <p class="quiet">${t("verdictsLead")}</p>
    <table id="verdict-table"><thead><tr><th scope="col">${t("verdictField")}</th><th scope="col">${t("verdictAsked")}</th><th scope="col">${t("verdictState")}</th></tr></thead>
      <tbody>${all.map((one, i) => html`<tr key=${i} class=${one.state}><th scope="row">${label(one.field)}</th><td>${one.asked}</td><td><b>${t(`verdict.${one.state}`)}</b>${(language.value === "en" || one.state !== "exact") && html`<p class="quiet">${one.message} ${one.remedy}</p>`}</td></tr>`)}</tbody></table>
    ${[...notes, ...losses.map((one) => one.message)].map((text) => html`<p key=${text} class="quiet">${text}</p>`)}
  <//>`;
}
