// What changed between two spells, as little marks: added, removed, re-weighted, parameters.
import { numeral, t } from "../i18n.js";
import { html } from "../vendor/preact.js";

const PARAMS = {
  steps: "steps", cfg_scale: "cfg", seed: "seed", width: "width", height: "height", sampler: "sampler", schedule_type: "scheduleType",
  checkpoint: "checkpoint", clip_skip: "clipSkip", hires: "hires", "hires upscale_by": "upscaleBy", "hires denoising_strength": "denoising",
  "hires steps": "hiresSteps", "hires upscaler": "upscaler",
};

export function Changes({ diff }) {
  const { prompt, negative_prompt: negative, params, loras } = diff;
  const name = (key) => (PARAMS[key] ? t(PARAMS[key]) : key);
  const shown = (value) => (value === null || value === undefined ? t("default") : typeof value === "number" ? numeral(value) : String(value));
  const texts = (part, label) => [
    ...part.removed.map((text) => html`<li class="removed"><${Sign} word=${t("removed")} sign="−" />${label}${text}</li>`),
    ...part.added.map((text) => html`<li class="added"><${Sign} word=${t("added")} sign="+" />${label}${text}</li>`),
    ...part.reweighted.map((one) => html`<li class="weighed"><${Sign} word=${t("reweighted")} sign="~" />${label}${one.text} <b>${numeral(one.old)} → ${numeral(one.new)}</b></li>`),
    ...(part.rearranged ? [html`<li class="weighed">${label}${t("rearranged")}</li>`] : []),
  ];
  return html`<ul class="diff">
    ${texts(prompt, "")}${texts(negative, `${t("negativeShort")} `)}
    ${loras.removed.map((one) => html`<li class="removed"><${Sign} word=${t("removed")} sign="−" />LoRA ${one.name}</li>`)}
    ${loras.added.map((one) => html`<li class="added"><${Sign} word=${t("added")} sign="+" />LoRA ${one.name} ${numeral(one.weight)}</li>`)}
    ${loras.reweighted.map((one) => html`<li class="weighed"><${Sign} word=${t("reweighted")} sign="~" />LoRA ${one.text} <b>${numeral(one.old)} → ${numeral(one.new)}</b></li>`)}
    ${params.map((one) => html`<li class="weighed">${name(one.name)} <b>${shown(one.old)} → ${shown(one.new)}</b></li>`)}
  </ul>`;
}

function Sign({ word, sign }) {
  return html`<span aria-hidden="true">${sign} </span><span class="hidden">${word}: </span>`;
}
