// Limits of control groups, from texts as kernels and containers give them.
#include "kernels/limits.h"

#include <map>

#include "tests/catch.h"

using namespace gsx::kernels;

namespace {

using Files = std::map<std::string, std::string>;

ReadText reader(const Files& files) {
  return [files](const std::string& path) -> std::optional<std::string> {
    const auto found = files.find(path);
    if (found == files.end()) return std::nullopt;
    return found->second;
  };
}

const std::string kSecond = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n";
const std::string kFirst =
    "22 1 0:21 / /proc rw - proc proc rw\n"
    "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
    "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";
const std::string kFirstGroups = "5:memory:/user/job\n4:cpu,cpuacct:/user/job\n0::/\n";

Files with(Files files, const Files& more) {
  files.insert(more.begin(), more.end());
  return files;
}

}  // namespace

TEST_CASE("limits: processors that control groups allow") {
  const Files second = {{"/proc/self/mountinfo", kSecond}, {"/proc/self/cgroup", "0::/a/b\n"}};
  const Files first = {{"/proc/self/mountinfo", kFirst}, {"/proc/self/cgroup", kFirstGroups}};
  const std::string v1 = "/sys/fs/cgroup/cpu,cpuacct", v2 = "/sys/fs/cgroup";
  struct Row {
    const char* name;
    Files files;
    std::optional<double> quota;
  };
  const Row rows[] = {
      {"no control groups", {}, {}},
      {"version 2, its own", with(second, {{v2 + "/a/b/cpu.max", "150000 100000\n"}}), 1.5},
      {"version 2, no limit", with(second, {{v2 + "/a/b/cpu.max", "max 100000\n"}}), {}},
      {"version 2, a parent's",
       with(second, {{v2 + "/a/b/cpu.max", "max 100000\n"}, {v2 + "/a/cpu.max", "50000 100000\n"}}),
       0.5},
      {"version 2, the tightest",
       with(second,
            {{v2 + "/a/b/cpu.max", "400000 100000\n"}, {v2 + "/a/cpu.max", "300000 100000\n"}}),
       3.0},
      {"version 2, nonsense", with(second, {{v2 + "/a/b/cpu.max", "lots\n"}}), {}},
      {"version 2, no period", with(second, {{v2 + "/a/b/cpu.max", "100000 0\n"}}), {}},
      {"version 1",
       with(first, {{v1 + "/user/job/cpu.cfs_quota_us", "250000\n"},
                    {v1 + "/user/job/cpu.cfs_period_us", "100000\n"}}),
       2.5},
      {"version 1, no limit",
       with(first, {{v1 + "/user/job/cpu.cfs_quota_us", "-1\n"},
                    {v1 + "/user/job/cpu.cfs_period_us", "100000\n"}}),
       {}},
      {"version 1, a parent's",
       with(first, {{v1 + "/user/job/cpu.cfs_quota_us", "-1\n"},
                    {v1 + "/user/job/cpu.cfs_period_us", "100000\n"},
                    {v1 + "/cpu.cfs_quota_us", "100000\n"},
                    {v1 + "/cpu.cfs_period_us", "100000\n"}}),
       1.0},
      {"a container that sees its part only",
       {{"/proc/self/mountinfo",
         "30 23 0:26 /docker/12ab /sys/fs/cgroup ro - cgroup2 cgroup2 rw\n"},
        {"/proc/self/cgroup", "0::/docker/12ab/inner\n"},
        {v2 + "/inner/cpu.max", "200000 100000\n"}},
       2.0},
      {"a namespace whose top is the group",
       {{"/proc/self/mountinfo", kSecond},
        {"/proc/self/cgroup", "0::/\n"},
        {v2 + "/cpu.max", "10000 100000\n"}},
       0.1},
  };
  for (const Row& row : rows) {
    INFO(row.name);
    CHECK(group_processors(reader(row.files)) == row.quota);
  }
}

TEST_CASE("limits: threads follow the quota, rounded up") {
  CHECK(Processors{8, {}}.threads() == 8);
  CHECK(Processors{8, 2.0}.threads() == 2);
  CHECK(Processors{8, 2.1}.threads() == 3);
  CHECK(Processors{8, 0.1}.threads() == 1);
  CHECK(Processors{2, 64.0}.threads() == 2);
  CHECK(Processors{2, 1e18}.threads() == 2);
  CHECK(processors().threads() >= 1);
}

TEST_CASE("limits: memory that control groups leave") {
  const std::string v1 = "/sys/fs/cgroup/memory", v2 = "/sys/fs/cgroup";
  const Files second = {{"/proc/self/mountinfo", kSecond}, {"/proc/self/cgroup", "0::/a/b\n"}};
  const Files first = {{"/proc/self/mountinfo", kFirst}, {"/proc/self/cgroup", kFirstGroups}};
  CHECK(group_memory(reader({})) == std::nullopt);
  CHECK(group_memory(reader(with(
            second, {{v2 + "/a/b/memory.max", "max\n"}, {v2 + "/a/b/memory.current", "700\n"}}))) ==
        std::nullopt);
  // What caches files makes way; a parent may leave less.
  CHECK(group_memory(reader(
            with(second, {{v2 + "/a/b/memory.max", "1000\n"},
                          {v2 + "/a/b/memory.current", "700\n"},
                          {v2 + "/a/b/memory.stat", "anon 500\ninactive_file 200\n"}}))) == 500);
  CHECK(group_memory(reader(with(second, {{v2 + "/a/b/memory.max", "1000\n"},
                                          {v2 + "/a/b/memory.current", "1700\n"},
                                          {v2 + "/a/memory.max", "900\n"},
                                          {v2 + "/a/memory.current", "100\n"}}))) == 0);
  CHECK(group_memory(reader(
            with(first, {{v1 + "/user/job/memory.limit_in_bytes", "2000\n"},
                         {v1 + "/user/job/memory.usage_in_bytes", "500\n"},
                         {v1 + "/user/job/memory.stat", "total_inactive_file 100\n"}}))) == 1600);
  CHECK(memory_room().bytes > 0);
  CHECK(!memory_room().set_by.empty());
}
