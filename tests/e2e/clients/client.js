// Writes unique keys through one mode of one client library, for some seconds, and writes every
// acknowledged key to a file, in the form that kvload reads back.
//
//     node client.js MODE HOST:PORT,... LEADER-PORT SECONDS FILE
//
// The last line of its output is JSON: what was acknowledged in each half, and the errors by kind.
// What a library repeats by itself is switched off: a write that was repeated unasked could be
// executed twice.
'use strict';
const fs = require('fs');

const [mode, nodeList, leaderPort, seconds, file] = process.argv.slice(2);
const nodes = nodeList.split(',').map((text) => ({ host: text.split(':')[0], port: +text.split(':')[1] }));
const leader = { host: '127.0.0.1', port: +leaderPort };
const errors = {};
const count = (error) => {
  const kind = String((error && error.message) || error).split(/[ :]/).slice(0, 3).join(' ');
  errors[kind] = (errors[kind] || 0) + 1;
};

function ioredis(how) {
  const Redis = require('ioredis');
  const steady = { autoResendUnfulfilledCommands: false, enableOfflineQueue: true, maxRetriesPerRequest: 0, retryStrategy: () => 100 };
  if (how === 'cluster') {
    return new Redis.Cluster(nodes, { clusterRetryStrategy: () => 100, slotsRefreshTimeout: 2000, redisOptions: { autoResendUnfulfilledCommands: false } });
  }
  if (how === 'sentinel') {
    return new Redis({ ...steady, sentinels: nodes, name: 'kvd', sentinelRetryStrategy: () => 100, reconnectOnError: (e) => (/^(MOVED|CLUSTERDOWN)/.test(e.message) ? 1 : false) });
  }
  return new Redis({ ...steady, ...leader });
}

async function nodeRedis(how) {
  const redis = require('redis');
  const socket = { reconnectStrategy: () => 100 };
  if (how === 'cluster') {
    return redis.createCluster({ rootNodes: nodes.map((n) => ({ socket: n })), defaults: { socket } });
  }
  if (how === 'sentinel') {
    return redis.createSentinel({ name: 'kvd', sentinelRootNodes: nodes, scanInterval: 200, nodeClientOptions: { socket } });
  }
  return redis.createClient({ socket: { ...socket, ...leader } });
}

const within = (promise, milliseconds) =>
  Promise.race([promise, new Promise((_, no) => setTimeout(() => no(new Error('no answer')), milliseconds))]);

async function main() {
  const [library, how] = mode.split('-');
  const client = library === 'ioredis' ? ioredis(how) : await nodeRedis(how);
  client.on('error', count);
  if (library === 'redis') await within(client.connect(), 10000);
  const book = fs.createWriteStream(file);
  const begun = Date.now(), end = begun + seconds * 1000;
  const halves = [0, 0];
  const worker = async (self) => {
    for (let next = 0; Date.now() < end; ++next) {
      const key = `${mode}:${self}:${next}`, value = `value-of-${key}`;
      try {
        if ((await within(client.set(key, value), 3000)) !== 'OK') throw new Error('not OK');
        book.write(`${key} ${value}\n`);
        halves[Date.now() < begun + seconds * 500 ? 0 : 1] += 1;
        if (next % 20 === 0 && (await within(client.get(key), 3000)) !== value) count('wrong value');
      } catch (error) {
        count(error);
        await new Promise((go) => setTimeout(go, 50));
      }
    }
  };
  await Promise.all([0, 1, 2, 3].map(worker));
  await new Promise((go) => book.end(go));
  console.log(JSON.stringify({ halves, errors }));
  process.exit(0);
}

process.on('unhandledRejection', (error) => {
  console.log(JSON.stringify({ unhandled: String(error && error.stack) }));
  process.exit(1);
});
main();
