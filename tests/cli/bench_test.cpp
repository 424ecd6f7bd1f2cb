// gsx bench as users run it, on small images.
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tests/cli/process.h"
#include "tests/temp_dir.h"

namespace {

nlohmann::json json_of(const std::vector<std::string>& arguments) {
  const ProcessResult r = run_program(arguments);
  INFO(r.err);
  REQUIRE(r.exit_code == 0);
  return nlohmann::json::parse(r.out);
}

void expect_failure(const std::vector<std::string>& arguments, int code, const std::string& text) {
  const ProcessResult r = run_program(arguments);
  INFO(r.err);
  CHECK(r.exit_code == code);
  CHECK(r.out.empty());
  CHECK(r.err.find(text) != std::string::npos);
}

}  // namespace

TEST_CASE("bench refuses what it cannot measure") {
  expect_failure({"bench"}, 2, "gsx bench: bench: say what to measure");
  expect_failure({"bench", "cnov"}, 2, "cannot measure 'cnov'; did you mean conv?");
  expect_failure({"bench", "gran"}, 2, "cannot measure 'gran'; did you mean gram?");
  expect_failure({"bench", "lineal"}, 2, "cannot measure 'lineal'; did you mean linear?");
  expect_failure({"bench", "everything"}, 2,
                 "cannot measure 'everything'; try conv, norm, quant, gram, linear, all, infer or "
                 "step");
  expect_failure({"bench", "conv", "norm"}, 2, "one thing at a time");
  expect_failure({"bench", "linear", "--size", "64"}, 2, "--size does not go with linear");
  expect_failure({"bench", "conv", "--model", "cyclegan"}, 2, "--model does not go with conv");
  expect_failure({"bench", "infer", "--method", "gs8"}, 2, "--method does not go with infer");
  expect_failure({"bench", "infer"}, 2, "infer needs --model");
  expect_failure({"bench", "--static", "--size", "64"}, 2, "--size does not go with --static");
  expect_failure({"bench", "step", "--model", "cyclegan", "--method", "gs9"}, 2, "--method");
  expect_failure({"bench", "infer", "--model", "no-such-file"}, 2, "gsx bench: ");
  expect_failure({"bench", "step", "--model", "vgg16", "--size", "32"}, 1,
                 "vgg16 is no generator of images");
  expect_failure({"bench", "norm", "--size", "32", "--only", "nonsense"}, 1,
                 "nothing measured has 'nonsense' in its name");
}

TEST_CASE("bench --static needs machine code", "[device]") {
  const TempDir dir;
  std::ofstream(dir / "file") << "no machine code";
  expect_failure({"bench", "--static", (dir / "file").string()}, 1, "no CUDA machine code found");
  expect_failure({"bench", "--static", (dir / "none").string()}, 1, "none");
  const ProcessResult own = run_program({"bench", "--static", "--json"});
  if (own.exit_code == 1) {
    CHECK(own.err.find("built without CUDA") != std::string::npos);
  } else {
    const auto kernels = nlohmann::json::parse(own.out).at("kernels");
    CHECK(kernels.size() > 200);
    for (const auto& k : kernels) {
      INFO(k.dump());
      CHECK(k.at("spill_loads") == 0);
      CHECK(k.at("spill_stores") == 0);
      CHECK(k.at("stack_bytes") == 0);
    }
  }
  CHECK((own.exit_code == 0) == GSX_WITH_CUDA);
}

TEST_CASE("bench verifies and times kernels at the models' shapes") {
  const auto conv = json_of({"bench", "conv", "--size", "32", "--samples", "1", "--only",
                             "cyclegan 8x8 256->256 3x3", "--threads", "1", "--json"});
  CHECK(conv.at("device") == "cpu");
  CHECK(conv.at("real") == true);
  CHECK(conv.at("ceiling_gflops").get<double>() > 0);
  REQUIRE(conv.at("kernels").size() == 4);
  for (const auto& k : conv.at("kernels")) {
    INFO(k.dump());
    CHECK(k.at("right") == true);
    CHECK(k.at("ms").get<double>() > 0);
    CHECK(k.at("shape").at("c") == 256);
    CHECK(k.at("gflop").get<double>() == Approx(2e-9 * 64 * 9 * 256 * 256));
  }
  CHECK(conv.at("kernels")[3].at("error") == 0);

  const auto pruned =
      json_of({"bench", "conv", "--size", "32", "--samples", "1", "--only", "pruned", "--json"});
  CHECK(pruned.at("kernels").size() == 4 * 2 * 7);
  for (const auto& k : pruned.at("kernels")) CHECK(k.at("right") == true);

  for (const char* what : {"norm", "quant"}) {
    const auto kernels = json_of({"bench", what, "--size", "32", "--samples", "1", "--threads", "1",
                                  "--only", "cyclegan", "--json"});
    CHECK(kernels.at("kernels").size() > 5);
    for (const auto& k : kernels.at("kernels")) {
      INFO(k.dump());
      CHECK(k.at("right") == true);
      CHECK(k.at("gbytes_per_s").get<double>() > 0);
    }
  }
  const ProcessResult table = run_program(
      {"bench", "norm", "--size", "32", "--samples", "1", "--only", "fast_style 32x32"});
  CHECK(table.exit_code == 0);
  CHECK(table.out.find("device      cpu") != std::string::npos);
  CHECK(table.out.find("instance_norm forward relu") != std::string::npos);
}

TEST_CASE("bench verifies and times matrix products") {
  const auto gram = json_of({"bench", "gram", "--size", "32", "--batch", "2", "--samples", "1",
                             "--threads", "1", "--json"});
  CHECK(gram.at("size") == 32);
  CHECK(gram.at("cublas").is_null());
  REQUIRE(gram.at("kernels").size() == 8);  // two passes at four taps
  const auto linear = json_of({"bench", "linear", "--samples", "1", "--batch", "3", "--only",
                               "4096->1000", "--threads", "1", "--json"});
  CHECK(linear.at("size").is_null());
  REQUIRE(linear.at("kernels").size() == 4);
  for (const auto& json : {gram, linear}) {
    for (const auto& k : json.at("kernels")) {
      INFO(k.dump());
      CHECK(k.at("right") == true);
      CHECK(k.at("ms").get<double>() > 0);
      CHECK(!k.contains("cublas"));
    }
  }
  const auto& last = gram.at("kernels")[7];
  CHECK(last.at("kernel") == "gram backward");
  CHECK(last.at("layer") == "vgg16 relu4_3 4x4 512 batch 2");
  CHECK(last.at("gflop").get<double>() == Approx(2e-9 * 2 * 512 * 512 * 16));
  const auto& first = linear.at("kernels")[0];
  CHECK(first.at("kernel") == "linear forward");
  CHECK(first.at("shape").at("in") == 4096);
  CHECK(first.at("gflop").get<double>() == Approx(2e-9 * 3 * 4096 * 1000));
}

TEST_CASE("bench verifies cuBLAS beside our matrix products, or multiplies by it") {
  ProcessOptions options = {.environment = {{"GSX_CUBLAS", GSX_FAKE_CUBLAS_LIBRARY},
                                            {"GSX_CUDNN", GSX_FAKE_CUDNN_LIBRARY}}};
  const auto with = [&](std::vector<std::string> words) {
    words.insert(words.begin(), "bench");
    words.insert(words.end(), {"--device", "emulated"});
    const ProcessResult r = run_program(words, options);
    INFO(r.err);
    REQUIRE(r.exit_code == 0);
    return r.out;
  };
  const auto gram = nlohmann::json::parse(with({"gram", "--size", "32", "--json"}));
  const auto linear = nlohmann::json::parse(with({"linear", "--only", "4096->1000", "--json"}));
  for (const auto& json : {gram, linear}) {
    CHECK(json.at("cublas").at("version") == "cuBLAS 13.1.2");
    CHECK(!json.contains("cudnn"));
    for (const auto& k : json.at("kernels")) {
      INFO(k.dump());
      CHECK(k.at("ms").is_null());
      if (k.at("kernel") == "linear backward_bias") CHECK(!k.contains("cublas"));
      else CHECK(k.at("cublas").at("right") == true);
    }
  }
  CHECK(gram.at("kernels").size() == 8);
  CHECK(linear.at("kernels").size() == 4);

  const auto by_cublas =
      nlohmann::json::parse(with({"gram", "--size", "32", "--gemm-provider", "cublas", "--json"}));
  CHECK(by_cublas.at("gemm_provider") == "cuBLAS 13.1.2");
  CHECK(by_cublas.at("cublas").is_null());
  for (const auto& k : by_cublas.at("kernels")) CHECK(k.at("right") == true);

  const std::string all = with({"all", "--size", "32", "--only", "4x4 512"});
  for (const char* text :
       {"beside      cuDNN 9.1.2", "beside      cuBLAS 13.1.2", "cuDNN ms", "cuBLAS ms"})
    CHECK(all.find(text) != std::string::npos);

  options.environment.push_back({"GSX_FAKE_CUBLAS", "old"});
  const auto alone =
      nlohmann::json::parse(with({"gram", "--size", "32", "--only", "relu4_3", "--json"}));
  CHECK(alone.at("cublas").at("absent").get<std::string>().find("11.1.2") != std::string::npos);
  for (const auto& k : alone.at("kernels")) CHECK(!k.contains("cublas"));
}

TEST_CASE("bench says that emulated times mean nothing and gives none") {
  const ProcessResult r = run_program({"bench", "conv", "--size", "32", "--device", "emulated",
                                       "--only", "cyclegan 8x8 256->256 3x3", "--json"});
  INFO(r.err);
  REQUIRE(r.exit_code == 0);
  CHECK(r.err.find("its times mean nothing") != std::string::npos);
  const auto json = nlohmann::json::parse(r.out);
  CHECK(json.at("real") == false);
  REQUIRE(json.at("kernels").size() == 4);
  for (const auto& k : json.at("kernels")) {
    CHECK(k.at("right") == true);
    CHECK(k.at("ms").is_null());
  }
}

TEST_CASE("bench verifies cuDNN beside our convolutions, or convolves by it") {
  const ProcessOptions options = {.environment = {{"GSX_CUDNN", GSX_FAKE_CUDNN_LIBRARY}}};
  const std::vector<std::string> words = {
      "bench",    "conv",     "--size", "32",
      "--device", "emulated", "--only", "cyclegan 8x8 256->256 3x3"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), words.begin(), words.end());
    const ProcessResult r = run_program(more, options);
    INFO(r.err);
    REQUIRE(r.exit_code == 0);
    return r.out;
  };
  const auto json = nlohmann::json::parse(with({"--json"}));
  CHECK(json.at("conv_provider") == "gsx");
  CHECK(json.at("cudnn").at("version") == "cuDNN 9.1.2");
  REQUIRE(json.at("kernels").size() == 4);
  for (const auto& k : json.at("kernels")) {
    INFO(k.dump());
    if (k.at("kernel") == "conv forward_codes") CHECK(!k.contains("cudnn"));
    else CHECK(k.at("cudnn").at("right") == true);
  }
  CHECK(with({}).find("beside      cuDNN 9.1.2") != std::string::npos);

  const auto by_cudnn = nlohmann::json::parse(with({"--conv-provider", "cudnn", "--json"}));
  CHECK(by_cudnn.at("conv_provider") == "cuDNN 9.1.2");
  CHECK(by_cudnn.at("cudnn").is_null());
  for (const auto& k : by_cudnn.at("kernels")) CHECK(k.at("right") == true);
}

TEST_CASE("bench infer compares with cuDNN where it is") {
  const ProcessResult r =
      run_program({"bench", "infer", "--model", "cyclegan", "--width", "4", "--blocks", "1",
                   "--size", "16", "--device", "emulated", "--json"},
                  {.environment = {{"GSX_CUDNN", GSX_FAKE_CUDNN_LIBRARY}}});
  INFO(r.err);
  REQUIRE(r.exit_code == 0);
  CHECK(nlohmann::json::parse(r.out).at("cudnn").at("ratio").get<double>() > 0);
}

TEST_CASE("bench infer shows the layers of a network") {
  const TempDir dir;
  const std::string trace = (dir / "trace.json").string();
  const auto json =
      json_of({"bench", "infer", "--model", "cyclegan", "--width", "8", "--blocks", "1", "--size",
               "32", "--samples", "2", "--threads", "1", "--trace", trace, "--json"});
  CHECK(json.at("ms").get<double>() > 0);
  CHECK(json.at("peak_bytes").get<int64_t>() > 0);
  int with_macs = 0;
  double sum = 0;
  for (const auto& layer : json.at("layers")) {
    sum += layer.at("ms").get<double>();
    with_macs += layer.at("macs").is_null() ? 0 : 1;
  }
  CHECK(with_macs == 8);  // convolutions
  CHECK(sum == Approx(json.at("ms_watched").get<double>()));
  const auto events = nlohmann::json::parse(std::ifstream(trace)).at("traceEvents");
  CHECK(events.size() == json.at("layers").size() + 1);
  for (const auto& e : events)
    if (e.at("ph") == "X") CHECK(e.at("dur").get<double>() >= 0);
  expect_failure({"bench", "infer", "--model", "fast_style", "--width", "4", "--size", "32",
                  "--samples", "1", "--trace", (dir / "no/such/folder").string()},
                 1, "cannot be written");
}

TEST_CASE("bench infer times the integer program of a network it quantises") {
  const std::vector<std::string> words = {"bench",   "infer", "--model",  "cyclegan",
                                          "--width", "8",     "--blocks", "1",
                                          "--size",  "32",    "--json"};
  CHECK(!json_of(words).at("quantized").get<bool>());
  std::vector<std::string> quantized = words;
  quantized.push_back("--quantized");
  const auto json = json_of(quantized);
  CHECK(json.at("quantized").get<bool>());
  CHECK(json.at("layers").size() > 8);  // convolutions, and the passes between them
  expect_failure({"bench", "step", "--model", "cyclegan", "--quantized"}, 2,
                 "--quantized does not go with step");
}

TEST_CASE("bench step shows the phases of a training step") {
  const std::vector<std::string> slimming = {"teacher",
                                             "student",
                                             "distance",
                                             "student backward",
                                             "student update",
                                             "discriminator",
                                             "discriminator backward"};
  const std::vector<std::string> dense = {"generators", "generators backward", "discriminators"};
  for (const std::string method : {"gs8", "gs32", "dense"}) {
    INFO(method);
    const auto json =
        json_of({"bench", "step", "--model", "cyclegan", "--width", "4", "--blocks", "1", "--size",
                 "32", "--samples", "1", "--method", method, "--json"});
    CHECK(json.at("method") == method);
    CHECK(json.at("peak_bytes").get<int64_t>() > 0);
    for (const std::string& phase : method == "dense" ? dense : slimming) {
      INFO(phase);
      bool found = false;
      for (const auto& layer : json.at("layers")) found = found || layer.at("phase") == phase;
      CHECK(found);
    }
  }
  const ProcessResult table = run_program({"bench", "step", "--model", "fast_style", "--width", "4",
                                           "--blocks", "1", "--size", "32", "--samples", "1"});
  INFO(table.err);
  CHECK(table.exit_code == 0);
  CHECK(table.out.find("a training step (gs8), fast_style") != std::string::npos);
}

TEST_CASE("bench --vs takes turns with another program") {
  const TempDir dir;
  const std::string script = (dir / "peer.sh").string();
  // Takes 2 s for networks, cannot do kernels, and keeps what it was asked.
  std::ofstream(script) << "echo '{\"name\": \"peer of '$2' threads\"}'\n"
                           "while read -r work; do\n"
                           "  echo \"$work\" >>"
                        << (dir / "asked").string()
                        << "\n"
                           "  case $work in\n"
                           "    *infer*) echo '{\"seconds\": 2}' ;;\n"
                           "    *) echo '{\"error\": \"only infer\"}' ;;\n"
                           "  esac\n"
                           "done\n"
                           "echo '{\"peak_bytes\": 1000}'\n";
  const std::vector<std::string> network = {"--model", "fast_style", "--width",   "4",
                                            "--size",  "32",         "--samples", "3",
                                            "--json",  "--threads",  "1"};
  const auto with = [&](std::vector<std::string> words, const std::string& peer) {
    words.insert(words.end(), {"--vs", peer});
    return words;
  };
  std::vector<std::string> infer = {"bench", "infer"};
  infer.insert(infer.end(), network.begin(), network.end());
  const auto json = json_of(with(infer, "sh " + script));
  CHECK(json.at("peer") == "peer of 1 threads");
  CHECK(json.at("theirs").at("ms") == 2000);
  CHECK(json.at("turns") == 3);
  CHECK(json.at("ratio").get<double>() == Approx(2000 / json.at("ours").at("ms").get<double>()));
  CHECK(json.at("peer_process_bytes") == 1000);
  CHECK(json.at("process_bytes").get<int64_t>() > 1000000);
  std::ifstream asked(dir / "asked");
  int lines = 0;
  for (std::string line; std::getline(asked, line); ++lines) {
    const auto work = nlohmann::json::parse(line);
    CHECK(work.at("what") == "infer");
    CHECK(work.at("size") == 32);
  }
  CHECK(lines == 4);  // to warm up, and three turns

  const auto kernels = json_of(
      with({"bench", "norm", "--size", "32", "--only", "patchgan 8x8", "--samples", "1", "--json"},
           "sh " + script));
  for (const auto& k : kernels.at("kernels")) CHECK(!k.contains("vs"));
  std::vector<std::string> step = infer;
  step[1] = "step";
  expect_failure(with(step, "sh " + script), 1, "only infer");
  expect_failure(with(infer, "false"), 1, "ended without an answer");
  expect_failure(with(infer, "echo hello #"), 1, "answered 'hello' instead of a line of JSON");
}
