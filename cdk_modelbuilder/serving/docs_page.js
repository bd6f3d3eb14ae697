// Tries out the endpoint that served this page: reads openapi.json, sends POST /invocations, shows what comes back.
// Everything from the server is shown as text, never as HTML.
"use strict";

const SHOWN_CHARACTERS = 200000;
const element = (id) => document.getElementById(id);

let api = {};
let operation = {};
let running = null;
let links = [];

// --- What the document says

function resolved(node) {
  // Follows one reference within the document; deeper ones stay as they are written.
  if (!node || typeof node.$ref !== "string" || !node.$ref.startsWith("#/")) return node || {};
  const steps = node.$ref.slice(2).split("/").map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
  return steps.reduce((place, step) => (place || {})[step], api) || {};
}

const requestBody = () => resolved(operation.requestBody);
const okResponse = () => resolved((operation.responses || {})["200"]);
const mediaType = (type) => type.split(";")[0].trim().toLowerCase();

function isText(type) {
  const name = mediaType(type);
  return /^text\/|[/+](json|xml)$|^application\/(jsonl|x-jsonlines|jsonlines|x-ndjson|json-seq|yaml)$/.test(name);
}

function isJson(type) {
  return /[/+]json$/.test(mediaType(type));
}

function examplesOf(content) {
  // [name, value] of each example that stands in the document itself.
  const named = Object.entries(content.examples || {}).map(([name, example]) => [name, resolved(example).value]);
  const single = content.example === undefined ? [] : [["example", content.example]];
  return [...single, ...named].filter(([, value]) => value !== undefined);
}

function asBody(value, type) {
  if (typeof value === "string" && !isJson(type)) return value;
  if (Array.isArray(value) && !isJson(type)) return value.map((item) => JSON.stringify(item)).join("\n") + "\n";
  const wide = JSON.stringify(value, null, 2);
  // Numbers in rows read better on one line each.
  return wide.replace(/\[\s+((?:-?[\d.eE+-]+|null|true|false)(?:,\s+(?:-?[\d.eE+-]+|null|true|false))*)\s+\]/g,
    (_, inner) => "[" + inner.replace(/,\s+/g, ", ") + "]");
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
  // Text is shown while it arrives; everything else once it is complete.
  const type = response.headers.get("Content-Type") || "";
  const view = isText(type) ? textView() : null;
  const decoder = new TextDecoder();
  const parts = [];
  let size = 0;
  element("status").textContent = "Receiving …";
  for (const reader = response.body.getReader(); ;) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    size += value.length;
    element("fact-size").textContent = `${size.toLocaleString("en")} bytes`;
    if (view) view.append(decoder.decode(value, { stream: true }));
  }
  element("fact-size").textContent = `${size.toLocaleString("en")} bytes`;
  const blob = new Blob(parts, { type: mediaType(type) });
  if (view) {
    view.append(decoder.decode());
    if (isJson(type)) view.showJson();
  } else {
    showMedia(blob);
  }
  if (size) offerDownload(blob);
}

function textView() {
  const pre = document.createElement("pre");
  const text = document.createTextNode("");
  pre.append(text);
  pre.tabIndex = 0;
  pre.setAttribute("aria-label", "Body of the response");
  element("answer").append(pre);
  let whole = "";
  const cut = (words, left) => (words.length > left ? words.slice(0, left) + "\n… (the rest is in the file)" : words);
  return {
    append(words) {
      const follow = pre.scrollTop + pre.clientHeight >= pre.scrollHeight - 4;
      const left = SHOWN_CHARACTERS - whole.length;
      if (left > 0) text.appendData(cut(words, left));
      whole += words;
      if (follow) pre.scrollTop = pre.scrollHeight;
    },
    showJson() {
      try {
        text.data = cut(asBody(JSON.parse(whole), "application/json"), SHOWN_CHARACTERS);
        pre.scrollTop = 0;
      } catch {
        // Shown as it came: it is not JSON, whatever its Content-Type says.
      }
    },
  };
}

function link(blob) {
  const url = URL.createObjectURL(blob);
  links.push(url);
  return url;
}

function showMedia(blob) {
  const kind = { image: "img", audio: "audio" }[blob.type.split("/")[0]];
  if (!kind) return;
  const media = document.createElement(kind);
  media.src = link(blob);
  if (kind === "img") media.alt = "The model's answer";
  else media.controls = true;
  element("answer").append(media);
}

function offerDownload(blob) {
  const anchor = document.createElement("a");
  anchor.href = link(blob);
  anchor.download = "response";
  anchor.textContent = `Save the answer (${blob.size.toLocaleString("en")} bytes)`;
  element("answer").append(anchor);
}

function forgetAnswer() {
  links.forEach((url) => URL.revokeObjectURL(url));
  links = [];
  element("answer").replaceChildren();
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
