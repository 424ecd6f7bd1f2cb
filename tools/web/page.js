// The page of an exported model: images and camera frames go to the worker, results come back beside
// what they were made of. ?image=NAME opens an image from beside the page, &side=384 chooses a size.
'use strict';

const script = document.currentScript;
const part = (id) => document.getElementById(id);
const [file, camera, side, save, drop, hint, pair, before, after, cut, status, problem] = [
  'file', 'camera', 'side', 'save', 'drop', 'hint', 'pair', 'before', 'after', 'cut', 'status',
  'problem',
].map(part);
const asked = new URLSearchParams(location.search);

let worker = null;
let picture = null; // what is shown: an ImageBitmap, or the camera's video
let name = 'image';
let stream = null;
let busy = false;
let again = false; // what is shown has changed while the worker was busy
let turn = 0; // counts what goes to the worker

// What state the page is in, for whoever looks at it from outside.
function enter(state) {
  document.documentElement.dataset.state = state;
}

function fail(text) {
  problem.textContent = text;
  problem.hidden = false;
  status.textContent = '';
  enter('failed');
}

// Why this browser cannot run the module; empty when it can. The bytes are modules of one function,
// with a vector and with a handler of exceptions in it.
function whyNot() {
  if (location.protocol === 'file:')
    return 'Open this page from a server: in its folder, run python3 -m http.server, then open http://localhost:8000.';
  const vector = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0,
    65, 0, 253, 15, 253, 98, 11];
  const handler = [0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 10, 8, 1, 6, 0, 6,
    64, 25, 11, 11];
  const newer = 'Chrome or Edge 97, Firefox 102 and Safari 16.4, or later ones, have it.';
  if (typeof WebAssembly !== 'object') return `This browser runs no WebAssembly. ${newer}`;
  if (!WebAssembly.validate(new Uint8Array(vector)))
    return `This browser's WebAssembly has no SIMD, which this network needs. ${newer}`;
  if (!WebAssembly.validate(new Uint8Array(handler)))
    return `This browser's WebAssembly has no exceptions, which this network needs. ${newer}`;
  return '';
}

// Draws what is shown as the network will see it, and sends it.
function translate() {
  if (picture === null) return;
  again = busy;
  if (busy) return;
  const width = picture.videoWidth || picture.width;
  const height = picture.videoHeight || picture.height;
  const longest = Number(side.value) || Math.max(width, height);
  const by = Math.min(1, longest / Math.max(width, height));
  before.width = Math.max(1, Math.round(width * by));
  before.height = Math.max(1, Math.round(height * by));
  const context = before.getContext('2d', { willReadFrequently: true });
  context.fillStyle = '#fff'; // transparent parts are laid on white
  context.fillRect(0, 0, before.width, before.height);
  context.imageSmoothingEnabled = by < 1;
  context.imageSmoothingQuality = 'high';
  context.drawImage(picture, 0, 0, before.width, before.height);
  const { data } = context.getImageData(0, 0, before.width, before.height);
  busy = true;
  turn += 1;
  if (stream === null) status.textContent = 'Working …';
  enter('working');
  worker.postMessage({ id: turn, rgba: data, width: before.width, height: before.height },
    [data.buffer]);
}

function show(result) {
  busy = false;
  if (result.error) {
    stopCamera();
    fail(sentence(result.error));
  } else {
    problem.hidden = true;
    after.width = result.width;
    after.height = result.height;
    after.getContext('2d').putImageData(
      new ImageData(result.rgba, result.width, result.height), 0, 0);
    hint.hidden = true;
    pair.style.setProperty('--ratio', `${before.width / before.height}`);
    pair.hidden = false;
    drop.classList.add('filled');
    cut.disabled = false;
    const size = `${result.width} × ${result.height} pixels`;
    const rate = stream ? `, ${(1000 / result.ms).toFixed(1)} images a second` : '';
    status.textContent = `${size} in ${Math.round(result.ms)} ms${rate}`;
    save.disabled = false;
    enter('done');
  }
  if (again) {
    again = false;
    translate();
  } else if (stream) {
    requestAnimationFrame(() => translate());
  }
}

function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1) + (text.endsWith('.') ? '' : '.');
}

// The file is made when it is asked for: a camera makes many results that nobody wants.
save.addEventListener('click', () => {
  after.toBlob((blob) => {
    if (blob === null) {
      fail('This browser cannot save an image of that size.');
      return;
    }
    const link = document.createElement('a');
    link.href = URL.createObjectURL(blob);
    link.download = `${name}-painted.png`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }, 'image/png');
});

async function open(blob, called) {
  stopCamera();
  try {
    picture = await createImageBitmap(blob);
  } catch {
    fail(`${called || 'This file'} is no image that this browser can read.`);
    return;
  }
  name = (called || 'image').replace(/\.[^.]*$/, '');
  translate();
}

function stopCamera() {
  if (stream === null) return;
  for (const track of stream.getTracks()) track.stop();
  stream = null;
  picture = null;
  camera.setAttribute('aria-pressed', 'false');
  camera.textContent = 'Use the camera';
}

async function startCamera() {
  if (!navigator.mediaDevices) {
    fail('Browsers give the camera to pages from https or localhost alone.');
    return;
  }
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'user' } });
    const video = document.createElement('video');
    video.playsInline = true;
    video.muted = true;
    video.srcObject = stream;
    await video.play();
    picture = video;
    name = 'camera';
    if (Number(side.value) > 256 || side.value === '0') side.value = '256';
    camera.setAttribute('aria-pressed', 'true');
    camera.textContent = 'Stop the camera';
    translate();
  } catch (error) {
    stopCamera();
    stream = null;
    fail(`The camera cannot be used: ${error.message}.`);
  }
}

function showCut() {
  pair.style.setProperty('--cut', `${cut.value}%`);
}

file.addEventListener('change', () => {
  if (file.files.length > 0) open(file.files[0], file.files[0].name);
  file.value = '';
});
camera.addEventListener('click', () => (stream ? stopCamera() : startCamera()));
side.addEventListener('change', translate);
cut.addEventListener('input', showCut);
pair.addEventListener('pointermove', (event) => {
  if (event.pointerType !== 'mouse' && event.buttons === 0) return;
  const place = after.getBoundingClientRect();
  const at = (100 * (event.clientX - place.left)) / place.width;
  cut.value = Math.min(100, Math.max(0, at));
  showCut();
});
for (const kind of ['dragenter', 'dragover', 'dragleave', 'drop'])
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    drop.classList.toggle('over', kind === 'dragenter' || kind === 'dragover');
    const dropped = kind === 'drop' && !file.disabled && event.dataTransfer.files[0];
    if (dropped) open(dropped, dropped.name);
  });
document.addEventListener('paste', (event) => {
  const pasted = !file.disabled && [...event.clipboardData.files].find((f) => f.type.startsWith('image/'));
  if (pasted) open(pasted, pasted.name);
});

function ready({ about, bytes }) {
  if (about.scale === 0) {
    fail('This network takes more than one image, or no image; this page can give it one image alone.');
    return;
  }
  const mega = (n) => (n / 1e6).toFixed(n < 1e7 ? 2 : 0);
  const kind = about.quantized ? '8-bit weights and activations' : 'real numbers';
  part('about').textContent = `${about.architecture}, ${mega(bytes)} MB, `
    + `${mega(about.params)} million parameters, ${kind}.`;
  status.textContent = 'Ready.';
  file.disabled = false;
  camera.disabled = false;
  enter('ready');
  const image = asked.get('image');
  if (image)
    fetch(image).then((answer) => (answer.ok ? answer.blob() : Promise.reject(answer.status)))
      .then((blob) => open(blob, image.split('/').pop()))
      .catch(() => fail(`The image ${image} cannot be fetched.`));
}

function begin() {
  enter('loading');
  const reason = whyNot();
  if (reason) {
    fail(reason);
    return;
  }
  if (asked.has('side')) side.value = asked.get('side');
  worker = new Worker('gsx.js');
  worker.onerror = (event) => fail(`The network cannot be started: ${event.message || 'gsx.js is missing'}.`);
  worker.onmessage = ({ data }) => {
    if (data.id) show(data);
    else if (data.error) fail(`The network cannot be opened: ${data.error}.`);
    else ready(data);
  };
  worker.postMessage({ model: new URL(script.dataset.model, document.baseURI).href });
  showCut();
}

begin();
