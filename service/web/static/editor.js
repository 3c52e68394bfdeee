// The spell in the form: put one in, read one out.
import { $, choose, fillSelect, h } from "./dom.js";
import { t } from "./i18n.js";

const NUMBERS = ["steps", "cfg_scale", "seed", "width", "height"];
const NAMES = ["checkpoint", "sampler", "schedule_type"];

export class Editor {
  #catalogue = null;
  #spell = null; // the spell that was put in: what the form does not show is kept from it
  #loras = [];

  constructor() {
    $("lora-add").addEventListener("change", (event) => {
      if (event.target.value) this.#loras.push({ name: event.target.value, weight: 0.8, unet_weight: null });
      event.target.value = "";
      this.#drawLoras();
    });
    $("hires").addEventListener("change", (event) => { $("hires-box").open = event.target.checked; });
  }

  /** Names that can be chosen. */
  offer(catalogue) {
    this.#catalogue = catalogue;
    this.relabel();
  }

  relabel() {
    if (!this.#catalogue) return;
    const { checkpoints, samplers, schedule_types: scheduleTypes, upscalers, loras } = this.#catalogue;
    const usable = checkpoints.filter((entry) => entry.is_usable);
    const first = usable[0];
    const kept = this.read();
    fillSelect($("checkpoint"), [["", t("checkpointDefault", { name: first?.name ?? "–" })], ...usable.map((entry) => [entry.name, entry.name])]);
    fillSelect($("sampler"), [["", t("default")], ...samplers.map((name) => [name, name])]);
    fillSelect($("schedule_type"), [["", t("default")], ...scheduleTypes.map((name) => [name, name])]);
    fillSelect($("upscaler"), upscalers.map((name) => [name, name]));
    if (!$("upscaler").value || !this.#spell?.params.hires) $("upscaler").value = "Latent (bicubic antialiased)";
    const fitting = loras.filter((entry) => entry.is_usable);
    fillSelect($("lora-add"), [["", fitting.length ? t("loraPick") : t("loraNone")], ...fitting.map((entry) => [entry.name, entry.name])]);
    $("lora-add").disabled = fitting.length === 0;
    for (const name of ["steps", "cfg_scale", "width", "height"]) $(name).placeholder = String(first?.defaults[name] ?? "");
    this.#showParams(kept.params);
    this.#drawLoras();
  }

  show(spell) {
    this.#spell = spell;
    $("prompt").value = spell.prompt;
    $("negative").value = spell.negative_prompt;
    this.#loras = spell.loras.map((lora) => ({ ...lora }));
    this.#drawLoras();
    this.#showParams(spell.params);
  }

  #showParams(params) {
    for (const name of NUMBERS) $(name).value = params[name] ?? "";
    for (const name of NAMES) choose($(name), params[name], (missing) => t("notHere", { name: missing }));
    const hires = params.hires;
    $("hires").checked = Boolean(hires);
    $("hires-box").open = Boolean(hires);
    if (!hires) return;
    $("upscale_by").value = hires.upscale_by;
    $("denoising_strength").value = hires.denoising_strength;
    $("hires_steps").value = hires.steps;
    choose($("upscaler"), hires.upscaler, (missing) => t("notHere", { name: missing }));
  }

  /** The spell as it stands in the form. */
  read() {
    const before = this.#spell ?? { prompt: "", negative_prompt: "", loras: [], params: {}, extra: [] };
    const params = { ...before.params };
    for (const name of NUMBERS) params[name] = $(name).value === "" ? null : Number($(name).value);
    for (const name of NAMES) params[name] = $(name).value || null;
    if (params.checkpoint !== before.params.checkpoint) params.checkpoint_hash = null;
    params.hires = $("hires").checked
      ? {
          ...(before.params.hires ?? {}),
          upscale_by: Number($("upscale_by").value),
          denoising_strength: Number($("denoising_strength").value),
          steps: Number($("hires_steps").value),
          upscaler: $("upscaler").value,
        }
      : null;
    return { ...before, prompt: $("prompt").value, negative_prompt: $("negative").value, loras: this.#loras, params };
  }

  /** Whether the form says something else than the spell that was put in. */
  isChanged() {
    return this.#spell === null || sorted(this.read()) !== sorted(this.#spell);
  }

  #drawLoras() {
    $("loras").replaceChildren(
      ...this.#loras.map((lora, at) => {
        const weight = h("input", { type: "number", min: -4, max: 4, step: 0.01, value: lora.weight, "aria-label": t("loraWeight", { name: lora.name }) });
        weight.addEventListener("change", () => { lora.weight = Number(weight.value); });
        const remove = h("button", { type: "button", textContent: "×", "aria-label": t("loraRemove", { name: lora.name }) });
        remove.addEventListener("click", () => { this.#loras.splice(at, 1); this.#drawLoras(); });
        return h("li", {}, h("span", { textContent: lora.name }), weight, remove);
      }),
    );
  }
}

function sorted(value) {
  return JSON.stringify(value, (_, inner) => (inner && typeof inner === "object" && !Array.isArray(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner));
}
