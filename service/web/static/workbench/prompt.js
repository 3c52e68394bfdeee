// One prompt: as text with its findings underlined, or as chips. Both edit the same draft.
import { language, t } from "../i18n.js";
import { draft, locked, review, setDraft } from "../state.js";
import { Icon } from "../ui.js";
import { html, useEffect, useId, useRef, useSignal } from "../vendor/preact.js";
import { Chips } from "./chips.js";
import { Complete } from "./complete.js";
import { keyOf, reweight, split } from "./phrases.js";
import { counts, findings, mended, standing } from "./study.js";

const MODE = "spellwright.promptMode";

export function PromptField({ field, label, rows, terms = null }) {
  const mode = useSignal(field === "prompt" ? localStorage.getItem(MODE) ?? (terms ? "chips" : "text") : "text");
  const id = field === "prompt" ? "prompt" : "negative";
  const own = standing(findings.value, field, draft.value[field]);
  const choose = (name) => { mode.value = name; localStorage.setItem(MODE, name); };
  useEffect(() => { if (terms && !localStorage.getItem(MODE)) mode.value = "chips"; }, [Boolean(terms)]);
  return html`<div class=${`prompt ${field}`}>
    <div class="prompt-head">
      <label class="label" for=${id}>${label}</label>
      <${Counter} told=${counts.value[field]} />
      ${field === "prompt" && html`<div class="tabs small" role="group" aria-label=${t("promptMode")}>
        <button type="button" id="mode-text" aria-pressed=${mode.value === "text"} onClick=${() => choose("text")}><${Icon} name="text" />${t("modeText")}</button>
        <button type="button" id="mode-chips" aria-pressed=${mode.value === "chips"} onClick=${() => choose("chips")}><${Icon} name="chips" />${t("modeChips")}</button>
      </div>`}
    </div>
    ${mode.value === "chips" && html`<${Chips} field=${field} terms=${terms} />`}
    <${TextArea} id=${id} field=${field} rows=${rows} own=${own} isQuiet=${mode.value === "chips"} />
    <${Findings} own=${own} field=${field} />
  </div>`;
}

function TextArea({ id, field, rows, own, isQuiet }) {
  const area = useRef();
  const mark = useRef();
  const keys = useRef(() => false);
  const caret = useSignal(0);
  const listId = useId();
  const text = draft.value[field];
  const onInput = (event) => { caret.value = event.target.selectionStart; setDraft({ [field]: event.target.value }); };
  const onKeyDown = (event) => {
    if (keys.current(event)) return event.preventDefault();
    if (!(event.ctrlKey || event.metaKey) || !["ArrowUp", "ArrowDown"].includes(event.key)) return undefined;
    event.preventDefault();
    const done = reweight(text, area.current.selectionStart, area.current.selectionEnd, event.key === "ArrowUp" ? 1 : -1);
    if (!done) return undefined;
    setDraft({ [field]: done.text });
    queueMicrotask(() => { area.current.value = done.text; area.current.setSelectionRange(done.start, done.end); });
    return undefined;
  };
  return html`<div class=${`paper ${isQuiet ? "with-chips" : ""}`}>
    <div class="mirror" aria-hidden="true">${segments(text, field, own).map(([from, to, kinds]) => html`<${Stretch} text=${text} from=${from} to=${to} kinds=${kinds} caret=${caret.value} mark=${mark} />`)}${caret.value >= text.length && html`<i ref=${mark}></i>`}${" "}</div>
    <textarea id=${id} ref=${area} rows=${rows} maxlength="8000" spellcheck=${false} autocapitalize="off" autocomplete="off" aria-autocomplete="list" aria-controls=${listId} placeholder=${t(field === "prompt" ? "promptPlaceholder" : "negativePlaceholder")} value=${text} onInput=${onInput} onKeyDown=${onKeyDown} onSelect=${(event) => { caret.value = event.target.selectionStart; }}></textarea>
    <${Complete} id=${listId} area=${area} field=${field} mark=${mark} keys=${keys} />
  </div>`;
}

function Stretch({ text, from, to, kinds, caret, mark }) {
  const isHere = caret >= from && caret < to;
  return html`<span class=${kinds}>${isHere ? html`${text.slice(from, caret)}<i ref=${mark}></i>${text.slice(caret, to)}` : text.slice(from, to)}</span>`;
}

/** The text cut where something begins or ends: findings, locked phrases, phrases that the last turn added. */
function segments(text, field, own) {
  const ranges = own.map((one) => [one.start, one.end, one.level]);
  const added = new Set((review.value?.diff[field]?.added ?? []).map(keyOf));
  const kept = new Set(field === "prompt" ? locked.value.map(keyOf) : []);
  if (added.size || kept.size) {
    for (const phrase of split(text)) {
      const key = keyOf(phrase.text);
      if (added.has(key)) ranges.push([phrase.start, phrase.end, "added"]);
      if (kept.has(key)) ranges.push([phrase.start, phrase.end, "locked"]);
    }
  }
  const edges = [...new Set([0, text.length, ...ranges.flatMap(([from, to]) => [from, to])])].filter((at) => at <= text.length).sort((a, b) => a - b);
  return edges.slice(0, -1).map((from, i) => [from, edges[i + 1], ranges.filter(([a, b]) => a <= from && b >= edges[i + 1]).map(([, , kind]) => kind).join(" ")]);
}

/** Tokens by chunk of 75: one small bar for each. */
function Counter({ told }) {
  if (!told || told.tokens === null) return html`<span class="counter"></span>`;
  const chunks = told.chunks ?? [];
  const shown = chunks.slice(0, 8);
  const text = chunks.length > 1 ? t("tokensChunks", { tokens: told.tokens, chunks: chunks.length }) : t("tokens", { tokens: told.tokens });
  return html`<span class="counter" title=${chunks.map((chunk, i) => t("tokensChunk", { number: i + 1, tokens: chunk.tokens })).join("\n")}>
    <span class="bars" aria-hidden="true">${shown.map((chunk, i) => html`<i key=${i}><b style=${{ width: `${Math.min(100, (chunk.tokens / 75) * 100)}%` }}></b></i>`)}</span><span>${text}</span></span>`;
}

/** What is wrong, with the fix a click away. */
function Findings({ own, field }) {
  if (!own.length) return null;
  const mend = (finding) => setDraft({ [field]: mended(draft.value[field], finding) });
  return html`<ul class="findings" aria-label=${t("findingsLabel")}>${own.slice(0, 6).map((one) => html`<li key=${one.code + one.start} class=${one.level}>
    <span><b>${t(`lint.${one.code}`)}</b>${place(one, field)} ${language.value === "en" && html`<span class="quiet">${one.message}</span>`}</span>
    ${one.fix !== null && html`<button type="button" class="pill" onClick=${() => mend(one)}>${one.fix.trim() ? t("fixWith", { fix: one.fix.trim() }) : t("fixRemove")}</button>`}
  </li>`)}</ul>`;
}

function place(one, field) {
  const words = draft.value[field].slice(one.start, one.end).trim();
  return words && words.length < 60 ? html` <q>${words}</q>` : null;
}
