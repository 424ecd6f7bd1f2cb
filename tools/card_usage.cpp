// Python for what was exported; see card_usage.h.
#include "tools/card_usage.h"

#include <sstream>

#include "models/export/ncnn.h"
#include "models/export/sizes.h"
#include "tools/text.h"
#include "tools/values.h"

namespace gsx::tools {

namespace {

bool is_onnx(const std::string& format) { return format.starts_with("onnx"); }

std::string shape_text(const Shape& s) {
  std::string text = "(1";
  for (int d = 1; d < s.rank(); ++d) text += ", " + std::to_string(s[d]);
  return text + ")";
}

std::string shown(double v) { return number_text(v); }

// " * 2 - 1", without what changes nothing.
std::string scaled(double by, double plus) {
  std::string text;
  if (by != 1)
    text += " * " + (by == 2.0 / 255 ? "(2 / 255)" : by == 1.0 / 255 ? "(1 / 255)" : shown(by));
  if (plus != 0) text += (plus < 0 ? " - " : " + ") + shown(std::abs(plus));
  return text;
}

// What brings a PIL image to the one size that is taken.
std::string resized(const CardFacts& f) {
  if (!f.size) return "";
  return ".resize((" + std::to_string(f.size->second) + ", " + std::to_string(f.size->first) + "))";
}

// The image as an array for engines that take [1, 3, height, width].
std::string array_of(const CardFacts& f, const std::string& batch) {
  const ImageFormat& in = f.graph.input_format;
  const std::string open = "Image.open(\"in.jpg\").convert(\"RGB\")" + resized(f);
  if (f.images == "nhwc") return "np.asarray(" + open + ")[None]";
  if (f.images == "nchw") return "np.asarray(" + open + ").transpose(2, 0, 1)[None]";
  const std::string values = "np.asarray(" + open + ", np.float32)" +
                             (in.bgr ? "[..., ::-1]" : "") + ".transpose(2, 0, 1)" + batch;
  return values + scaled((static_cast<double>(in.hi) - in.lo) / 255, in.lo);
}

// The line that saves what came out: `y` holds [3, height, width].
std::string save_line(const CardFacts& f, const std::string& y) {
  const ImageFormat& out = f.graph.output_format;
  if (f.images == "nhwc") return "Image.fromarray(" + y + ").save(\"out.png\")\n";
  if (f.images == "nchw")
    return "Image.fromarray(" + y + ".transpose(1, 2, 0)).save(\"out.png\")\n";
  const double by = 255 / (static_cast<double>(out.hi) - out.lo);
  std::string values = y + ".transpose(1, 2, 0)" + (out.bgr ? "[..., ::-1]" : "");
  if (out.lo != 0) values = "(" + values + scaled(1, -out.lo) + ")";
  values += scaled(by, 0);
  if (by != 1 || out.lo != 0) values = "(" + values + ")";
  return "Image.fromarray(" + values +
         ".round().clip(0, 255).astype(np.uint8)).save(\"out.png\")\n";
}

std::string onnx_usage(const CardFacts& f) {
  const std::string file = Json(f.out.filename().string()).dump(-1, true);
  std::string code = "import numpy as np, onnxruntime\n";
  const std::vector<Shape> shapes = f.graph.example_inputs();
  const auto name = [&](size_t i) {
    return Json(f.graph.node(f.graph.inputs()[i]).name).dump(-1, true);  // quoted
  };
  std::string given;
  if (takes_one_image(f)) {
    code = "import numpy as np, onnxruntime; from PIL import Image\nx = " + array_of(f, "[None]") +
           "\n";
    given = name(0) + ": x";
  } else {
    for (size_t i = 0; i < shapes.size(); ++i)
      given += (i ? ", " : "") + name(i) + ": np.random.randn" + shape_text(shapes[i]) +
               ".astype(np.float32)";
  }
  code += "y = onnxruntime.InferenceSession(" + file + ").run(None, {" + given + "})[0]\n";
  if (takes_one_image(f)) code += save_line(f, "y[0]");
  return code;
}

std::string pytorch_usage(const CardFacts& f) {
  if (takes_one_image(f))
    return std::string("import model; from PIL import Image\nnetwork = model.load()\n") +
           "model.translate(network, Image.open(\"in.jpg\")" + resized(f) + ").save(\"out.png\")\n";
  std::string given;
  for (const Shape& s : f.graph.example_inputs())
    given += (given.empty() ? "" : ", ") + std::string("torch.randn") + shape_text(s);
  return "import model, torch\nwith torch.no_grad():\n    y = model.load()(" + given + ")\n";
}

// "3, 4": a shape without its batch.
std::string of_one(const Shape& s) {
  std::string text;
  for (int d = 1; d < s.rank(); ++d) text += (d > 1 ? ", " : "") + std::to_string(s[d]);
  return text;
}

std::string ncnn_usage(const CardFacts& f) {
  const bool images = takes_one_image(f);
  std::string code = std::string("import ncnn, numpy as np; ") +
                     (images ? "from PIL import Image; " : "") +
                     "net = ncnn.Net(); net.load_param(\"model.param\"); "
                     "net.load_model(\"model.bin\")\n";
  const std::vector<Shape> shapes = f.graph.example_inputs();
  const std::vector<std::string> names = ncnn_inputs(f.graph);
  std::string given;
  for (size_t i = 0; i < shapes.size(); ++i) {
    const std::string x = i == 0 ? "x" : "x" + std::to_string(i);
    // The array must outlive the Mat, which only points to it, until that is copied.
    code += x + " = np.ascontiguousarray(" +
            (images ? array_of(f, "") : "np.random.randn(" + of_one(shapes[i]) + ")") +
            ", np.float32)\n";
    given += "run.input(" + Json(names[i]).dump(-1, true) + ", ncnn.Mat(" + x + ").clone()); ";
  }
  code += "run = net.create_extractor(); " + given + "y = np.array(run.extract(\"output\")[1])\n";
  return images ? code + save_line(f, "y") : code;
}

std::string format_words(const ImageFormat& f) {
  return std::string(f.bgr ? "BGR" : "RGB") + ", black " + shown(f.lo) + ", white " + shown(f.hi);
}

// Which sizes the file admits; model.py and the page mirror others up to such.
std::string sizes_text(const CardFacts& f) {
  const KeptSizes sizes = kept_sizes(f.graph);
  if (sizes.multiple == 0) return "of any size that its layers take";
  if (sizes.multiple == 1) return "of any size";
  return "of sides that are multiples of " + std::to_string(sizes.multiple) +
         (f.format == "pytorch" ? " (`translate` mirrors others up to that, and cuts the result)"
                                : " (others come back in another size)");
}

}  // namespace

bool takes_one_image(const CardFacts& f) {
  const std::vector<Shape> shapes = f.graph.example_inputs();
  if (shapes.size() != 1 || shapes[0].rank() != 4 || shapes[0][1] != 3) return false;
  const Shape out = f.graph.infer_shapes(shapes)[static_cast<size_t>(f.graph.outputs()[0].node)];
  return out.rank() == 4 && out[1] == 3;
}

std::string library_of(const std::string& format) {
  return is_onnx(format) ? "onnx" : format == "web" ? "gsx" : format;
}

std::string images_text(const CardFacts& f) {
  if (!takes_one_image(f)) {
    const bool ncnn = f.format == "ncnn";
    std::string text = ncnn ? "Inputs:" : "Inputs, one batch each:";
    const std::vector<Shape> shapes = f.graph.example_inputs();
    std::vector<std::string> names = ncnn ? ncnn_inputs(f.graph) : std::vector<std::string>{};
    if (!ncnn)
      for (const int input : f.graph.inputs()) names.push_back(f.graph.node(input).name);
    for (size_t i = 0; i < shapes.size(); ++i)
      text += (i ? ", `" : " `") + printable(names[i]) + "` " +
              (ncnn ? "[" + of_one(shapes[i]) + "]" : shape_text(shapes[i]));
    return text + ". Images come out as " + format_words(f.graph.output_format) + ".\n";
  }
  if (f.format == "web")
    return "Any size goes in; transparent parts are laid on white. Images do not leave the device: "
           "the browser runs the network.\n";
  const std::string any = f.size ? "of " + std::to_string(f.size->first) + " x " +
                                       std::to_string(f.size->second) + " pixels"
                                 : sizes_text(f);
  if (f.images != "own")
    return "In and out: bytes 0..255, RGB, as [N, " +
           std::string(f.images == "nhwc" ? "height, width, 3]" : "3, height, width]") + ", " +
           any + ".\n";
  const bool one = f.format == "ncnn";
  return std::string("In: ") + (one ? "`data` [3, height, width], " : "[N, 3, height, width], ") +
         format_words(f.graph.input_format) + ", " + any + ". Out: " + (one ? "`output`, " : "") +
         format_words(f.graph.output_format) + ".\n";
}

std::string usage_text(const CardFacts& f) {
  if (f.format == "web")
    return "Any server of files will do, such as `python3 -m http.server` in this folder and then "
           "<http://localhost:8000>; the camera needs https or localhost. Chrome 97, Firefox 102, "
           "Safari 16.4 or later. `gsx translate model.safetensors IN.png --out OUT.png` makes the "
           "same images.\n";
  return "```python\n" +
         (is_onnx(f.format)    ? onnx_usage(f)
          : f.format == "ncnn" ? ncnn_usage(f)
                               : pytorch_usage(f)) +
         "```\n";
}

}  // namespace gsx::tools
