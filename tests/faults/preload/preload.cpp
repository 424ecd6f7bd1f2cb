// A library that the tests put in front of the C library (LD_PRELOAD): calls on files below a
// folder fail, fall short or end the process when their turn comes, and what they change is kept in
// a journal. See ../control.h.
#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>

#include "tests/faults/preload/calls.h"

using namespace faults;

namespace {

// Does `call`, which gives -1 for a failure, or what is to become of it.
template <class Call>
int on_path(const char* name, Nature nature, const Call& call) {
  const Verdict v = next(name, nature);
  if (v.die) die();
  if (v.error) {
    errno = v.error;
    return -1;
  }
  return call();
}

// The same of a call on `bytes` bytes of an open file.
template <class Call>
ssize_t on_bytes(const char* name, size_t bytes, const Call& call) {
  const Verdict v = next(name, Nature::transfer);
  if (v.error) {
    errno = v.error;
    return -1;
  }
  const ssize_t done = call(v.half && bytes > 1 ? bytes / 2 : bytes);
  if (v.die) die();
  return done;
}

template <class Open>
int opened(const std::string& path, int flags, const Open& open_it) {
  const bool writes = (flags & O_ACCMODE) != O_RDONLY || (flags & O_DIRECTORY);
  const Calls calls = writes ? Calls::writing : Calls::reading;
  if (path.empty()) return open_it();
  struct stat info;
  const bool was_there = lstat(path.c_str(), &info) == 0;
  const auto go = [&] {
    const int fd = open_it();
    if (fd < 0) return fd;
    watch(fd, path, calls);
    if (writes && !was_there) note_file(Change::create, fd, path);
    else if (flags & O_TRUNC) note_file(Change::truncate, fd, path, 0);
    return fd;
  };
  if (!counts(calls)) return go();
  return on_path("open", Nature::waits, go);
}

int mode_of(int flags, va_list more) {
  return flags & (O_CREAT | O_TMPFILE) ? va_arg(more, int) : 0;
}

int flags_of(const char* mode) {
  const bool both = mode[1] == '+' || (mode[1] && mode[2] == '+');
  if (mode[0] == 'r') return both ? O_RDWR : O_RDONLY;
  return (both ? O_RDWR : O_WRONLY) | O_CREAT | (mode[0] == 'w' ? O_TRUNC : O_APPEND);
}

template <class Open>
FILE* opened_stream(const char* name, const char* mode, const Open& open_it) {
  FILE* stream = nullptr;
  opened(watched(name), flags_of(mode), [&] {
    stream = open_it();
    return stream ? fileno(stream) : -1;
  });
  return stream;
}

ssize_t written(int fd, const void* data, ssize_t done) {
  if (done > 0)
    note_file(Change::write, fd, path_of(fd), lseek(fd, 0, SEEK_CUR) - done, data,
              static_cast<size_t>(done));
  return done;
}

template <class Sync>
int synced(const char* name, int fd, const Sync& sync) {
  // Of any open file: who opened it for reading may make it durable too.
  if (!counts(Calls::writing) || path_of(fd).empty()) return sync();
  return on_path(name, Nature::waits, [&] {
    const int done = sync();
    if (done == 0) note_file(Change::sync, fd, path_of(fd));
    return done;
  });
}

// `call` changes what `path` names.
template <class Call>
int changed(const char* name, Nature nature, Change change, const std::string& path,
            const std::string& other, const Call& call) {
  if (path.empty() || !counts(Calls::writing)) return call();
  return on_path(name, nature, [&] {
    const int done = call();
    if (done == 0) note(change, path, other);
    return done;
  });
}

}  // namespace

// NOLINTBEGIN: names and signatures are the C library's.
extern "C" {

int open(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const int mode = mode_of(flags, more);
  va_end(more);
  GSX_REAL(open);
  return opened(watched(path), flags, [&] { return real_open(path, flags, mode); });
}

int open64(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const int mode = mode_of(flags, more);
  va_end(more);
  GSX_REAL(open64);
  return opened(watched(path), flags, [&] { return real_open64(path, flags, mode); });
}

FILE* fopen(const char* path, const char* mode) {
  GSX_REAL(fopen);
  return opened_stream(path, mode, [&] { return real_fopen(path, mode); });
}

FILE* fopen64(const char* path, const char* mode) {
  GSX_REAL(fopen64);
  return opened_stream(path, mode, [&] { return real_fopen64(path, mode); });
}

int mkstemp(char* pattern) {
  GSX_REAL(mkstemp);
  const std::string folder = watched(pattern);
  if (folder.empty()) return real_mkstemp(pattern);
  const auto go = [&] {
    const int fd = real_mkstemp(pattern);
    if (fd < 0) return fd;
    watch(fd, watched(pattern), Calls::writing);
    note_file(Change::create, fd, watched(pattern));
    return fd;
  };
  return counts(Calls::writing) ? on_path("mkstemp", Nature::waits, go) : go();
}

ssize_t write(int fd, const void* data, size_t bytes) {
  GSX_REAL(write);
  if (!is_watched(fd, Calls::writing)) return real_write(fd, data, bytes);
  return on_bytes("write", bytes,
                  [&](size_t n) { return written(fd, data, real_write(fd, data, n)); });
}

ssize_t writev(int fd, const iovec* parts, int count) {
  GSX_REAL(writev);
  if (!is_watched(fd, Calls::writing)) return real_writev(fd, parts, count);
  std::string all;
  for (int i = 0; i < count; ++i)
    all.append(static_cast<const char*>(parts[i].iov_base), parts[i].iov_len);
  return write(fd, all.data(), all.size());
}

ssize_t pwrite(int fd, const void* data, size_t bytes, off_t offset) {
  GSX_REAL(pwrite);
  if (!is_watched(fd, Calls::writing)) return real_pwrite(fd, data, bytes, offset);
  return on_bytes("pwrite", bytes, [&](size_t n) {
    const ssize_t done = real_pwrite(fd, data, n, offset);
    if (done > 0)
      note_file(Change::write, fd, path_of(fd), offset, data, static_cast<size_t>(done));
    return done;
  });
}

ssize_t read(int fd, void* to, size_t bytes) {
  GSX_REAL(read);
  if (!is_watched(fd, Calls::reading)) return real_read(fd, to, bytes);
  return on_bytes("read", bytes, [&](size_t n) { return real_read(fd, to, n); });
}

ssize_t pread(int fd, void* to, size_t bytes, off_t offset) {
  GSX_REAL(pread);
  if (!is_watched(fd, Calls::reading)) return real_pread(fd, to, bytes, offset);
  return on_bytes("pread", bytes, [&](size_t n) { return real_pread(fd, to, n, offset); });
}

int ftruncate(int fd, off_t length) {
  GSX_REAL(ftruncate);
  if (!is_watched(fd, Calls::writing)) return real_ftruncate(fd, length);
  return on_path("ftruncate", Nature::waits, [&] {
    const int done = real_ftruncate(fd, length);
    if (done == 0) note_file(Change::truncate, fd, path_of(fd), length);
    return done;
  });
}

int fchmod(int fd, mode_t mode) {
  GSX_REAL(fchmod);
  if (!is_watched(fd, Calls::writing)) return real_fchmod(fd, mode);
  return on_path("fchmod", Nature::grows, [&] { return real_fchmod(fd, mode); });
}

int fsync(int fd) {
  GSX_REAL(fsync);
  return synced("fsync", fd, [&] { return real_fsync(fd); });
}

int fdatasync(int fd) {
  GSX_REAL(fdatasync);
  return synced("fdatasync", fd, [&] { return real_fdatasync(fd); });
}

// A file is closed whatever close() says.
int close(int fd) {
  GSX_REAL(close);
  if (!forget(fd)) return real_close(fd);
  const Verdict v = next("close", Nature::removes);
  if (v.die) die();
  const int done = real_close(fd);
  if (v.error) errno = v.error;
  return v.error ? -1 : done;
}

int fclose(FILE* stream) {
  GSX_REAL(fclose);
  if (!forget(fileno(stream))) return real_fclose(stream);
  const Verdict v = next("fclose", Nature::removes);
  if (v.die) die();
  const int done = real_fclose(stream);
  if (v.error) errno = v.error;
  return v.error ? EOF : done;
}

int rename(const char* from, const char* to) {
  GSX_REAL(rename);
  return changed("rename", Nature::grows, Change::rename, watched(from), watched(to),
                 [&] { return real_rename(from, to); });
}

int link(const char* from, const char* to) {
  GSX_REAL(link);
  return changed("link", Nature::grows, Change::link, watched(from), watched(to),
                 [&] { return real_link(from, to); });
}

int unlink(const char* path) {
  GSX_REAL(unlink);
  return changed("unlink", Nature::removes, Change::unlink, watched(path), {},
                 [&] { return real_unlink(path); });
}

int unlinkat(int folder, const char* path, int flags) {
  GSX_REAL(unlinkat);
  return changed("unlinkat", Nature::removes, flags & AT_REMOVEDIR ? Change::rmdir : Change::unlink,
                 watched_at(folder, path), {}, [&] { return real_unlinkat(folder, path, flags); });
}

int remove(const char* path) {
  GSX_REAL(remove);
  struct stat info;
  const bool folder = lstat(path, &info) == 0 && S_ISDIR(info.st_mode);
  return changed("remove", Nature::removes, folder ? Change::rmdir : Change::unlink, watched(path),
                 {}, [&] { return real_remove(path); });
}

int rmdir(const char* path) {
  GSX_REAL(rmdir);
  return changed("rmdir", Nature::removes, Change::rmdir, watched(path), {},
                 [&] { return real_rmdir(path); });
}

int mkdir(const char* path, mode_t mode) {
  GSX_REAL(mkdir);
  return changed("mkdir", Nature::grows, Change::mkdir, watched(path), {},
                 [&] { return real_mkdir(path, mode); });
}

pid_t fork() {
  GSX_REAL(fork);
  note_start();
  return real_fork();
}

int execve(const char* path, char* const words[], char* const environment[]) {
  GSX_REAL(execve);
  note_start();
  return real_execve(path, words, environment);
}

int posix_spawn(pid_t* made, const char* path, const posix_spawn_file_actions_t* actions,
                const posix_spawnattr_t* attributes, char* const words[],
                char* const environment[]) {
  GSX_REAL(posix_spawn);
  note_start();
  return real_posix_spawn(made, path, actions, attributes, words, environment);
}

int system(const char* command) {
  GSX_REAL(system);
  note_start();
  return real_system(command);
}

FILE* popen(const char* command, const char* mode) {
  GSX_REAL(popen);
  note_start();
  return real_popen(command, mode);
}

}  // extern "C"
// NOLINTEND
