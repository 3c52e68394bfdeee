// A prompt's phrases as chips: weight, evidence, order, lock, remove; and the terms of the photo that are left out.
import { numeral, t } from "../i18n.js";
import { draft, locked, setDraft } from "../state.js";
import { Icon } from "../ui.js";
import { html, useRef, useSignal } from "../vendor/preact.js";
import { LORA_STEP, TEXT_STEP, add, keyOf, move, removeAt, replaceAt, round, split, withWeight } from "./phrases.js";

export function Chips({ field, terms }) {
  const text = draft.value[field];
  const phrases = split(text);
  const list = useRef();
  const dragged = useSignal(-1);
  const spoken = useSignal("");
  const evidence = new Map((terms ?? []).map((term) => [keyOf(term.text), term]));
  const strongest = Math.max(0.01, ...(terms ?? []).map((term) => term.similarity ?? 0));
  const set = (next) => setDraft({ [field]: next });
  const focus = (at) => requestAnimationFrame(() => list.current?.querySelectorAll(".chip")[at]?.focus());

  function shift(from, to) {
    if (to < 0 || to >= phrases.length) return;
    set(move(text, from, to));
    spoken.value = t("movedTo", { phrase: phrases[from].core, place: to + 1, count: phrases.length });
    focus(to);
  }
  function weigh(at, direction) {
    const { core, weight } = phrases[at];
    const next = round(weight + direction * (core.includes(":") && phrases[at].text.startsWith("<") ? LORA_STEP : TEXT_STEP));
    set(replaceAt(text, at, withWeight(core, next)));
    spoken.value = t("weightNow", { phrase: core, weight: numeral(next) });
    focus(at);
  }
  function drop(at) {
    set(removeAt(text, at));
    focus(Math.min(at, phrases.length - 2));
  }
  const onKeyDown = (event, at) => {
    const isHeld = event.ctrlKey || event.metaKey;
    const acts = isHeld
      ? { ArrowUp: () => weigh(at, 1), ArrowDown: () => weigh(at, -1), ArrowLeft: () => shift(at, at - 1), ArrowRight: () => shift(at, at + 1) }
      : { ArrowLeft: () => focus(Math.max(0, at - 1)), ArrowRight: () => focus(at + 1), Delete: () => drop(at), Backspace: () => drop(at), l: () => toggleLock(phrases[at].core) };
    if (!(event.key in acts)) return;
    event.preventDefault();
    acts[event.key]();
  };
  /** Listened for at the window: the chip under the finger moves in the document meanwhile. */
  const grab = (event, at) => {
    event.preventDefault();
    dragged.value = at;
    const over = (moved) => {
      const under = document.elementFromPoint(moved.clientX, moved.clientY)?.closest(".chip");
      const to = under ? [...list.current.querySelectorAll(".chip")].indexOf(under) : -1;
      if (to >= 0 && to !== dragged.value) { set(move(draft.value[field], dragged.value, to)); dragged.value = to; }
    };
    const end = () => {
      dragged.value = -1;
      removeEventListener("pointermove", over);
      for (const name of ["pointerup", "pointercancel"]) removeEventListener(name, end);
    };
    addEventListener("pointermove", over);
    for (const name of ["pointerup", "pointercancel"]) addEventListener(name, end);
  };
  return html`<div class="chips-box">
    <ul id=${field === "prompt" ? "chips" : undefined} class="chips" ref=${list} aria-label=${t("chipsLabel")}>
      ${phrases.map((phrase, at) => html`<${Chip} key=${`${at}:${phrase.core}`} phrase=${phrase} at=${at} term=${evidence.get(keyOf(phrase.text))} strongest=${strongest} isDragged=${dragged.value === at} onKeyDown=${onKeyDown} weigh=${weigh} drop=${drop} grab=${grab} />`)}
      ${!phrases.length && html`<li class="quiet">${t("chipsEmpty")}</li>`}
    </ul>
    <p class="hidden" role="status">${spoken.value}</p>
    <p class="quiet keys">${t("chipsHelp")}</p>
    ${terms && html`<${LeftOut} field=${field} terms=${terms} phrases=${phrases} strongest=${strongest} />`}
  </div>`;
}

function Chip({ phrase, at, term, strongest, isDragged, onKeyDown, weigh, drop, grab }) {
  if (phrase.isKeyword) return html`<li><span class="chip keyword" tabindex="0" role="group" aria-label=${phrase.text} onKeyDown=${(event) => onKeyDown(event, at)}>${phrase.text}</span></li>`;
  const isLocked = locked.value.some((one) => keyOf(one) === keyOf(phrase.text));
  const kinds = `chip ${isDragged ? "dragged" : ""} ${isLocked ? "locked" : ""} ${phrase.weight > 1 ? "strong" : phrase.weight < 1 ? "weak" : ""}`;
  const name = `${phrase.core}, ${t("weight")} ${numeral(phrase.weight)}${isLocked ? `, ${t("lockedWord")}` : ""}`;
  return html`<li><div class=${kinds} role="group" tabindex="0" aria-label=${name} aria-description=${term ? evidenceText(term) : undefined} onKeyDown=${(event) => { if (event.target === event.currentTarget) onKeyDown(event, at); }}>
    <span class="grip" aria-hidden="true" onPointerDown=${(event) => grab(event, at)}><${Icon} name="grip" /></span>
    <span class="chip-text">${phrase.core}</span>
    ${phrase.weight !== 1 && html`<span class="chip-weight">${numeral(phrase.weight)}</span>`}
    ${term && term.similarity !== null && html`<span class="score" aria-hidden="true"><i style=${{ width: `${bar(term, strongest)}%` }}></i></span>`}
    <button type="button" tabindex="-1" class="drop-chip" aria-label=${t("removePhrase", { phrase: phrase.core })} onClick=${() => drop(at)}>×</button>
    <span class="chip-pop"><span class="chip-tools">
      ${term && html`<span class="why">${evidenceText(term)}</span>`}
      <button type="button" tabindex="-1" aria-label=${t("weaker", { phrase: phrase.core })} onClick=${() => weigh(at, -1)}>−</button>
      <span>${numeral(phrase.weight)}</span>
      <button type="button" tabindex="-1" aria-label=${t("stronger", { phrase: phrase.core })} onClick=${() => weigh(at, 1)}>+</button>
      <button type="button" tabindex="-1" aria-pressed=${isLocked} aria-label=${t("lockPhrase", { phrase: phrase.core })} onClick=${() => toggleLock(phrase.core)}><${Icon} name=${isLocked ? "lock" : "unlock"} /></button>
    </span></span>
  </div></li>`;
}

export function toggleLock(phrase) {
  const key = keyOf(phrase);
  const others = locked.value.filter((one) => keyOf(one) !== key);
  locked.value = others.length === locked.value.length ? [...others, phrase] : others;
}

/** What the photo showed and the prompt does not say; whole categories can be taken out or put back. */
function LeftOut({ field, terms, phrases, strongest }) {
  const held = new Set(phrases.map((phrase) => keyOf(phrase.text)));
  const categories = [...new Set(terms.map((term) => term.category))];
  const isIn = (term) => held.has(keyOf(term.text));
  const put = (all) => setDraft({ [field]: all.reduce((text, term) => add(text, term.text.replace(/[()[\]\\]/g, "\\$&")), draft.value[field]) });
  const takeOut = (all) => {
    const keys = new Set(all.map((term) => keyOf(term.text)));
    let text = draft.value[field];
    for (let at = split(text).length - 1; at >= 0; at--) if (keys.has(keyOf(split(text)[at].text))) text = removeAt(text, at);
    setDraft({ [field]: text });
  };
  const toggle = (name) => {
    const own = terms.filter((term) => term.category === name);
    if (own.some(isIn)) takeOut(own);
    else put(own);
  };
  const out = terms.filter((term) => !isIn(term));
  return html`<div class="evidence">
    <div class="row" role="group" aria-label=${t("categories")}>${categories.map((name) => {
      const own = terms.filter((term) => term.category === name);
      return html`<button key=${name} type="button" class="pill" aria-pressed=${own.some(isIn)} onClick=${() => toggle(name)}>${category(name)} <small>${own.filter(isIn).length}/${own.length}</small></button>`;
    })}</div>
    ${out.length > 0 && html`<ul class="chips out" aria-label=${t("leftOut")}>${out.slice(0, 40).map((term) => html`<li key=${term.text}><button type="button" class="chip ghost" aria-description=${evidenceText(term)} onClick=${() => put([term])}><${Icon} name="plus" /><span>${term.text}</span>${term.similarity !== null && html`<span class="score" aria-hidden="true"><i style=${{ width: `${bar(term, strongest)}%` }}></i></span>`}<span class="tip" role="tooltip">${evidenceText(term)}</span></button></li>`)}</ul>`}
  </div>`;
}

const bar = (term, strongest) => Math.max(4, Math.min(100, ((term.similarity ?? 0) / strongest) * 100));

export function category(name) {
  const known = t(`category.${name}`);
  return known === `category.${name}` ? name : known;
}

/** Why a term is there, in one line. */
function evidenceText({ category: name, similarity, gain, source }) {
  const parts = [t(`source.${source}`), category(name)];
  if (similarity !== null) parts.push(source === "measured" ? t("strengthOf", { value: numeral(similarity) }) : t("similarityOf", { value: numeral(similarity, 3) }));
  if (gain !== null && gain !== undefined) parts.push(t("gainOf", { value: `${gain > 0 ? "+" : ""}${numeral(gain, 4)}` }));
  return parts.join(" · ");
}
