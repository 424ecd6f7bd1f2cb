// The worker of the page, and what programs under Node.js call: gsx.js is this behind Emscripten's
// script. GsxModel holds one model; images are RGBA bytes, as a canvas gives and takes them.
'use strict';

class GsxModel {
  // module: what gsxModule() gives; content: the bytes of a model of gsx.
  constructor(module, content) {
    this.module = module;
    const at = this.copied(content);
    this.model = module._gsx_open_memory(at, content.length, 0);
    module._free(at);
    if (this.model === 0) throw this.failure();
    this.about = JSON.parse(module.UTF8ToString(module._gsx_describe(this.model)));
  }

  // An Error with gsx's own sentence, without the name of the C function in front of it.
  failure() {
    return new Error(this.module.UTF8ToString(this.module._gsx_error()).replace(/^gsx_\w+: /, ''));
  }

  room(bytes) {
    const at = this.module._malloc(bytes);
    if (at === 0) throw new Error('the browser has no memory left for this image; make it smaller');
    return at >>> 0;
  }

  copied(bytes) {
    const at = this.room(bytes.length);
    this.module.HEAPU8.set(bytes, at);
    return at;
  }

  // rgba: height rows of width pixels. Back: the same of the result, which is `scale` times as
  // large, and the milliseconds that the network took.
  translate(rgba, width, height) {
    const { scale } = this.about;
    const from = this.room(3 * width * height);
    let to = 0;
    try {
      to = this.room(3 * width * height * scale * scale);
      let bytes = this.module.HEAPU8;
      for (let i = 0, j = from; i < 4 * width * height; i += 4) {
        bytes[j++] = rgba[i];
        bytes[j++] = rgba[i + 1];
        bytes[j++] = rgba[i + 2];
      }
      const start = performance.now();
      const status = this.module._gsx_run_u8(this.model, from, width, height, 0, to, 0);
      const ms = performance.now() - start;
      if (status !== 0) throw this.failure();
      bytes = this.module.HEAPU8; // another one where memory has grown
      const pixels = width * height * scale * scale;
      const result = new Uint8ClampedArray(4 * pixels).fill(255);
      for (let i = 0, j = to; i < 4 * pixels; i += 4) {
        result[i] = bytes[j++];
        result[i + 1] = bytes[j++];
        result[i + 2] = bytes[j++];
      }
      return { rgba: result, width: width * scale, height: height * scale, ms };
    } finally {
      this.module._free(from);
      this.module._free(to);
    }
  }
}

if (typeof module === 'object') {
  // Emscripten's script would fetch its module by a path, which newer versions of Node.js refuse.
  const wasmBinary = require('fs').readFileSync(`${__dirname}/gsx.wasm`);
  module.exports = { gsxModule: () => gsxModule({ wasmBinary }), GsxModel };
} else {
  // Messages in: {model: URL}, then {id, rgba, width, height}. Out: {about, bytes}, then {id} with a
  // result or {id, error}; what keeps the model from opening is an {error} without an id.
  let opened = null;
  const open = async (url) => {
    const [instance, answer] = await Promise.all([gsxModule(), fetch(url)]);
    if (!answer.ok) throw new Error(`the model ${url} cannot be fetched (${answer.status})`);
    const content = new Uint8Array(await answer.arrayBuffer());
    opened = new GsxModel(instance, content);
    postMessage({ about: opened.about, bytes: content.length });
  };
  onmessage = ({ data }) => {
    if (data.model) {
      open(data.model).catch((error) => postMessage({ error: error.message }));
      return;
    }
    try {
      const result = opened.translate(data.rgba, data.width, data.height);
      postMessage({ id: data.id, ...result }, [result.rgba.buffer]);
    } catch (error) {
      // A module that has stopped in the middle of its work is of no more use.
      const stopped = error instanceof WebAssembly.RuntimeError;
      const text = stopped ? `the network has stopped (${error.message}); load this page again` : error.message;
      postMessage({ id: data.id, error: text });
    }
  };
}
