// Texts by key, in the language of the reader; one file per language in lang/.
import { signal } from "./vendor/preact.js";

export const LANGUAGES = { en: "English", "zh-CN": "简体中文" };
const STORED = "spellwright.language";
const texts = signal({});
export const language = signal("en");

export async function startLanguage() {
  const wanted = localStorage.getItem(STORED) ?? (navigator.language.toLowerCase().startsWith("zh") ? "zh-CN" : "en");
  await setLanguage(wanted in LANGUAGES ? wanted : "en");
}

export async function setLanguage(name) {
  const response = await fetch(new URL(`./lang/${name}.json`, import.meta.url), { credentials: "omit" });
  texts.value = await response.json();
  language.value = name;
  localStorage.setItem(STORED, name);
  document.documentElement.lang = name;
  document.title = `Spellwright · ${t("tagline")}`;
}

export const has = (key) => key in texts.value;

/** The text of `key` with `{name}` replaced by values. */
export function t(key, values = {}) {
  const text = texts.value[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}

/** Numbers as the reader writes them. */
export function numeral(value, digits = 2) {
  return new Intl.NumberFormat(language.value, { maximumFractionDigits: digits }).format(value);
}

/** "3 minutes ago". */
export function since(text) {
  const seconds = (Date.parse(text) - Date.now()) / 1000;
  const format = new Intl.RelativeTimeFormat(language.value, { numeric: "auto", style: "short" });
  const units = [["day", 86400], ["hour", 3600], ["minute", 60]];
  const [unit, size] = units.find(([, length]) => Math.abs(seconds) >= length) ?? ["second", 1];
  return unit === "second" ? t("justNow") : format.format(Math.round(seconds / size), unit);
}
