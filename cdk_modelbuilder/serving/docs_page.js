// Tries out the endpoint that served this page: reads openapi.json, sends POST /invocations, shows what comes back.
// Everything from the server is shown as text, never as HTML.
import { BodyView, asBody, bytes, isJson, isText } from "./body.js";

const element = (id) => document.getElementById(id);

let api = {};
let operation = {};
let running = null;
let view = null;

// --- What the document says

function resolved(node) {
  // Follows one reference within the document; deeper ones stay as they are written.
  if (!node || typeof node.$ref !== "string" || !node.$ref.startsWith("#/")) return node || {};
  const steps = node.$ref.slice(2).split("/").map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
  return steps.reduce((place, step) => (place || {})[step], api) || {};
}

const requestBody = () => resolved(operation.requestBody);
const okResponse = () => resolved((operation.responses || {})["200"]);

function examplesOf(content) {
  // [name, value] of each example that stands in the document itself.
  const named = Object.entries(content.examples || {}).map(([name, example]) => [name, resolved(example).value]);
  const single = content.example === undefined ? [] : [["example", content.example]];
  return [...single, ...named].filter(([, value]) => value !== undefined);
}

// --- The form

function fill(select, values) {
  select.replaceChildren(...values.map(([value, label]) => new Option(label, value)));
}

function showDocument() {
  const info = api.info || {};
  const name = info.title || "Model endpoint";
  document.title = name;
  element("name").textContent = info.version ? `${name} ${info.version}` : name;
  element("description").textContent = info.description || "";
  element("input-description").textContent = requestBody().description || "";
  element("output-description").textContent = okResponse().description || "";
  const sent = Object.keys(requestBody().content || {});
  const answered = Object.keys(okResponse().content || {});
  fill(element("content-type"), sent.map((type) => [type, type]));
  fill(element("accept"), [["*/*", "*/* (what the model prefers)"], ...answered.map((type) => [type, type])]);
  // Types that can be read and edited are the better start, wherever they stand in the list.
  element("content-type").value = sent.find(isJson) || sent.find(isText) || sent[0] || "";
  element("accept").value = answered.find(isJson) || answered.find(isText) || "*/*";
  showContentType();
  showAccept();
}

function content() {
  return (requestBody().content || {})[element("content-type").value] || {};
}

function showContentType() {
  const type = element("content-type").value;
  const examples = examplesOf(content());
  element("text-field").hidden = !isText(type);
  element("file-field").hidden = isText(type);
  element("example-field").hidden = examples.length < 2 || !isText(type);
  fill(element("example"), examples.map(([name], number) => [String(number), name]));
  showSchema("input", content().schema);
  showExample();
}

function showExample() {
  const examples = examplesOf(content());
  const chosen = examples[Number(element("example").value) || 0];
  element("text").value = chosen ? asBody(chosen[1], element("content-type").value) : "";
  showCurl();
}

function showSchema(side, schema) {
  element(`${side}-details`).hidden = !schema;
  element(`${side}-schema`).textContent = JSON.stringify(resolved(schema), null, 2);
}

function showAccept() {
  const type = element("accept").value;
  const contents = okResponse().content || {};
  const shown = contents[type] || Object.values(contents)[0] || {};
  showSchema("output", shown.schema);
  showCurl();
}

function showCurl() {
  const quoted = (text) => "'" + text.replaceAll("'", "'\\''") + "'";
  const type = element("content-type").value;
  const file = element("file").files[0];
  const body = isText(type) ? quoted(element("text").value) : quoted("@" + (file ? file.name : "FILE"));
  const url = new URL("invocations", location.href).href;
  element("curl").textContent = [
    `curl ${quoted(url)}`,
    `-H ${quoted("Content-Type: " + type)}`,
    `-H ${quoted("Accept: " + element("accept").value)}`,
    `--data-binary ${body}`,
  ].join(" \\\n  ");
}

// --- The request

async function send() {
  const type = element("content-type").value;
  const file = element("file").files[0];
  if (!isText(type) && !file) {
    element("status").textContent = "Choose a file to send first.";
    element("file").focus();
    return;
  }
  forgetAnswer();
  running = new AbortController();
  element("send").disabled = true;
  element("stop").hidden = false;
  element("status").textContent = "Waiting for the model …";
  const started = performance.now();
  const passed = () => `${(performance.now() - started).toFixed(1)} ms`;
  try {
    const response = await fetch("invocations", {
      method: "POST",
      headers: { "Content-Type": type, Accept: element("accept").value },
      body: isText(type) ? element("text").value : file,
      signal: running.signal,
    });
    element("facts").hidden = false;
    element("fact-status").textContent = `${response.status} ${response.statusText}`;
    element("fact-status").className = response.ok ? "good" : "bad";
    element("fact-type").textContent = response.headers.get("Content-Type") || "none";
    element("fact-first").textContent = passed();
    await receive(response);
    element("fact-whole").textContent = passed();
    element("status").textContent = response.ok ? "The answer is complete." : "The request was not answered.";
  } catch (error) {
    const stopped = error.name === "AbortError";
    const begun = !element("facts").hidden;
    element("fact-whole").textContent = "no";
    element("status").textContent = stopped ? "Stopped." : begun
      ? "The connection was cut before the answer was complete; the server's log says why."
      : `The server could not be reached: ${error.message}`;
  } finally {
    running = null;
    element("send").disabled = false;
    element("stop").hidden = true;
    askHealth();
  }
}

async function receive(response) {
  view = new BodyView(element("answer"), response.headers.get("Content-Type") || "");
  element("status").textContent = "Receiving …";
  for (const reader = response.body.getReader(); ;) {
    const { done, value } = await reader.read();
    if (done) break;
    view.append(value);
    element("fact-size").textContent = bytes(view.size);
  }
  element("fact-size").textContent = bytes(view.size);
  view.finish();
}

function forgetAnswer() {
  if (view) view.clear();
  element("facts").hidden = true;
  ["fact-first", "fact-whole", "fact-size"].forEach((id) => { element(id).textContent = "…"; });
}

async function askHealth() {
  const badge = element("health");
  try {
    const { ok } = await fetch("ping");
    badge.textContent = ok ? "ready" : "not ready";
    badge.className = ok ? "badge good" : "badge bad";
  } catch {
    badge.textContent = "not reached";
    badge.className = "badge bad";
  }
}

async function start() {
  element("request").addEventListener("submit", (event) => { event.preventDefault(); send(); });
  element("request").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !running) { event.preventDefault(); send(); }
  });
  element("stop").addEventListener("click", () => running && running.abort());
  element("content-type").addEventListener("change", showContentType);
  element("example").addEventListener("change", showExample);
  element("accept").addEventListener("change", showAccept);
  element("text").addEventListener("input", showCurl);
  element("file").addEventListener("change", showCurl);
  askHealth();
  try {
    const response = await fetch("openapi.json");
    const found = await response.json();
    if (!response.ok) throw new Error(found.message);
    api = found;
    operation = (((api.paths || {})["/invocations"] || {}).post) || {};
    showDocument();
  } catch (error) {
    // The form still works: it can send anything to an endpoint that does not describe itself.
    element("problem").textContent = `There is no description of this endpoint: ${error.message}`;
    element("problem").hidden = false;
    fill(element("content-type"), ["application/json", "text/csv", "text/plain", "application/octet-stream"].map((t) => [t, t]));
    fill(element("accept"), [["*/*", "*/*"]]);
    showContentType();
  }
}

start();
