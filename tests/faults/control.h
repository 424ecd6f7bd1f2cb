// What the tests and the library in a program under test (preload/) share: a file that both map.
#pragma once
#include <atomic>
#include <cstdint>

namespace faults {

// What happens to the call whose turn it is.
enum class Kind : uint32_t {
  none,
  full,         // the disk is full from here on: half of a write, then ENOSPC
  io_error,     // EIO, once
  broken,       // EIO from here on
  interrupted,  // EINTR, once, of calls that can be interrupted
  short_count,  // half of what was asked for, once
  kill,         // the process ends instead
  torn,         // the process ends amid it: half of a write is done
};

enum class Calls : uint32_t { writing, reading };

// Names of environment variables.
inline constexpr const char* kControlFile = "GSX_FAULTS_CONTROL";

// Calls count that concern files below `root`, an absolute path without links; empty: all files.
struct Control {
  Kind kind;
  Calls calls;
  int64_t turn;  // of the call, from 0; none where it is below
  std::atomic<int64_t> seen;
  char what[32];                 // the call whose turn it was
  std::atomic<int64_t> started;  // programs and processes
  char root[2000];
  char journal[2000];  // a file that gets every successful change; empty: none
};

// One change in the journal, followed by `path`, `other` and `data`.
enum class Change : uint32_t { create, write, truncate, sync, rename, link, unlink, mkdir, rmdir };
struct Record {
  Change change;
  uint32_t path, other;  // lengths; of `create` to `rmdir`, and of `sync` of a folder
  uint64_t inode;        // of `create` to `sync`; 0 for folders
  int64_t offset;        // of `write`; of `truncate`, the length
  uint64_t data;         // length
};

}  // namespace faults
