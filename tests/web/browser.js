// Opens an exported page in chromium and compares what it paints with a PNG that gsx translate made:
// node browser.js CHROMIUM FOLDER IMAGE WANTED PROFILE. Prints one line of JSON: the state that the page
// came to, its status and problem, how many bytes differ, the milliseconds, what else it asked for.
'use strict';
const { spawn } = require('child_process');
const fs = require('fs');
const http = require('http');
const path = require('path');

const [chromium, folder, image, wanted, profile] = process.argv.slice(2);

const kTypes = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css',
  '.wasm': 'application/wasm', '.png': 'image/png' };

// Stands around the page: waits until it is done, and tells the server what came of it.
const kFrame = `<!doctype html><title>frame</title><link rel="icon" href="data:,"><iframe id="page" width="800" height="900"
src="index.html?image=image.png&side=0"></iframe><script>
const page = document.getElementById('page');
const pixels = (canvas) =>
  canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
const drawn = async (blob) => {
  const canvas = document.createElement('canvas');
  const bitmap = await createImageBitmap(blob);
  [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
  canvas.getContext('2d').drawImage(bitmap, 0, 0);
  return canvas;
};
const tell = (report) => fetch('report', { method: 'POST', body: JSON.stringify(report) });
const look = (want) => {
  const inside = page.contentDocument;
  const state = inside?.documentElement?.dataset.state;
  if (state !== 'done' && state !== 'failed') return;
  clearInterval(looking);
  const text = (id) => inside.getElementById(id).textContent;
  const report = { state, status: text('status'), problem: text('problem'), title: inside.title };
  if (state === 'done') {
    const got = pixels(inside.getElementById('after'));
    report.bytes = want.length;
    report.differ = got.length === want.length
      ? want.reduce((sum, value, i) => sum + (value !== got[i]), 0) : want.length;
  }
  tell(report);
};
let looking = 0;
fetch('wanted.png').then((answer) => answer.blob()).then(drawn).then((canvas) => {
  const want = pixels(canvas);
  looking = setInterval(look, 100, want);
}).catch((error) => tell({ state: 'broken', problem: error.message }));
</script>`;

let browser = null;
let shown = '';
let ended = false;
function end(text, code) {
  if (ended) return;
  ended = true;
  console.log(text);
  process.exitCode = code;
  server.close();
  server.closeAllConnections();
  browser.kill();
}

const asked = [];
const server = http.createServer((request, answer) => {
  const name = new URL(request.url, 'http://localhost').pathname.slice(1);
  if (name === 'report') {
    let body = '';
    request.on('data', (part) => { body += part; });
    request.on('end', () => {
      answer.end();
      end(JSON.stringify({ ...JSON.parse(body), asked: asked.sort() }), 0);
    });
    return;
  }
  if (name === 'frame.html') {
    answer.writeHead(200, { 'Content-Type': 'text/html' }).end(kFrame);
    return;
  }
  asked.push(name);
  const file = { 'image.png': image, 'wanted.png': wanted }[name] || path.join(folder, path.basename(name));
  fs.readFile(file, (error, content) => {
    if (error) answer.writeHead(404).end();
    else answer.writeHead(200, { 'Content-Type': kTypes[path.extname(name)] || 'application/octet-stream' }).end(content);
  });
});

server.listen(0, '127.0.0.1', () => {
  const address = `http://127.0.0.1:${server.address().port}/frame.html`;
  browser = spawn(chromium, ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run',
    `--user-data-dir=${profile}`, address], { stdio: ['ignore', 'ignore', 'pipe'] });
  browser.stderr.on('data', (part) => { shown += part; });
  browser.on('exit', () => end(`chromium ended by itself and said: ${shown}`, 1));
  setTimeout(() => end(`nothing came of the page in time; chromium said: ${shown}`, 1), 100000).unref();
});
