// The console of the local gateway: asks what runs once a second, and lets a request be sent.
import { Answer } from "./answer.js";
import { showCharts } from "./chart.js";
import { Changes } from "./changes.js";
import { element, fill, setText } from "./dom.js";
import { copies, showEndpoints } from "./endpoints.js";
import { Form } from "./form.js";
import { Log } from "./log.js";
import { call, CallError } from "./sending.js";
import { showVerification } from "./verification.js";

const EVERY_MS = 1000;

const form = new Form();
const log = new Log();
const changes = new Changes();
let status = null;
let details = { endpoint: "", digests: new Set() };
let answer = null;
let running = null;
let looking = null;
let gone = false;

// --- What runs

function look() {
  // One question at a time: an older answer must not come after a newer one.
  looking = looking || update().finally(() => { looking = null; });
  return looking;
}

async function update() {
  try {
    status = await ask("-/status");
  } catch (error) {
    lost(error);
    return;
  }
  if (gone) {
    gone = false;
    details = { endpoint: "", digests: new Set() };
    log.begin();
  }
  const names = status.endpoints.map((one) => one.name);
  if (fill(element("endpoint"), names.map((name) => [name, name]))) chooseFromAddress();
  log.showEndpoints(names);
  const news = changes.of(status);
  if (news.length) setText(element("news"), `${new Date().toLocaleTimeString("en-GB")}: ${news.join(" ")}`);
  await showChosen();
  element("problem").hidden = true;
}

async function showChosen() {
  const name = element("endpoint").value;
  showEndpoints(status, choose, name);
  const endpoint = status.endpoints.find((one) => one.name === name);
  if (!endpoint) return;
  showCharts(endpoint);
  // A copy of another digest is a new build, which may take something else.
  if (details.endpoint !== name || copies(endpoint).some((copy) => !details.digests.has(copy.root_sha256))) {
    const found = await ask(`-/schema?endpoint=${encodeURIComponent(name)}`);
    if (element("endpoint").value !== name) return; // another one was chosen meanwhile
    const served = [...Object.values(found.variants), ...Object.values(found.components)].flat();
    details = { ...found, digests: new Set(served.map((one) => one.root_sha256)) };
    form.show(endpoint, details);
  }
  showVerification(endpoint, details);
}

async function ask(path) {
  const response = await fetch(path);
  const found = await response.json();
  if (!response.ok) throw new Error(found.Message || `${path} answered ${response.status}`);
  return found;
}

function lost(error) {
  if (error instanceof TypeError) { // what fetch throws where nobody answers
    element("summary").className = "badge bad";
    setText(element("summary"), "not reached");
    gone = true;
  }
  const what = error instanceof TypeError ? "The gateway does not answer" : "The gateway cannot tell";
  setText(element("problem"), `${what}: ${error.message.replace(/[.]$/, "")}. It is asked again each second; what you see is from before.`);
  element("problem").hidden = false;
}

function chooseFromAddress() {
  // The address may name an endpoint: /#churn
  const wanted = decodeURIComponent(location.hash.slice(1));
  const there = status !== null && status.endpoints.some((one) => one.name === wanted);
  if (there) element("endpoint").value = wanted;
  return there;
}

function choose(name) {
  element("endpoint").value = name;
  element("request-heading").focus();
  chosen();
}

function chosen() {
  history.replaceState(null, "", `#${element("endpoint").value}`);
  showChosen().catch(lost);
}

async function keepLooking() {
  if (!document.hidden) await look().catch(lost);
  setTimeout(keepLooking, EVERY_MS);
}

// --- The request

async function send() {
  const request = form.request();
  if (request.problem) {
    setText(element("status"), request.problem);
    request.place.focus();
    return;
  }
  running = new AbortController();
  answer = new Answer(request.endpoint, answer);
  const mine = answer;
  setBusy(true);
  try {
    await call({ ...request, signal: running.signal }, mine);
    mine.complete();
    if (mine.session) form.opened(request.endpoint, mine.session);
  } catch (error) {
    if (error instanceof CallError) mine.refused(error);
    else if (error.name === "AbortError") mine.broken(mine.place ? `No longer waited for. The answer goes to ${mine.place}.` : "Stopped.");
    else mine.broken(`The connection was cut: ${error.message}. The log may say why.`);
  } finally {
    running = null;
    setBusy(false);
    look().catch(lost);
  }
}

function setBusy(busy) {
  element("send").disabled = busy;
  element("stop").hidden = !busy;
}

function start() {
  setText(element("url"), location.origin);
  element("endpoint").addEventListener("change", chosen);
  element("request").addEventListener("submit", (event) => { event.preventDefault(); send(); });
  element("request").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !running) { event.preventDefault(); send(); }
  });
  element("stop").addEventListener("click", () => running && running.abort());
  window.addEventListener("hashchange", () => { if (chooseFromAddress()) showChosen().catch(lost); });
  keepLooking();
}

start();
