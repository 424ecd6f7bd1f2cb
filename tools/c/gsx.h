// gsx from C, and from every language that can call C: open a model, send images through it,
// compress a generator.
//
// - Failures: what can fail returns a status that is not GSX_OK, or null whatever the reason;
//   gsx_error() then says why, in one sentence. Nothing is thrown, and nothing is written to stdout
//   or stderr.
// - Threads: several may run one model at once, with the same bits as one; gsx_close() is for the
//   last that uses it.
// - Memory: what a caller hands over stays the caller's and is read or written during the call
// alone.
// - Versions: later ones add functions, and members at the ends of structures, whose first member
//   says how long the caller's are. What is here stays as it is in every libgsx_c.so.1; GSX_ABI
//   counts the additions.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GSX_ABI 1

typedef enum gsx_status {
  GSX_OK = 0,
  GSX_FAILED = 1,   // a file, an image or the machine does not allow it
  GSX_MISUSED = 2,  // no file or machine would: an argument is wrong
  GSX_STOPPED = 3   // gsx_compress: the callback said so
} gsx_status;

// "0.2.0".
const char* gsx_version(void);
// GSX_ABI of the library that runs, at least that of the header a program was compiled with.
int32_t gsx_abi(void);
// Why the calling thread's last call failed; "" when it did not. Valid until its next call.
const char* gsx_error(void);

// ---- Models.

typedef struct gsx_model gsx_model;

typedef struct gsx_options {
  size_t size;         // sizeof(gsx_options)
  int32_t threads;     // 0: as many as the process may run on
  const char* device;  // "cpu", "cuda", "cuda:1"; null: "cpu"
  const char* isa;     // of the CPU's kernels, see gsx info; null: the best there is
} gsx_options;

// Opens a model: a gsx model file, a PyTorch or ONNX file, or ARCH[,KEY=VALUE...]:FILE, as on the
// command line. `options` may be null. Null on failure.
gsx_model* gsx_open(const char* model, const gsx_options* options);
// The same of a gsx model file's content, which may go afterwards.
gsx_model* gsx_open_memory(const void* content, size_t bytes, const gsx_options* options);
// Null is allowed.
void gsx_close(gsx_model* model);

// What a model is, as a JSON object: architecture, inputs and outputs (names and shapes, of which
// height and width are examples), scale (as gsx_output_size), params, macs (of the example), bytes
// (of the file), quantized, device, isa, threads. Valid as long as the model. Null on failure.
const char* gsx_describe(const gsx_model* model);

// The size of the image that gsx_run_u8 gives for one of width x height pixels: the same, or a
// whole number of times as large where the network enlarges.
gsx_status gsx_output_size(const gsx_model* model, int32_t width, int32_t height,
                           int32_t* output_width, int32_t* output_height);

// Sends an image of any size through a generator of images: rows of width pixels, three bytes each
// (red, green, blue), `stride` bytes apart (0: without gaps). The result is written likewise to
// `output`, of gsx_output_size. The two must not overlap. Same bits as gsx translate.
gsx_status gsx_run_u8(const gsx_model* model, const uint8_t* image, int32_t width, int32_t height,
                      size_t stride, uint8_t* output, size_t output_stride);

// Values of a tensor, without gaps, the last dimension fastest: N C H W for images, N F for
// vectors.
typedef struct gsx_tensor {
  float* values;
  int64_t shape[4];
  int32_t rank;  // 2 or 4
} gsx_tensor;

// Sends raw values through a network, as many inputs and outputs as it has, in its order. Of
// outputs whose `values` are null only shape and rank are filled in; the others must have room for
// `room` numbers, and too little is a failure.
gsx_status gsx_run_f32(const gsx_model* model, const gsx_tensor* inputs, size_t input_count,
                       gsx_tensor* outputs, const size_t* room, size_t output_count);

// ---- Compression.

typedef struct gsx_progress {
  size_t size;                      // sizeof(gsx_progress) of the library
  const char* stage;                // "slim", "finetune" ...
  int32_t step, steps;              // within the stage
  int32_t total_step, total_steps;  // of the run
  double seconds_left;              // to the end of its last stage
  const char* message;              // null, or a line worth telling instead of a step
} gsx_progress;

// Returns 0 to go on; anything else stops the run after its step, resumable. Called by the thread
// that compresses.
typedef int32_t (*gsx_progress_function)(const gsx_progress* progress, void* user);

// Does what gsx train does. `settings` is a JSON object whose keys are the flags of gsx train with
// underscores, and besides "resume", "threads", "device" and "isa":
//   {"teacher": "teacher.safetensors", "data": "photos", "target_ratio": 16, "out": "runs/small"}
// "out", the run folder, is required. `progress` may be null. On GSX_OK `result` is what gsx train
// --json prints, to be given to gsx_free(), with "budgets" a list "members" in it; where the budget
// was missed it is that too, with GSX_FAILED. Null otherwise.
gsx_status gsx_compress(const char* settings, gsx_progress_function progress, void* user,
                        char** result);
// Null is allowed.
void gsx_free(char* text);

#ifdef __cplusplus
}
#endif
