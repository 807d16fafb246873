// SPDX-License-Identifier: Apache-2.0
// What all programs of ../*.mjs share: the texts to say, where the made-up models are, and a tracer
// provider that sends to the driver.
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";

export const SAID = JSON.parse(process.env.INTEROP_SAID);
export const URL_OF_MODELS = process.env.INTEROP_MODELS + "/v1";
export const MODEL = "interop-7b";
export const BROKEN = "broken-7b";

export const TOOLS = [{
	type: "function",
	function: {
		name: "look_up",
		description: SAID["tool-description"],
		parameters: { type: "object", properties: { query: { type: "string" } } },
	},
}];

export const MESSAGES = [
	{ role: "system", content: SAID.system },
	{
		role: "user", content: [
			{ type: "text", text: SAID.prompt },
			{ type: "image_url", image_url: { url: SAID.image } },
		],
	},
];

// Becomes the global one. `processors`: instead of one that sends to OTEL_EXPORTER_OTLP_ENDPOINT.
export function provider(processors) {
	const made = new NodeTracerProvider({
		spanProcessors: processors ?? [new BatchSpanProcessor(new OTLPTraceExporter())],
	});
	made.register();
	return made;
}

// The calls of OpenAI's client: whole, streamed, failing, an embedding.
export async function calls(client) {
	const common = { model: MODEL, messages: MESSAGES, tools: TOOLS, user: SAID.user };
	await client.chat.completions.create(common);
	const options = { ...common, stream: true, stream_options: { include_usage: true } };
	for await (const _ of await client.chat.completions.create(options));
	await client.embeddings.create({
		model: MODEL, input: SAID.embedded, encoding_format: "float",
	});
	let failed = false;
	try {
		await client.chat.completions.create({ model: BROKEN, messages: MESSAGES });
	} catch {
		failed = true;
	}
	if (!failed)
		throw new Error("the call that had to fail did not");
}
