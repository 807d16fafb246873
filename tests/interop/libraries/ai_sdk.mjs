// SPDX-License-Identifier: Apache-2.0
// The AI SDK with its own telemetry: a text with a tool, a streamed one, an object, embeddings, and a
// call that fails.
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { embed, embedMany, generateObject, generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

import { BROKEN, MODEL, SAID, URL_OF_MODELS, provider } from "./shared/telemetry.mjs";

const tracing = provider();
const models = createOpenAICompatible({
	name: "interop", baseURL: URL_OF_MODELS, apiKey: SAID["api-key"], includeUsage: true,
	supportsStructuredOutputs: true,
});
const common = {
	model: models(MODEL), system: SAID.system, maxRetries: 0, temperature: 0.5,
	experimental_telemetry: {
		isEnabled: true, functionId: "answer",
		metadata: {
			note: SAID.metadata, userId: SAID.user, sessionId: SAID.session, tags: [SAID.tag],
		},
	},
};
const asked = {
	...common, stopWhen: stepCountIs(3),
	messages: [{
		role: "user", content: [
			{ type: "text", text: SAID.prompt }, { type: "image", image: SAID.image },
		],
	}],
	tools: {
		look_up: tool({
			description: SAID["tool-description"],
			inputSchema: z.object({ query: z.string() }),
			execute: async () => SAID["tool-result"],
		}),
	},
};
await generateText(asked);
await streamText(asked).consumeStream();
await generateObject({ ...common, prompt: SAID.prompt, schema: z.object({ answer: z.string() }) });
const embedding = { ...common, model: models.textEmbeddingModel(MODEL) };
await embed({ ...embedding, value: SAID.embedded });
await embedMany({ ...embedding, values: [SAID.embedded] });
let failed = false;
try {
	await generateText({ ...common, model: models(BROKEN), prompt: SAID.prompt });
} catch {
	failed = true;
}
if (!failed)
	throw new Error("the call that had to fail did not");
await tracing.shutdown();
