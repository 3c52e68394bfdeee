// Parameters of anything, pasted into a spell that is open already.
import { t } from "../i18n.js";
import { readPaste, readPhoto, working } from "../state.js";
import { Dialog, useFocus } from "../ui.js";
import { html, useSignal } from "../vendor/preact.js";

export function Paste({ close }) {
  const text = useSignal("");
  const field = useFocus();
  const submit = async (event) => {
    event.preventDefault();
    if (await readPaste(text.value)) close();
  };
  const onPaste = (event) => {
    const file = [...(event.clipboardData?.files ?? [])].find((one) => one.type.startsWith("image/"));
    if (file) { event.preventDefault(); close(); readPhoto(file); }
  };
  return html`<${Dialog} title=${t("pasteTitle")} onClose=${close}>
    <form onSubmit=${submit}>
      <p class="quiet">${t("pasteHelp")}</p>
      <textarea id="paste-text" ref=${field} rows="9" aria-label=${t("pasteTitle")} placeholder=${t("pastePlaceholder")} value=${text.value} onInput=${(event) => { text.value = event.target.value; }} onPaste=${onPaste}></textarea>
      <div class="row end"><label class="button" for="paste-file">${t("pasteFile")}</label><input id="paste-file" class="hidden" type="file" accept="image/png,image/jpeg,image/webp" onChange=${(event) => { close(); readPhoto(event.target.files[0]); }} /><button class="primary" id="paste-go" disabled=${working.value === "paste"}>${t("pasteSend")}</button></div>
    </form>
  <//>`;
}
