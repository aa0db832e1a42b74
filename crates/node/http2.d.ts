/// <reference types="node" />

// The types are those of node:http2.

export * from "node:http2";
