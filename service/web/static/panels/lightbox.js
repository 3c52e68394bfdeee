// One picture, large: its parameters, what can be made of it, and a comparison with its neighbour.
import { call } from "../api.js";
import { numeral, t } from "../i18n.js";
import { attempt, offers, say, use } from "../state.js";
import { Dialog, Icon, IconButton, copyText } from "../ui.js";
import { html, useEffect, useSignal } from "../vendor/preact.js";
import { enlarge, gallery, vary } from "../workbench/jobs.js";
import { Picture } from "../workbench/pictures.js";

export function Lightbox({ at: first, close }) {
  const at = useSignal(first);
  const other = useSignal(null); // the picture it is compared with
  const told = useSignal(null);
  const all = gallery.value;
  const image = all[Math.min(at.value, all.length - 1)];
  const step = (by) => { at.value = (at.value + by + all.length) % all.length; other.value = null; };
  useEffect(() => {
    told.value = null;
    attempt("image", async () => { told.value = { id: image.id, ...(await call("GET", `/api/images/${image.id}/spell`)) }; });
  }, [image?.id]);
  useEffect(() => {
    const onKey = (event) => {
      if (event.target.closest("input, textarea, select")) return;
      if (event.key === "ArrowLeft") step(-1);
      else if (event.key === "ArrowRight") step(1);
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, [all.length]);
  if (!image) return null;
  const spell = told.value?.id === image.id ? told.value.spell : null;
  return html`<${Dialog} title=${t("pictureTitle", { seed: image.seed ?? "?" })} onClose=${close} wide kind="lightbox">
    <div class="stage">
      ${all.length > 1 && html`<${IconButton} class="prev" icon="left" label=${t("previous")} onClick=${() => step(-1)} /><${IconButton} class="next" icon="right" label=${t("next")} onClick=${() => step(1)} />`}
      ${other.value ? html`<${Compare} left=${other.value} right=${image} />` : html`<${Picture} key=${image.id} path=${image.url} alt=${t("pictureAlt", { seed: image.seed ?? "?" })} id="large" />`}
    </div>
    <div class="about">
      <${Actions} image=${image} spell=${spell} close=${close} other=${other} all=${all} />
      ${spell && html`<${Metadata} spell=${spell} infotext=${told.value.infotext} image=${image} />`}
      ${told.value?.notes.length > 0 && html`<p class="quiet">${t("notes", { notes: told.value.notes.join(" ") })}</p>`}
    </div>
  <//>`;
}

function Actions({ image, spell, close, other, all }) {
  const then = (act) => () => { close(); act(); };
  const before = all.find((one) => one.id !== image.id);
  return html`<div class="actions">
    <button type="button" id="use" class="primary" disabled=${!spell} onClick=${then(() => use(spell, t("used")))}><${Icon} name="wand" />${t("useParameters")}</button>
    <button type="button" id="vary" disabled=${!spell} onClick=${then(() => vary(image, spell))}><${Icon} name="dice" />${t("vary")}</button>
    <button type="button" id="hires-this" disabled=${!spell || Boolean(spell.params.hires)} onClick=${then(() => enlarge(spell))}><${Icon} name="spark" />${t("hiresThis")}</button>
    ${offers.value?.hands && html`<button type="button" id="fix-hands" onClick=${then(() => fixHands(image))}><${Icon} name="hand" />${t("fixHands")}</button>`}
    <button type="button" id="compare" aria-pressed=${Boolean(other.value)} disabled=${!before} onClick=${() => { other.value = other.value ? null : before; }}><${Icon} name="compare" />${t("compare")}</button>
    ${other.value && all.length > 2 && html`<select id="compare-with" aria-label=${t("compareWith")} value=${other.value.id} onChange=${(event) => { other.value = all.find((one) => one.id === event.target.value); }}>${all.filter((one) => one.id !== image.id).map((one, i) => html`<option key=${one.id} value=${one.id} selected=${one.id === other.value.id}>${i + 1} · ${t("seed")} ${one.seed}</option>`)}</select>`}
    <${Download} image=${image} />
    ${offers.value && !offers.value.hands && html`<p id="hands-missing" class="quiet">${t("handsMissing")} <code>spellwright models add hands</code></p>`}
  </div>`;
}

/** The file as the server keeps it: its parameters and its marks stay in it. */
function Download({ image }) {
  const href = useSignal(image.url);
  useEffect(() => { import("../api.js").then(({ pictureUrl }) => pictureUrl(image.url)).then((url) => { href.value = url; }, () => {}); }, [image.id]);
  return html`<a id="download" class="button" href=${href.value} download=${`spellwright-${image.id}.png`}><${Icon} name="download" />${t("download")}</a>`;
}

function fixHands(image) {
  return attempt("hands", async () => {
    const told = await call("POST", `/api/images/${image.id}/repair-hands`, {});
    const { watch } = await import("../workbench/jobs.js");
    await watch(told.id ?? told.job?.id);
    say(t("handsOrdered"));
  });
}

/** Two pictures over each other; the slider says how much of each is seen. */
function Compare({ left, right }) {
  const share = useSignal(50);
  return html`<div id="comparison" class="comparison" style=${{ "--share": `${share.value}%` }}>
    <${Picture} path=${left.url} alt=${t("pictureAlt", { seed: left.seed })} /><${Picture} path=${right.url} alt=${t("pictureAlt", { seed: right.seed })} class="above" />
    <input type="range" min="0" max="100" value=${share.value} aria-label=${t("compareSlider")} onInput=${(event) => { share.value = Number(event.target.value); }} />
  </div>`;
}

function Metadata({ spell, infotext, image }) {
  const { params } = spell;
  const rows = [
    [t("prompt"), spell.prompt], [t("negative"), spell.negative_prompt], [t("checkpoint"), params.checkpoint], [t("sampler"), [params.sampler, params.schedule_type].filter(Boolean).join(" · ")],
    [t("steps"), params.steps], [t("cfg"), params.cfg_scale], [t("seed"), params.seed], [t("size"), `${image.width} × ${image.height}`],
    [t("hires"), params.hires ? `× ${numeral(params.hires.upscale_by)} · ${params.hires.upscaler} · ${numeral(params.hires.denoising_strength)}` : ""],
    ["LoRA", spell.loras.map((one) => `${one.name} ${numeral(one.weight)}`).join(", ")],
  ];
  const copy = async () => say(await copyText(infotext) ? t("copied") : t("copyFailed"));
  return html`<dl id="metadata" class="metadata">${rows.filter(([, value]) => value !== null && value !== undefined && value !== "").map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
    <button type="button" id="copy-infotext" onClick=${copy}><${Icon} name="copy" />${t("copyA1111")}</button>`;
}
