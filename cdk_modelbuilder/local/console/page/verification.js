// Who signed what is served, what checks it, and whether it passed, in words.
import { element, keyed, make } from "./dom.js";
import { copies } from "./endpoints.js";

export function showVerification(endpoint, details) {
  const served = [...Object.values(details.variants), ...Object.values(details.components)].flat();
  const bundles = [...new Map(served.map((one) => [one.root_sha256, one])).values()];
  keyed(element("verification"), bundles, (one) => one.root_sha256, (one) => build(one, bundles.length > 1), (part, one) =>
    setState(part.querySelector(".state"), endpoint, one));
}

function build(bundle, named) {
  const facts = { "Root digest": bundle.root_sha256, "Key id (HMAC)": bundle.key_id, "Public key id": bundle.public_key_id || "none", Files: String(bundle.files) };
  return make("div", {},
    ...(named ? [make("h3", {}, bundle.bundle)] : []),
    make("p", { class: "state" }),
    make("ul", {}, ...bundle.verification.map((words) => make("li", {}, words))),
    make("dl", { class: "digests" }, ...Object.entries(facts).map(([name, value]) =>
      make("div", {}, make("dt", {}, name), make("dd", {}, make("code", {}, value))))));
}

function setState(place, endpoint, bundle) {
  const mine = copies(endpoint).filter((copy) => copy.root_sha256 === bundle.root_sha256);
  const ready = mine.filter((copy) => copy.state === "InService");
  const failed = mine.find((copy) => copy.state === "Failed");
  const unchecked = ready.some((copy) => !String(copy.identity).startsWith("process")) && bundle.verified === "nothing";
  let [sign, look, words] = ["◐", "faint", "No copy of it is in service now."];
  if (unchecked) {
    [sign, look, words] = ["▲", "warn", `${count(ready, mine)} in service; nothing there has checked the files.`];
  } else if (ready.length) {
    [sign, look, words] = ["✓", "good", `${count(ready, mine)} in service: signature, root digest and every file were checked at the start.`];
  } else if (failed) {
    [sign, look, words] = ["✕", "bad", `It did not start: ${failed.reason}`];
  }
  if (place.dataset.words === words) return;
  place.dataset.words = words;
  place.className = `state ${look}`;
  place.replaceChildren(make("span", { "aria-hidden": "true" }, `${sign} `), words);
}

const count = (some, all) => `${some.length} of ${all.length} ${all.length === 1 ? "copy" : "copies"}`;
