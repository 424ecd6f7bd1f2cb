// Sends images through an exported page's model without a browser: node translate.js FOLDER IN WIDTH
// HEIGHT OUT. IN holds RGB bytes, OUT gets them; times of more runs, COUNT as a sixth word, are printed.
'use strict';
const fs = require('fs');
const path = require('path');

const [folder, from, width, height, to, count] = process.argv.slice(2);
const { gsxModule, GsxModel } = require(path.resolve(folder, 'gsx.js'));

function translate(model, rgb) {
  const pixels = width * height;
  const rgba = new Uint8Array(4 * pixels).fill(255);
  for (let i = 0; i < pixels; i++) rgba.set(rgb.subarray(3 * i, 3 * i + 3), 4 * i);
  return model.translate(rgba, Number(width), Number(height));
}

(async () => {
  const model = new GsxModel(await gsxModule(), fs.readFileSync(path.join(folder, 'model.safetensors')));
  const rgb = fs.readFileSync(from);
  const result = translate(model, rgb);
  const bytes = Buffer.alloc((result.rgba.length / 4) * 3);
  for (let i = 0; i < result.rgba.length / 4; i++)
    for (let c = 0; c < 3; c++) bytes[3 * i + c] = result.rgba[4 * i + c];
  fs.writeFileSync(to, bytes);
  const times = [];
  for (let i = 0; i < Number(count || 0); i++) times.push(translate(model, rgb).ms);
  times.sort((a, b) => a - b);
  if (times.length > 0) console.log(`${times[times.length >> 1].toFixed(1)} ms`);
})().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
