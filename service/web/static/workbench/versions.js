// The tree of versions: who made each from which, what differs between two, and going on from any of them.
import { call } from "../api.js";
import { since, t } from "../i18n.js";
import { attempt, goBack, head, versions } from "../state.js";
import { html, useEffect, useSignal } from "../vendor/preact.js";
import { Changes } from "./changes.js";

const LANE = 16; // pixels

/** Each version's lane: a branch beside the line that goes on. */
export function lanesOf(all) {
  const lanes = new Map();
  const ends = []; // lane -> the version at its end
  for (const one of [...all].sort((a, b) => a.number - b.number)) {
    let lane = ends.indexOf(one.parent);
    if (lane < 0) lane = ends.push(one.number) - 1;
    ends[lane] = one.number;
    lanes.set(one.number, lane);
  }
  return lanes;
}

export function Versions() {
  const all = [...versions.value].sort((a, b) => b.number - a.number);
  const lanes = lanesOf(all);
  const width = (Math.max(0, ...lanes.values()) + 1) * LANE + 12;
  const compared = useSignal(null);
  if (!all.length) return html`<p class="quiet">${t("versionsEmpty")}</p>`;
  return html`<div class="versions">
    <p class="quiet">${t("versionsHelp")}</p>
    <ol id="versions" class="tree">${all.map((one) => html`<${Version} key=${one.number} one=${one} width=${width} marks=${marksOf(one, all, lanes)} compared=${compared} />`)}</ol>
  </div>`;
}

/** What is drawn beside a version: its dot, the lines that pass, and where a branch leaves. */
function marksOf(one, all, lanes) {
  const own = lanes.get(one.number);
  const lines = [];
  for (const child of all) {
    if (!lanes.has(child.parent)) continue;
    const lane = lanes.get(child.number);
    if (child.number === one.number) lines.push(["below", lane]);
    else if (child.parent === one.number) lines.push(["above", lane], ...(lane === own ? [] : [["join", own, lane]]));
    else if (child.parent < one.number && child.number > one.number) lines.push(["through", lane]);
  }
  return { own, lines };
}

function Lanes({ marks, width, isHead }) {
  const left = (lane) => `${lane * LANE + 6}px`;
  return html`<span class="lanes" aria-hidden="true" style=${{ width: `${width}px` }}>
    ${marks.lines.map(([kind, lane, to]) => html`<i key=${kind + lane} class=${kind} style=${kind === "join" ? { left: left(lane), width: `${(to - lane) * LANE}px` } : { left: left(lane) }}></i>`)}
    <b class=${isHead ? "head" : ""} style=${{ left: left(marks.own) }}></b></span>`;
}

function Version({ one, compared, width, marks }) {
  const isHead = one.number === head.value.number;
  const isOpen = compared.value === one.number;
  const note = ["chat", "edit"].includes(one.author) ? one.note : one.idea ?? ""; // other notes are the server's, in English
  return html`<li class="version-row"><${Lanes} marks=${marks} width=${width} isHead=${isHead} /><div class="grow">
    <p><b>${one.number}</b> <span>${t(`author.${one.author}`)}</span> <small class="quiet">${since(one.created_at)}${isHead ? ` · ${t("versionNow")}` : ""}</small></p>
    <p class="note quiet" title=${note}>${note || one.spell.prompt}</p>
    ${!isHead && html`<p class="row"><button type="button" class="link" aria-expanded=${isOpen} onClick=${() => { compared.value = isOpen ? null : one.number; }}>${t("compareNow")}</button><button type="button" class="link" onClick=${() => goBack(one, t("wentOn", { number: one.number }))}>${t("goOnFrom")}</button></p>`}
    ${isOpen && html`<${Difference} from=${one.number} to=${head.value.number} />`}
  </div></li>`;
}

function Difference({ from, to }) {
  const diff = useSignal(null);
  useEffect(() => { attempt("diff", async () => { diff.value = await call("GET", `/api/spells/${head.value.spell_id}/diff?old=${from}&new=${to}`); }); }, [from, to]);
  if (!diff.value) return null;
  return html`<div class="difference">${diff.value.lines.length ? html`<${Changes} diff=${diff.value} />` : html`<p class="quiet">${t("noDifference")}</p>`}</div>`;
}
