// The photo once more: read it in another way, or draw what was read, compare both, and take the proposed changes.
import { Changes } from "../workbench/changes.js";
import { numeral, t } from "../i18n.js";
import { acceptProposal, catalogue, hasRoute, photo, readPhoto, roundTrip, wishes, working } from "../state.js";
import { Dialog, Field, Icon, NumberInput, Select, Switch } from "../ui.js";
import { html, useSignal } from "../vendor/preact.js";
import { watch } from "../workbench/jobs.js";
import { Picture } from "../workbench/pictures.js";

const TARGETS = ["tags", "prose", "caption"];
const TOKENS = [8, 77];

export function Photo({ close }) {
  const told = useSignal(null);
  const stage = useSignal("");
  const isBusy = ["photo", "roundTrip"].includes(working.value);
  const read = async (event) => {
    event.preventDefault();
    if (await readPhoto(photo.value.file)) close();
  };
  const draw = async () => {
    told.value = null;
    const found = await roundTrip((name) => { stage.value = name; });
    stage.value = "";
    if (!found) return;
    told.value = found;
    watch(found.job.id); // the picture joins the others
  };
  const accept = async () => { if (await acceptProposal(told.value)) close(); };
  return html`<${Dialog} title=${t("photoAgain")} onClose=${close} wide>
    <form id="wishes" onSubmit=${read}>
      <${Wishes} />
      <div class="row end">
        ${hasRoute("POST /api/round-trips") && html`<button type="button" id="round-trip" disabled=${isBusy} onClick=${draw}><${Icon} name="compare" />${t("roundTrip")}</button>`}
        <button class="primary" id="read-again" disabled=${isBusy}>${t("readAgain")}</button>
      </div>
    </form>
    ${isBusy && html`<p class="quiet pending" role="status">${stage.value === "drawing" ? t("roundDrawing") : t("photoReading")}</p>`}
    ${told.value && html`<${Outcome} told=${told.value} accept=${accept} close=${close} />`}
  <//>`;
}

function Wishes() {
  const set = (changes) => { wishes.value = { ...wishes.value, ...changes }; };
  const now = wishes.value;
  return html`<div class="grid">
      <${Field} label=${t("wishMode")}><${Select} id="wish-mode" value=${now.mode} options=${(catalogue.value?.interrogation_modes ?? ["fast"]).map((name) => [name, t(`mode.${name}`)])} onChange=${(mode) => set({ mode })} /><//>
      <${Field} label=${t("wishTarget")}><${Select} id="wish-target" value=${now.target} options=${TARGETS.map((name) => [name, t(`target.${name}`)])} onChange=${(target) => set({ target })} /><//>
      <${Field} label=${t("wishTokens")}><${NumberInput} id="wish-tokens" value=${now.max_tokens} min=${TOKENS[0]} max=${TOKENS[1]} placeholder=${TOKENS[1]} onChange=${(most) => set({ max_tokens: most })} /><//>
      <${Field} label=${t("wishBlocked")} class="wide"><input id="wish-blocked" maxlength="2000" value=${now.blocked} placeholder=${t("wishBlockedHint")} onInput=${(event) => set({ blocked: event.target.value })} /><//>
    </div>
    <div class="row switches-row"><${Switch} id="wish-artists" checked=${now.artists} onChange=${(artists) => set({ artists })}>${t("wishArtists")}<//><${Switch} id="wish-brands" checked=${now.brands} onChange=${(brands) => set({ brands })}>${t("wishBrands")}<//></div>`;
}

/** Both pictures, how near they are, and what would bring them nearer. */
function Outcome({ told, accept, close }) {
  const { similarity, palette_overlap: palette, missing, surplus } = told.comparison;
  const percent = (share) => `${numeral(share * 100, 0)} %`;
  return html`<section id="round-trip-told" class="round-trip" aria-label=${t("roundTrip")}>
    <div class="pair"><figure><img src=${photo.value?.url} alt=${t("photoAlt")} /><figcaption>${t("roundPhoto")}</figcaption></figure>
      <figure><${Picture} path=${told.job.images[0].url} alt=${t("roundPicture")} /><figcaption>${t("roundPicture")}</figcaption></figure></div>
    <p><b>${t("roundPalette", { share: percent(palette) })}</b>${similarity === null ? "" : ` · ${t("similarityOf", { value: numeral(similarity, 2) })}`}</p>
    ${missing.length > 0 && html`<p class="quiet">${t("roundMissing")} ${missing.slice(0, 8).join(", ")}</p>`}
    ${surplus.length > 0 && html`<p class="quiet">${t("roundSurplus")} ${surplus.slice(0, 8).join(", ")}</p>`}
    ${told.proposals.length > 0 ? html`<h3>${t("roundProposed")}</h3><${Changes} diff=${told.diff} />` : html`<p>${t("roundNothing")}</p>`}
    <div class="row end"><button type="button" class="plain" onClick=${close}>${t("close")}</button>${told.proposals.length > 0 && html`<button type="button" id="accept-proposal" class="primary" onClick=${accept}><${Icon} name="check" />${t("roundAccept")}</button>`}</div>
  </section>`;
}
