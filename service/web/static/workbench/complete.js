// What the half-written phrase may become: tags, words (also by their Chinese names), LoRAs, wildcards of this machine.
import { call } from "../api.js";
import { t } from "../i18n.js";
import { draft, say, setDraft } from "../state.js";
import { html, useEffect, useRef, useSignal } from "../vendor/preact.js";

const PARTS = /[,\n(:|{[<>\]})]/;
const REST = 140; // milliseconds

/** The part of the text before the caret that is being written: `{from, query, kind}`; `null` when it says too little. */
export function fragment(text, caret) {
  let from = caret;
  while (from > 0 && !PARTS.test(text[from - 1])) from--;
  const lora = /<lora:$/.test(text.slice(0, from));
  if (lora) return { from: from - 6, query: text.slice(from, caret), kind: "lora" };
  const wildcard = /__([\w/-]*)$/.exec(text.slice(from, caret));
  if (wildcard) return { from: caret - wildcard[0].length, query: wildcard[1], kind: "wildcard" };
  while (from < caret && /\s/.test(text[from])) from++;
  const query = text.slice(from, caret);
  return query && query.length <= 60 ? { from, query, kind: null } : null;
}

/** The list under the caret. `area` is the text field; `keys` gets its handler for arrow keys and Enter. */
export function Complete({ id, area, field, mark, keys }) {
  const list = useSignal([]);
  const chosen = useSignal(-1);
  const place = useSignal(null);
  const asked = useRef(0);
  const close = () => { list.value = []; chosen.value = -1; area.current?.removeAttribute("aria-activedescendant"); };

  async function look() {
    const mine = ++asked.current;
    const part = fragment(area.current.value, area.current.selectionStart);
    if (!part || (!part.query && !part.kind)) return close();
    const kinds = part.kind ? `&kind=${part.kind}` : "";
    const found = await call("GET", `/api/prompts/complete?q=${encodeURIComponent(part.query)}&limit=10${kinds}`).catch(() => null);
    if (mine !== asked.current || !found || document.activeElement !== area.current) return undefined;
    const rest = found.completions.filter((one) => one.text !== part.query);
    chosen.value = -1;
    place.value = { part, top: mark.current?.offsetTop ?? 0, left: mark.current?.offsetLeft ?? 0 };
    list.value = rest;
    return undefined;
  }

  function take(one) {
    const { from } = place.value.part;
    const caret = area.current.selectionStart;
    asked.current++;
    close();
    if (one.kind === "lora") {
      const text = (area.current.value.slice(0, from).replace(/,\s*$/, "") + area.current.value.slice(caret)).trim();
      const others = draft.value.loras.filter((lora) => lora.name !== one.text);
      setDraft({ [field]: text, loras: [...others, { name: one.text, weight: 0.8, unet_weight: null }] });
      say(t("loraAdded", { name: one.text }));
      return;
    }
    area.current.setSelectionRange(from, caret);
    insert(area.current, one.text);
  }

  keys.current = (event) => {
    if (!list.value.length) return false;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (event.ctrlKey || event.metaKey) return false;
      const step = event.key === "ArrowDown" ? 1 : -1;
      chosen.value = (chosen.value + step + list.value.length) % list.value.length;
      area.current.setAttribute("aria-activedescendant", `${id}-${chosen.value}`);
    } else if (event.key === "Enter" && chosen.value >= 0) take(list.value[chosen.value]);
    else if (event.key === "Escape") { event.stopPropagation(); close(); }
    else return false;
    return true;
  };

  useEffect(() => {
    const element = area.current;
    let timer = 0;
    const later = (event) => { if (!event.isComposing) { clearTimeout(timer); timer = setTimeout(look, REST); } };
    const leave = () => { asked.current++; setTimeout(close, 120); };
    element.addEventListener("input", later);
    element.addEventListener("compositionend", later);
    element.addEventListener("blur", leave);
    return () => { clearTimeout(timer); for (const [name, hear] of [["input", later], ["compositionend", later], ["blur", leave]]) element.removeEventListener(name, hear); };
  }, []);

  const style = place.value ? { top: `${place.value.top + 28}px`, left: `min(${place.value.left}px, max(0px, 100% - 260px))` } : {};
  return html`<ul id=${id} class="complete" role="listbox" aria-label=${t("completions")} hidden=${!list.value.length} style=${style}>
    ${list.value.map((one, at) => html`<li key=${one.kind + one.text + one.key} id=${`${id}-${at}`} role="option" aria-selected=${at === chosen.value} onMouseDown=${(event) => { event.preventDefault(); take(one); }}>
      <b>${one.text}</b>${one.key && html`<span>${one.key}</span>`}<small>${t(`kind.${one.kind}`)}</small></li>`)}
  </ul>`;
}

/** Put text in place of the selection; the browser's own undo keeps working. */
export function insert(area, text) {
  area.focus();
  if (!document.execCommand("insertText", false, text)) {
    area.setRangeText(text, area.selectionStart, area.selectionEnd, "end");
    area.dispatchEvent(new Event("input", { bubbles: true }));
  }
}
