// What the server says about the text while it is written: findings and tokens, asked for when the typing rests.
import { Problem, call } from "../api.js";
import { draft } from "../state.js";
import { effect, signal } from "../vendor/preact.js";

export const findings = signal([]);
export const counts = signal({ prompt: null, negative_prompt: null });
const REST = 350; // milliseconds
let timer = 0;
let asked = 0;

effect(() => {
  const spell = draft.value;
  clearTimeout(timer);
  timer = setTimeout(() => study(spell), REST);
});

async function study(spell) {
  const mine = ++asked;
  if (!spell.prompt && !spell.negative_prompt) {
    findings.value = [];
    counts.value = { prompt: null, negative_prompt: null };
    return;
  }
  const [linted, told] = await Promise.all([ask("/api/prompts/lint", { spell }), ask("/api/prompts/explain", { spell })]);
  if (mine !== asked) return;
  findings.value = (linted?.findings ?? []).map((one) => placed(one, spell));
  const pass = told?.passes[0];
  const count = (stretches) => stretches?.length ? told.texts[stretches[0].text] : null;
  counts.value = { prompt: count(pass?.prompt.flatMap((part) => part.stretches)), negative_prompt: count(pass?.negative_prompt) };
}

/** Advice is not worth an error: a text that cannot be read yet is being written. */
async function ask(path, body) {
  try {
    return await call("POST", path, body);
  } catch (problem) {
    if (problem instanceof Problem) return null;
    throw problem;
  }
}

/** The server counts characters, the browser counts UTF-16 units. */
function placed(finding, spell) {
  const text = spell[finding.field];
  if (typeof text !== "string") return finding;
  const unit = (at) => [...text].slice(0, at).join("").length;
  const [start, end] = /[\ud800-\udbff]/.test(text) ? [unit(finding.start), unit(finding.end)] : [finding.start, finding.end];
  return { ...finding, start, end, words: text.slice(start, end) };
}

/** The findings that still stand: the text may have changed since they were made. */
export function standing(all, field, text) {
  return all.filter((one) => one.field === field && one.end <= text.length && text.slice(one.start, one.end) === one.words);
}

/** `text` with the fix of one finding. */
export function mended(text, { start, end, fix }) {
  return text.slice(0, start) + fix + text.slice(end);
}
