// Where a request goes: variant or component, container, target model; and which bundles read and answer it.
import { element, fill } from "./dom.js";

const SELECTS = ["variant", "component", "container", "model"];

export function watchTarget(changed) {
  SELECTS.forEach((name) => element(name).addEventListener("change", changed));
}

export function target(details) {
  // Fills the selects for what `details` (GET /-/schema) say, and returns what is chosen.
  const variants = Object.keys(details.variants);
  const components = Object.keys(details.components);
  offer("variant", components.length || variants.length < 2 ? [] : [["", "by their weights"], ...variants.map((name) => [name, name])]);
  offer("component", components.map((name) => [name, name]));
  const containers = components.length
    ? details.components[element("component").value] || []
    : details.variants[element("variant").value || variants[0]] || [];
  const direct = containers.some((one) => one.direct);
  offer("container", direct ? unique(containers.map((one) => one.container)).map((name) => [name, name]) : []);
  const called = direct ? containers.filter((one) => one.container === element("container").value) : containers;
  const models = unique(called.map((one) => one.target_model).filter(Boolean));
  offer("model", models.map((name) => [name, name]));
  const serving = called.filter((one) => !one.target_model || one.target_model === element("model").value);
  return { headers: headers(), input: serving[0] || null, output: serving[serving.length - 1] || null, containers: serving.length };
}

function headers() {
  const names = { variant: "Variant", container: "Container-Hostname", model: "Model" };
  const found = {};
  for (const [name, header] of Object.entries(names)) {
    if (element(name).value) found[`X-Amzn-SageMaker-Target-${header}`] = element(name).value;
  }
  if (element("component").value) found["X-Amzn-SageMaker-Inference-Component"] = element("component").value;
  return found;
}

function offer(name, options) {
  fill(element(name), options);
  element(name).parentElement.hidden = !options.length;
}

const unique = (values) => [...new Set(values)];
