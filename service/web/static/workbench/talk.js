// The left side: words in, versions out. Every turn shows what it changed and can be undone.
import { call } from "../api.js";
import { t } from "../i18n.js";
import { accept, catalogue, checkpoint, draft, goBack, head, hasRoute, locked, review, talk, turns, undoReview, versions, working } from "../state.js";
import { Icon, Later } from "../ui.js";
import { html, useEffect, useRef, useSignal } from "../vendor/preact.js";
import { Changes } from "./changes.js";
import { toggleLock } from "./chips.js";

export function Talk() {
  const tab = useSignal("chat");
  const written = useSignal(null); // {message, reply} while the answer is being written
  const list = useRef();
  const idea = versions.value[0]?.idea;
  useEffect(() => { list.current?.scrollTo({ top: list.current.scrollHeight }); }, [turns.value.length, written.value?.reply]);
  async function send(message) {
    written.value = { message, reply: "" };
    const answer = await talk(message, (text) => { written.value = { message, reply: written.value.reply + text }; });
    written.value = null;
    return answer;
  }
  return html`<section id="talk-pane" class="card talk" aria-labelledby="chat-title">
    <header class="card-head"><h2 id="chat-title">${t("chatTitle")}</h2><span class="grow"></span>
      <div class="tabs small" role="group" aria-label=${t("talkView")}>
        <button type="button" aria-pressed=${tab.value === "chat"} onClick=${() => { tab.value = "chat"; }}><${Icon} name="chat" />${t("tabChat")}</button>
        <button type="button" id="tab-versions" aria-pressed=${tab.value === "versions"} onClick=${() => { tab.value = "versions"; }}><${Icon} name="branch" />${t("tabVersions")} ${versions.value.length > 0 && html`<small>${versions.value.length}</small>`}</button>
      </div></header>
    ${tab.value === "versions" ? html`<${Later} from=${() => import("./versions.js")} name="Versions" />` : html`
      ${idea && html`<blockquote id="idea-kept"><small>${t("ideaKept")}</small><p>${idea}</p></blockquote>`}
      <${Kept} />
      <ol id="turns" class="turns" ref=${list} aria-live="polite" aria-label=${t("chatTitle")} tabindex="0">
        ${turns.value.map((turn) => html`<${Turn} key=${turn.number} turn=${turn} />`)}
        ${written.value && html`<li class="turn"><p class="said">${written.value.message}</p><p class="reply" aria-busy="true">${written.value.reply || t("thinking")}</p></li>`}
        ${!turns.value.length && !written.value && html`<li class="empty-turn quiet">${t("chatEmpty")}</li>`}
      </ol>
      <${Review} />
      <${Say} send=${send} />`}
  </section>`;
}

/** Phrases that the chat must keep. */
function Kept() {
  if (!locked.value.length) return null;
  return html`<p class="kept"><${Icon} name="lock" /><span class="quiet">${t("lockedTitle")}</span>${locked.value.map((phrase) => html`<button key=${phrase} type="button" class="pill" aria-label=${t("unlockPhrase", { phrase })} onClick=${() => toggleLock(phrase)}>${phrase} ×</button>`)}</p>`;
}

function Turn({ turn }) {
  const diff = useSignal(turn.diff ?? null);
  const version = versions.value.find((one) => one.number === turn.version);
  const before = turn.from ?? version?.parent;
  const isFirstOf = turns.value.find((one) => one.version === turn.version)?.number === turn.number;
  const changed = diff.value && (diff.value.lines?.length ?? 1) > 0;
  useEffect(() => {
    if (diff.value || !before || version?.author !== "chat" || !isFirstOf || turn.diff === null) return;
    call("GET", `/api/spells/${head.value.spell_id}/diff?old=${before}&new=${turn.version}`).then((told) => { diff.value = told; }, () => {});
  }, [before, turn.version]);
  const parent = versions.value.find((one) => one.number === before);
  return html`<li class="turn"><p class="said">${turn.message}</p><p class="reply">${turn.reply || t("nothingChanged")}</p>
    ${changed && html`<div class="turn-diff"><${Changes} diff=${diff.value} />
      <p class="row"><small class="quiet">${t("spellVersion", { number: turn.version })} · ${turn.by === "offline" ? t("offlineName") : turn.by}</small>
      ${parent && head.value.number !== before && html`<button type="button" class="link undo" onClick=${() => goBack(parent, t("undone", { number: before }))}>${t("backBefore")}</button>`}</p></div>`}
  </li>`;
}

/** The newest change waits for a yes or a no; it is stored already, and undoing it is a version too. */
function Review() {
  if (!review.value) return null;
  return html`<div id="review" class="review" role="group" aria-label=${t("reviewLabel")}>
    <span>${t("reviewAsk", { number: review.value.version })}</span>
    <button type="button" id="accept" onClick=${accept}><${Icon} name="check" />${t("accept")}</button>
    <button type="button" id="undo" onClick=${undoReview}><${Icon} name="undo" />${t("undo")}</button>
  </div>`;
}

function Say({ send }) {
  const message = useSignal("");
  const isBusy = working.value === "chat";
  const field = useRef();
  async function submit(event) {
    event?.preventDefault();
    const text = message.value.trim();
    if (!text || isBusy) return;
    message.value = "";
    if (!(await send(text))) message.value = text; // what was written is not lost
    field.current?.focus();
  }
  const onKeyDown = (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing && !event.ctrlKey && !event.metaKey) { event.preventDefault(); submit(); }
  };
  return html`<form id="chat-form" class="say" onSubmit=${submit}>
    <div class="suggestions" role="group" aria-label=${t("suggestions")}>${suggestions().map((text) => html`<button key=${text} type="button" class="pill suggestion" disabled=${isBusy} onClick=${() => { message.value = text; submit(); }}>${text}</button>`)}</div>
    <div class="say-line"><textarea id="message" ref=${field} rows="2" maxlength="4000" aria-label=${t("chatTitle")} placeholder=${t("chatPlaceholder")} value=${message.value} onInput=${(event) => { message.value = event.target.value; }} onKeyDown=${onKeyDown}></textarea>
    <button id="send" class="primary" disabled=${isBusy} aria-label=${t("send")} title=${t("send")}><${Icon} name="send" /></button></div>
    ${!catalogue.value?.llm && hasRoute("POST /api/spells/{id}/chat") && html`<small class="quiet">${t("chatOffline")}</small>`}
  </form>`;
}

/** What the last answer offered by number, else next steps that the prompt does not say yet. */
function suggestions() {
  const offered = [...(turns.value.at(-1)?.reply ?? "").matchAll(/^\s*\d+[.)、．]\s*(\S.*)$/gm)].map(([, wish]) => wish.trim().slice(0, 120));
  if (offered.length > 1) return offered.slice(0, 5); // the language model's own
  const text = draft.value.prompt.toLowerCase();
  if (!text.trim()) return [];
  const wishes = checkpoint.value?.is_demo
    ? [["suggestDemoColour", /\bblue\b/], ["suggestDemoGround", /yellow background/], ["suggestDemoSteps", null]]
    : [["suggestNight", /night|moon|夜/], ["suggestLight", /golden hour|sunset|warm light/], ["suggestClose", /close-up|portrait/], ["suggestWide", /wide|full body/], ["suggestPaint", /painting|watercolor/], ["suggestCalm", /simple background/], ["suggestRain", /rain|雨/]];
  return wishes.filter(([, said]) => !said?.test(text)).slice(0, 4).map(([key]) => t(key));
}
