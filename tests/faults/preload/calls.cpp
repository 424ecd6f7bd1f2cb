// Counting calls and writing the journal; see calls.h. Nothing here may call what the library
// replaces, but by system calls.
#include "tests/faults/preload/calls.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <vector>

namespace faults {

namespace {

constexpr int kMostFiles = 4096;

struct Watched {
  bool here = false;
  Calls calls = Calls::reading;
  std::string path;
};

struct State {
  Control* control = nullptr;
  int journal = -1;
  std::mutex mutex;
  std::vector<Watched> files{kMostFiles};

  State() {
    const char* file = std::getenv(kControlFile);
    if (!file) return;
    const auto fd = static_cast<int>(syscall(SYS_openat, AT_FDCWD, file, O_RDWR | O_CLOEXEC));
    if (fd < 0) return;
    void* at = mmap(nullptr, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    syscall(SYS_close, fd);
    if (at == MAP_FAILED) return;
    control = static_cast<Control*>(at);
    if (control->journal[0])
      journal = static_cast<int>(syscall(SYS_openat, AT_FDCWD, control->journal,
                                         O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  }
};

// Never destroyed: files are closed until the very end.
State& state() {
  static State& one = *new State;
  return one;
}

void put(const void* data, size_t bytes) {
  const auto* at = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t n = syscall(SYS_write, state().journal, at, bytes);
    if (n <= 0) abort();
    at += n;
    bytes -= static_cast<size_t>(n);
  }
}

void put(const Record& record, const std::string& path, const std::string& other,
         const void* data) {
  const std::lock_guard lock(state().mutex);
  put(&record, sizeof record);
  put(path.data(), path.size());
  put(other.data(), other.size());
  put(data, record.data);
}

bool below_root(const std::string& path) {
  const size_t length = std::strlen(state().control->root);
  return path.compare(0, length, state().control->root) == 0 &&
         (path.size() == length || path[length] == '/');
}

}  // namespace

Verdict next(const char* name, Nature nature) {
  Control& c = *state().control;
  const int64_t turn = c.seen.fetch_add(1);
  const bool now = turn == c.turn, later = c.turn >= 0 && turn > c.turn;
  if (now) std::strncpy(c.what, name, sizeof c.what - 1);
  const bool transfer = nature == Nature::transfer;
  switch (c.kind) {
    case Kind::full:
      if (c.calls == Calls::reading || nature == Nature::removes || !(now || later)) return {};
      return now && transfer ? Verdict{0, true} : Verdict{ENOSPC};
    case Kind::io_error: return {now ? EIO : 0};
    case Kind::broken: return {now || later ? EIO : 0};
    case Kind::interrupted: return {now && (transfer || nature == Nature::waits) ? EINTR : 0};
    case Kind::short_count: return {0, now && transfer};
    case Kind::kill:
      if (now) die();
      return {};
    case Kind::torn: return {0, now && transfer, now};
    case Kind::none: return {};
  }
  return {};
}

void die() {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

bool counts(Calls calls) { return state().control && state().control->calls == calls; }

std::string watched(const char* path) {
  if (!state().control || !path) return {};
  std::string all = path;
  if (all[0] != '/') {
    char here[4096];
    if (syscall(SYS_getcwd, here, sizeof here) < 0) return {};
    all = all.rfind("./", 0) == 0 ? all.substr(2) : all;
    all = all == "." ? here : here + ("/" + all);
  }
  return below_root(all) ? all : std::string();
}

std::string watched_at(int folder, const char* path) {
  if (folder == AT_FDCWD || path[0] == '/') return watched(path);
  char name[64], at[4096];
  std::snprintf(name, sizeof name, "/proc/self/fd/%d", folder);
  const ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, name, at, sizeof at - 1);
  if (length <= 0) return {};
  return watched((std::string(at, static_cast<size_t>(length)) + "/" + path).c_str());
}

void note_start() {
  if (state().control) ++state().control->started;
}

void watch(int fd, const std::string& path, Calls calls) {
  if (fd < 0 || fd >= kMostFiles) return;
  const std::lock_guard lock(state().mutex);
  state().files[static_cast<size_t>(fd)] = {true, calls, path};
}

bool forget(int fd) {
  if (fd < 0 || fd >= kMostFiles || !state().control) return false;
  const std::lock_guard lock(state().mutex);
  Watched& file = state().files[static_cast<size_t>(fd)];
  const bool was = file.here && file.calls == state().control->calls;
  file.here = false;
  return was;
}

bool is_watched(int fd, Calls calls) {
  if (fd < 0 || fd >= kMostFiles || !counts(calls)) return false;
  const std::lock_guard lock(state().mutex);
  const Watched& file = state().files[static_cast<size_t>(fd)];
  return file.here && file.calls == calls;
}

std::string path_of(int fd) {
  if (fd < 0 || fd >= kMostFiles) return {};
  const std::lock_guard lock(state().mutex);
  const Watched& file = state().files[static_cast<size_t>(fd)];
  return file.here ? file.path : std::string();
}

void note(Change change, const std::string& path, const std::string& other) {
  if (state().journal < 0) return;
  put({change, static_cast<uint32_t>(path.size()), static_cast<uint32_t>(other.size()), 0, 0, 0},
      path, other, nullptr);
}

void note_file(Change change, int fd, const std::string& path, int64_t offset, const void* data,
               size_t bytes) {
  if (state().journal < 0) return;
  struct stat info;
  if (fstat(fd, &info) != 0) abort();
  const uint64_t inode = S_ISDIR(info.st_mode) ? 0 : info.st_ino;
  put({change, static_cast<uint32_t>(path.size()), 0, inode, offset, bytes}, path, {}, data);
}

}  // namespace faults
