// The server wants a key: enter it, for this tab or for good.
import { keepKey } from "../api.js";
import { t } from "../i18n.js";
import { Dialog, Switch, useFocus } from "../ui.js";
import { html, useSignal } from "../vendor/preact.js";

export function Keys({ close }) {
  const key = useSignal("");
  const isForGood = useSignal(false);
  const field = useFocus();
  const submit = (event) => { event.preventDefault(); if (key.value.trim()) keepKey(key.value.trim(), isForGood.value); };
  return html`<${Dialog} title=${t("keyTitle")} onClose=${close}>
    <form id="key-form" onSubmit=${submit}>
      <p>${t("keyLead")}</p>
      <label class="field"><span class="label">${t("keyLabel")}</span><input id="key" ref=${field} type="password" autocomplete="current-password" value=${key.value} onInput=${(event) => { key.value = event.target.value; }} /></label>
      <${Switch} id="key-keep" checked=${isForGood.value} onChange=${(on) => { isForGood.value = on; }}>${t("keyKeep")}<//>
      <div class="row end"><button class="primary" id="key-send">${t("keySend")}</button></div>
    </form>
  <//>`;
}
