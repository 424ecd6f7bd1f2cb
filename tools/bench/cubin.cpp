// ELF for CUDA, as far as gsx bench --static needs it; see cubin.h. No offset, size or index of a
// file is trusted.
#include "tools/bench/cubin.h"

#include <cxxabi.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>

#include "engine/error.h"

namespace gsx::tools {
namespace {

using Bytes = std::span<const uint8_t>;

constexpr size_t kHeaderBytes = 64, kSectionBytes = 64, kSymbolBytes = 24;
constexpr uint16_t kCuda = 190;             // e_machine
constexpr uint32_t kNoBits = 8;             // sh_type of sections without bytes in the file
constexpr uint8_t kFunction = 2;            // type of a symbol
constexpr uint8_t kEntry = 0x10;            // st_other of kernels
constexpr int64_t kReservedShared = 0x400;  // part of .nv.shared sections from sm_90 on

// Attributes in .nv.info sections.
constexpr uint8_t kSizedValue = 4;
constexpr uint8_t kMostThreads = 0x05, kRequiredThreads = 0x10, kStackBytes = 0x12,
                  kRegisters = 0x2f;

bool starts(const std::string& s, const char* with) { return s.rfind(with, 0) == 0; }

Bytes part(Bytes all, uint64_t offset, uint64_t size) {
  GSX_CHECK(offset <= all.size() && size <= all.size() - offset,
            "CUDA ELF image: a table or section ends behind the file");
  return all.subspan(offset, size);
}

template <class T>
T number(Bytes all, uint64_t offset) {
  T value;
  std::memcpy(&value, part(all, offset, sizeof(T)).data(), sizeof(T));
  return value;
}

std::string text(Bytes strings, uint64_t offset) {
  GSX_CHECK(offset < strings.size(), "CUDA ELF image: a name lies outside its table");
  const Bytes rest = strings.subspan(offset);
  const void* end = std::memchr(rest.data(), 0, rest.size());
  GSX_CHECK(end, "CUDA ELF image: a name does not end");
  return {reinterpret_cast<const char*>(rest.data()),
          static_cast<size_t>(static_cast<const uint8_t*>(end) - rest.data())};
}

struct Section {
  std::string name;
  uint32_t link = 0;
  int64_t size = 0;
  Bytes bytes;  // empty for those without bytes in the file
};

// One image: its sections, and what is said of kernels by the index of their symbol or by name.
class Image {
 public:
  explicit Image(Bytes bytes) : bytes_(bytes) {
    // From version 8 of the format on, the architecture is the flags' second byte.
    const auto flags = number<uint32_t>(bytes, 48);
    architecture_ = static_cast<int>((bytes[8] >= 8 ? flags >> 8 : flags) & 0xff);
    read_sections();
  }

  void append_kernels(std::vector<MachineKernel>& found) const {
    const Section* symbols = find(".symtab");
    if (!symbols) return;
    GSX_CHECK(symbols->link < sections_.size(), "CUDA ELF image: the symbols have no names");
    const Bytes names = sections_[symbols->link].bytes;
    for (uint32_t i = 0; (i + 1) * kSymbolBytes <= symbols->bytes.size(); ++i) {
      const Bytes symbol = part(symbols->bytes, i * kSymbolBytes, kSymbolBytes);
      if ((symbol[4] & 15) != kFunction || !(symbol[5] & kEntry)) continue;
      MachineKernel kernel;
      kernel.symbol = text(names, number<uint32_t>(symbol, 0));
      kernel.architecture = architecture_;
      const auto section = number<uint16_t>(symbol, 6);
      GSX_CHECK(section < sections_.size(), "CUDA ELF image: a kernel lies in no section");
      kernel.code = sections_[section].bytes;
      add_resources(i, kernel);
      found.push_back(std::move(kernel));
    }
  }

 private:
  void read_sections() {
    const auto table = number<uint64_t>(bytes_, 40);
    const auto count = number<uint16_t>(bytes_, 60), names_at = number<uint16_t>(bytes_, 62);
    GSX_CHECK(number<uint16_t>(bytes_, 58) == kSectionBytes && names_at < count,
              "CUDA ELF image: the table of sections is not as it should be");
    const Bytes headers = part(bytes_, table, uint64_t{count} * kSectionBytes);
    const auto contents = [&](Bytes header) {
      if (number<uint32_t>(header, 4) == kNoBits) return Bytes{};
      return part(bytes_, number<uint64_t>(header, 24), number<uint64_t>(header, 32));
    };
    const Bytes names = contents(part(headers, names_at * kSectionBytes, kSectionBytes));
    for (size_t i = 0; i < count; ++i) {
      const Bytes header = part(headers, i * kSectionBytes, kSectionBytes);
      sections_.push_back({text(names, number<uint32_t>(header, 0)), number<uint32_t>(header, 40),
                           number<int64_t>(header, 32), contents(header)});
    }
  }

  const Section* find(const std::string& name) const {
    for (const Section& s : sections_)
      if (s.name == name) return &s;
    return nullptr;
  }

  // Calls visit(attribute, value) for each sized attribute of a section, if there is that section.
  template <class Visit>
  void for_each_attribute(const std::string& section, const Visit& visit) const {
    const Section* s = find(section);
    if (!s) return;
    for (uint64_t at = 0; at + 4 <= s->bytes.size();) {
      const uint8_t format = s->bytes[at], attribute = s->bytes[at + 1];
      const uint16_t size = format == kSizedValue ? number<uint16_t>(s->bytes, at + 2) : 0;
      if (size) visit(attribute, part(s->bytes, at + 4, size));
      at += 4 + size;
    }
  }

  void add_resources(uint32_t symbol, MachineKernel& kernel) const {
    for_each_attribute(".nv.info", [&](uint8_t attribute, Bytes value) {
      if (attribute != kRegisters && attribute != kStackBytes) return;
      if (number<uint32_t>(value, 0) != symbol) return;
      const auto amount = number<uint32_t>(value, 4);
      if (attribute == kRegisters) kernel.registers = static_cast<int>(amount);
      else kernel.stack_bytes = amount;
    });
    for_each_attribute(".nv.info." + kernel.symbol, [&](uint8_t attribute, Bytes value) {
      if (attribute != kMostThreads && attribute != kRequiredThreads) return;
      const uint64_t threads = uint64_t{number<uint32_t>(value, 0)} * number<uint32_t>(value, 4) *
                               number<uint32_t>(value, 8);
      GSX_CHECK(threads <= 1024, "CUDA ELF image: a kernel has blocks of ", threads, " threads");
      kernel.threads = static_cast<int>(threads);
    });
    if (const Section* shared = find(".nv.shared." + kernel.symbol)) {
      kernel.shared_bytes = shared->size - (architecture_ >= 90 ? kReservedShared : 0);
      GSX_CHECK(kernel.shared_bytes >= 0 && kernel.shared_bytes < 1 << 20,
                "CUDA ELF image: a kernel has ", kernel.shared_bytes, " bytes of shared memory");
    }
  }

  Bytes bytes_;
  int architecture_ = 0;
  std::vector<Section> sections_;
};

bool is_cuda_image(Bytes at) {
  constexpr uint8_t kMagic[] = {0x7f, 'E', 'L', 'F', 2, 1};  // 64 bits, little-endian
  return at.size() >= kHeaderBytes && std::memcmp(at.data(), kMagic, sizeof(kMagic)) == 0 &&
         number<uint16_t>(at, 18) == kCuda;
}

}  // namespace

std::string MachineKernel::name() const {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> demangled(
      abi::__cxa_demangle(symbol.c_str(), nullptr, nullptr, &status), std::free);
  std::string full = status == 0 ? demangled.get() : symbol;
  if (starts(full, "void ")) full.erase(0, 5);
  int depth = 0;  // of template arguments
  for (size_t i = 0; i < full.size(); ++i) {
    if (full[i] == '<') ++depth;
    if (full[i] == '>') --depth;
    if (full[i] == '(' && depth == 0 && i > 0) {
      full.erase(i);
      break;
    }
  }
  for (const std::string ours :
       {"gsx::kernels::cuda::", "gsx::kernels::emulated::", "gsx::kernels::"}) {
    for (size_t at; (at = full.find(ours)) != std::string::npos;) full.erase(at, ours.size());
  }
  return full;
}

std::vector<MachineKernel> find_machine_kernels(std::span<const uint8_t> file) {
  std::vector<MachineKernel> found;
  for (size_t at = 0; at + kHeaderBytes <= file.size();) {
    const void* next = std::memchr(file.data() + at, 0x7f, file.size() - at);
    if (!next) break;
    at = static_cast<size_t>(static_cast<const uint8_t*>(next) - file.data());
    if (is_cuda_image(file.subspan(at))) Image(file.subspan(at)).append_kernels(found);
    ++at;
  }
  return found;
}

}  // namespace gsx::tools
