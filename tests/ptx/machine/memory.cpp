// Finding an address among the allocations, and who uses which byte.
#include "tests/ptx/machine/memory.h"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace gsx::ptx {

void GlobalMemory::add(void* data, size_t bytes, std::string name) {
  const auto begin = reinterpret_cast<uint64_t>(data);
  const auto after = std::upper_bound(regions_.begin(), regions_.end(), begin,
                                      [](uint64_t a, const Region& r) { return a < r.begin; });
  regions_.insert(after, Region{begin, begin + bytes, std::move(name), {}});
}

void GlobalMemory::begin_launch() {
  for (Region& region : regions_) {
    for (auto& page : region.uses) page.reset();
  }
}

const GlobalMemory::Region* GlobalMemory::find(uint64_t address) const {
  const auto after = std::upper_bound(regions_.begin(), regions_.end(), address,
                                      [](uint64_t a, const Region& r) { return a < r.begin; });
  if (after == regions_.begin()) return nullptr;
  last_ = static_cast<size_t>(after - regions_.begin()) - 1;
  return &regions_[last_];
}

std::string GlobalMemory::outside(uint64_t address, uint32_t bytes) const {
  char text[160];
  const Region* below = find(address);
  if (below && address - below->end < (uint64_t{1} << 32)) {
    std::snprintf(text, sizeof text, "%u bytes at offset %llu of %s, which has %llu bytes", bytes,
                  static_cast<unsigned long long>(address - below->begin), below->name.c_str(),
                  static_cast<unsigned long long>(below->end - below->begin));
  } else {
    std::snprintf(text, sizeof text, "%u bytes at 0x%llx, where no allocation is", bytes,
                  static_cast<unsigned long long>(address));
  }
  return std::string("out of bounds: ") + text;
}

std::byte* GlobalMemory::access(uint64_t address, uint32_t bytes, uint32_t align, Access kind,
                                uint32_t block, std::string& what) {
  const auto holds = [&](const Region& r) {
    return address >= r.begin && address < r.end && r.end - address >= bytes;
  };
  if (last_ >= regions_.size() || !holds(regions_[last_])) {
    const Region* found = find(address);
    if (!found || !holds(*found)) {
      what = outside(address, bytes);
      return nullptr;
    }
  }
  Region& region = regions_[last_];
  if (address % align != 0) {
    what = "misaligned: " + std::to_string(bytes) + " bytes at offset " +
           std::to_string(address - region.begin) + " of " + region.name;
    return nullptr;
  }
  what = track(region, address - region.begin, bytes, kind, block);
  return what.empty() ? reinterpret_cast<std::byte*>(address) : nullptr;
}

std::string GlobalMemory::track(Region& region, uint64_t offset, uint32_t bytes, Access kind,
                                uint32_t block) {
  constexpr uint64_t kPage = std::tuple_size_v<Page>;
  // Pages lie at multiples of their size, as accesses do.
  const uint64_t place = region.begin % kPage + offset;
  if (region.uses.empty()) region.uses.resize((region.end - region.begin) / kPage + 2);
  auto& page = region.uses[place / kPage];
  if (!page) page = std::make_unique<Page>();
  Use* const uses = page->data() + place % kPage;
  const uint32_t me = block + 1;
  bool race = false, stale = false;
  if (kind == Access::write) {
    for (uint32_t i = 0; i < bytes; ++i) {
      Use& use = uses[i];
      const uint32_t reader = use.reader & ~kReadOnly;
      race |= (use.writer != 0) & (use.writer != me);
      race |= (reader != 0) & (reader != me);
      stale |= (use.reader & kReadOnly) != 0;
      use.writer = me;
    }
  } else {
    const uint32_t flag = kind == Access::read_only_path ? kReadOnly : 0;
    for (uint32_t i = 0; i < bytes; ++i) {
      Use& use = uses[i];
      const uint32_t reader = use.reader & ~kReadOnly;
      race |= (use.writer != 0) & (use.writer != me);
      stale |= (use.writer != 0) & (flag != 0);
      use.reader = (reader == 0 || reader == me ? me : kMany) | (use.reader & kReadOnly) | flag;
    }
  }
  if (!stale && !race) return {};
  const std::string where = " at offset " + std::to_string(offset) + " of " + region.name;
  if (stale) return "read-only path: this launch writes what it reads as ld.global.nc," + where;
  return "race: another block of this launch uses the same bytes," + where;
}

}  // namespace gsx::ptx
