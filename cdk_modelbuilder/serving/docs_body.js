// Bodies of requests and responses: what a media type is, and how a body of it is shown. /docs and the local console use it.
// Everything from the server is shown as text, never as HTML.

const SHOWN_CHARACTERS = 200000;

export const mediaType = (type) => type.split(";")[0].trim().toLowerCase();

export function isText(type) {
  const name = mediaType(type);
  return /^text\/|[/+](json|xml)$|^application\/(jsonl|x-jsonlines|jsonlines|x-ndjson|json-seq|yaml)$/.test(name);
}

export function isJson(type) {
  return /[/+]json$/.test(mediaType(type));
}

export const bytes = (count) => `${count.toLocaleString("en")} byte${count === 1 ? "" : "s"}`;

export function asBody(value, type) {
  if (typeof value === "string" && !isJson(type)) return value;
  if (Array.isArray(value) && !isJson(type)) return value.map((item) => JSON.stringify(item)).join("\n") + "\n";
  const wide = JSON.stringify(value, null, 2);
  // Numbers in rows read better on one line each.
  return wide.replace(/\[\s+((?:-?[\d.eE+-]+|null|true|false)(?:,\s+(?:-?[\d.eE+-]+|null|true|false))*)\s+\]/g,
    (_, inner) => "[" + inner.replace(/,\s+/g, ", ") + "]");
}

const cut = (words, left) => (words.length > left ? words.slice(0, left) + "\n… (the rest is in the file)" : words);

export class BodyView {
  // A body in `place`: text is shown while it arrives, everything else once it is complete.
  #links = [];
  #decoder = new TextDecoder();
  #parts = [];
  #pre = null;
  #shown = null;

  constructor(place, type) {
    this.place = place;
    this.type = type;
    this.size = 0;
    this.text = "";
    if (isText(type)) this.#beginText();
  }

  append(part) {
    this.#parts.push(part);
    this.size += part.length;
    if (this.#pre) this.#appendText(this.#decoder.decode(part, { stream: true }));
  }

  finish() {
    const blob = new Blob(this.#parts, { type: mediaType(this.type) });
    if (this.#pre) {
      this.#appendText(this.#decoder.decode());
      if (isJson(this.type)) this.#showJson();
    } else {
      this.#showMedia(blob);
    }
    if (this.size) this.#offer(blob);
  }

  clear() {
    this.#links.forEach((url) => URL.revokeObjectURL(url));
    this.place.replaceChildren();
  }

  #beginText() {
    this.#pre = document.createElement("pre");
    this.#shown = document.createTextNode("");
    this.#pre.append(this.#shown);
    this.#pre.tabIndex = 0;
    this.#pre.setAttribute("role", "region");
    this.#pre.setAttribute("aria-label", "Body of the response");
    this.place.append(this.#pre);
  }

  #appendText(words) {
    const pre = this.#pre;
    const follow = pre.scrollTop + pre.clientHeight >= pre.scrollHeight - 4;
    const left = SHOWN_CHARACTERS - this.text.length;
    if (left > 0) this.#shown.appendData(cut(words, left));
    this.text += words;
    if (follow) pre.scrollTop = pre.scrollHeight;
  }

  #showJson() {
    try {
      this.#shown.data = cut(asBody(JSON.parse(this.text), "application/json"), SHOWN_CHARACTERS);
      this.#pre.scrollTop = 0;
    } catch {
      // Shown as it came: it is not JSON, whatever its Content-Type says.
    }
  }

  #showMedia(blob) {
    const kind = { image: "img", audio: "audio" }[blob.type.split("/")[0]];
    if (!kind) return;
    const media = document.createElement(kind);
    media.src = this.#link(blob);
    if (kind === "img") {
      media.alt = "The model's answer";
      media.onload = () => {
        media.alt = `The model's answer, ${media.naturalWidth} by ${media.naturalHeight} pixels`;
        media.classList.toggle("tiny", media.naturalWidth < 64);
      };
    } else {
      media.controls = true;
      media.setAttribute("aria-label", "The model's answer");
    }
    this.place.append(media);
  }

  #offer(blob) {
    const anchor = document.createElement("a");
    anchor.href = this.#link(blob);
    anchor.download = "response";
    anchor.textContent = `Save the answer (${bytes(blob.size)})`;
    this.place.append(anchor);
  }

  #link(blob) {
    const url = URL.createObjectURL(blob);
    this.#links.push(url);
    return url;
  }
}
