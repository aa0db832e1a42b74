// Traffic with language models: what was asked, what was answered, tools and tokens, folded.

import { h } from './dom.js';

/** @param {any} value the body as JSON @param {string} text the body @returns {Node|null} */
export function conversation(value, text) {
  if (value && Array.isArray(value.messages ?? value.contents ?? value.input) && (value.model || value.contents)) return asked(value);
  if (value && (value.choices || value.candidates || (value.type === 'message' && value.content) || (value.output && value.usage))) return answered(value);
  if (/^(event|data):/m.test(text.slice(0, 2000))) return streamed(text);
  return null;
}

/** @param {any} value */
function asked(value) {
  const facts = [value.model, value.stream ? 'streamed' : null, value.max_tokens ? `at most ${value.max_tokens} tokens` : null,
    value.temperature !== undefined ? `temperature ${value.temperature}` : null].filter(Boolean).join(', ');
  const system = value.system ?? value.systemInstruction ?? value.instructions;
  const tools = (value.tools ?? []).flatMap((/** @type {any} */ tool) => tool.functionDeclarations ?? [tool]);
  return h('div', {}, h('p', { class: 'note' }, facts),
    system ? h('details', {}, h('summary', {}, 'System'), bubble('system', parts(system))) : null,
    tools.length ? h('details', {}, h('summary', {}, `${tools.length} tools: ${tools.map((/** @type {any} */ t) => t.name ?? t.function?.name ?? t.type).join(', ').slice(0, 300)}`),
      h('pre', {}, JSON.stringify(tools, null, 2))) : null,
    ...(value.messages ?? value.contents ?? value.input).slice(-200).map((/** @type {any} */ message) =>
      bubble(message.role ?? message.type, [...parts(message.content ?? message.parts), ...calls(message)])));
}

/** @param {any} value */
function answered(value) {
  const messages = value.choices?.map((/** @type {any} */ c) => c.message ?? { content: c.text }) ?? value.candidates?.map((/** @type {any} */ c) => c.content)
    ?? value.output ?? [value];
  return h('div', {}, h('p', { class: 'note' }, told(value)),
    ...messages.map((/** @type {any} */ message) => bubble(message?.role ?? message?.type ?? 'assistant', [...parts(message?.content ?? message?.parts), ...calls(message)])));
}

/** @param {any} value */
function told(value) {
  const usage = value.usage ?? value.usageMetadata ?? {};
  const input = usage.prompt_tokens ?? usage.input_tokens ?? usage.promptTokenCount;
  const output = usage.completion_tokens ?? usage.output_tokens ?? usage.candidatesTokenCount;
  const why = value.stop_reason ?? value.choices?.[0]?.finish_reason;
  return [value.model ?? value.modelVersion, input !== undefined ? `${input} tokens in` : null, output !== undefined ? `${output} tokens out` : null,
    why ? `stopped: ${why}` : null].filter(Boolean).join(', ');
}

/** Puts the pieces of a streamed answer together. @param {string} text */
function streamed(text) {
  let said = '', thought = '';
  /** @type {any} */
  const facts = { usage: {} };
  /** @type {Map<string, {name: string, arguments: string}>} */
  const tools = new Map();
  const tool = (/** @type {any} */ n) => tools.get(String(n)) ?? (tools.set(String(n), { name: '', arguments: '' }), /** @type {any} */ (tools.get(String(n))));
  let known = false;
  for (const line of text.split('\n')) {
    if (!line.startsWith('data:')) continue;
    let value;
    try { value = JSON.parse(line.slice(5)); } catch { continue; }
    if (!value || typeof value !== 'object') continue;
    const delta = value.choices?.[0]?.delta;
    if (delta || value.candidates || /^(message_|content_block_|response\.)/.test(value.type ?? '')) known = true;
    const source = value.message ?? value.response ?? value;
    if (source.model ?? source.modelVersion) facts.model = source.model ?? source.modelVersion;
    Object.assign(facts.usage, source.usage ?? source.usageMetadata ?? value.usage);
    facts.stop_reason = value.delta?.stop_reason ?? value.choices?.[0]?.finish_reason ?? facts.stop_reason;
    said += delta?.content ?? '';
    thought += delta?.reasoning_content ?? value.delta?.thinking ?? '';
    for (const part of value.candidates?.[0]?.content?.parts ?? []) said += part.text ?? '';
    if (value.type === 'content_block_delta') said += value.delta?.text ?? '';
    if (value.type === 'response.output_text.delta') said += value.delta ?? '';
    if (value.content_block?.type === 'tool_use') tool(value.index).name = value.content_block.name;
    if (value.delta?.partial_json) tool(value.index).arguments += value.delta.partial_json;
    for (const call of delta?.tool_calls ?? []) {
      if (call.function?.name) tool(call.index).name = call.function.name;
      tool(call.index).arguments += call.function?.arguments ?? '';
    }
  }
  if (!known) return null;
  return h('div', {}, h('p', { class: 'note' }, told(facts)),
    thought ? h('details', {}, h('summary', {}, 'Thinking'), bubble('thinking', [thought])) : null,
    bubble('assistant', [said, ...[...tools.values()].map(call => called(call.name, call.arguments))]));
}

/** @param {any} content @returns {(Node|string)[]} */
function parts(content) {
  if (content === null || content === undefined) return [];
  if (typeof content === 'string') return [content];
  if (!Array.isArray(content)) return content.parts ? parts(content.parts) : [content.text ?? JSON.stringify(content)];
  return content.map(part => {
    if (typeof part === 'string') return part;
    if (typeof part.text === 'string') return part.text;
    if (part.type === 'tool_use' || part.functionCall) return called(part.name ?? part.functionCall.name, JSON.stringify(part.input ?? part.functionCall.args, null, 2));
    if (part.type === 'tool_result' || part.functionResponse) return h('details', {}, h('summary', {}, 'Result of a tool'), h('pre', {}, JSON.stringify(part.content ?? part.functionResponse, null, 2)));
    if (part.type === 'thinking') return h('details', {}, h('summary', {}, 'Thinking'), part.thinking ?? '');
    return `(${part.type ?? 'part'})`;
  });
}

/** @param {any} message */
const calls = message => (message?.tool_calls ?? []).map((/** @type {any} */ call) => called(call.function?.name, call.function?.arguments));

/** @param {string} name @param {string} given */
const called = (name, given) => h('details', {}, h('summary', {}, `Calls ${name}`), h('pre', {}, given ?? ''));

/** @param {string} who @param {(Node|string)[]} what */
function bubble(who, what) {
  const shown = what.map(part => typeof part === 'string' ? h('div', { class: 'told' }, part.slice(0, 100_000)) : part);
  return h('div', { class: `bubble ${who === 'user' ? 'user' : ''}` }, h('b', {}, who), ...shown);
}
