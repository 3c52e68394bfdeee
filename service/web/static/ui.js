// Small parts that everything is made of. Text only ever becomes text nodes: nothing from outside is parsed as HTML.
import { t } from "./i18n.js";
import { html, useEffect, useId, useLayoutEffect, useRef, useState } from "./vendor/preact.js";

const PATHS = {
  plus: "M12 5v14M5 12h14", close: "M6 6l12 12M18 6L6 18", check: "M5 12.5l4.5 4.5L19 7.5", undo: "M9 7L4 12l5 5M4 12h10a6 6 0 010 12h-1",
  image: "M4 5h16v14H4zM4 16l5-5 4 4 2.5-2.5L20 17M15.5 9.5h.01", chat: "M4 5h16v11H9l-5 4z", wand: "M5 19L15 9M17 7l2-2M14 4v2M20 10h-2M18.5 13.5l1 1M10.5 5.5l-1-1",
  dice: "M7 4h10a3 3 0 013 3v10a3 3 0 01-3 3H7a3 3 0 01-3-3V7a3 3 0 013-3zM7.9 8.5a.6.6 0 101.2 0 .6.6 0 10-1.2 0M14.9 8.5a.6.6 0 101.2 0 .6.6 0 10-1.2 0M11.4 12a.6.6 0 101.2 0 .6.6 0 10-1.2 0M7.9 15.5a.6.6 0 101.2 0 .6.6 0 10-1.2 0M14.9 15.5a.6.6 0 101.2 0 .6.6 0 10-1.2 0", lock: "M7 11V8a5 5 0 0110 0v3M5 11h14v9H5z", unlock: "M7 11V8a5 5 0 019.5-2M5 11h14v9H5z",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1", paste: "M9 4h6v3H9zM7 5H5v16h14V5h-2M9 12h6M9 16h4", download: "M12 4v11M7 11l5 5 5-5M5 20h14", swap: "M7 4L3 8l4 4M3 8h14M17 12l4 4-4 4M21 16H7",
  branch: "M7 4v16M7 14c0-4 10-2 10-7M7 4h.01M17 7h.01", history: "M4 12a8 8 0 108-8 8 8 0 00-7 4M4 4v4h4M12 8v4l3 2", hand: "M8 13V6a1.5 1.5 0 013 0v5V4.5a1.5 1.5 0 013 0V11V6a1.5 1.5 0 013 0v8c0 4-2.5 7-6 7-3 0-4.500-1.500-6-4l-2-3.500a1.500 1.500 0 012.500-1.500z",
  spark: "M12 3l2 6.500L20.500 12 14 14l-2 7-2-7-6.500-2L10 9.500z", up: "M6 15l6-6 6 6", down: "M6 9l6 6 6-6", left: "M15 6l-6 6 6 6", right: "M9 6l6 6-6 6",
  sun: "M12 8a4 4 0 100 8 4 4 0 000-8M12 3v1M12 20v1M3 12h1M20 12h1M5.600 5.600l.7.7M17.700 17.700l.7.7M5.600 18.400l.7-.7M17.700 6.300l.7-.7", moon: "M20 14A8.500 8.500 0 019.500 4 8.500 8.500 0 1020 14z",
  pulse: "M3 12h4l2-6 4 12 2.500-6H21", stop: "M7 7h10v10H7z", grip: "M8.4 6a.6.6 0 101.2 0 .6.6 0 10-1.2 0M8.4 12a.6.6 0 101.2 0 .6.6 0 10-1.2 0M8.4 18a.6.6 0 101.2 0 .6.6 0 10-1.2 0M14.4 6a.6.6 0 101.2 0 .6.6 0 10-1.2 0M14.4 12a.6.6 0 101.2 0 .6.6 0 10-1.2 0M14.4 18a.6.6 0 101.2 0 .6.6 0 10-1.2 0", chips: "M4 7h9v4H4zM16 7h4v4h-4zM4 14h5v4H4zM12 14h8v4h-8z", text: "M5 6h14M5 11h14M5 16h9",
  send: "M4 12l16-8-5 17-4-7z", key: "M14 10a4 4 0 11-3-3.900M11 13l8-8M16 8l3 3", compare: "M12 3v18M4 6h5v12H4M15 6h5v12h-5", info: "M12 3a9 9 0 100 18 9 9 0 000-18M12 11v5M12 8h.01", layers: "M12 3l9 5-9 5-9-5zM3 13l9 5 9-5",
};

export function Icon({ name }) {
  return html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d=${PATHS[name]} /></svg>`;
}

export function IconButton({ icon, label, ...rest }) {
  return html`<button type="button" ...${rest} class=${`quiet-button ${rest.class ?? ""}`} aria-label=${label} title=${label}><${Icon} name=${icon} /></button>`;
}

/** A modal window; Escape and the cross close it, and the focus goes back to where it was. */
export function Dialog({ title, onClose, children, wide, kind = "" }) {
  const box = useRef();
  const id = useId();
  useEffect(() => {
    const opener = document.activeElement;
    box.current.showModal();
    return () => { if (opener?.isConnected) opener.focus(); };
  }, []);
  const onBackdrop = (event) => { if (event.target === box.current) onClose(); };
  return html`<dialog ref=${box} class=${`${wide ? "wide" : ""} ${kind}`} aria-labelledby=${id} onClose=${onClose} onCancel=${onClose} onMouseDown=${onBackdrop}>
    <div class="dialog-box"><header><h2 id=${id}>${title}</h2><${IconButton} icon="close" label=${t("close")} onClick=${onClose} /></header>${children}</div>
  </dialog>`;
}

export function Field({ label, children, hint, class: kind = "" }) {
  return html`<label class=${`field ${kind}`}><span class="label">${label}</span>${children}${hint && html`<small class="quiet">${hint}</small>`}</label>`;
}

/** A number that may be open: empty means "as the checkpoint likes it". */
export function NumberInput({ value, onChange, step = 1, min, max, placeholder, ...rest }) {
  const shown = value === null || value === undefined ? "" : String(value);
  const read = (event) => onChange(event.target.value === "" ? null : Number(event.target.value));
  return html`<input type="number" inputmode=${step % 1 ? "decimal" : "numeric"} value=${shown} min=${min} max=${max} step=${step} placeholder=${placeholder} onInput=${read} ...${rest} />`;
}

/** A slider and its number. The number may lie outside the slider's range. */
export function Slider({ label, value, fallback, onChange, min, max, step, id, hint }) {
  const at = value ?? fallback ?? min;
  const move = (event) => onChange(Number(event.target.value));
  return html`<div class="slider field">
    <label class="label" for=${id}>${label}</label>
    <${NumberInput} id=${id} value=${value} onChange=${onChange} step=${step} placeholder=${fallback ?? ""} />
    <input type="range" aria-label=${label} min=${min} max=${max} step=${step} value=${at} onInput=${move} class=${value === null || value === undefined ? "open" : ""} />
    ${hint && html`<small class="quiet">${hint}</small>`}
  </div>`;
}

export function Select({ value, onChange, options, ...rest }) {
  const known = options.some(([one]) => one === (value ?? ""));
  const all = known ? options : [...options, [value, t("notHere", { name: value })]];
  return html`<select value=${value ?? ""} onChange=${(event) => onChange(event.target.value || null)} ...${rest}>
    ${all.map(([one, text]) => html`<option key=${one} value=${one} selected=${one === (value ?? "")}>${text}</option>`)}
  </select>`;
}

export function Switch({ checked, onChange, children, ...rest }) {
  return html`<label class="switch"><input type="checkbox" role="switch" checked=${checked} onChange=${(event) => onChange(event.target.checked)} ...${rest} /><span class="track" aria-hidden="true"></span><span>${children}</span></label>`;
}

/** A button with a small list of things to do. */
export function Menu({ label, icon, items, class: kind = "", id }) {
  const [isOpen, setOpen] = useState(false);
  const box = useRef();
  const close = () => setOpen(false);
  useEffect(() => {
    if (!isOpen) return undefined;
    const outside = (event) => { if (!box.current.contains(event.target)) close(); };
    document.addEventListener("pointerdown", outside);
    box.current.querySelector("[role=menuitem]")?.focus();
    return () => document.removeEventListener("pointerdown", outside);
  }, [isOpen]);
  const onKeyDown = (event) => {
    const all = [...box.current.querySelectorAll("[role=menuitem]")];
    const at = all.indexOf(document.activeElement);
    const steps = { ArrowDown: 1, ArrowUp: -1 };
    if (event.key === "Escape" && isOpen) { event.stopPropagation(); close(); box.current.querySelector("button").focus(); }
    else if (isOpen && event.key in steps) { event.preventDefault(); all[(at + steps[event.key] + all.length) % all.length].focus(); }
  };
  return html`<div class=${`menu ${kind}`} ref=${box} onKeyDown=${onKeyDown}>
    <button type="button" id=${id} aria-haspopup="menu" aria-expanded=${isOpen} onClick=${() => setOpen(!isOpen)}>${icon && html`<${Icon} name=${icon} />`}<span>${label}</span></button>
    ${isOpen && html`<div role="menu" aria-label=${label}>${items.map(([text, act]) => html`<button key=${text} type="button" role="menuitem" onClick=${() => { close(); box.current.querySelector("button").focus(); act(); }}>${text}</button>`)}</div>`}
  </div>`;
}

/** Take a text to the clipboard; `false` when the browser does not allow it. */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** A component from a file that is fetched when it is first shown. */
export function Later({ from, name, ...props }) {
  const [found, setFound] = useState(null);
  useEffect(() => { from().then((module) => setFound(() => module[name])); }, []);
  return found ? html`<${found} ...${props} />` : html`<p class="quiet pending" aria-busy="true"></p>`;
}

/** `value`, but only after it has stood still for a while. */
export function useSettled(value, milliseconds) {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), milliseconds);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}

/** Give a new element the focus once. */
export function useFocus() {
  const element = useRef();
  useLayoutEffect(() => { element.current?.focus(); }, []);
  return element;
}
