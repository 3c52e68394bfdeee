// Small helpers. Text only ever becomes text nodes: nothing from outside is parsed as HTML.
export const $ = (id) => document.getElementById(id);

/** An element with properties and children (nodes or text). */
export function h(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("aria-") || name === "role" || name === "download") node.setAttribute(name, value);
    else node[name] = value;
  }
  node.append(...children);
  return node;
}

/** Replace the options of a select; entries are [value, text]. */
export function fillSelect(select, entries) {
  const chosen = select.value;
  select.replaceChildren(...entries.map(([value, text]) => h("option", { value, textContent: text })));
  if (entries.some(([value]) => value === chosen)) select.value = chosen;
}

/** Choose a value, also one that is not in the list. */
export function choose(select, value, nameOfMissing) {
  for (const option of [...select.options]) if (option.dataset.missing) option.remove();
  if (value && ![...select.options].some((option) => option.value === value)) {
    const option = h("option", { value, textContent: nameOfMissing(value) });
    option.dataset.missing = "yes";
    select.append(option);
  }
  select.value = value ?? "";
}
