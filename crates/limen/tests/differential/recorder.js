// A service that answers every request with how it read it: JSON in base64 in the field X-Reading, so that an answer
// to HEAD tells it too. Behind another server it tells that server's reading, which arrives in X-Seen-Request.
// Paths under /answer/ are answered in the ways that a service may choose.
'use strict';
const http = require('http');

let number = 0;

function sum(bytes) {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}

const ANSWERS = {
  '/answer/length': (res) => res.writeHead(200, { 'Content-Length': 11, ETag: '"e1"' }).end('{"a":"b c"}'),
  '/answer/empty': (res) => res.writeHead(200, { 'Content-Length': 0 }).end(),
  '/answer/chunked': (res) => {
    res.writeHead(200, { 'Content-Type': 'application/json' });
    res.write('{"a":');
    setImmediate(() => { res.write('"' + 'x'.repeat(20000)); setImmediate(() => res.end('"}')); });
  },
  '/answer/nothing-chunked': (res) => { res.writeHead(200, { 'Transfer-Encoding': 'chunked' }); res.end(); },
  '/answer/close': (res) => { res.writeHead(200, { Connection: 'close', 'Content-Length': 2 }); res.end('{}'); },
  '/answer/until-end': (res) => {
    res.useChunkedEncodingByDefault = false;
    res.removeHeader('Transfer-Encoding');
    res.writeHead(200, { Connection: 'close' });
    res.end('{"until":"the end"}');
  },
  '/answer/204': (res) => res.writeHead(204).end(),
  '/answer/304': (res) => res.writeHead(304, { ETag: '"e1"' }).end(),
  '/answer/404': (res) => res.writeHead(404, { 'Content-Type': 'application/json' }).end('{"message":"gone"}'),
  '/answer/hints': (res) => { res.writeProcessing(); res.writeHead(200, { 'Content-Length': 2 }).end('{}'); },
};

const server = http.createServer({ maxHeaderSize: 131072, requestTimeout: 0, headersTimeout: 0, requireHostHeader: false }, (req, res) => {
  const own = ANSWERS[req.url.split('?')[0]];
  const pieces = [];
  req.on('data', (piece) => pieces.push(piece));
  req.on('end', () => {
    if (own) return own(res);
    const body = Buffer.concat(pieces);
    const fields = [];
    for (let i = 0; i < req.rawHeaders.length; i += 2) fields.push([req.rawHeaders[i], req.rawHeaders[i + 1]]);
    number += 1;
    const reading = {
      number,
      method: req.method,
      target: req.url,
      version: req.httpVersion,
      fields,
      length: body.length,
      sum: sum(body),
    };
    const told = Buffer.from(JSON.stringify(reading)).toString('base64');
    res.writeHead(200, { 'X-Reading': told, 'Content-Type': 'text/plain', 'Content-Length': 2 });
    res.end('ok');
  });
});
server.keepAliveTimeout = 60000;
server.listen(Number(process.argv[2]), '127.0.0.1', () => console.log('ready'));
