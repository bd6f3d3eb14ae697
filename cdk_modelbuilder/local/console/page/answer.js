// The response: its facts, its body by type, or the error.
import { BodyView, bytes, mediaType } from "./body.js";
import { element, make, setText } from "./dom.js";
import { csvTable } from "./sheet.js";

const SESSION = "X-Amzn-SageMaker-New-Session-Id";
const PLACE = "X-Amzn-SageMaker-OutputLocation";
const FACTS = ["status", "type", "by", "first", "whole", "size"];

export class Answer {
  // Watches one call; the times are from now on.
  #started = performance.now();
  #view = null;

  constructor(endpoint, before) {
    this.endpoint = endpoint;
    if (before) before.clear();
    element("facts").hidden = true;
    element("failure").hidden = true;
    FACTS.forEach((name) => setText(element(`fact-${name}`), "…"));
    setText(element("status"), "Waiting for the answer …");
  }

  clear() {
    if (this.#view) this.#view.clear();
    element("answer").replaceChildren();
  }

  accepted(response) {
    // An asynchronous request waits in its queue; what it is answered with comes to head().
    this.place = response.headers.get(PLACE);
    element("facts").hidden = false;
    setText(element("fact-status"), `${response.status} ${response.statusText}`);
    element("fact-status").className = "good";
    setText(element("fact-by"), this.endpoint);
    setText(element("status"), `Accepted after ${this.#passed()}. Waiting for the answer, which goes to ${this.place} …`);
  }

  head(response, type) {
    this.status = response.status;
    this.type = type;
    this.session = response.headers.get(SESSION);
    element("facts").hidden = false;
    setText(element("fact-status"), `${response.status} ${response.statusText}`);
    element("fact-status").className = response.ok ? "good" : "bad";
    setText(element("fact-type"), type || "none");
    setText(element("fact-by"), [this.endpoint, response.headers.get("x-Amzn-Invoked-Production-Variant")].filter(Boolean).join(", "));
    setText(element("fact-first"), this.#passed());
    if (!response.ok) return;
    this.#view = new BodyView(element("answer"), type);
    setText(element("status"), "Receiving …");
    if (this.place) element("answer").prepend(make("p", {}, `It is stored at ${this.place}.`));
  }

  part(part) {
    this.#view.append(part);
    setText(element("fact-size"), bytes(this.#view.size));
  }

  complete() {
    setText(element("fact-whole"), this.#passed());
    setText(element("fact-size"), bytes(this.#view.size));
    this.#view.finish();
    if (mediaType(this.type) === "text/csv") {
      const table = csvTable(this.#view.text);
      if (table) element("answer").prepend(table);
    }
    setText(element("status"), `The answer is complete after ${this.#passed()}: ${bytes(this.#view.size)} of ${this.type || "no type"}.`);
  }

  refused(error) {
    // error: CallError
    setText(element("fact-whole"), this.#passed());
    setText(element("fact-size"), this.#view ? bytes(this.#view.size) : "none");
    setText(element("failure-name"), error.name);
    setText(element("failure-words"), error.message);
    element("failure").hidden = false;
    const container = error.original && error.original.status ? `The container answered ${error.original.status}.` : "";
    if (container && error.original.message) this.#quote(container, error.original.message);
    setText(element("status"), `Refused after ${this.#passed()}: ${error.name}. ${container}`);
  }

  broken(words) {
    setText(element("fact-whole"), "no");
    setText(element("status"), words);
  }

  #quote(container, message) {
    let shown = message;
    try {
      shown = JSON.stringify(JSON.parse(message), null, 2);
    } catch {
      // Words, or HTML: as they came.
    }
    element("answer").append(make("p", {}, `${container} In its own words:`), make("pre", { tabindex: "0", role: "region", "aria-label": "What the container answered" }, shown));
  }

  #passed() {
    return `${(performance.now() - this.#started).toFixed(1)} ms`;
  }
}
