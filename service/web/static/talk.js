// Idea and chat: words in, versions out, each change shown and undoable.
import { call, chat } from "./api.js";
import { $, h } from "./dom.js";
import { t } from "./i18n.js";
import { drawChips } from "./photo.js";

export class Talk {
  #book;
  #keepEdits;
  #alert;
  #offline = false; // after the language model failed, the next try goes without it

  constructor(book, keepEdits, alert) {
    this.#book = book;
    this.#keepEdits = keepEdits;
    this.#alert = alert;
    $("idea-form").addEventListener("submit", (event) => { event.preventDefault(); this.#expand(); });
    $("chat-form").addEventListener("submit", (event) => { event.preventDefault(); this.#say(); });
    $("message").addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); $("chat-form").requestSubmit(); }
    });
    book.addEventListener("changed", (event) => { if (event.detail) this.#showTurns(event.detail); });
  }

  async #expand() {
    const idea = $("idea").value;
    await this.#busy($("idea-send"), async () => {
      $("idea-status").textContent = t("ideaWorking");
      try {
        const version = await call("POST", "/api/spells", { idea, offline: this.#offline });
        this.#book.take(version);
        drawChips([]);
        $("idea-status").textContent = t("ideaBy", { by: nameOf(version.details.by), notes: (version.details.notes ?? []).join(" ") });
      } catch (problem) {
        $("idea-status").textContent = "";
        throw problem;
      }
    });
  }

  async #say() {
    const message = $("message").value.trim();
    if (!message) return;
    const entry = h("li", {}, h("p", { className: "said", textContent: message }));
    const reply = h("p", { className: "reply", textContent: t("thinking") });
    await this.#busy($("chat-form").querySelector("button"), async () => {
      await this.#keepEdits();
      entry.append(reply);
      $("turns").append(entry);
      entry.scrollIntoView({ block: "nearest" });
      let written = "";
      try {
        const parent = this.#book.head.number;
        const answer = await chat(this.#book.id, { message, parent, offline: this.#offline }, (text) => { written += text; reply.textContent = written; });
        reply.textContent = answer.turn.reply || t("nothingChanged");
        $("message").value = "";
        this.#book.take(answer.version);
        if (answer.is_changed) entry.append(diffList(answer.diff.lines), this.#undoButton(parent));
      } catch (problem) {
        entry.remove(); // the message is still in its field
        throw problem;
      }
    });
  }

  #undoButton(parent) {
    const button = h("button", { type: "button", textContent: t("undo") });
    button.addEventListener("click", () => this.#busy(button, async () => {
      const before = await call("GET", `/api/spells/${this.#book.id}/versions/${parent}`);
      await this.#book.keep(before.spell, t("undone", { number: parent }));
      button.replaceWith(h("small", { className: "quiet", textContent: t("undone", { number: parent }) }));
    }));
    return button;
  }

  #showTurns({ turns }) {
    $("turns").replaceChildren(
      ...turns.map((turn) => h("li", {}, h("p", { className: "said", textContent: turn.message }), h("p", { className: "reply", textContent: turn.reply }))),
    );
  }

  async #busy(button, work) {
    this.#alert.hide();
    button.disabled = true;
    try {
      await work();
      this.#offline = false;
    } catch (problem) {
      this.#offline = Boolean(problem.code?.startsWith("llm_"));
      this.#alert.show(problem);
    } finally {
      button.disabled = false;
    }
  }
}

function nameOf(author) {
  return author === "offline" ? t("offlineName") : author;
}

function diffList(lines) {
  const kinds = { "+": "added", "-": "removed" };
  return h("div", { className: "diff" }, ...lines.map((line) => h("div", { className: kinds[line[0]] ?? "", textContent: line })));
}
