// Texts by key, in the language of the reader; see lang/.
import en from "./lang/en.js";
import zh from "./lang/zh.js";

const LANGUAGES = { en, zh };
const STORED = "spellwright.language";
let current = "en";

export function language() {
  return current;
}

export function startLanguage() {
  const wanted = localStorage.getItem(STORED) ?? (navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en");
  setLanguage(wanted in LANGUAGES ? wanted : "en");
}

export function setLanguage(name) {
  current = name;
  localStorage.setItem(STORED, name);
  document.documentElement.lang = name === "zh" ? "zh-Hans" : name;
  for (const node of document.querySelectorAll("[data-i18n]")) node.textContent = t(node.dataset.i18n);
  for (const node of document.querySelectorAll("[data-i18n-placeholder]")) node.placeholder = t(node.dataset.i18nPlaceholder);
  for (const node of document.querySelectorAll("[data-i18n-label]")) node.setAttribute("aria-label", t(node.dataset.i18nLabel));
}

/** The text of `key` with `{name}` replaced by values. */
export function t(key, values = {}) {
  const text = LANGUAGES[current][key] ?? en[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}
