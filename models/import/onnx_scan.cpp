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
// Fields of tensors: their numbers, and raw data of more bytes than are worth a place of their own.
constexpr uint64_t kSegment = 3, kRawData = 9, kLarge = 1024;

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

  // to: where the message is written without large weights; null: nowhere.
  void message(MessageKind kind, uint64_t end, int depth, std::string* to) {
    need(depth < kMostDepth, "nests its messages too deep");
    while (at_ < end) {
      const uint64_t start = at_;
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
          if (kind == MessageKind::tensor && field == kRawData && length > kLarge) {
            left_out_ += length;
            if (to) add_part(*to, kSegment, segment(behind - length, behind));
          } else if (const MessageKind part = part_of(kind, field); part != MessageKind::other) {
            std::string inside;
            message(part, behind, depth + 1, to ? &inside : nullptr);
            if (to) add_part(*to, field, inside);
          } else if (to) {
            GSX_CHECK(kind != MessageKind::tensor || field != kSegment, file_.path().string(),
                      ": the ONNX file has a weight in segments, which gsx does not read");
            copy(start, behind, *to);
          }
          at_ = behind;
          break;
        }
        default: need(false, "is no protobuf message");
      }
      if (to && (tag & 7) != 2) copy(start, at_, *to);
    }
    need(at_ == end, "is cut off");
  }

  uint64_t left_out() const { return left_out_; }  // bytes of large weights

 private:
  static void add_varint(std::string& to, uint64_t value) {
    for (; value >= 0x80; value >>= 7) to += static_cast<char>(value | 0x80);
    to += static_cast<char>(value);
  }
  static void add_part(std::string& to, uint64_t field, const std::string& part) {
    add_varint(to, field << 3 | 2);
    add_varint(to, part.size());
    to += part;
  }
  static std::string segment(uint64_t begin, uint64_t end) {
    std::string part;
    for (const auto& [field, value] : {std::pair{1, begin}, {2, end}}) {
      add_varint(part, static_cast<uint64_t>(field) << 3);
      add_varint(part, value);
    }
    return part;
  }

  void copy(uint64_t from, uint64_t end, std::string& to) {
    for (at_ = from; at_ < end;) {
      look();
      const uint64_t n = std::min(end, first_ + window_.size()) - at_;
      to.append(reinterpret_cast<const char*>(&window_[at_ - first_]), n);
      at_ += n;
    }
  }

  void need(bool holds, const char* otherwise) const {
    GSX_CHECK(holds, file_.path().string(), ": the ONNX file ", otherwise,
              "; it is damaged, get or export it anew");
  }

  void skip(uint64_t bytes, uint64_t end) {
    need(bytes <= end - at_, "is cut off");
    at_ += bytes;
  }

  // The byte at at_ comes into the window.
  void look() {
    if (at_ >= first_ && at_ < first_ + window_.size()) return;
    first_ = at_;
    window_ = file_.read_at(at_, std::min<uint64_t>(1 << 14, file_.size() - at_));
  }

  uint8_t byte() {
    look();
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
  uint64_t first_ = 0, at_ = 0, cost_ = 0, left_out_ = 0;
};

}  // namespace

void check_messages(const InputFile& file) {
  Scanner(file).message(MessageKind::model, file.size(), 0, nullptr);
}

std::string without_weights(const InputFile& file) {
  Scanner look(file);
  look.message(MessageKind::model, file.size(), 0, nullptr);
  if (look.left_out() <= file.size() / 2) return {};
  std::string rest;
  Scanner(file).message(MessageKind::model, file.size(), 0, &rest);
  return rest;
}

}  // namespace gsx::onnx_import
