// The hand plan: what it found in the words, what it added, and a switch for every strategy.
import { call } from "../api.js";
import { language, numeral, t } from "../i18n.js";
import { attempt, draft, head, keep, openSpell, takes } from "../state.js";
import { Icon, Switch } from "../ui.js";
import { html, useEffect, useSignal } from "../vendor/preact.js";

export function Hands() {
  const isOpen = useSignal(false);
  const plan = useSignal(null);
  const own = language.value.startsWith("zh") ? "zh" : "en";
  const text = (told) => told?.texts?.[own] ?? {};

  async function look() {
    await attempt("hands", async () => {
      await keep();
      plan.value = (await call("POST", `/api/spells/${head.value.spell_id}/hands`, { parent: head.value.number })).plan;
    });
  }
  async function choose(kinds) {
    await attempt("hands", async () => {
      await keep();
      const { spell_id: id, number } = head.value;
      const body = { apply: true, parent: number, ...(kinds && takes("HandsIn", "kinds") ? { kinds } : {}) };
      const told = await call("POST", `/api/spells/${id}/hands`, body);
      await openSpell(id);
      plan.value = told.plan;
    });
  }
  const chosen = head.value?.details?.hands?.choice;
  const isOn = (action) => (Array.isArray(chosen) ? chosen.includes(action.kind) : action.on);
  const toggle = (action, on) => choose(plan.value.actions.filter((one) => (one.kind === action.kind ? on : isOn(one))).map((one) => one.kind));
  useEffect(() => { if (isOpen.value && draft.value.prompt.trim()) look(); }, [isOpen.value]);

  return html`<details id="hands" class="hands" onToggle=${(event) => { isOpen.value = event.target.open; }}>
    <summary><${Icon} name="hand" /><span>${t("hands")}</span><small class="quiet">${plan.value ? t(plan.value.hands_in_frame ? "handsIn" : "handsOut", { share: numeral(plan.value.likelihood * 100, 0) }) : t("handsHelp")}</small></summary>
    ${!plan.value && html`<p class="quiet">${draft.value.prompt.trim() ? t("handsLooking") : t("needSpell")}</p>`}
    ${plan.value && html`<div id="hand-plan">
      <p class="quiet">${(text(plan.value).reasons ?? plan.value.reasons).join(language.value === "en" ? "; " : "；")}</p>
      <ul class="switches">${plan.value.actions.map((action) => html`<li key=${action.kind}>
        <${Switch} checked=${isOn(action)} disabled=${!action.adds.length && action.kind !== "seeds"} onChange=${(on) => toggle(action, on)}><b>${text(action).name ?? action.kind}</b> <small class="quiet">${text(action).why ?? action.why}</small><//>
        ${action.adds.length > 0 && html`<p class="adds">${action.adds.map((phrase) => html`<code key=${phrase}>${phrase}</code>`)}</p>`}
      </li>`)}</ul>
      <div class="row"><button type="button" id="hands-apply" onClick=${() => choose(null)}>${t("handsApply")}</button><button type="button" onClick=${() => choose([])}>${t("handsTakeOut")}</button><button type="button" class="plain" onClick=${look}>${t("handsAgain")}</button></div>
    </div>`}
  </details>`;
}
