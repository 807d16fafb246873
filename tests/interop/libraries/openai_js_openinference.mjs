// SPDX-License-Identifier: Apache-2.0
// OpenAI's client for JavaScript under OpenInference.
import { OpenAIInstrumentation } from "@arizeai/openinference-instrumentation-openai";
import OpenAI from "openai";

import { SAID, URL_OF_MODELS, calls, provider } from "./shared/telemetry.mjs";

const tracing = provider();
const instrumentation = new OpenAIInstrumentation();
instrumentation.setTracerProvider(tracing);
instrumentation.manuallyInstrument(OpenAI);
await calls(new OpenAI({ baseURL: URL_OF_MODELS, apiKey: SAID["api-key"], maxRetries: 0 }));
await tracing.shutdown();
