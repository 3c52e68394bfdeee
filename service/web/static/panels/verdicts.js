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
  const why = (one) => (language.value === "en" ? `${one.message} ${one.remedy}` : one.state === "exact" ? "" : t(reasonOf(one)));
  return html`<${Dialog} title=${t("verdictsTitle")} onClose=${close} wide>
    <p class="quiet">${t("verdictsLead")}</p>
    <table id="verdict-table"><thead><tr><th scope="col">${t("verdictField")}</th><th scope="col">${t("verdictAsked")}</th><th scope="col">${t("verdictState")}</th></tr></thead>
      <tbody>${all.map((one, i) => html`<tr key=${i} class=${one.state}><th scope="row">${label(one.field)}</th><td>${one.asked}</td><td><b>${t(`verdict.${one.state}`)}</b>${why(one) && html`<p class="quiet">${why(one)}</p>`}</td></tr>`)}</tbody></table>
    ${language.value === "en" && [...notes, ...losses.map((one) => one.message)].map((text) => html`<p key=${text} class="quiet">${text}</p>`)}
  <//>`;
}

/** The most particular text for what is not exact: its field's, a file's, or any. Fields of extensions have more words behind. */
function reasonOf({ field, state }) {
  const name = field.toLowerCase();
  const words = name.split(" ");
  const names = words.map((_, i) => words.slice(0, words.length - i).join(" "));
  if (/^(lora|embedding|vae)\b/.test(name)) names.unshift("file");
  const known = names.find((one) => has(`verdictWhy.${one}.${state}`));
  return known ? `verdictWhy.${known}.${state}` : `verdictWhy.${state}`;
}
