// Draws /openapi.json: every route with its parameters, body and answers.
const $ = (id) => document.getElementById(id);

/** An element with properties and children (nodes or text); nothing is parsed as HTML. */
function h(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

const key = sessionStorage.getItem("spellwright.key") ?? localStorage.getItem("spellwright.key"); // entered on the page
const headers = key ? { Authorization: `Bearer ${key}` } : {};
const spec = await (await fetch("/openapi.json", { headers })).json();

function resolve(schema) {
  return schema?.$ref ? spec.components.schemas[schema.$ref.split("/").pop()] ?? {} : schema ?? {};
}

/** A small value of the schema's shape. */
function example(schema, depth = 0) {
  const whole = resolve(schema);
  if (whole.examples?.length) return whole.examples[0];
  if (whole.default !== undefined) return whole.default;
  if (whole.anyOf) return example(whole.anyOf[0], depth);
  if (whole.type === "array") return depth > 4 ? [] : [example(whole.items, depth + 1)];
  if (whole.properties) return depth > 4 ? {} : Object.fromEntries(Object.entries(whole.properties).map(([name, inner]) => [name, example(inner, depth + 1)]));
  return { string: "…", integer: 1, number: 1, boolean: false }[whole.type] ?? null;
}

function parameters(list) {
  return h("ul", {}, ...list.map((one) => h("li", {}, h("code", { textContent: one.name }), ` (${one.in}${one.required ? "" : ", optional"}) ${one.description ?? ""}`)));
}

function contents(title, content) {
  return Object.entries(content ?? {}).flatMap(([type, { schema }]) => [
    h("h3", { textContent: `${title}: ${type}` }),
    ...(schema && Object.keys(schema).length ? [h("pre", { textContent: JSON.stringify(example(schema), null, 2) })] : []),
  ]);
}

function route(path, method, operation) {
  const answers = Object.entries(operation.responses).filter(([status]) => status !== "422");
  return h("details", { className: "card route", id: operation.operationId },
    h("summary", {}, h("span", { className: "method", textContent: method.toUpperCase() }), h("code", { textContent: path }), h("span", { className: "quiet", textContent: operation.summary })),
    h("p", { textContent: operation.description ?? "" }),
    ...(operation.parameters?.length ? [parameters(operation.parameters)] : []),
    ...contents("Body", operation.requestBody?.content),
    ...answers.flatMap(([status, answer]) => contents(status, answer.content)),
  );
}

for (const [path, methods] of Object.entries(spec.paths)) {
  for (const [method, operation] of Object.entries(methods)) $("routes").append(route(path, method, operation));
}
document.body.dataset.ready = "yes";
