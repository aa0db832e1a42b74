/// <reference types="node" />

// The types are those of node:https.

export { Agent, Server, createServer, get, globalAgent, request } from "node:https";
export type { AgentOptions, RequestOptions, ServerOptions } from "node:https";
