// The middle: the spell itself, where it came from, and the ways to take it along.
import { call } from "../api.js";
import { language, t } from "../i18n.js";
import { attempt, draft, head, isDirty, keep, photo, reading, say, show, working } from "../state.js";
import { Icon, Menu, copyText } from "../ui.js";
import { html } from "../vendor/preact.js";
import { Hands } from "./hands.js";
import { Loras, Params } from "./params.js";
import { PromptField } from "./prompt.js";

export function SpellCard() {
  const told = reading.value;
  return html`<section id="spell-pane" class="card spell" aria-labelledby="spell-title">
    <header class="card-head">
      <h2 id="spell-title">${t("spellTitle")}</h2>
      <span id="spell-version" class="version">${head.value ? t("spellVersion", { number: head.value.number }) : ""}${isDirty.value && html`<i class="dirty" title=${t("unsaved")}></i>`}</span>
      <span class="grow"></span>
      <button type="button" id="paste-open" onClick=${() => show("paste")}><${Icon} name="paste" /><span>${t("paste")}</span></button>
      <${Menu} id="copy" icon="copy" label=${t("copyAs")} items=${copies()} />
    </header>
    <${Origin} told=${told} />
    <${PromptField} field="prompt" label=${t("prompt")} rows="4" terms=${termsOf(told?.interrogation)} />
    <${PromptField} field="negative_prompt" label=${t("negative")} rows="2" />
    <${Loras} />
    <${Hands} />
    <${Params} />
  </section>`;
}

/** Terms that mean something: random weights rank by chance, what was measured is true all the same. */
function termsOf(interrogation) {
  if (!interrogation) return null;
  const all = interrogation.terms ?? [];
  const trusted = interrogation.weights === "random" ? all.filter((term) => term.source === "measured") : all;
  return trusted.filter((term) => term.category !== "format");
}

/** Where this spell comes from, and how far it can be believed. */
function Origin({ told }) {
  if (!told) return null;
  const missing = (told.verdicts ?? []).filter((one) => one.state !== "exact");
  const palette = told.interrogation?.palette ?? [];
  return html`<div id="origin" class=${`origin ${told.source}`}>
    ${told.url && html`<img src=${told.url} alt=${t("photoAlt")} />`}
    <div class="grow">
      <p id="photo-status" role="status"><${Icon} name=${told.source === "photo" ? "image" : "check"} /><span>${sentence(told)}</span></p>
      ${notices(told.interrogation).map((text) => html`<p key=${text} class="quiet">${text}</p>`)}
      ${palette.length > 0 && html`<p class="palette" aria-label=${t("palette")}>${palette.map((one) => html`<i key=${one.hex} title=${`${one.name} ${one.hex}`} style=${{ background: one.hex, flexGrow: Math.max(0.05, one.share) }}></i>`)}</p>`}
      <div class="row">
        ${told.verdicts?.length > 0 && html`<button type="button" id="verdicts" class="pill" onClick=${() => show("verdicts", { verdicts: told.verdicts, notes: told.notes ?? [], losses: told.losses ?? [] })}>${missing.length ? t("verdictsSome", { count: missing.length }) : t("verdictsAll")}</button>`}
        ${photo.value?.file && photo.value.url === told.url && html`<button type="button" id="photo-options" class="pill" disabled=${working.value === "photo"} onClick=${() => show("photo")}>${t("photoOptions")}</button>`}
      </div>
    </div>
  </div>`;
}

function sentence(told) {
  if (told.source === "metadata") return t("photoExact");
  if (told.source === "paste") return told.isPlain ? t("pastePlain") : t("pasteRead", { tool: told.tool });
  const by = told.interrogation?.model ?? told.by ?? "";
  return by === "measurement" ? t("photoMeasuredOnly") : t("photoMeasured", { source: by });
}

/** What people must know about the models that looked; the server's own words where the page has none. */
function notices(interrogation) {
  const { weights, caption, mode, notice } = interrogation ?? {};
  if (!notice) return [];
  if (weights === "none") return [t("clipNone")];
  if (!["random", "trained-demo", "real"].includes(weights)) return language.value === "en" ? [notice] : [];
  const lines = { random: [t("clipRandom")], "trained-demo": [t("clipDemo")] }[weights] ?? [];
  return caption || ["tags", "negative"].includes(mode) ? lines : [...lines, t("captionNone")];
}

function copies() {
  const take = (label, make) => [label, () => attempt("copy", async () => {
    await keep();
    const text = await make();
    say(await copyText(text) ? t("copied") : t("copyFailed"));
  })];
  const written = (target) => call("POST", "/api/prompts/write", { spell: draft.value, target }).then((told) => told.text);
  return [
    take(t("copyA1111"), () => written("a1111")),
    take(t("copyComfy"), () => written("comfyui")),
    take("JSON", async () => JSON.stringify(draft.value, null, 2)),
    take("curl", async () => curl(draft.value)),
  ];
}

/** The call that draws this spell. In single quotes a shell changes nothing but the quote itself. */
export function curl(spell) {
  const body = JSON.stringify({ spell }).replaceAll("'", "'\\''");
  return `curl -s ${location.origin}/api/jobs -H 'content-type: application/json' -d '${body}'`;
}

