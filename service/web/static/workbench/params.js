// The numbers and names beside the prompt. An empty field means "as the checkpoint likes it", which stands in it as a hint.
import { numeral, t } from "../i18n.js";
import { catalogue, checkpoint, draft, setParams } from "../state.js";
import { Field, Icon, IconButton, NumberInput, Select, Slider, Switch } from "../ui.js";
import { html } from "../vendor/preact.js";
import { lastSeed } from "./jobs.js";

const SHAPES = [[1, 1], [2, 3], [3, 2], [3, 4], [4, 3], [9, 16], [16, 9]];
const FIRST_HIRES = { upscale_by: 2, denoising_strength: 0.5, upscaler: "Latent (bicubic antialiased)", steps: 0 };

export function Params() {
  const found = catalogue.value;
  if (!found) return null;
  const { params } = draft.value;
  const defaults = checkpoint.value?.defaults ?? {};
  const usable = found.checkpoints.filter((one) => one.is_usable);
  const names = (list) => [["", t("defaultIs", { name: list.fallback ?? t("default") })], ...list.map((name) => [name, name])];
  return html`<fieldset class="params"><legend>${t("paramsTitle")}</legend>
    <div class="grid">
      <${Field} label=${t("checkpoint")} class="wide"><${Select} id="checkpoint" value=${params.checkpoint} onChange=${(checkpointName) => setParams({ checkpoint: checkpointName })} options=${[["", t("checkpointDefault", { name: usable[0]?.name ?? "–" })], ...usable.map((one) => [one.name, one.name])]} /><//>
      <${Field} label=${t("sampler")}><${Select} id="sampler" value=${params.sampler} onChange=${(sampler) => setParams({ sampler })} options=${names(Object.assign([...found.samplers], { fallback: defaults.sampler }))} /><//>
      <${Field} label=${t("scheduleType")}><${Select} id="schedule_type" value=${params.schedule_type} onChange=${(type) => setParams({ schedule_type: type })} options=${names(Object.assign([...found.schedule_types], { fallback: defaults.schedule_type }))} /><//>
    </div>
    <div class="grid sliders">
      <${Slider} id="steps" label=${t("steps")} value=${params.steps} fallback=${defaults.steps} min=${1} max=${60} step=${1} onChange=${(steps) => setParams({ steps })} />
      <${Slider} id="cfg_scale" label=${t("cfg")} value=${params.cfg_scale} fallback=${defaults.cfg_scale} min=${1} max=${20} step=${0.5} onChange=${(scale) => setParams({ cfg_scale: scale })} />
    </div>
    <${Size} params=${params} defaults=${defaults} />
    <${Seed} params=${params} />
    <${Hires} params=${params} upscalers=${found.upscalers} defaults=${defaults} />
    <details class="more"><summary>${t("moreParams")}</summary><div class="grid">
      <${Field} label=${t("clipSkip")}><${NumberInput} id="clip_skip" value=${params.clip_skip} min=${1} max=${12} placeholder=${defaults.clip_skip ?? ""} onChange=${(skip) => setParams({ clip_skip: skip })} /><//>
      <${Field} label="VAE"><input id="vae" value=${params.vae ?? ""} placeholder=${t("default")} onInput=${(event) => setParams({ vae: event.target.value || null })} /><//>
    </div></details>
  </fieldset>`;
}

function Size({ params, defaults }) {
  const base = defaults.width ?? 512;
  const width = params.width ?? defaults.width;
  const height = params.height ?? defaults.height;
  const shapes = SHAPES.map(([w, h]) => {
    const scale = Math.sqrt((base * base) / (w * h));
    const long = Math.min(base * 1.5, Math.round((Math.max(w, h) * scale) / 64) * 64 || base);
    const short = Math.round((long * Math.min(w, h)) / Math.max(w, h) / 8) * 8;
    return { name: `${w}:${h}`, w, h, width: w === h ? base : w > h ? long : short, height: w === h ? base : w > h ? short : long };
  });
  return html`<div class="size field"><span class="label" id="size-label">${t("size")}</span>
    <div class="row" role="group" aria-labelledby="size-label">
      <${NumberInput} id="width" aria-label=${t("width")} value=${params.width} min=${64} max=${2048} step=${8} placeholder=${defaults.width ?? ""} onChange=${(value) => setParams({ width: value })} />
      <span aria-hidden="true">×</span>
      <${NumberInput} id="height" aria-label=${t("height")} value=${params.height} min=${64} max=${2048} step=${8} placeholder=${defaults.height ?? ""} onChange=${(value) => setParams({ height: value })} />
      <${IconButton} icon="swap" label=${t("swapSides")} onClick=${() => setParams({ width: height ?? null, height: width ?? null })} />
      <span class="shapes">${shapes.map((one) => html`<button key=${one.name} type="button" class="shape" aria-pressed=${one.width === width && one.height === height} aria-label=${t("sizePreset", { name: one.name, width: one.width, height: one.height })} title=${`${one.width} × ${one.height}`} onClick=${() => setParams({ width: one.width, height: one.height })}><i aria-hidden="true" style=${{ aspectRatio: `${one.w} / ${one.h}`, [one.w >= one.h ? "width" : "height"]: "16px" }}></i>${one.name}</button>`)}</span>
    </div></div>`;
}

function Seed({ params }) {
  const isOpen = params.seed === null || params.seed === undefined || params.seed === -1;
  const last = lastSeed.value;
  return html`<div class="seed field"><label class="label" for="seed">${t("seed")}</label>
    <div class="row">
      <${NumberInput} id="seed" value=${params.seed} min=${-1} max=${4294967295} placeholder=${t("seedRandom")} onChange=${(seed) => setParams({ seed })} />
      <${IconButton} icon="dice" id="seed-dice" label=${t("seedDice")} aria-pressed=${isOpen} onClick=${() => setParams({ seed: null })} />
      <${IconButton} icon=${isOpen ? "unlock" : "lock"} id="seed-lock" label=${t("seedLock")} aria-pressed=${!isOpen} disabled=${isOpen && last === null} onClick=${() => setParams({ seed: isOpen ? last : null })} />
    </div></div>`;
}

function Hires({ params, upscalers, defaults }) {
  const { hires } = params;
  const set = (changes) => setParams({ hires: { ...hires, ...changes } });
  const [w, h] = [params.width ?? defaults.width ?? 512, params.height ?? defaults.height ?? 512].map((side) => Math.trunc(side * (hires?.upscale_by ?? 2)));
  return html`<div class=${`hires ${hires ? "on" : ""}`}>
    <${Switch} id="hires" checked=${Boolean(hires)} onChange=${(on) => setParams({ hires: on ? FIRST_HIRES : null })}>${t("hires")} <small class="quiet">${hires ? `${w} × ${h}` : t("hiresHelp")}</small><//>
    ${hires && html`<div class="grid sliders">
      <${Slider} id="upscale_by" label=${t("upscaleBy")} value=${hires.upscale_by} min=${1} max=${4} step=${0.1} onChange=${(value) => set({ upscale_by: value ?? 2 })} />
      <${Slider} id="denoising_strength" label=${t("denoising")} value=${hires.denoising_strength} min=${0} max=${1} step=${0.05} onChange=${(value) => set({ denoising_strength: value ?? 0.5 })} />
      <${Slider} id="hires_steps" label=${t("hiresSteps")} value=${hires.steps || null} fallback=${0} min=${0} max=${60} step=${1} onChange=${(value) => set({ steps: value ?? 0 })} />
      <${Field} label=${t("upscaler")}><${Select} id="upscaler" value=${hires.upscaler} onChange=${(name) => set({ upscaler: name ?? "Latent" })} options=${upscalers.map((name) => [name, name])} /><//>
    </div>`}
  </div>`;
}

export function Loras() {
  const { loras } = draft.value;
  const known = catalogue.value?.loras ?? [];
  const free = known.filter((one) => one.is_usable && !loras.some((lora) => lora.name === one.name));
  const set = (next) => { draft.value = { ...draft.value, loras: next }; };
  const change = (at, changes) => set(loras.map((lora, i) => (i === at ? { ...lora, ...changes } : lora)));
  const addLora = (event) => {
    const one = known.find((lora) => lora.name === event.target.value);
    if (one) set([...loras, { name: one.name, weight: one.weight ?? 0.8, unet_weight: null }]);
    event.target.value = "";
  };
  return html`<fieldset class="loras"><legend>${t("loras")}</legend>
    <ul id="loras">${loras.map((lora, at) => html`<${LoraCard} key=${lora.name} lora=${lora} known=${known.find((one) => one.name === lora.name || one.alias === lora.name)} change=${(changes) => change(at, changes)} remove=${() => set(loras.filter((_, i) => i !== at))} />`)}</ul>
    <select id="lora-add" aria-label=${t("loraAdd")} disabled=${!free.length} onChange=${addLora}><option value="" selected>${known.length ? t("loraPick") : t("loraNone")}</option>${free.map((one) => html`<option key=${one.name} value=${one.name}>${one.name}</option>`)}</select>
  </fieldset>`;
}

function LoraCard({ lora, known, change, remove }) {
  const { prompt } = draft.value;
  const words = known?.triggers ?? [];
  const put = (word) => { draft.value = { ...draft.value, prompt: prompt.trim() ? `${prompt.trimEnd().replace(/,$/, "")}, ${word}` : word }; };
  const onWeight = (event) => change({ weight: Number(event.target.value) });
  const onKeyDown = (event) => {
    if (!(event.ctrlKey || event.metaKey) || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
    event.preventDefault();
    change({ weight: Math.round((lora.weight + (event.key === "ArrowUp" ? 0.05 : -0.05)) * 100) / 100 });
  };
  return html`<li class=${`lora ${known ? "" : "missing"}`} onKeyDown=${onKeyDown}>
    <div class="row"><${Icon} name="layers" /><b>${lora.name}</b>
      <input type="number" step="0.05" min="-4" max="4" aria-label=${t("loraWeight", { name: lora.name })} value=${lora.weight} onInput=${onWeight} />
      <${IconButton} icon="close" label=${t("loraRemove", { name: lora.name })} onClick=${remove} /></div>
    <input type="range" min="-1" max="2" step="0.05" aria-label=${t("loraWeight", { name: lora.name })} value=${lora.weight} onInput=${onWeight} />
    ${lora.unet_weight !== null && lora.unet_weight !== undefined && html`<small class="quiet">UNet ${numeral(lora.unet_weight)}</small>`}
    ${!known && html`<p class="bad">${t("errorNoLora", { got: lora.name })}</p>`}
    ${words.length > 0 && html`<p class="triggers"><small class="quiet">${t("triggers")}</small>${words.slice(0, 12).map((word) => html`<button key=${word} type="button" class="pill" aria-pressed=${prompt.includes(word)} disabled=${prompt.includes(word)} onClick=${() => put(word)}>${word}</button>`)}</p>`}
  </li>`;
}
