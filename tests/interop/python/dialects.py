# SPDX-License-Identifier: Apache-2.0
"""What the made-up model decides, whatever the dialect of the question: a call of a tool while there
is one that has not answered yet, else a text, in the form that the question asks for."""

import json
import re

from said import SAID

USAGE = {"input": 4711, "output": 815, "total": 5526, "cached": 7, "reasoning": 9}


def fill(schema, text, root=None):
    """A value of the JSON schema ${schema} whose texts are ${text}."""
    root = root or schema
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return fill((root.get("$defs") or root["definitions"])[name], text, root)
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return fill(schema[key][0], text, root)
    if "enum" in schema:
        return schema["enum"][0]
    if "const" in schema:
        return schema["const"]
    kind = schema.get("type", "string")
    kind = (kind[0] if isinstance(kind, list) else kind).lower()
    if kind == "object":
        return {name: fill(one, text, root) for name, one in schema.get("properties", {}).items()}
    if kind == "array":
        return [fill(schema.get("items", {}), text, root)]
    return {"integer": 7, "number": 0.5, "boolean": True, "null": None}.get(kind, text)


class Decision:
    """`tools`: [(name, schema)]; `answered`: a tool's result is the last thing said; `prompt`: all
    that was said; `schema`: of the answer, if it is to be JSON."""

    def __init__(self, tools, answered, prompt="", schema=None):
        names = dict(tools)
        self.tool = None
        if not answered and tools:
            self.tool = next((t for t in tools if t[0] != "final_answer"), tools[0])[0]
        elif "final_answer" in names:
            self.tool = "final_answer"
        if self.tool:
            text = SAID["completion" if self.tool == "final_answer" else "arguments"]
            self.arguments = fill(names[self.tool] or {"type": "object", "properties": {}}, text)
        self.text = self._text(prompt, schema)

    def _text(self, prompt, schema):
        if schema:
            return json.dumps(fill(schema, SAID["completion"]))
        if fields := re.findall(r"\[\[ ## (\w+) ## \]\]", prompt):  # DSPy's form of an answer
            names = [name for name in dict.fromkeys(fields) if name not in ("question", "completed")]
            return "".join(f"[[ ## {name} ## ]]\n{SAID['completion']}\n\n" for name in names) + \
                "[[ ## completed ## ]]"
        if "Final Answer:" in prompt:  # CrewAI's
            return f"Thought: I know.\nFinal Answer: {SAID['completion']}"
        return SAID["completion"]


def text_of(content):
    """The words of a message's content in any dialect."""
    return json.dumps(content, ensure_ascii=False) if not isinstance(content, str) else content
