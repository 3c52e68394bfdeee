// The spell that is on the table: its id, its newest version, and the way new versions are made.
import { Problem, call } from "./api.js";

export class Book extends EventTarget {
  id = null;
  head = null;

  /** Open a stored spell. */
  async open(id) {
    const spell = await call("GET", `/api/spells/${id}`);
    this.id = id;
    this.head = spell.head;
    this.#tell(spell);
  }

  /** Take a version that the server has just stored. */
  take(version) {
    const isOther = version.spell_id !== this.id;
    this.id = version.spell_id;
    this.head = version;
    this.#tell(isOther ? { versions: [version], turns: [] } : null);
  }

  /** Keep `spell` as the next version, or as a new spell. 409 loads the newest version and says so. */
  async keep(spell, note = "") {
    if (this.id === null) {
      this.take(await call("POST", "/api/spells", { spell, note }));
      return;
    }
    try {
      this.take(await call("POST", `/api/spells/${this.id}/versions`, { spell, parent: this.head.number, note }));
    } catch (problem) {
      if (problem instanceof Problem && problem.code === "version_conflict") {
        this.head = (await call("GET", `/api/spells/${this.id}`)).head;
      }
      throw problem;
    }
  }

  #tell(whole) {
    this.dispatchEvent(new CustomEvent("changed", { detail: whole }));
  }
}
