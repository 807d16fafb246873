# SPDX-License-Identifier: Apache-2.0
"""What applications and the made-up model say: a sentence with a canary for each place. Sentences,
since a policy may keep a single word under a key that it does not know; identifiers and tags are
single words."""

import base64
import json
import struct

import canaries

WORDS = {**canaries.WORDS, "document": "kolibri-document-7f3a", "query": "kolibri-query-7f3a",
         "template": "kolibri-template-7f3a",
         # Inside an image: letters of base64, a multiple of four, so that it reads alike encoded.
         "image": "kolibriImage7f3a"}
NEEDLES = {**canaries.NEEDLES, **{place: [word.encode()] for place, word in WORDS.items()}}
NEEDLES["image"].append(base64.b64decode(WORDS["image"]))
# Some libraries ask for vectors in single precision, and write what happens to that as a double.
SINGLE = struct.unpack("<f", struct.pack("<f", canaries.NUMBER))[0]
NEEDLES["vector"] += [repr(SINGLE).encode(), struct.pack("<d", SINGLE)]

IDENTIFIERS = {"user", "session"}
NAMES = {"tag"}  # single words that applications choose as labels
CONTENT = NEEDLES.keys() - IDENTIFIERS - NAMES

SENTENCES = {
    "system": "You are %s, who answers briefly.",
    "prompt": "What is %s and why is it so?",
    "completion": "It is %s, as far as I know.",
    "streamed": "so it is %s then ",
    "tool-description": "Looks up %s for you.",
    "arguments": "find %s near here",
    "tool-result": "Found %s in the archive.",
    "reasoning": "Let me think about %s first.",
    "error": "cannot answer about %s today",
    "metadata": "a note on %s here",
    "template": "Answer as %s would: {question}",
    "template-variable": "the value of %s here",
    "embedded": "embed all of %s now",
    "document": "The document says %s on page one.",
    "query": "documents about %s please",
    "image": "data:image/png;base64,iVBORw0KGgoA%s",
    "user": "%s", "session": "%s", "tag": "%s", "api-key": "sk-%s",
}
SAID = {place: sentence % WORDS[place] for place, sentence in SENTENCES.items()}


def found(data):
    """The places whose words are in the bytes ${data}."""
    return {place for place, needles in NEEDLES.items() if any(one in data for one in needles)}


def as_json():
    """For the applications, which run in environments of their own."""
    return json.dumps(SAID)
