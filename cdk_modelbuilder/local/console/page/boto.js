// The same request as Python, to be pasted into an application.

const LONGEST = 2000;
const ARGUMENTS = {
  "X-Amzn-SageMaker-Target-Variant": "TargetVariant",
  "X-Amzn-SageMaker-Target-Container-Hostname": "TargetContainerHostname",
  "X-Amzn-SageMaker-Target-Model": "TargetModel",
  "X-Amzn-SageMaker-Inference-Component": "InferenceComponentName",
  "X-Amzn-SageMaker-Session-Id": "SessionId",
  "X-Amzn-SageMaker-Custom-Attributes": "CustomAttributes",
};
const METHODS = {
  InvokeEndpoint: "invoke_endpoint",
  InvokeEndpointWithResponseStream: "invoke_endpoint_with_response_stream",
  InvokeEndpointAsync: "invoke_endpoint_async",
};

// JSON's strings are Python's too: both have the same escapes.
const quoted = (text) => JSON.stringify(text);

export function botoCall({ endpoint, operation, contentType, accept, headers, text, file }) {
  const body = text === null || text.length > LONGEST ? `open(${quoted(text === null ? file : "FILE")}, "rb")` : `${quoted(text)}.encode()`;
  const passed = [["EndpointName", quoted(endpoint)], ["ContentType", quoted(contentType)], ["Accept", quoted(accept)]];
  for (const [header, value] of Object.entries(headers)) passed.push([ARGUMENTS[header], quoted(value)]);
  passed.push(["Body", body]);
  return [
    "import boto3",
    "",
    `runtime = boto3.client("sagemaker-runtime", endpoint_url=${quoted(location.origin)})`,
    `answer = runtime.${METHODS[operation]}(`,
    ...passed.map(([name, value]) => `    ${name}=${value},`),
    ")",
  ].join("\n");
}
