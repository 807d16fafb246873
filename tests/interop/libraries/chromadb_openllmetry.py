# SPDX-License-Identifier: Apache-2.0
"""Chroma with its store in memory under OpenLLMetry."""

from opentelemetry.instrumentation.chromadb import ChromaInstrumentor

from telemetry import SAID, provider

ChromaInstrumentor().instrument(tracer_provider=provider())

import chromadb  # noqa: E402: after the instrumentation

collection = chromadb.EphemeralClient().create_collection("archive", embedding_function=None)
collection.add(ids=["page-1"], documents=[SAID["document"]], embeddings=[[0.1, 0.2]],
               metadatas=[{"note": SAID["metadata"]}])
collection.query(query_embeddings=[[0.1, 0.2]], n_results=1, where={"note": SAID["metadata"]},
                 where_document={"$contains": SAID["query"]})
collection.get(ids=["page-1"])
