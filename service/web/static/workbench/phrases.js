// A prompt as phrases between commas, and the small edits people make on them. Pure functions, positions in UTF-16 units.
const OPEN = "([{<";
const CLOSE = ")]}>";
const KEYWORD = /^(BREAK|AND)(?![\w-])/;
const WORD_ENDS = /[.,\\/!?%^*;:{}=`~()[\]<>\s]/;
export const TEXT_STEP = 0.1;
export const LORA_STEP = 0.05;

/** The phrases of a text: `{text, start, end, core, weight, isKeyword}`. Commas inside brackets do not part. */
export function split(text) {
  const spans = cut(text, true) ?? cut(text, false);
  return spans.flatMap(([start, end, isKeyword]) => {
    const raw = text.slice(start, end);
    const trimmed = raw.trim();
    if (!trimmed) return [];
    const at = start + raw.indexOf(trimmed);
    return [{ text: trimmed, start: at, end: at + trimmed.length, isKeyword, ...weighted(trimmed) }];
  });
}

function cut(text, isNested) {
  const spans = [];
  let depth = 0;
  let begin = 0;
  for (let at = 0; at < text.length; at++) {
    const sign = text[at];
    if (sign === "\\") { at++; continue; }
    if (isNested && OPEN.includes(sign)) depth++;
    else if (isNested && CLOSE.includes(sign)) depth = Math.max(0, depth - 1);
    else if (depth === 0 && (sign === "," || sign === "\n")) { spans.push([begin, at, false]); begin = at + 1; }
    else if (depth === 0 && (at === 0 || /[\s,]/.test(text[at - 1]))) {
      const word = KEYWORD.exec(text.slice(at))?.[1];
      if (word) { spans.push([begin, at, false], [at, at + word.length, true]); at += word.length - 1; begin = at + 1; }
    }
  }
  spans.push([begin, text.length, false]);
  return depth > 0 ? null : spans;
}

/** What a phrase says and how strongly: `((cat))` is `cat` at 1.21. */
export function weighted(text) {
  const lora = /^<(\w+:[^:>]+):(-?[\d.]+)[^>]*>$/.exec(text);
  if (lora) return { core: lora[1], weight: Number(lora[2]) };
  if (!isPair(text)) return { core: text, weight: 1 };
  const inner = text.slice(1, -1);
  if (text[0] === "(") {
    const given = /^(.*):\s*(-?\d*\.?\d+)\s*$/s.exec(inner);
    if (given) return { core: given[1].trim(), weight: Number(given[2]) };
    const deeper = weighted(inner.trim());
    return { core: deeper.core, weight: round(deeper.weight * 1.1) };
  }
  if (text[0] !== "[" || /[:|]/.test(inner)) return { core: text, weight: 1 };
  const deeper = weighted(inner.trim());
  return { core: deeper.core, weight: round(deeper.weight / 1.1) };
}

/** Whether the first bracket's partner is the last sign. */
function isPair(text) {
  if (text.length < 2 || !"([".includes(text[0])) return false;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === "\\") { at++; continue; }
    if (text[at] === text[0]) depth++;
    else if (text[at] === (text[0] === "(" ? ")" : "]")) depth--;
    if (depth === 0) return at === text.length - 1;
  }
  return false;
}

export function withWeight(core, weight) {
  if (/^\w+:/.test(core) && !core.includes(" ")) return `<${core}:${round(weight)}>`;
  return Math.abs(weight - 1) < 1e-9 ? core : `(${core}:${round(weight)})`;
}

export const round = (value) => Math.round(value * 100) / 100;

export function replaceAt(text, index, phrase) {
  const { start, end } = split(text)[index];
  return text.slice(0, start) + phrase + text.slice(end);
}

/** Without a phrase, and without the comma it leaves. */
export function removeAt(text, index) {
  const { start, end } = split(text)[index];
  const behind = /^\s*,[^\S\n]*/.exec(text.slice(end));
  if (behind) return text.slice(0, start) + text.slice(end + behind[0].length);
  return text.slice(0, start).replace(/\s*,\s*$/, "") + text.slice(end);
}

/** The phrase `from` in the place of `to`; those between move up. What parts them stays where it is. */
export function move(text, from, to) {
  const all = split(text);
  if (from === to || to < 0 || to >= all.length) return text;
  const order = all.map((one) => one.text);
  order.splice(to, 0, ...order.splice(from, 1));
  let out = "";
  let at = 0;
  all.forEach((slot, i) => { out += text.slice(at, slot.start) + order[i]; at = slot.end; });
  return out + text.slice(at);
}

export function add(text, phrase) {
  const before = text.trimEnd().replace(/,$/, "");
  return before ? `${before}, ${phrase}` : phrase;
}

/** Letters that matter when a phrase is looked for in evidence. */
export const keyOf = (phrase) => weighted(phrase).core.replaceAll("\\", "").trim().toLowerCase();

/** Ctrl+up and ctrl+down, as in A1111: `{text, start, end}` with the weight of what is selected changed; `null`: nothing there. */
export function reweight(text, start, end, direction) {
  let [from, to] = start === end ? around(text, start) : [start, end];
  while (to > from && /\s/.test(text[to - 1])) to--;
  while (from < to && /\s/.test(text[from])) from++;
  if (from === to) return null;
  const rest = text.slice(to);
  if (text[from - 1] === "<") return numbered(text, [from, to], /^:(-?[\d.]+)/.exec(rest), direction * LORA_STEP, ">");
  const given = text[from - 1] === "(" ? /^:\s*(-?[\d.]+)\s*(?=\))/.exec(rest) : null;
  if (given) return numbered(text, [from, to], given, direction * TEXT_STEP, ")");
  if (text[from - 1] === "(" && rest[0] === ")") return numbered(text, [from, to], ["", "1.1"], direction * TEXT_STEP, ")");
  const weight = round(1 + direction * TEXT_STEP);
  return { text: `${text.slice(0, from)}(${text.slice(from, to)}:${weight})${rest}`, start: from + 1, end: to + 1 };
}

function numbered(text, [from, to], found, delta, close) {
  const weight = round(Number(found?.[1] ?? 1) + delta);
  const rest = text.slice(to + (found?.[0].length ?? 0));
  if (close === ")" && weight === 1) {
    return { text: text.slice(0, from - 1) + text.slice(from, to) + rest.slice(1), start: from - 1, end: to - 1 };
  }
  return { text: `${text.slice(0, to)}:${weight}${rest}`, start: from, end: to };
}

/** What the caret stands in: a network tag, the innermost brackets, or a word. */
function around(text, caret) {
  const tag = /<[^<>]*$/.exec(text.slice(0, caret));
  if (tag && text.indexOf(">", caret) >= 0) {
    const from = tag.index + 1;
    const inner = text.slice(from, text.indexOf(">", caret));
    return [from, from + (/^\w+:[^:]+/.exec(inner)?.[0].length ?? inner.length)];
  }
  const open = opening(text, caret);
  if (open >= 0) {
    const close = closing(text, caret);
    const inner = close < 0 ? null : text.slice(open + 1, close);
    if (inner !== null) return [open + 1, open + 1 + inner.replace(/:\s*-?[\d.]+\s*$/, "").length];
  }
  let [from, to] = [caret, caret];
  while (from > 0 && !WORD_ENDS.test(text[from - 1])) from--;
  while (to < text.length && !WORD_ENDS.test(text[to])) to++;
  return [from, to];
}

function opening(text, caret) {
  for (let at = caret - 1, depth = 0; at >= 0; at--) {
    if (text[at - 1] === "\\") continue;
    if (text[at] === ")") depth++;
    else if (text[at] === "(" && depth-- === 0) return at;
  }
  return -1;
}

function closing(text, caret) {
  for (let at = caret, depth = 0; at < text.length; at++) {
    if (text[at - 1] === "\\") continue;
    if (text[at] === "(") depth++;
    else if (text[at] === ")" && depth-- === 0) return at;
  }
  return -1;
}
