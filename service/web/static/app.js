// The page: puts the parts together. A pure client of the public API.
import { Alert } from "./alert.js";
import { Problem, call } from "./api.js";
import { Book } from "./book.js";
import { $, h } from "./dom.js";
import { Editor } from "./editor.js";
import { language, setLanguage, startLanguage, t } from "./i18n.js";
import { JobPanel } from "./job.js";
import { Photo } from "./photo.js";
import { Talk } from "./talk.js";

startLanguage();
$("language").value = language();

const alert = new Alert();
const book = new Book();
const editor = new Editor();
let catalogue = null;
const panel = new JobPanel({
  alert,
  noticeOf,
  use: (spell) => { editor.show(spell); say(t("used")); $("prompt").focus(); },
  gone: () => { remember({ job: null }); alert.show(new Problem({ code: "job_gone", detail: "" })); },
});
new Photo(book, alert);
new Talk(book, keepEdits, alert);

book.addEventListener("changed", () => {
  editor.show(book.head.spell);
  showVersion();
  remember({ spell: book.id });
});

$("language").addEventListener("change", (event) => {
  setLanguage(event.target.value);
  editor.relabel();
  showVersion();
  showNotice();
  alert.relabel();
});

$("spell-form").addEventListener("submit", (event) => {
  event.preventDefault();
  busy($("generate"), async () => {
    say(t("saving"));
    await keepEdits();
    say("");
    const job = await call("POST", "/api/jobs", { spell_id: book.id, version: book.head.number, count: Number($("count").value) || 1 });
    remember({ job: job.id });
    panel.watch(job.id);
    $("job-box").scrollIntoView({ behavior: "smooth", block: "nearest" });
  });
});

$("hands").addEventListener("click", (event) => busy(event.target, async () => {
  await keepEdits();
  const before = book.head.number;
  const { version, plan } = await call("POST", `/api/spells/${book.id}/hands`, { apply: true, parent: before });
  book.take(version);
  say([version.number === before ? t("handsNothing") : t("handsApplied"), ...plan.explanation].join("\n"));
}));

$("copy").addEventListener("click", (event) => busy(event.target, async () => {
  await keepEdits();
  try {
    await navigator.clipboard.writeText(book.head.infotext);
    say(t("copied"));
  } catch {
    say(t("copyFailed"));
  }
}));

/** What was typed becomes a version before anything is made of it. */
async function keepEdits() {
  if (!editor.isChanged()) return;
  const spell = editor.read();
  if (book.id === null && !spell.prompt.trim()) throw new Problem({ code: "nothing_yet", detail: "" });
  await book.keep(spell);
}

async function busy(button, work) {
  alert.hide();
  button.disabled = true;
  try {
    await work();
  } catch (problem) {
    say("");
    alert.show(problem);
  } finally {
    button.disabled = false;
  }
}

function say(text) {
  $("spell-status").textContent = text;
}

/** The honest sentence about a checkpoint, when there is one. */
function noticeOf(name) {
  const found = catalogue?.checkpoints.find((entry) => entry.name === name);
  return found ? shownNotice(found) : "";
}

/** The server speaks English; what a demo model is can be said in the reader's language. */
function shownNotice({ is_demo: isDemo, notice }) {
  return isDemo && !(language() === "en" && notice) ? t("demoModel") : notice;
}

function showVersion() {
  $("spell-version").textContent = book.head ? t("spellVersion", { number: book.head.number }) : "";
}

/** The first run explains itself. */
function showNotice() {
  const demo = catalogue?.checkpoints.find((entry) => entry.is_usable);
  const lines = [];
  if (demo?.is_demo) lines.push(t("demoNotice", { notice: shownNotice(demo) }), t("demoCheckpoint"));
  if (catalogue && catalogue.llm === null) lines.push(t("demoLlm"));
  $("notice").hidden = !demo?.is_demo;
  $("notice-summary").textContent = t("demoSummary");
  $("notice-list").replaceChildren(...[...lines, t("demoDoctor")].map((line) => h("li", { textContent: line })));
}

function remember(changes) {
  const now = new URLSearchParams(location.hash.slice(1));
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) now.delete(name);
    else now.set(name, value);
  }
  history.replaceState(null, "", `#${now}`);
}

/** The spell in the address; one that is not here is taken out of it. */
async function openSpell(id) {
  try {
    await book.open(id);
  } catch (problem) {
    if (problem.code !== "not_found") return alert.show(problem);
    remember({ spell: null });
    alert.show(new Problem({ code: "spell_gone", detail: "" }));
  }
}

async function start() {
  const place = new URLSearchParams(location.hash.slice(1));
  const opening = place.get("spell") ? openSpell(place.get("spell")) : null;
  const patience = setTimeout(() => say(t("loadingModels")), 700);
  try {
    catalogue = await call("GET", "/api/catalogue");
    say("");
    editor.offer(catalogue);
    showNotice();
  } catch (problem) {
    alert.show(problem);
  }
  clearTimeout(patience);
  if (place.get("job")) panel.watch(place.get("job"));
  await opening;
  document.body.dataset.ready = "yes";
}

start();
