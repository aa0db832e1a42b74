'use strict';

// The programs in applications/ and the npm packages that each of them runs. Those of `ALWAYS` run with
// every test, on packages of package.json; all of them with `just applications`, on packages of
// applications/package.json.

const ALWAYS = {
  agentkeepalive: ['agentkeepalive'],
  axios: ['axios'],
  express: ['express'],
  got: ['got'],
  grpc: ['@grpc/grpc-js'],
  mqtt: ['aedes', 'mqtt'],
  nodemailer: ['nodemailer', 'smtp-server'],
  pg: ['pg'],
  'pg-direct': ['pg'],
  'proxy-agents': ['http-proxy-agent', 'https-proxy-agent', 'socks-proxy-agent', 'pac-proxy-agent', 'proxy-agent'],
  socketio: ['socket.io', 'socket.io-client'],
  undici: ['undici'],
  'undici-h2': ['undici'],
  ws: ['ws'],
};

const MORE = {
  amqplib: ['amqplib'],
  browser: ['playwright-core', 'ws'],
  clients: ['superagent', 'needle', 'request', 'node-fetch'],
  engineio: ['engine.io', 'engine.io-client'],
  fastify: ['fastify'],
  'http-proxy': ['http-proxy', 'ws'],
  'http2-wrapper': ['http2-wrapper'],
  ioredis: ['ioredis'],
  kafkajs: ['kafkajs'],
  ldapjs: ['ldapjs'],
  mongodb: ['mongodb'],
  mysql2: ['mysql2'],
  tunnels: ['tunnel', 'tunnel-agent', 'hpagent', 'global-agent'],
  vite: ['vite', 'ws'],
  webpack: ['webpack', 'webpack-dev-server', 'ws'],
};

module.exports = { ALWAYS, MORE };
