// What the keyboard can do.
import { t } from "../i18n.js";
import { Dialog } from "../ui.js";
import { html } from "../vendor/preact.js";

export function Shortcuts({ close }) {
  const rows = [
    ["Ctrl ↵", t("keyGenerate")], ["Ctrl ↑ ↓", t("keyWeight")], ["Ctrl ← →", t("keyMove")], ["Del", t("keyRemove")], ["L", t("keyLock")],
    ["↓ ↵", t("keyComplete")], ["← →", t("keyPictures")], ["Ctrl V", t("keyPaste")], ["Esc", t("keyClose")], ["?", t("keyHelp")],
  ];
  return html`<${Dialog} title=${t("shortcuts")} onClose=${close}><dl class="shortcuts">${rows.map(([key, text]) => html`<div key=${key}><dt><kbd>${key}</kbd></dt><dd>${text}</dd></div>`)}</dl><//>`;
}
