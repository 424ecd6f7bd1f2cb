// What the program says: in its own words, without the controls of a terminal where there is none,
// and not at all where nobody can read it.
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tests/cli/process.h"
#include "tests/cli/tiny_model.h"
#include "tests/temp_dir.h"

namespace fs = std::filesystem;

namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// What the program writes on a terminal of this many columns; `kind` is its TERM.
std::string on_terminal(std::vector<std::string> arguments, const char* kind, int columns) {
  winsize size = {};
  size.ws_row = 24;
  size.ws_col = static_cast<unsigned short>(columns);
  int screen = -1;
  const pid_t child = forkpty(&screen, nullptr, nullptr, &size);
  REQUIRE(child >= 0);
  if (child == 0) {
    setenv("TERM", kind, 1);
    if (!*kind) unsetenv("TERM");
    arguments.insert(arguments.begin(), GSX_PROGRAM);
    std::vector<char*> argv;
    for (std::string& word : arguments) argv.push_back(word.data());
    argv.push_back(nullptr);
    execv(argv[0], argv.data());
    _exit(127);
  }
  std::string seen;
  char buffer[4096];
  for (ssize_t n; (n = read(screen, buffer, sizeof buffer)) > 0;)
    seen.append(buffer, static_cast<size_t>(n));
  close(screen);
  int status = 0;
  waitpid(child, &status, 0);
  INFO(seen);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  return seen;
}

// A short training, whose progress shows.
std::vector<std::string> tiny_train(const fs::path& run) {
  return {"train", "--method",      "dense", "--out",     run.string(), "--size",
          "16",    "--width",       "4",     "--blocks",  "1",          "--batch",
          "1",     "--dense-steps", "3",     "--threads", "1"};
}

}  // namespace

TEST_CASE("progress is cut to the terminal, and plain where there are no codes") {
  const TempDir dir;
  constexpr int kColumns = 30;
  const std::string live = on_terminal(tiny_train(dir / "live"), "xterm", kColumns);
  const std::string clear = "\r\x1b[K";
  int lines = 0;
  for (size_t at = live.find(clear); at != std::string::npos; at = live.find(clear, at + 1)) {
    const size_t start = at + clear.size();
    const std::string line = live.substr(start, live.find_first_of("\r\n", start) - start);
    INFO(line);
    if (!contains(line, "/3 ")) continue;
    CHECK(contains(line, "dense"));
    CHECK(line.size() < kColumns);
    ++lines;
  }
  CHECK(lines > 0);
  for (const char* kind : {"dumb", ""}) {
    const std::string plain =
        on_terminal(tiny_train(dir / ("plain" + std::string(kind))), kind, kColumns);
    CHECK(contains(plain, "3/3"));
    CHECK_FALSE(contains(plain, "\x1b"));
  }
}

TEST_CASE("help and version that nobody can read are a failure") {
  for (const char* words : {"--help", "--version", "info --help", "train --help"}) {
    const ProcessResult r =
        run_process({"sh", "-c", "exec \"$0\" " + std::string(words) + " >/dev/full", GSX_PROGRAM});
    INFO(words << ": " << r.err);
    CHECK(r.exit_code == 1);
    CHECK(contains(r.err, "standard output cannot be written\n"));
  }
}

TEST_CASE("limits of numbers read as people write them") {
  struct Row {
    std::vector<std::string> words;
    std::string message;
  };
  const std::vector<Row> rows = {
      {{"eval", "m", "--data", "d", "--size", "9000"},
       "gsx eval: --size: expected a whole number from 0 to 8192, got 9000\n"},
      {{"eval", "m", "--data", "d", "--size", "010"},
       "gsx eval: --size: expected a whole number from 0 to 8192, got 010\n"},
      {{"inspect", "cyclegan", "--size", "many"},
       "gsx inspect: --size: expected a whole number from 1 to 8192, got many\n"},
      {{"inspect", "cyclegan", "--width", "99999999999999999999"},
       "gsx inspect: --width: expected a whole number from 1 to 4096, got 99999999999999999999\n"},
      {{"train", "--size", "5000"},
       "gsx train: --size: expected a whole number from 16 to 4096, got 5000\n"},
      {{"train", "--lr", "-1"}, "gsx train: --lr: expected a finite number from 0 to 1, got -1\n"},
      {{"train", "--lr", "nan"},
       "gsx train: --lr: expected a finite number from 0 to 1, got nan\n"},
      {{"train", "--rho", "inf"},
       "gsx train: --rho: expected a finite number, 0 or more, got inf\n"},
      {{"train", "--target-ratio", "0.5"},
       "gsx train: --target-ratio: expected a finite number from 1 to 1000000, got 0.5\n"},
      {{"train", "--weight-decay", "some"}, "gsx train: --weight-decay: expected a "},
      {{"translate", "m", "p", "--out"}, "gsx translate: --out needs a value\n"}};
  for (const Row& row : rows) {
    const ProcessResult r = run_program(row.words);
    CHECK(r.exit_code == 2);
    INFO(r.err);
    CHECK(r.err.rfind(row.message, 0) == 0);
  }
  const std::string help = run_program({"train", "--help"}).out;
  for (const char* words : {"[0 - ", "e+0", "INT in", "NONNEGATIVE"})
    CHECK_FALSE(contains(help, words));
  CHECK(contains(help, "--size INT: 16 to 4096"));
}

TEST_CASE("what is given twice, elsewhere or in part is told as what it is") {
  const TempDir dir;
  save_generator(dir / "m.safetensors");
  save_network(dir / "c.safetensors", "cyclegan", {{"width", 2}, {"blocks", 1}});
  save_image(dir / "a.png", 1);
  fs::create_directory(dir / "photos");
  save_image(dir / "photos" / "b.png", 1);
  fs::create_directory(dir / "empty");
  ProcessOptions there;
  there.folder = dir.path();
  struct Row {
    std::vector<std::string> words;
    int code;
    std::string message;
  };
  const std::vector<Row> rows = {
      {{"train", "--size", "16", "--size", "32"},
       2,
       "gsx train: --size is given more than once; leave all but one out\n"},
      {{"translate", "m.safetensors", "a.png", "--out", "x", "--out", "y"},
       2,
       "gsx translate: --out is given more than once; leave all but one out\n"},
      {{"translate", "m.safetensors", "a.png", "./a.png", "--out", "x"},
       1,
       "gsx translate: ./a.png is given twice; leave one out\n"},
      {{"translate", "m.safetensors", "photos", "photos/b.png", "--out", "x"},
       1,
       "gsx translate: photos/b.png is given twice; leave one out\n"},
      {{"train", "--resume", "empty"},
       1,
       "gsx train: the folder empty holds no checkpoint to go on from; start a run with --out "
       "instead of --resume\n"},
      {{"train", "--resume", "absent"}, 1, "gsx train: there is no run folder absent\n"},
      {{"eval", "c.safetensors", "--data", "photos", "--size", "1"},
       1,
       "gsx eval: --size 1 does not fit the model; the next that all networks take is "}};
  for (const Row& row : rows) {
    const ProcessResult r = run_program(row.words, there);
    INFO(r.err);
    CHECK(r.exit_code == row.code);
    CHECK(r.err.rfind(row.message, 0) == 0);
    CHECK_FALSE(contains(r.err, "train: train: "));
  }
  const auto setting = [&](const std::string& text) {
    write_text(dir / "s.toml", text);
    const ProcessResult r = run_program({"train", "--config", "s.toml"}, there);
    CHECK(r.exit_code == 2);
    return r.err;
  };
  CHECK(contains(setting("config = \"other.toml\"\n"),
                 "line 1: a file of settings cannot name another one; write its settings here"));
  CHECK(contains(setting("size = [1\n"), "settings are lines of NAME = VALUE, such as size = 64"));
}

TEST_CASE("what no file could make right is misuse") {
  const TempDir dir;
  save_generator(dir / "m.safetensors");
  save_image(dir / "a.png", 1);
  fs::create_directory(dir / "photos");
  save_image(dir / "photos" / "b.png", 1);
  save_image(dir / "photos" / "c.png", 1);
  ProcessOptions there;
  there.folder = dir.path();
  struct Row {
    std::vector<std::string> words;
    std::string message;
  };
  const std::string empty = "expected a value, got an empty one\n", none = "there is no file ";
  const std::vector<Row> rows = {
      {{"train", "--math", "bf16"}, "gsx train: tf32 and bf16 are for CUDA devices, the cpu"},
      {{"inspect", "m.safetensors", "--width", "3"}, "gsx inspect: --width: goes with a bare "},
      {{"inspect", "m.safetensors", "--blocks", "3"}, "gsx inspect: --blocks: goes with a bare "},
      {{"inspect", "squeezenet", "--width", "3"}, "gsx inspect: squeezenet: has no option 'width'"},
      {{"inspect", "cyclegan,order=foo"},
       "gsx inspect: cyclegan: order must be rgb or bgr, got foo"},
      {{"inspect", "cyclegan,foo=1"}, "gsx inspect: cyclegan: has no option 'foo'"},
      {{"inspect", "cyclegan,eps=x:no.safetensors"}, "gsx inspect: cyclegan: eps must be a number"},
      {{"inspect", "cyclegan,order"}, "gsx inspect: cyclegan,order: options are KEY=VALUE"},
      {{"inspect", "nonsense"},
       "gsx inspect: " + none +
           "nonsense and no architecture of this name; the built-in ones are " + "cyclegan, "},
      {{"eval", "cyclegan", "--data", "photos"}, "gsx eval: cyclegan is an architecture without"},
      {{"eval", "m.safetensors", "--data", "photos", "--teacher", "zebra"},
       "gsx eval: --teacher: " + none + "zebra and no"},
      {{"eval", "m.safetensors", "--data", "photos", "--feature-net", "vgg16,depth=2:f"},
       "gsx eval: --feature-net: vgg16: has no option 'depth'"},
      {{"train", "--teacher", "cyclegan,width=x:w"}, "gsx train: --teacher: cyclegan: width must"},
      {{"train", "--teacher", "zebra"}, "gsx train: --teacher: " + none + "zebra and no"},
      {{"train", "--teacher", "m.safetensors", "--discriminator", "patchgan,affin=1:d"},
       "gsx train: --discriminator: patchgan: has no option 'affin'"},
      {{"train", "--feature-net", "vgg61:f"}, "gsx train: --feature-net: vgg61:f is no file"},
      {{"bench", "infer", "--model", "zebra"}, "gsx bench: " + none + "zebra and no"},
      {{"translate", "m.safetensors", "a.png", "--out", "q.gif"},
       "gsx translate: --out: the result of a.png is a .png file, got q.gif"},
      {{"translate", "m.safetensors", "photos", "--out", "q.png"},
       "gsx translate: --out: 2 inputs need a folder, and q.png is named as an image"},
      {{"translate", "m.safetensors", "a.png", "--out", ""}, "gsx translate: --out: " + empty},
      {{"train", "--isa", ""}, "gsx train: --isa: " + empty},
      {{"train", "--method", ""}, "gsx train: --method: " + empty},
      {{"train", "--device", ""}, "gsx train: --device: " + empty},
      {{"train", "--size", ""}, "gsx train: --size: " + empty},
      {{"train", "--target-macs", ""}, "gsx train: --target-macs: " + empty},
      {{"train", "--act-range", ""}, "gsx train: --act-range: " + empty},
      {{"translate", "m.safetensors", "a.png", "--out", "o", "--background", ""},
       "gsx translate: --background: " + empty}};
  for (const Row& row : rows) {
    const ProcessResult r = run_program(row.words, there);
    INFO(row.message << "\n" << r.err);
    CHECK(r.exit_code == 2);
    CHECK(r.err.rfind(row.message, 0) == 0);
    CHECK(contains(r.err, " --help'.\n"));
    CHECK_FALSE(fs::exists(dir / "runs"));
  }
}

TEST_CASE("missing files are told once, and files in the place of folders as such") {
  const TempDir dir;
  save_generator(dir / "m.safetensors");
  save_image(dir / "a.png", 1);
  ProcessOptions there;
  there.folder = dir.path();
  const std::string missing = "No such file or directory\n";
  const std::vector<std::pair<std::vector<std::string>, std::string>> rows = {
      {{"train", "--config", "no.toml"},
       "gsx train: --config no.toml: the file cannot be read: " + missing},
      {{"train", "--config", "."},
       "gsx train: --config .: the file cannot be read: expected a file, found a folder\n"},
      {{"train", "--recipe", "no.toml"}, "gsx train: recipe no.toml: cannot be read: " + missing},
      {{"train", "--recipe", "."},
       "gsx train: recipe .: cannot be read: expected a file, found a folder\n"},
      {{"inspect", "no.safetensors"}, "gsx inspect: read no.safetensors: " + missing},
      {{"inspect", "cyclegan:no"}, "gsx inspect: read no: " + missing},
      {{"eval", "m.safetensors", "--data", "a.png"},
       "gsx eval: data: expected a folder of images or a text file that lists them, got the file "
       "a.png\n"},
      {{"eval", "m.safetensors", "--data", "no"}, "gsx eval: data: there is no folder no\n"}};
  for (const auto& [words, message] : rows) {
    const ProcessResult r = run_program(words, there);
    INFO(r.err);
    CHECK(r.exit_code != 0);
    CHECK(r.err.rfind(message, 0) == 0);
  }
}

TEST_CASE("mistyped architectures are met with the nearest one") {
  const auto said = [](const std::vector<std::string>& words) {
    const ProcessResult r = run_program(words);
    CHECK(r.exit_code == 2);
    return r.err;
  };
  const TempDir dir;
  const std::string source = save_image(dir / "a.png", 1), out = (dir / "out").string();
  CHECK(contains(said({"translate", "cyclgan:w.safetensors", source, "--out", out}),
                 "there is no architecture 'cyclgan'; did you mean cyclegan?"));
  CHECK(contains(said({"translate", "cartoongan", source, "--out", out}),
                 "is an architecture without weights; give cartoongan:weights.safetensors"));
  CHECK(contains(said({"translate", "zebra:w", source, "--out", out}),
                 "there is no architecture 'zebra'; a file can be of these: auto, cyclegan, "));
  CHECK(contains(said({"inspect", source, "--arch", "zebra"}), ", johnson, "));
  CHECK(contains(said({"inspect", source, "--arch", "jonson"}), "did you mean johnson?"));
  for (const char* command : {"inspect", "bench infer --model"}) {
    std::vector<std::string> words = {"inspect", "fast_stlye"};
    if (command != std::string("inspect")) words = {"bench", "infer", "--model", "fast_stlye"};
    CHECK(contains(said(words),
                   "there is no file fast_stlye; did you mean the architecture "
                   "fast_style?"));
  }
  CHECK(contains(said({"eval", "cyclegn", "--data", dir.path().string()}), "cyclegan?"));
  CHECK_FALSE(fs::exists(out));
}

TEST_CASE("no words of libraries and no raw bytes reach a person") {
  const TempDir dir;
  const std::string name(300, 'n'), escape = "x\x1b[31m\nq", latin = "caf\xe9";
  const std::string model = save_generator(dir / "model.safetensors");
  fs::create_directory(dir / latin);
  const std::string source = save_image(dir / latin / "a.png", 1);
  const std::string out = (dir / "out").string();
  const std::vector<std::vector<std::string>> commands = {
      {"translate", name, source, "--out", out},
      {"translate", model, name, "--out", out},
      {"translate", model, escape, "--out", out},
      {"translate", model, source, "--out", name},
      {"eval", model, "--data", name},
      {"eval", model, "--data", escape},
      {"eval", name, "--data", out},
      {"inspect", escape},
      {"train", "--out", name},
      {"train", "--out", model},
      {"train", "--resume", name},
      {"train", "--data", name, "--out", out},
      {"train", "--data", (dir / latin).string(), "--out", out},
      {"train", "--teacher", escape, "--out", out},
      {"train", "--config", escape},
      {"bench", "infer", "--model", "cyclegan", "--trace", name},
      {"bench", "nothing" + escape}};
  for (const auto& words : commands) {
    const ProcessResult r = run_program(words);
    INFO(r.err);
    CHECK((r.exit_code == 1 || r.exit_code == 2));
    for (const char* word : {"filesystem", "json", "exception", "basic_string", "_M_",
                             "std::", "an error of gsx itself", "\x1b"})
      CHECK_FALSE(contains(r.err, word));
    CHECK_FALSE(r.err.empty());
  }

  // Run folders may have such names; nothing in a run depends on them.
  const ProcessResult run = run_program(tiny_train(dir / latin / "run"));
  INFO(run.err);
  CHECK(run.exit_code == 0);

  // The command in results can be typed again, whatever is in it.
  const ProcessResult r =
      run_program({"eval", model, "--data", (dir / latin).string(), "--size", "16", "--json"});
  INFO(r.err);
  REQUIRE(r.exit_code == 0);
  const std::string command = nlohmann::json::parse(r.out).at("command");
  CHECK(contains(command, "$'" + dir.path().string() + "/caf\\xe9'"));
}

TEST_CASE("a run replaces nothing that it is made from") {
  const TempDir dir;
  const auto refused = [&](std::vector<std::string> words, const std::string& why) {
    words.insert(words.begin(), "train");
    const ProcessResult r = run_program(words);
    INFO(r.err);
    CHECK(r.exit_code == 1);
    CHECK(contains(r.err, why));
  };
  const std::string here = dir.path().string();
  write_text(dir / "config.toml", "seed = 3\n");
  refused({"--config", (dir / "config.toml").string(), "--out", here},
          "holds config.toml already, which the run would write over");
  CHECK(read_text(dir / "config.toml") == "seed = 3\n");
  fs::create_directories(dir / "shots/samples");
  save_image(dir / "shots/samples/a.png", 1);
  refused({"--data", (dir / "shots/samples").string(), "--out", (dir / "shots").string()},
          "holds samples already, which the run would write over");

  // A trace is not worth a model.
  const std::string model = save_generator(dir / "model.safetensors");
  const std::string bytes = read_text(model);
  const ProcessResult r = run_program(
      {"bench", "infer", "--model", model, "--size", "16", "--samples", "1", "--trace", model});
  CHECK(r.exit_code == 1);
  CHECK(contains(r.err, "--trace: " + model + " is a file of the model"));
  CHECK(read_text(model) == bytes);
}
