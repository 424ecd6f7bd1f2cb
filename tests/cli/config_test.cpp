// Files of settings and the values of flags: every setting comes back as it was typed, and what can
// be read two ways is refused.
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "engine/path_text.h"
#include "gs/train/checkpoint.h"
#include "tests/catch.h"
#include "tests/cli/process.h"
#include "tests/cli/tiny_model.h"
#include "tests/temp_dir.h"
#include "tools/commands.h"
#include "tools/config_file.h"
#include "tools/values.h"

namespace fs = std::filesystem;
using namespace gsx::tools;
using gsx::from_utf8;
using gsx::to_utf8;

namespace {

// `gsx train` that reads its flags and does nothing.
struct TrainFlags {
  Program program{"", "gsx", ""};
  std::shared_ptr<void> settings;  // what the flags are read into, without a callback that holds it
  Command train;
  explicit TrainFlags(std::vector<std::string> words = {})
      : settings(add_train(program.command())), train(program.command().subcommand("train")) {
    check_values(train);
    train.callback([] {});
    words.insert(words.begin(), "train");
    program.parse(words);
  }
  std::vector<std::string> results(const std::string& flag) const {
    return train.option(flag).results();
  }
};

const std::vector<std::string> kPaths = {
    "plain",    "a # b",        "#",         "\"quoted\"",   "it's",   "back\\slash",
    "C:\\new",  "two\nlines",   "tab\there", " spaced ",     "'''",    "\"\"\"",
    "= [x]",    "true",         "5",         "1e3",          "inf",    "1979-05-27",
    "\x7f\x01", "\xc3\xbc",     "\xff\xfe",  "\xef\x9e\x80", "[a, b]", "end\\",
    "\r\n",     "\xed\xa0\x80", "\\u0041"};
const std::vector<std::string> kWholes = {"1", "16", "4096", "100", "64", "8"};
const std::vector<std::string> kNaturals = {"0", "9223372036854775807", "9223372036854775808",
                                            "18446744073709551615"};
const std::vector<std::string> kNumbers = {
    "0.1", "1e-7", "20", "5.", ".5", "3.14159265358979", "1e5", "-1", "1E-05", "0", "123456.789"};
const std::vector<std::string> kEither = {"3G",    "1.5 M", "400k",      "3000000",
                                          "2.5e9", "0.25",  "calibrated"};

const std::vector<std::string>& values_for(ValueKind kind) {
  switch (kind) {
    case ValueKind::whole: return kWholes;
    case ValueKind::natural: return kNaturals;
    case ValueKind::number: return kNumbers;
    case ValueKind::number_or_text: return kEither;
    default: return kPaths;
  }
}

// What a validator like {a,b,c} in the help lets through.
std::vector<std::string> members(const Option& option) {
  const std::string type = option.type_name();
  std::vector<std::string> words;
  const size_t open = type.find('{');
  if (open == std::string::npos) return words;
  std::istringstream list(type.substr(open + 1, type.find('}') - open - 1));
  for (std::string word; std::getline(list, word, ',');) words.push_back(word);
  return words;
}

void write(const fs::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

std::string config_refusal(const std::string& text) {
  const TempDir dir;
  write(dir.path() / "own.toml", text);
  TrainFlags flags;
  try {
    read_config_file(flags.train, (dir.path() / "own.toml").string());
  } catch (const Misuse& error) {
    return error.what();
  }
  return "read";
}

}  // namespace

TEST_CASE("config: every setting of every kind comes back as it was typed") {
  const TempDir dir;
  const std::string file = (dir.path() / "config.toml").string();
  const TrainFlags none;
  for (const Option& option : none.train.options()) {
    if (option.long_names().empty()) continue;
    const std::string name = option.long_names()[0];
    if (name == "help" || name == "config" || name == "resume") continue;
    INFO("--" << name);
    const ValueKind kind = kind_of(option);
    std::vector<std::string> values = members(option);
    if (values.empty()) values = values_for(kind);
    if (name == "device") values = {"cpu", "cuda", "cuda:3", "emulated"};
    int accepted = 0;
    if (kind == ValueKind::flag) values = {""};
    for (const std::string& value : values) {
      INFO("value " << value);
      std::vector<std::string> words = {"--" + name};
      if (kind != ValueKind::flag) words[0] += "=" + value;
      std::unique_ptr<TrainFlags> typed, read;
      try {
        typed = std::make_unique<TrainFlags>(words);
      } catch (const Misuse&) {
        continue;  // out of this option's range
      }
      ++accepted;
      write(file, "# a comment\n" + config_text(typed->train, dir.path(), {}));
      read = std::make_unique<TrainFlags>();
      read_config_file(read->train, file);
      const auto were = typed->results("--" + name), are = read->results("--" + name);
      if (kind == ValueKind::number) CHECK(parse_number(are.at(0)) == parse_number(were.at(0)));
      else CHECK(are == were);
      CHECK(config_text(read->train, dir.path(), {}) == config_text(typed->train, dir.path(), {}));
    }
    CHECK(accepted > 0);
  }
}

TEST_CASE("config: bytes that are no UTF-8 pass through it, and UTF-8 stays as it is") {
  for (const std::string& path : kPaths) CHECK(from_utf8(to_utf8(path)) == path);
  CHECK(to_utf8("\xc3\xbc") == "\xc3\xbc");
  CHECK(to_utf8("a\xff") == "a\xef\x9f\xbf");
}

TEST_CASE("config: what is wrong with a file of settings is told with its line") {
  struct Row {
    std::string text, saying;
  };
  const std::vector<Row> rows = {
      {"width = \"8\"", "line 1: width must be a whole number, got text"},
      {"\nwidth = [8]", "line 2: width must be a whole number, got a list"},
      {"width = 1.5", "width must be a whole number, got a number with a fraction"},
      {"width = 0", "line 1: --width"},
      {"width = 0x8g", "line 1: not TOML: "},
      {"width = 08", "line 1: not TOML: "},
      {"lr = \"1e-3\"", "lr must be a number, got text"},
      {"lr = 1979-05-27", "lr must be a number, got a date or time"},
      {"lr = {a = 1}", "lr must be a number, got a table"},
      {"lr = nan", "line 1: --lr: "},
      {"lr = inf", "line 1: --lr: "},
      {"data = 5", "data must be text in quotes, got a whole number"},
      {"data = true", "data must be text in quotes, got true or false"},
      {"data = \"\"", "--data: expected a value"},
      {"data = \"a", "line 1: not TOML: "},
      {"data = \"\xff\"", "line 1: not TOML: "},
      {"no-flip = 1", "no-flip must be true or false, got a whole number"},
      {"seed = -1", "--seed: expected a whole number from 0 to 18446744073709551615"},
      {"seed = \"12\"", "seed must be a whole number, got text"},
      {"size = 64\nwidth = 3\nsize = 32", "line 3: not TOML: "},
      {"target-macs = \"3 elephants\"",
       "--target-macs: expected a number above 0, with or without"},
      {"target-macs = -5", "--target-macs: expected a number above 0"},
      {"target-ratio = nan", "--target-ratio: expected a"},
      {"[train]\nwidth = 8", "line 1: unknown setting 'train'"},
      {"widht = 3", "line 1: unknown setting 'widht'; did you mean width?"},
      {"config = \"other.toml\"", "line 1: a file of settings cannot name another one"},
      {"\nresume = \"runs/gs8-1\"", "line 2: a file of settings cannot resume a run"},
      {"width = 99999999999999999999",
       "line 1: 99999999999999999999 is a larger number than any setting takes"},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    CHECK_THAT(config_refusal(row.text), Catch::Contains(row.saying));
  }
}

TEST_CASE("config: files of version 0.1.0 are still read") {
  const TempDir dir;
  const std::string file = (dir.path() / "config.toml").string();
  write(file,
        "# gsx 0.1.0: gsx train --lr .0005 --data 123 --no-flip\n"
        "data = 123\nteacher = \"cyclegan:a \\\"b\\\".safetensors\"\nno-flip = true\n"
        "target-macs = \"3G\"\nact-range = 6\nlr = .0005\nbeta = 5.\nsize = 64\nseed = "
        "18446744073709551615\n");
  TrainFlags flags;
  read_config_file(flags.train, file);
  using Words = std::vector<std::string>;
  CHECK(flags.results("--data") == Words{"123"});
  CHECK(flags.results("--teacher") == Words{"cyclegan:a \"b\".safetensors"});
  CHECK(flags.results("--no-flip") == Words{"true"});
  CHECK(flags.results("--target-macs") == Words{"3e+09"});
  CHECK(flags.results("--act-range") == Words{"6"});
  CHECK(flags.results("--lr") == Words{".0005"});
  CHECK(flags.results("--size") == Words{"64"});
  CHECK(flags.results("--seed") == Words{"18446744073709551615"});
}

TEST_CASE("config: zero means zero, but in files of before what nobody chose") {
  const TempDir dir;
  const std::string file = (dir.path() / "config.toml").string();
  const std::string settings =
      "lr = 0\nrho = 0.0\nfinetune-steps = 0\nbeta = 0\nseed = 0\nweight-decay = -1\n";
  write(file, "# settings of a run, written by gsx 0.1.0: gsx train\nbatch = 0\n" + settings);
  TrainFlags old;
  read_config_file(old.train, file);
  for (const char* name : {"--lr", "--rho", "--finetune-steps", "--batch", "--weight-decay"})
    CHECK(old.train.count(name) == 0);
  for (const char* name : {"--beta", "--seed"}) CHECK(old.train.count(name) == 1);
  CHECK_THAT(config_refusal(settings), Catch::Contains("line 6: --weight-decay: "));
  TrainFlags now({"--lr", "0", "--rho", "0", "--finetune-steps", "0"});
  CHECK(now.train.count("--lr") == 1);
}

TEST_CASE("config: flags win over the file, and false takes a flag back") {
  const TempDir dir;
  const std::string file = (dir.path() / "own.toml").string();
  // A number is a word, too, where an option chooses from such.
  write(file, "size = 64\nwidth = 8\nno-flip = false\njson = true\nweight-bits = 4\n");
  TrainFlags flags({"--size", "32"});
  read_config_file(flags.train, file);
  CHECK(flags.results("--size") == std::vector<std::string>{"32"});
  CHECK(flags.results("--width") == std::vector<std::string>{"8"});
  CHECK(flags.results("--weight-bits") == std::vector<std::string>{"4"});
  for (const char* wrong : {"weight-bits = 5\n", "teacher = 4\n"})
    CHECK_THAT(config_refusal(wrong), Catch::Contains("must be text in quotes"));
  CHECK(flags.train.count("--no-flip") == 0);
  CHECK(flags.train.count("--json") == 1);
}

TEST_CASE("values: whole numbers are decimal digits, for every flag of every command") {
  int flags = 0;
  for (const std::string command : {"train", "translate", "inspect", "eval", "bench", "info"}) {
    std::istringstream help(run_program({command, "--help"}).out);
    for (std::string line; std::getline(help, line);) {
      std::istringstream words(line);
      std::string flag, type;
      words >> flag >> type;
      const bool natural = type.rfind("UINT", 0) == 0;
      if (flag.rfind("--", 0) != 0 || (type.rfind("INT", 0) != 0 && !natural)) continue;
      ++flags;
      std::vector<std::string> values = {"010", "0x10", "1e3", "1.5",   " 5",
                                         "5 ",  "-",    "",    "five",  "+5",
                                         "00",  "-01",  "1_0", "1'000", "99999999999999999999"};
      if (natural) values.insert(values.end(), {"-1", "18446744073709551616"});
      for (const std::string& value : values) {
        const ProcessResult r = run_program({command, flag, value});
        INFO(command << " " << flag << " '" << value << "': " << r.err);
        CHECK(r.exit_code == 2);
        CHECK(r.err.rfind("gsx " + command + ": " + flag + ": ", 0) == 0);
      }
    }
  }
  CHECK(flags >= 20);
}

TEST_CASE("values: numbers are finite and decimal, and no value is empty") {
  for (const std::string value :
       {"nan", "inf", "-inf", "0x1p3", " 1", "1 ", "", "1e400", "1e39", "1e-50", "one", "1,5"}) {
    const ProcessResult r = run_program({"train", "--lr", value});
    INFO("'" << value << "': " << r.err);
    CHECK(r.exit_code == 2);
    CHECK(r.err.rfind("gsx train: --lr: ", 0) == 0);
  }
  for (const std::string flag :
       {"--config", "--data", "--teacher", "--resume", "--out", "--feature-net"}) {
    const ProcessResult apart = run_program({"train", flag, ""});
    CHECK(apart.exit_code == 2);
    CHECK(apart.err.rfind("gsx train: " + flag + ": expected a value, got an empty one", 0) == 0);
    const ProcessResult joined = run_program({"train", flag + "=", "--seed", "3"});
    CHECK(joined.exit_code == 2);
    CHECK(joined.err.rfind("gsx: " + flag + ": expected a value, got none after =", 0) == 0);
  }
  const TempDir dir;
  const ProcessResult folder = run_program({"train", "--config", dir.path().string()});
  INFO(folder.err);
  CHECK(folder.exit_code == 2);
  CHECK(folder.err.find("--config " + dir.path().string() + ": the file cannot be read: ") !=
        std::string::npos);
}

TEST_CASE("train: outputs tell the seed of the run, also of a resumed one") {
  const TempDir dir;
  const std::string seed = "18446744073709551615", run = (dir.path() / "a # 'b'").string();
  const ProcessResult first = run_program({"train",
                                           "--out",
                                           run,
                                           "--seed",
                                           seed,
                                           "--size",
                                           "16",
                                           "--width",
                                           "4",
                                           "--blocks",
                                           "1",
                                           "--batch",
                                           "1",
                                           "--threads",
                                           "1",
                                           "--rho",
                                           "0.3",
                                           "--json",
                                           "--dense-steps",
                                           "1",
                                           "--slim-steps",
                                           "1",
                                           "--finetune-steps",
                                           "1"});
  INFO(first.err);
  REQUIRE(first.exit_code == 0);
  CHECK(nlohmann::json::parse(first.out).at("seed").dump() == seed);
  const ProcessResult resumed = run_program({"train", "--resume", run, "--json"});
  INFO(resumed.err);
  REQUIRE(resumed.exit_code == 0);
  CHECK(nlohmann::json::parse(resumed.out).at("seed").dump() == seed);
  CHECK(resumed.err.find("seed " + seed + ")") != std::string::npos);
  TrainFlags flags;
  read_config_file(flags.train, run + "/config.toml");
  CHECK(flags.results("--seed") == std::vector<std::string>{seed});
}

TEST_CASE("train: every flag reaches its setting") {
  using gsx::Json;
  struct Row {
    std::vector<std::string> flag;
    std::string setting;
    Json value;
  };
  const std::vector<Row> rows = {{{"--no-flip"}, "flip", false},
                                 {{"--objective", "paper"}, "objective", "paper"},
                                 {{"--distance", "l1"}, "distance", "l1"},
                                 {{"--beta", "2.5"}, "beta", 2.5},
                                 {{"--rho", "0.25"}, "rho", 0.25},
                                 {{"--method", "gs8"}, "method", "gs8"},
                                 {{"--quant-grid", "paper"}, "quant_grid", "paper"},
                                 {{"--act-range", "2.5"}, "act_range", 2.5},
                                 {{"--prune-by", "inserted"}, "prune_by", "inserted"},
                                 {{"--importance", "scale"}, "importance", "scale"},
                                 {{"--per-tensor"}, "per_channel", false},
                                 {{"--lr", "0.0625"}, "lr", 0.0625},
                                 {{"--lr-gamma", "0.125"}, "lr_gamma", 0.125},
                                 {{"--lr-discriminator", "0.5"}, "lr_discriminator", 0.5},
                                 {{"--lr-finetune", "0.03125"}, "lr_finetune", 0.03125},
                                 {{"--weight-decay", "0.75"}, "weight_decay", 0.75},
                                 {{"--seed", "9"}, "seed", 9},
                                 {{"--size", "16"}, "size", 16},
                                 {{"--load-size", "18"}, "load_size", 18},
                                 {{"--batch", "1"}, "batch", 1},
                                 {{"--width", "4"}, "width", 4},
                                 {{"--blocks", "1"}, "blocks", 1},
                                 {{"--dense-steps", "1"}, "dense_steps", 1},
                                 {{"--slim-steps", "1"}, "slim_steps", 1},
                                 {{"--finetune-steps", "2"}, "finetune_steps", 2},
                                 {{"--checkpoint-every", "7"}, "checkpoint_every", 7},
                                 {{"--sample-every", "1000"}, "sample_every", 1000}};
  const TempDir dir;
  std::vector<std::string> words = {"train", "--out", (dir.path() / "run").string(), "--threads",
                                    "1"};
  for (const Row& row : rows) words.insert(words.end(), row.flag.begin(), row.flag.end());
  // Rates like these soon end in numbers that are not finite; the settings are written before.
  run_program(words);
  const gsx::StateReader state(dir.path() / "run" / "checkpoint.safetensors");
  for (const Row& row : rows) {
    INFO(row.flag[0]);
    CHECK(state.meta().at("config").at(row.setting) == row.value);
  }

  // Those that have an effect in other runs.
  const std::string teacher = save_generator(dir / "teacher.safetensors");
  const ProcessResult other = run_program({"train",
                                           "--out",
                                           (dir / "other").string(),
                                           "--size",
                                           "16",
                                           "--batch",
                                           "1",
                                           "--threads",
                                           "1",
                                           "--method",
                                           "distill",
                                           "--teacher",
                                           teacher,
                                           "--width",
                                           "2",
                                           "--discriminator-steps",
                                           "1",
                                           "--slim-steps",
                                           "1",
                                           "--finetune-steps",
                                           "1",
                                           "--quantize-student"});
  INFO(other.err);
  CHECK(other.exit_code == 0);
  const gsx::StateReader others(dir.path() / "other" / "checkpoint.safetensors");
  CHECK(others.meta().at("config").at("discriminator_steps") == 1);
  CHECK(others.meta().at("config").at("quantize_student") == true);
}
