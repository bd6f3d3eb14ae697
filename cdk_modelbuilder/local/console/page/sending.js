// One call of SageMaker Runtime's API, from the request to the last byte of the answer.
import { EventFrames } from "./event_frames.js";

export const OPERATIONS = {
  invocations: "InvokeEndpoint",
  "invocations-response-stream": "InvokeEndpointWithResponseStream",
  "async-invocations": "InvokeEndpointAsync",
};
const PREFIX = "X-Amzn-SageMaker-";
const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 2000;

export class CallError extends Error {
  // What the API answered instead of an answer: its name, its words, and what the container had said.
  constructor(name, words, original = null) {
    super(words);
    this.name = name;
    this.original = original;
  }
}

export async function call({ endpoint, operation, contentType, accept, headers, body, signal }, watcher) {
  // Calls watcher.head(response, type), then watcher.part(bytes) for each part; before that watcher.accepted(response)
  // where the answer comes later. Throws CallError.
  // The three operations have the two types in different headers, by the service model of sagemaker-runtime.
  const typeHeader = operation === "async-invocations" ? `${PREFIX}Content-Type` : "Content-Type";
  const acceptHeader = operation === "invocations" ? "Accept" : `${PREFIX}Accept`;
  const response = await fetch(`endpoints/${encodeURIComponent(endpoint)}/${operation}`, {
    method: "POST",
    headers: { ...headers, [typeHeader]: contentType, [acceptHeader]: accept },
    body,
    signal,
  });
  if (response.status === 202) {
    watcher.accepted(response);
    const { InferenceId: id } = await response.json();
    await receive(await stored(endpoint, id, signal), true, null, watcher);
    return;
  }
  const streamed = response.ok && operation === "invocations-response-stream";
  await receive(response, streamed, streamed ? new EventFrames() : null, watcher);
}

async function stored(endpoint, id, signal) {
  // The answer of an asynchronous request, for which the gateway is asked less and less often.
  const place = `-/async?endpoint=${encodeURIComponent(endpoint)}&id=${encodeURIComponent(id)}`;
  for (let wait = FIRST_WAIT_MS; ; wait = Math.min(wait * 1.5, LONGEST_WAIT_MS)) {
    const response = await fetch(place, { signal });
    if (response.status !== 202) return response;
    await pause(wait, signal);
  }
}

function pause(wait, signal) {
  return new Promise((done, stop) => {
    const timer = setTimeout(done, wait);
    signal.addEventListener("abort", () => { clearTimeout(timer); stop(signal.reason); }, { once: true });
  });
}

async function receive(response, labelled, frames, watcher) {
  // labelled: whether the answer's type has a header of its own.
  const type = response.headers.get(labelled && response.ok ? `${PREFIX}Content-Type` : "Content-Type") || "";
  watcher.head(response, type);
  if (!response.ok) throw await refusal(response);
  for (const reader = response.body.getReader(); ;) {
    const { done, value } = await reader.read();
    if (done) break;
    const parts = frames ? frames.read(value).map(payload) : [value];
    parts.forEach((part) => watcher.part(part));
  }
}

function payload(frame) {
  const exception = frame.headers[":exception-type"];
  if (exception === undefined) return frame.payload;
  const said = JSON.parse(new TextDecoder().decode(frame.payload));
  throw new CallError(exception, [said.Message, said.ErrorCode].filter(Boolean).join(" "));
}

async function refusal(response) {
  const words = await response.text();
  let said = {};
  try {
    said = JSON.parse(words) || {};
  } catch {
    // Not of the gateway's: shown as it came.
  }
  const name = response.headers.get("x-amzn-errortype") || `HTTP ${response.status}`;
  const original = said.OriginalStatusCode === undefined ? null
    : { status: said.OriginalStatusCode, message: said.OriginalMessage || "" };
  return new CallError(name, said.Message || said.message || words, original);
}
