// The context's caching allocator, threads and scratch memory; see context.h.
#include "engine/context.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <new>
#include <vector>

#include "engine/error.h"

namespace gsx {

namespace {
constexpr std::align_val_t kAlignment{64};

// Sizes are rounded so that tensors of nearly equal size share cached blocks: at most 1/8 is lost.
size_t rounded(size_t bytes) {
  if (bytes <= 512) return 512;
  size_t step = 64;
  while (step * 16 <= bytes) step *= 2;
  return (bytes + step - 1) / step * step;
}
}  // namespace

struct Context::Impl {
  ContextOptions options;
  kernels::ThreadPool pool;
  kernels::Workspace workspace;
  kernels::Exec exec;
  mutable std::mutex mutex;
  std::map<size_t, std::vector<void*>> cache;  // by rounded size
  MemoryStats stats;
  bool poison = false;

  explicit Impl(const ContextOptions& o) : options(o), pool(o.threads) {
    exec = {&pool, &workspace, nullptr, o.conv_algo};
  }
  void release() {
    for (auto& [size, blocks] : cache)
      for (void* p : blocks) ::operator delete(p, kAlignment);
    cache.clear();
    stats.cached_bytes = 0;
  }
};

std::ostream& operator<<(std::ostream& out, const Device&) { return out << "cpu"; }

Context::Context(const ContextOptions& options) : impl_(std::make_unique<Impl>(options)) {}
Context::~Context() { impl_->release(); }

ContextPtr Context::create(const ContextOptions& options) {
  GSX_CHECK(options.threads >= 0, "context: threads must be at least 0, got ", options.threads);
  return ContextPtr(new Context(options));
}

Device Context::device() const { return impl_->options.device; }
int Context::threads() const { return impl_->pool.size(); }
kernels::Exec& Context::exec() { return impl_->exec; }

void* Context::allocate(size_t bytes) {
  const size_t size = rounded(bytes);
  void* p = nullptr;
  {
    std::lock_guard lock(impl_->mutex);
    MemoryStats& s = impl_->stats;
    s.current_bytes += size;
    s.peak_bytes = std::max(s.peak_bytes, s.current_bytes);
    auto it = impl_->cache.find(size);
    if (it != impl_->cache.end() && !it->second.empty()) {
      p = it->second.back();
      it->second.pop_back();
      s.cached_bytes -= size;
    }
  }
  if (!p) p = ::operator new(size, kAlignment);
  if (impl_->poison) std::memset(p, 0xff, size);  // an all-ones float is a NaN
  return p;
}

void Context::deallocate(void* p, size_t bytes) noexcept {
  const size_t size = rounded(bytes);
  std::lock_guard lock(impl_->mutex);
  impl_->stats.current_bytes -= size;
  impl_->stats.cached_bytes += size;
  impl_->cache[size].push_back(p);
}

void Context::release_cache() {
  std::lock_guard lock(impl_->mutex);
  impl_->release();
}

MemoryStats Context::memory() const {
  std::lock_guard lock(impl_->mutex);
  MemoryStats s = impl_->stats;
  s.workspace_bytes = impl_->workspace.peak_bytes();
  return s;
}

void Context::reset_peak() {
  std::lock_guard lock(impl_->mutex);
  impl_->stats.peak_bytes = impl_->stats.current_bytes;
}

void Context::set_poison(bool on) { impl_->poison = on; }

}  // namespace gsx
