// gsx report: a page that loads nothing else, works in a browser and shows hostile names as text.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tests/cli/process.h"
#include "tests/temp_dir.h"

namespace fs = std::filesystem;

namespace {

std::vector<std::string> small_run(const fs::path& out) {
  return {"train", "--out",          out.string(), "--size",         "16", "--width",
          "4",     "--blocks",       "1",          "--batch",        "1",  "--threads",
          "1",     "--dense-steps",  "12",         "--slim-steps",   "20", "--finetune-steps",
          "12",    "--sample-every", "10",         "--target-ratio", "3"};
}

size_t count(const std::string& text, const std::string& word) {
  size_t n = 0;
  for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++n;
  return n;
}

// What a browser makes of a page: its elements after the script ran, and what the console said.
ProcessResult in_browser(const TempDir& dir, const fs::path& page, const std::string& fragment) {
  ProcessOptions options;
  options.timeout = std::chrono::minutes(2);
  return run_process(
      {GSX_BROWSER, "--headless", "--no-sandbox", "--disable-gpu",
       "--user-data-dir=" + (dir / "profile").string(), "--enable-logging=stderr",
       "--virtual-time-budget=3000", "--dump-dom", "file://" + page.string() + fragment},
      options);
}

bool no_browser() {
  if (std::string(GSX_BROWSER).empty()) WARN("not run here: there is no chromium");
  return std::string(GSX_BROWSER).empty();
}

}  // namespace

TEST_CASE("a report shows a run, escapes its name and loads nothing") {
  const TempDir dir;
  const fs::path run = dir / "a<script>alert(1)<&\"'b", page = dir / "page.html";
  const ProcessResult trained = run_program(small_run(run));
  INFO(trained.err);
  REQUIRE(trained.exit_code == 0);
  const auto figures = nlohmann::json::parse(read_text(run / "figures.json"));
  CHECK(figures.at("method") == "gs8");
  CHECK(figures.at("seconds").get<double>() > 0);
  int rounded = 0, pruned = 0;
  for (const auto& layer : figures.at("layers")) {
    pruned += layer.at("kept") < layer.at("original");
    if (!layer.contains("input")) continue;
    ++rounded;
    CHECK(layer.at("input").at("snr").get<double>() > 5);
    CHECK(layer.at("input").at("saturated").get<double>() < 0.2);
    CHECK(layer.at("weight_snr").get<double>() > 25);
  }
  CHECK(rounded > 3);
  CHECK(pruned > 0);

  const ProcessResult made = run_program({"report", run.string(), "--out", page.string()});
  INFO(made.err);
  REQUIRE(made.exit_code == 0);
  const std::string text = read_text(page);
  CHECK(count(text, "<script") == 1);
  CHECK(text.find("a&lt;script&gt;alert(1)&lt;&amp;&quot;&#39;b") != std::string::npos);
  CHECK(count(text, "src=\"") == count(text, "src=\"data:image/png;base64,"));
  for (const char* part : {"http:", "https:", "url(", "<link", "@import"}) {
    INFO(part);
    CHECK(count(text, part) == 0);
  }
  for (const char* shown : {"surviving channels", "Gammas while pruning", "SNR of weights",
                            "Teacher and student", "gsx train --out", "--config"}) {
    INFO(shown);
    CHECK(count(text, shown) > 0);
  }

  if (no_browser()) return;
  const ProcessResult seen = in_browser(dir, page, "#cut=25&frame=0");
  INFO(seen.err);
  CHECK(seen.out.find("data-ready=\"yes\"") != std::string::npos);
  CHECK(count(seen.out, "class=\"compare\" style=\"--cut: 25%;\"") == 2);
  CHECK(seen.out.find(">step 10, dense</output>") != std::string::npos);
  CHECK(seen.err.find("CONSOLE") == std::string::npos);
}

TEST_CASE("a report says which files of a run are damaged, and shows the rest") {
  const TempDir dir;
  const fs::path run = dir / "run", page = dir / "page.html";
  REQUIRE(run_program(small_run(run)).exit_code == 0);
  std::string log = read_text(run / "log.jsonl");
  log.insert(log.find('\n') + 1, "{\"stage\":\"dense\",\"st\n\n[]\n");
  write_text(run / "log.jsonl", log + "{\"being writ");
  write_text(run / "figures.json", "{\"finished\": tr");
  std::vector<fs::path> sheets;
  for (const auto& entry : fs::directory_iterator(run / "samples")) sheets.push_back(entry.path());
  std::sort(sheets.begin(), sheets.end());
  write_text(sheets.back(), read_text(sheets.back()).substr(0, 300));
  const ProcessResult made = run_program({"report", run.string(), "--out", page.string()});
  INFO(made.err);
  REQUIRE(made.exit_code == 0);
  CHECK(made.err.find("log.jsonl has 2 damaged lines, which are left out") != std::string::npos);
  CHECK(made.err.find("figures.json is damaged") != std::string::npos);
  CHECK(made.err.find("a sheet of images is left out: ") != std::string::npos);
  CHECK(count(made.err, sheets.back().filename().string()) == 1);
  CHECK(count(read_text(page), "Teacher and student") == 1);  // the sheets before
}

TEST_CASE("a browser tells of errors and requests of a page that has some") {
  if (no_browser()) return;
  const TempDir dir;
  const fs::path page = dir / "page.html";
  write_text(dir / "log.jsonl", "");
  REQUIRE(run_program({"report", dir.path().string(), "--out", page.string()}).exit_code == 0);
  const std::string text = read_text(page);
  CHECK(in_browser(dir, page, "").err.find("CONSOLE") == std::string::npos);
  for (const char* fault : {"throw new Error('planted');", "fetch('http://localhost:9/');"}) {
    std::string faulty = text;
    faulty.insert(faulty.find("<script>") + 8, fault);
    write_text(page, faulty);
    CHECK(in_browser(dir, page, "").err.find("CONSOLE") != std::string::npos);
  }
}

TEST_CASE("a report shows runs that go on, that are old, and several side by side") {
  const TempDir dir;
  const std::string old_log =
      "{\"stage\":\"slim\",\"step\":10,\"total_step\":10,\"G\":3.5,\"seconds_per_step\":0.1}\n"
      "{\"stage\":\"slim\",\"step\":20,\"total_step\":20,\"G\":2.5,\"seconds_per_step\":0.1}\n{"
      "\"st";
  for (const char* name : {"one", "two"}) {
    fs::create_directories(dir / name);
    write_text(dir / name / "log.jsonl", old_log);
  }
  ProcessOptions here;
  here.folder = dir.path();
  const ProcessResult made = run_program({"report", "one", "two"}, here);
  INFO(made.err);
  REQUIRE(made.exit_code == 0);
  const std::string text = read_text(dir / "report.html");
  CHECK(text.find("2 runs") != std::string::npos);
  CHECK(count(text, "the log ends in stage slim, after 20 steps of all") == 2);
  CHECK(run_program({"report", "one"}, here).exit_code == 0);
  CHECK(fs::exists(dir / "one" / "report.html"));

  const ProcessResult other = run_program({"report", "one", "--out", "one/log.jsonl"}, here);
  CHECK(other.exit_code == 2);
  CHECK(other.err.find("must name a .html file, got one/log.jsonl") != std::string::npos);
  fs::create_symlink("log.jsonl", dir / "one" / "log.html");
  const ProcessResult over = run_program({"report", "one", "--out", "one/log.html"}, here);
  CHECK(over.exit_code == 1);
  CHECK(over.err.find("is a file of a run that the page shows") != std::string::npos);
  CHECK(read_text(dir / "one" / "log.jsonl") == old_log);

  write_text(dir / "two" / "figures.json", "{\"layers\": [{\"macs\": 1, \"kept\": \"all\"}]}");
  const ProcessResult odd = run_program({"report", "two"}, here);
  CHECK(odd.exit_code == 1);
  CHECK(odd.err.find("is of unexpected form") != std::string::npos);

  fs::create_directories(dir / "none");
  const ProcessResult refused = run_program({"report", "none"}, here);
  CHECK(refused.exit_code == 1);
  CHECK(refused.err.find("none is no folder of a run: it holds no log.jsonl") != std::string::npos);
}
