// SPDX-License-Identifier: Apache-2.0
// Langfuse's SDK for JavaScript with most kinds of observations and fields that it has.
import { LangfuseSpanProcessor } from "@langfuse/otel";
import { propagateAttributes, startActiveObservation, startObservation } from "@langfuse/tracing";

import { MODEL, SAID, provider } from "./shared/telemetry.mjs";

const tracing = provider([new LangfuseSpanProcessor({
	publicKey: "pk-lf-interop", secretKey: SAID["api-key"], environment: "staging",
	release: "v1.2.3", baseUrl: process.env.OTEL_EXPORTER_OTLP_ENDPOINT,
})]);
const trace = {
	userId: SAID.user, sessionId: SAID.session, tags: [SAID.tag], version: "v9",
	metadata: { note: SAID.metadata }, traceName: "question",
};
await propagateAttributes(trace, () => startActiveObservation("answer", async (root) => {
	root.update({ input: { question: SAID.prompt }, metadata: { note: SAID.metadata, attempt: 7 } });
	startObservation("search", { input: SAID.query, output: [SAID.document] },
		{ asType: "retriever" }).end();
	startObservation("look_up", { input: { query: SAID.arguments }, output: SAID["tool-result"] },
		{ asType: "tool" }).end();
	startObservation("vectors", { input: [SAID.embedded], model: MODEL },
		{ asType: "embedding" }).end();
	startObservation("think", {
		model: MODEL, modelParameters: { temperature: 0.5, max_tokens: 64 },
		input: [{ role: "system", content: SAID.system }, {
			role: "user", content: [{ type: "image_url", image_url: { url: SAID.image } }],
		}],
		output: { role: "assistant", content: SAID.completion },
		usageDetails: { input: 4711, output: 815, total: 5526 },
		costDetails: { input: 0.25, output: 0.5, total: 0.75 },
	}, { asType: "generation" }).end();
	startObservation("check", { level: "ERROR", statusMessage: SAID.error },
		{ asType: "guardrail" }).end();
	root.update({ output: SAID.completion });
}));
await tracing.forceFlush();
await tracing.shutdown();
