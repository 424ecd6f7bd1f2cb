// The program's frame: exit codes, help, messages for misuse, `gsx info`; and the test's own means
// of running it.
#include <signal.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "engine/suggest.h"
#include "tests/catch.h"
#include "tests/cli/process.h"
#include "tests/temp_dir.h"

namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

void expect_misuse(const std::vector<std::string>& arguments, const std::string& message) {
  const ProcessResult r = run_program(arguments);
  INFO("stderr: " << r.err);
  CHECK(r.exit_code == 2);
  CHECK(r.out.empty());
  CHECK(contains(r.err, message));
}

}  // namespace

TEST_CASE("misuse exits with 2 and names what was meant") {
  expect_misuse({"inof"}, "gsx: unknown command 'inof'; did you mean info?\n");
  expect_misuse({"bananas"}, "gsx: unknown command 'bananas'\n");
  expect_misuse({"info", "--jsno"}, "gsx info: unknown flag --jsno; did you mean --json?\n");
  expect_misuse({"info", "--colour=blue"}, "gsx info: unknown flag --colour\n");
  expect_misuse({"--verison"}, "gsx: unknown flag --verison; did you mean --version?\n");
  expect_misuse({"info", "extra"}, "gsx info: unexpected argument 'extra'\n");
  expect_misuse({"train", "--rho", "0.1", "--target-ratio", "4"},
                "gsx train: --rho and --target-ratio exclude each other; give one of them");
  expect_misuse({"train", "--act-range", "wide"}, "gsx train: --act-range: expected");
  expect_misuse({"translate", "model", "image.png", "--ou", "x"},
                "gsx translate: unknown flag --ou; did you mean --out?");
  expect_misuse({}, "Usage: gsx");
}

TEST_CASE("flags take no value but true and false") {
  for (const std::string command : {"train", "translate", "inspect", "eval", "bench", "info"}) {
    std::istringstream help(run_program({command, "--help"}).out);
    int flags = 0;
    for (std::string line; std::getline(help, line);) {
      std::istringstream words(line);
      std::string flag, type;
      words >> flag >> type;
      const bool takes_value = type.find("TEXT") == 0 || type.find("INT") == 0 ||
                               type.find("UINT") == 0 || type.find("FLOAT") == 0 ||
                               type.find("NUMBER") == 0 || type.find("calibrated|") == 0;
      if (line.rfind("  --", 0) != 0 || takes_value) continue;
      ++flags;
      for (const std::string value : {"maybe", "2", "-1", "yes", "True"})
        expect_misuse(
            {command, flag + "=" + value},
            "gsx " + command + ": " + flag + ": expected no value, or true or false, got " + value);
    }
    INFO(command);
    CHECK(flags >= 2);  // --help and --json
  }
  expect_misuse({"--version=maybe"}, "gsx: --version: expected no value, or true or false");
  CHECK(run_program({"info", "--json=true"}).out.rfind("{", 0) == 0);
  CHECK(run_program({"info", "--json=false"}).out.rfind("{", 0) != 0);
}

TEST_CASE("help and version go to stdout and exit with 0") {
  const ProcessResult help = run_program({"--help"});
  CHECK(help.exit_code == 0);
  CHECK(help.err.empty());
  CHECK(contains(help.out, "info"));
  CHECK(contains(help.out, "Examples:"));
  const ProcessResult of_command = run_program({"info", "--help"});
  CHECK(of_command.exit_code == 0);
  CHECK(contains(of_command.out, "--json"));
  const ProcessResult version = run_program({"--version"});
  CHECK(version.exit_code == 0);
  CHECK(version.out.rfind("gsx ", 0) == 0);
}

TEST_CASE("info tells devices, threads, instruction sets, formats and memory") {
  const ProcessResult table = run_program({"info"});
  CHECK(table.exit_code == 0);
  CHECK(table.err.empty());
  CHECK(contains(table.out, "cpu: "));
  const ProcessResult machine = run_program({"info", "--json"});
  REQUIRE(machine.exit_code == 0);
  const auto info = nlohmann::json::parse(machine.out);
  CHECK(info["devices"][0]["name"] == "cpu");
  CHECK(info["devices"][0]["available"] == true);
  const auto& last = info["devices"].back();
  CHECK(last["name"] == "emulated");
  CHECK(last["real"] == false);
  CHECK(info["threads"].get<int>() >= 1);
  CHECK(!info["instruction_sets"].empty());
  CHECK(info["memory"]["total_bytes"].get<int64_t>() > 0);
  CHECK(info["formats"]["models"][0] == "safetensors");
}

TEST_CASE("a device that is not there, or that cannot be, is misuse", "[device]") {
  const ProcessResult machine = run_program({"info", "--json"});
  REQUIRE(machine.exit_code == 0);
  const auto devices = nlohmann::json::parse(machine.out)["devices"];
  const ProcessResult odd = run_program({"train", "--device", "gpu"});
  CHECK(odd.exit_code == 2);
  CHECK(contains(odd.err, "device: expected cpu, cuda, cuda:N or emulated, got gpu"));
  const ProcessResult far = run_program({"train", "--device", "cuda:99"});
  CHECK(far.exit_code == 2);
  CHECK(contains(far.err, "gsx train: device cuda:99 is not available: "));
  if (devices[1]["available"] == true) return;  // a machine with a GPU
  const std::string why =
      GSX_WITH_CUDA ? "this machine has no NVIDIA GPU with a driver (" : "this build has no CUDA (";
  CHECK(contains(run_program({"info"}).out, "cuda: not available: " + why));
  for (const std::string command : {"train", "translate", "eval"}) {
    std::vector<std::string> words = {command, "--device", "cuda"};
    if (command == "translate") words.insert(words.end(), {"m", "p", "--out", "o"});
    if (command == "eval") words.insert(words.end(), {"m", "--data", "d"});
    const ProcessResult r = run_program(words);
    CHECK(r.exit_code == 2);
    CHECK(r.out.empty());
    CHECK(r.err == "gsx " + command + ": device cuda:0 is not available: " +
                       devices[1]["description"].get<std::string>() +
                       "; compute on the cpu instead\nTry 'gsx " + command + " --help'.\n");
  }
}

TEST_CASE("the program that users build has no emulated device and says so") {
  const ProcessResult info = run_process({GSX_RELEASED_PROGRAM, "info"});
  CHECK(info.exit_code == 0);
  CHECK(!contains(info.out, "emulated"));
  const ProcessResult r = run_process(
      {GSX_RELEASED_PROGRAM, "translate", "m", "p", "--out", "o", "--device", "emulated"});
  CHECK(r.exit_code == 2);
  CHECK(contains(r.err, "gsx translate: device emulated is not available: it is for tests, and"));
  const ProcessResult odd =
      run_process({GSX_RELEASED_PROGRAM, "translate", "m", "p", "--out", "o", "--device", "foo"});
  CHECK(odd.exit_code == 2);
  CHECK(contains(odd.err, "--device: expected cpu, cuda or cuda:N, got foo"));
}

TEST_CASE("every build computes on the processor", "[device]") {
  const TempDir dir;
  const std::string out = (dir / "run").string();
  const ProcessResult r = run_program(
      {"train", "--out",   out,    "--size",        "16", "--width",      "4", "--blocks",
       "1",     "--batch", "1",    "--dense-steps", "1",  "--slim-steps", "1", "--finetune-steps",
       "1",     "--rho",   "0.01", "--json"});
  INFO(r.err);
  CHECK(r.exit_code == 0);
  CHECK(nlohmann::json::parse(r.out).is_object());
}

TEST_CASE("a provider that is not there is refused in one sentence", "[device]") {
  struct Provider {
    std::string option, name, title, variable;
  };
  for (const Provider& p : {Provider{"--conv-provider", "cudnn", "cuDNN", "GSX_CUDNN"},
                            {"--gemm-provider", "cublas", "cuBLAS", "GSX_CUBLAS"}}) {
    expect_misuse({"train", p.option, "nvidia"}, "gsx train: " + p.option + ": nvidia not in");
    const auto refuses = [&](std::vector<std::string> words, const std::string& text) {
      const std::string command = words.front();
      words.insert(words.end(), {p.option, p.name});
      const ProcessResult r = run_program(words);
      CHECK(r.exit_code == 2);
      CHECK(r.out.empty());
      CHECK(r.err == "gsx " + command + ": " + text + " " + p.option + " gsx\nTry 'gsx " + command +
                         " --help'.\n");
    };
    const std::string on_cpu = p.title + " computes on CUDA devices, not on cpu; compute with";
    refuses({"train"}, on_cpu);
    refuses({"translate", "m", "p", "--out", "o"}, on_cpu);
    refuses({"eval", "m", "--data", "d"}, on_cpu);
    refuses({"bench", "conv"}, on_cpu);
    refuses({"train", "--device", "emulated"}, p.name + ": the emulated device has no " + p.title +
                                                   " but a stand-in that " + p.variable +
                                                   " names; compute on a CUDA device or with");
  }
}

TEST_CASE("the instruction sets that info lists can be used, and no others") {
  const ProcessResult machine = run_program({"info", "--json"});
  std::vector<std::string> sets = nlohmann::json::parse(machine.out)["instruction_sets"];
  const auto bench = [](const std::string& isa) {
    return run_program({"bench", "quant", "--size", "64", "--samples", "1", "--only",
                        "fake_quant forward", "--json", "--isa", isa});
  };
  for (const std::string& isa : sets) {
    const ProcessResult r = bench(isa);
    INFO(isa << ": " << r.err);
    REQUIRE(r.exit_code == 0);
    CHECK(nlohmann::json::parse(r.out)["instructions"] == isa);
  }
  for (const std::string isa : {"avx512_vnni", "avx512", "avx2", "neon", "baseline"}) {
    if (std::find(sets.begin(), sets.end(), isa) != sets.end()) continue;
    const ProcessResult r = bench(isa);
    CHECK(r.exit_code == 2);
    CHECK(r.out.empty());
    CHECK(contains(r.err,
                   "gsx bench: isa " + isa + " is not available: this machine and build have"));
  }
  expect_misuse({"bench", "quant", "--isa", "sse9"}, "gsx bench: --isa: ");
}

TEST_CASE("output that cannot be written is a failure") {
  const ProcessResult r = run_process({"sh", "-c", "exec \"$0\" info >/dev/full", GSX_PROGRAM});
  CHECK(r.exit_code == 1);
  CHECK(contains(r.err, "gsx info: standard output cannot be written"));
}

TEST_CASE("distance of words") {
  using gsx::edit_distance;
  CHECK(edit_distance("", "abc") == 3);
  CHECK(edit_distance("train", "train") == 0);
  CHECK(edit_distance("trian", "train") == 1);
  CHECK(edit_distance("kitten", "sitting") == 3);
  CHECK(gsx::nearest("--ouput", {"--out", "--output", "--input"}) == "--output");
  CHECK(gsx::nearest("zebra", {"train", "info"}).empty());
}

TEST_CASE("processes are watched: signals, timeouts, folders, environment") {
  using std::chrono::milliseconds;
  ProcessOptions options;
  options.send = SignalPlan{SIGTERM, milliseconds(20), ""};
  CHECK(run_process({"sleep", "10"}, options).signal == SIGTERM);

  options.send = SignalPlan{SIGINT, milliseconds(0), "ready"};
  const ProcessResult caught = run_process(
      {"sh", "-c", "trap 'echo caught; exit 3' INT; echo ready; while :; do sleep 0.01; done"},
      options);
  CHECK(caught.exit_code == 3);
  CHECK(caught.out == "ready\ncaught\n");

  options = {};
  options.timeout = milliseconds(30);
  const ProcessResult late = run_process({"sleep", "10"}, options);
  CHECK(late.timed_out);
  CHECK(late.signal == SIGKILL);

  options = {};
  options.folder = "/";
  options.environment = {{"GSX_TEST_WORD", "hello"}};
  const ProcessResult placed = run_process({"sh", "-c", "pwd; echo $GSX_TEST_WORD >&2"}, options);
  CHECK(placed.out == "/\n");
  CHECK(placed.err == "hello\n");
  CHECK_THROWS_WITH(run_process({"./no-such-program"}),
                    Catch::Matchers::Contains("cannot run ./no-such-program"));
}
