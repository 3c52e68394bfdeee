// Everything that was written here, newest first.
import { call } from "../api.js";
import { since, t } from "../i18n.js";
import { attempt, openSpell } from "../state.js";
import { Dialog, useSettled } from "../ui.js";
import { html, useEffect, useSignal } from "../vendor/preact.js";

export function Library({ close }) {
  const spells = useSignal([]);
  const next = useSignal(null);
  const wanted = useSignal("");
  const isLoaded = useSignal(false);
  const settled = useSettled(wanted.value, 250);
  async function load(before) {
    await attempt("library", async () => {
      const query = new URLSearchParams({ limit: 50, ...(before ? { before } : {}), ...(settled.trim() ? { q: settled.trim() } : {}) });
      const found = await call("GET", `/api/spells?${query}`);
      spells.value = before ? [...spells.value, ...found.spells] : found.spells;
      next.value = found.next_before;
      isLoaded.value = true;
    });
  }
  useEffect(() => { load(null); }, [settled]);
  const shown = spells.value;
  const open = async (id) => { if (await attempt("version", () => openSpell(id))) close(); };
  return html`<${Dialog} title=${t("recentTitle")} onClose=${close}>
    <input type="search" id="library-find" aria-label=${t("libraryFind")} placeholder=${t("libraryFind")} value=${wanted.value} onInput=${(event) => { wanted.value = event.target.value; }} />
    <ul id="library-list" class="library">${shown.map((one) => html`<li key=${one.id}><button type="button" class="plain" onClick=${() => open(one.id)}><span>${one.title || t("untitled")}</span><small class="quiet">${t("spellVersion", { number: one.head })} · ${since(one.updated_at)}</small></button></li>`)}</ul>
    ${isLoaded.value && !shown.length && html`<p class="quiet">${t("libraryEmpty")}</p>`}
    ${next.value && html`<button type="button" onClick=${() => load(next.value)}>${t("libraryMore")}</button>`}
  <//>`;
}
