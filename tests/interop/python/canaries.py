# SPDX-License-Identifier: Apache-2.0
"""Words that stand for what nobody else may read, by where the applications put them, and the
search for them."""

import struct

PLACES = [
    "system", "prompt", "completion", "streamed", "tool-description", "arguments", "tool-result",
    "reasoning", "error", "user", "session", "metadata", "tag", "template-variable", "api-key",
    "embedded",
]
WORDS = {place: f"kolibri-{place}-7f3a" for place in PLACES}

# A number of an embedding, as text and as a double on the wire.
NUMBER = 0.27182818284590454

NEEDLES = {**{place: [word.encode()] for place, word in WORDS.items()},
           "vector": [repr(NUMBER).encode(), struct.pack("<d", NUMBER)]}


def found(data):
    """The places whose words are in the bytes ${data}."""
    return {place for place, needles in NEEDLES.items() if any(one in data for one in needles)}
