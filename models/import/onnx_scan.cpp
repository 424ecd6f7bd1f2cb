// A look at an ONNX file before protobuf reads it; see onnx_scan.h.
#include "models/import/onnx_scan.h"

#include <algorithm>

#include "engine/error.h"

namespace gsx::onnx_import {

namespace {

// What a text or message and what a number takes beside its bytes, about; and what is always
// allowed.
constexpr uint64_t kPart = 96, kNumber = 8, kAllowed = uint64_t{32} << 20;
constexpr int kMostDepth = 24;

// Messages that hold many parts, by their place in ONNX's schema.
enum class MessageKind : uint8_t {
  other,
  model,
  training,
  graph,
  annotation,
  node,
  attribute,
  tensor,
  sparse_tensor,
  value,
  type,
  tensor_type,
  list_type,
  map_type,
  shape,
  function
};

MessageKind part_of(MessageKind kind, uint64_t field) {
  switch (kind) {
    case MessageKind::model:
      if (field == 7) return MessageKind::graph;
      if (field == 20) return MessageKind::training;
      return field == 25 ? MessageKind::function : MessageKind::other;
    case MessageKind::training:
      return field == 1 || field == 2 ? MessageKind::graph : MessageKind::other;
    case MessageKind::graph:
      if (field == 1) return MessageKind::node;
      if (field == 5) return MessageKind::tensor;
      if (field == 14) return MessageKind::annotation;
      if (field == 15) return MessageKind::sparse_tensor;
      return field >= 11 && field <= 13 ? MessageKind::value : MessageKind::other;
    case MessageKind::function:
      if (field == 11) return MessageKind::attribute;
      if (field == 12) return MessageKind::value;
      return field == 7 ? MessageKind::node : MessageKind::other;
    case MessageKind::node: return field == 5 ? MessageKind::attribute : MessageKind::other;
    case MessageKind::attribute:
      if (field == 5 || field == 10) return MessageKind::tensor;
      if (field == 22 || field == 23) return MessageKind::sparse_tensor;
      if (field == 14 || field == 15) return MessageKind::type;
      return field == 6 || field == 11 ? MessageKind::graph : MessageKind::other;
    case MessageKind::sparse_tensor:
      return field == 1 || field == 2 ? MessageKind::tensor : MessageKind::other;
    case MessageKind::value: return field == 2 ? MessageKind::type : MessageKind::other;
    case MessageKind::type:
      if (field == 1 || field == 8) return MessageKind::tensor_type;
      if (field == 5) return MessageKind::map_type;
      return field == 4 || field == 9 ? MessageKind::list_type : MessageKind::other;
    case MessageKind::tensor_type: return field == 2 ? MessageKind::shape : MessageKind::other;
    case MessageKind::list_type: return field == 1 ? MessageKind::type : MessageKind::other;
    case MessageKind::map_type: return field == 2 ? MessageKind::type : MessageKind::other;
    default: return MessageKind::other;
  }
}

class Scanner {
 public:
  explicit Scanner(const InputFile& file) : file_(file) {}

  void message(MessageKind kind, uint64_t end, int depth) {
    need(depth < kMostDepth, "nests its messages too deep");
    while (at_ < end) {
      const uint64_t tag = varint(end), field = tag >> 3;
      need(field > 0, "is no protobuf message");
      cost_ += kNumber;
      switch (tag & 7) {
        case 0: varint(end); break;
        case 1: skip(8, end); break;
        case 5: skip(4, end); break;
        case 2: {
          const uint64_t length = varint(end);
          need(length <= end - at_, "is cut off");
          // Packed numbers of a tensor are no parts.
          const bool numbers = kind == MessageKind::tensor && field != 6 && field != 13;
          cost_ += numbers ? 0 : kPart;
          GSX_CHECK(cost_ <= 4 * file_.size() + kAllowed, file_.path().string(),
                    ": the ONNX file is made of so many small parts that reading it would take ",
                    "many times its size in memory");
          const uint64_t behind = at_ + length;
          if (const MessageKind part = part_of(kind, field); part != MessageKind::other)
            message(part, behind, depth + 1);
          at_ = behind;
          break;
        }
        default: need(false, "is no protobuf message");
      }
    }
    need(at_ == end, "is cut off");
  }

 private:
  void need(bool holds, const char* otherwise) const {
    GSX_CHECK(holds, file_.path().string(), ": the ONNX file ", otherwise,
              "; it is damaged, get or export it anew");
  }

  void skip(uint64_t bytes, uint64_t end) {
    need(bytes <= end - at_, "is cut off");
    at_ += bytes;
  }

  uint8_t byte() {
    if (at_ < first_ || at_ >= first_ + window_.size()) {
      first_ = at_;
      window_ = file_.read_at(at_, std::min<uint64_t>(1 << 14, file_.size() - at_));
    }
    return window_[at_++ - first_];
  }

  uint64_t varint(uint64_t end) {
    uint64_t value = 0;
    for (int shift = 0; shift < 70; shift += 7) {
      need(at_ < end, "is cut off");
      const uint8_t b = byte();
      if (shift < 64) value |= uint64_t{b & 0x7fu} << shift;
      if (b < 0x80) return value;
    }
    need(false, "is no protobuf message");
    return 0;
  }

  const InputFile& file_;
  std::vector<uint8_t> window_;  // the file's bytes from first_ on
  uint64_t first_ = 0, at_ = 0, cost_ = 0;
};

}  // namespace

void check_messages(const InputFile& file) {
  Scanner(file).message(MessageKind::model, file.size(), 0);
}

}  // namespace gsx::onnx_import
