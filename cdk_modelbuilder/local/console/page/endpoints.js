// What runs: endpoints, their variants and components, and each copy.
import { element, keyed, make, mebibytes, milliseconds, setText } from "./dom.js";

// A sign beside the word, so that no state is told by its colour alone.
const STATES = {
  InService: ["●", "good"],
  Creating: ["◐", "faint"],
  Starting: ["◐", "faint"],
  Restarting: ["↻", "warn"],
  Unhealthy: ["▲", "warn"],
  Failed: ["✕", "bad"],
  Deleting: ["■", "faint"],
  Stopped: ["■", "faint"],
};
const COLUMNS = ["Copy", "State", "Outstanding", "Restarts", "Memory", "Server"];

const shortName = (copy) => copy.name.split("/").slice(2).join("/");

export function parts(endpoint) {
  // Variants that serve a model, and components, in one list.
  const variants = endpoint.variants.filter((one) => one.copies.length).map((one) => ({ kind: "Variant", ...one }));
  return [...variants, ...endpoint.components.map((one) => ({ kind: one.base ? "Adapter" : "Component", ...one }))];
}

export function copies(endpoint) {
  return parts(endpoint).flatMap((part) => part.copies);
}

export function showEndpoints(status, choose, chosen) {
  keyed(element("endpoints"), status.endpoints, (one) => one.name, (one) => buildEndpoint(one, choose), (card, one) =>
    updateEndpoint(card, one, chosen));
  const ready = status.endpoints.filter((one) => one.status === "InService").length;
  const badge = element("summary");
  setText(badge, `${ready} of ${status.endpoints.length} in service`);
  badge.className = ready === status.endpoints.length ? "badge good" : "badge bad";
  setText(element("account"), status.account);
  setText(element("region"), status.region);
  element("warnings").hidden = !status.warnings.length;
  keyed(element("warning-list"), status.warnings, (words) => words, () => make("li"), setText);
}

function buildEndpoint(endpoint, choose) {
  const heading = make("h3", { id: `endpoint-${endpoint.name}` }, endpoint.name);
  const button = make("button", { type: "button", class: "quiet", "aria-label": `Use below: ${endpoint.name}` }, "Use below");
  button.addEventListener("click", () => choose(endpoint.name));
  // Its own card scrolls, not the page, where the screen is narrow.
  const head = make("thead", {}, make("tr", {}, ...COLUMNS.map((name) => make("th", { scope: "col" }, name))));
  const table = make("table", { "aria-labelledby": heading.id }, head);
  const scroll = make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `Copies of ${endpoint.name}` }, table);
  const state = make("p", { class: "state" });
  const failure = make("p", { class: "reason", hidden: "" });
  return make("article", { "aria-labelledby": heading.id }, make("div", { class: "title" }, heading, state, button), failure, scroll);
}

function updateEndpoint(card, endpoint, chosen) {
  const queued = endpoint.asynchronous ? `, asynchronous, ${endpoint.queued} queued` : "";
  showState(card.querySelector(".state"), endpoint.status, queued);
  const failure = card.querySelector(".reason");
  failure.hidden = !endpoint.failure;
  setText(failure, endpoint.failure || "");
  card.querySelector("button").setAttribute("aria-pressed", String(endpoint.name === chosen));
  const table = card.querySelector("table");
  // The table's head stays: its key is no part's.
  table.tHead.dataset.key = "head";
  const rows = [{ head: true }, ...parts(endpoint)];
  keyed(table, rows, (part) => (part.head ? "head" : `${part.kind} ${part.name}`), buildPart, (body, part) => {
    if (!part.head) updatePart(body, part, endpoint.failure);
  });
}

function buildPart() {
  return make("tbody");
}

function updatePart(body, part, failure) {
  const rows = [{ key: "", words: describePart(part) }];
  for (const copy of part.copies) {
    rows.push({ key: copy.name, copy });
    // An endpoint's failure is that of one of its copies, and stands above.
    if (copy.reason && copy.reason !== failure) rows.push({ key: `${copy.name} reason`, reason: copy.reason });
  }
  keyed(body, rows, (row) => row.key, buildRow, (line, row) => {
    if (row.copy) updateCopy(line, row.copy);
    else setText(line.firstChild.firstChild, row.words || row.reason);
  });
}

function describePart(part) {
  const found = [`${part.kind} ${part.name}`];
  if (part.kind === "Adapter") return `${found[0]}: answered by ${part.base}`;
  if (part.kind === "Component") found.push(`on ${part.variant}`);
  if (part.kind === "Variant") found.push(`weight ${part.weight}`);
  if (part.serverless_concurrency) found.push(`serverless, ${part.serverless_concurrency} at a time`);
  if (part.requests === undefined) return [...found, "no copies"].join(" · ");
  found.push(`${part.requests} requests`, `${part.outstanding} outstanding`);
  const errors = part.client_errors + part.server_errors;
  found.push(errors ? `${part.client_errors} refused, ${part.server_errors} failed` : "no errors");
  if (part.requests) found.push(`p50 ${milliseconds(part.p50_ms)}`, `p99 ${milliseconds(part.p99_ms)}`);
  return found.join(" · ");
}

function buildRow(row) {
  if (row.copy) return make("tr", {}, make("th", { scope: "row" }), ...COLUMNS.slice(1).map(() => make("td")));
  if (row.reason) return make("tr", {}, make("td", { colspan: String(COLUMNS.length), class: "reason" }, make("span")));
  return make("tr", {}, make("th", { scope: "rowgroup", colspan: String(COLUMNS.length), class: "part" }, make("span")));
}

function updateCopy(line, copy) {
  const [name, state, ...rest] = line.children;
  setText(name, shortName(copy));
  showState(state, copy.state, "");
  const values = [copy.outstanding, copy.restarts, copy.identity ? mebibytes(copy.memory_bytes) : "none", copy.identity || "none"];
  rest.forEach((cell, place) => setText(cell, String(values[place])));
}

function showState(place, state, more) {
  const [sign, look] = STATES[state] || ["?", "faint"];
  if (place.dataset.state === state + more) return;
  place.dataset.state = state + more;
  place.replaceChildren(make("span", { class: look }, make("span", { "aria-hidden": "true" }, `${sign} `), state), more);
}
