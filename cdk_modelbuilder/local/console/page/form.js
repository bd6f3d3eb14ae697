// The request's form, made from what GET /-/schema says of the chosen endpoint.
import { asBody, bytes, isJson, isText, mediaType } from "./body.js";
import { element, fill, mebibytes, setText } from "./dom.js";
import { botoCall } from "./boto.js";
import { OPERATIONS } from "./sending.js";
import { target, watchTarget } from "./target.js";

const ANY_TYPES = ["application/json", "text/csv", "text/plain", "application/octet-stream"];
const NO_SESSION = ["", "none"];
const isMedia = (type) => /^(image|audio)\//.test(type);
const NEW_SESSION = ["NEW_SESSION", "open a new one"];

export class Form {
  #details = null;
  #endpoint = null;
  #target = null;
  #sessions = {};
  #sample = null;
  #picture = null;
  #filled = "";

  constructor() {
    watchTarget(() => this.#showTarget());
    element("content-type").addEventListener("change", () => this.#showContentType());
    element("accept").addEventListener("change", () => this.#showBoto());
    element("operation").addEventListener("change", () => this.#showBoto());
    element("session").addEventListener("change", () => this.#showBoto());
    for (const name of ["text", "attributes"]) element(name).addEventListener("input", () => this.#showBoto());
    element("file").addEventListener("change", () => this.#showFile());
  }

  show(endpoint, details) {
    // endpoint: of GET /-/status; details: of GET /-/schema
    this.#endpoint = endpoint;
    this.#details = details;
    const operations = endpoint.asynchronous ? ["async-invocations"] : ["invocations", "invocations-response-stream"];
    fill(element("operation"), operations.map((name) => [name, OPERATIONS[name]]));
    this.#showSessions();
    this.#showTarget();
  }

  request() {
    // What is to be sent, or a sentence that says why it cannot be, and where.
    const type = element("content-type").value;
    const body = this.#body(type);
    if (body === null) return { problem: "Choose a file to send first.", place: element("file") };
    const size = body instanceof Blob ? body.size : new TextEncoder().encode(body).length;
    const most = this.#target.input ? this.#target.input.max_payload_bytes : Infinity;
    if (size > most) {
      return { problem: `The body has ${bytes(size)}; this endpoint takes ${bytes(most)}.`, place: element(isText(type) ? "text" : "file") };
    }
    return {
      endpoint: this.#endpoint.name,
      operation: element("operation").value,
      contentType: this.#contentType(type),
      accept: element("accept").value,
      headers: this.#headers(),
      body,
    };
  }

  opened(endpoint, session) {
    // The header of an opened session is "ID; Expires=TIME".
    const known = this.#sessions[endpoint] || (this.#sessions[endpoint] = []);
    const name = session.split(";")[0].trim();
    if (!known.includes(name)) known.push(name);
    if (endpoint !== this.#endpoint.name) return;
    this.#showSessions();
    element("session").value = name;
    this.#showBoto();
  }

  #headers() {
    const found = { ...this.#target.headers };
    if (element("session").value) found["X-Amzn-SageMaker-Session-Id"] = element("session").value;
    if (element("attributes").value) found["X-Amzn-SageMaker-Custom-Attributes"] = element("attributes").value;
    return found;
  }

  #body(type) {
    if (isText(type)) return element("text").value;
    return element("file").files[0] || (this.#sample && this.#sample.type === mediaType(type) ? this.#sample : null);
  }

  #contentType(type) {
    // The sample's own label may say more than the type, such as a boundary.
    const file = element("file").files[0];
    return !isText(type) && !file && this.#sample ? this.#sample.label : type;
  }

  #showSessions() {
    const known = this.#sessions[this.#endpoint.name] || [];
    fill(element("session"), [NO_SESSION, NEW_SESSION, ...known.map((name) => [name, name])]);
  }

  #showTarget() {
    this.#target = target(this.#details);
    const { input, output } = this.#target;
    const sent = Object.keys((input && input.request.content) || {});
    const answered = Object.keys((output && output.response.content) || {});
    const types = sent.length ? sent : ANY_TYPES;
    this.#sample = input && input.sample ? sampleBlob(input.sample) : null;
    if (fill(element("content-type"), types.map((type) => [type, type]))) {
      element("content-type").value = this.#firstType(types);
    }
    if (fill(element("accept"), [["*/*", "*/* (what the model prefers)"], ...answered.map((type) => [type, type])])) {
      element("accept").value = answered.length ? this.#firstType(answered) : "*/*";
    }
    setText(element("input-words"), input ? takes(input, this.#target.containers) : "It has no copies.");
    setText(element("output-words"), output && output.response.description ? `Gives ${output.response.description}.` : "");
    setText(element("output-schema"), schemaText(output, "Output"));
    setText(element("input-schema"), schemaText(input, "Input"));
    setText(element("limits"), input ? this.#limits(input) : "");
    this.#showContentType();
  }

  #limits({ max_payload_bytes: most, timeout_seconds: seconds }) {
    return this.#endpoint.asynchronous ? `At most ${bytes(most)}; the answer comes later.` : `At most ${mebibytes(most)}, answered within ${seconds} s.`;
  }

  #firstType(types) {
    // A picture or a sound is sent as a file; of all else, what can be read and edited is the better start.
    const media = types.find((type) => this.#sample && type === this.#sample.type && isMedia(type));
    return media || types.find(isJson) || types.find(isText) || types[0];
  }

  #showContentType() {
    const type = element("content-type").value;
    element("text-field").hidden = !isText(type);
    element("file-field").hidden = isText(type);
    const { input } = this.#target;
    const content = ((input && input.request.content) || {})[type] || {};
    const sample = isText(type) && this.#sample && this.#sample.type === mediaType(type) ? this.#sample.text : undefined;
    const example = sample === undefined ? content.example : parsed(sample, type);
    const text = example === undefined || !isText(type) ? "" : asBody(example, type);
    // What was typed or chosen stays where another target, or a new build, takes the same.
    if (this.#filled !== `${type} ${text}`) {
      this.#filled = `${type} ${text}`;
      element("text").value = text;
      element("file").accept = isMedia(type) ? type : "";
      element("file").value = "";
    }
    this.#showFile();
  }

  #showFile() {
    const type = element("content-type").value;
    const body = isText(type) ? null : this.#body(type);
    const chosen = element("file").files.length > 0;
    setText(element("file-words"), chosen ? `${bytes(body.size)} of ${body.type || "no known type"}.`
      : body ? `Until you choose one, the sample is sent: ${bytes(body.size)}.` : "There is no sample of this type.");
    if (this.#picture) URL.revokeObjectURL(this.#picture);
    this.#picture = body && type.startsWith("image/") ? URL.createObjectURL(body) : null;
    const picture = element("file-picture");
    picture.hidden = !this.#picture;
    if (this.#picture) picture.src = this.#picture;
    picture.alt = chosen ? "The chosen picture" : "The sample picture";
    this.#showBoto();
  }

  #showBoto() {
    const type = element("content-type").value;
    const file = element("file").files[0];
    setText(element("boto"), botoCall({
      endpoint: this.#endpoint.name,
      operation: OPERATIONS[element("operation").value],
      contentType: type,
      accept: element("accept").value,
      headers: this.#headers(),
      text: isText(type) ? element("text").value : null,
      file: file ? file.name : "FILE",
    }));
  }
}

function sampleBlob({ content_type: label, base64 }) {
  const raw = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const blob = new Blob([raw], { type: mediaType(label) });
  blob.label = label;
  blob.text = isText(label) ? new TextDecoder().decode(raw) : undefined;
  return blob;
}

function parsed(text, type) {
  try {
    return isJson(type) ? JSON.parse(text) : text;
  } catch {
    return text;
  }
}

function takes(input, containers) {
  if (input.problem) return `Its schema cannot be read here: ${input.problem}`;
  const series = containers > 1 ? ` It goes through ${containers} containers in series.` : "";
  const sample = input.sample ? "" : ` ${input.sample_problem}`;
  return `Takes ${input.request.description}.${series}${sample}`;
}

function schemaText(side, name) {
  return side ? JSON.stringify(side.schemas[name] || {}, null, 2) : "";
}
