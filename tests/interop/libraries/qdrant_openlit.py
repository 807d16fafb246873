# SPDX-License-Identifier: Apache-2.0
"""Qdrant's client with its store in memory under OpenLIT."""

import openlit

from telemetry import SAID, provider

provider()
openlit.init(application_name="assistant", environment="interop", disable_metrics=True)

from qdrant_client import QdrantClient, models  # noqa: E402: after the instrumentation

client = QdrantClient(":memory:")
client.create_collection("archive", models.VectorParams(size=2, distance=models.Distance.COSINE))
client.upsert("archive", [models.PointStruct(id=1, vector=[0.1, 0.2],
                                             payload={"text": SAID["document"]})])
client.query_points("archive", query=[0.1, 0.2], limit=1, query_filter=models.Filter(
    must=[models.FieldCondition(key="text", match=models.MatchValue(value=SAID["query"]))]))
client.scroll("archive", scroll_filter=models.Filter(
    must=[models.FieldCondition(key="text", match=models.MatchValue(value=SAID["query"]))]))
