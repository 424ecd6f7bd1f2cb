// Event files; see tensorboard.h. The messages are few and small, and written by hand: protocol
// buffers would be a dependency of every build.
#include "tools/tensorboard.h"

#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstring>

#include "engine/error.h"
#include "engine/io/atomic_file.h"

namespace gsx::tools {

namespace fs = std::filesystem;

namespace {

template <class T>
std::string little_endian(T number) {
  std::string bytes;
  for (size_t i = 0; i < sizeof number; ++i) bytes += static_cast<char>(number >> 8 * i & 0xff);
  return bytes;
}

// A message of protocol buffers, field by field.
class Message {
 public:
  Message& number(int field, uint64_t value) {
    key(field, 0);
    varint(value);
    return *this;
  }
  Message& real(int field, double value) {
    key(field, 1);
    bytes_ += little_endian(std::bit_cast<uint64_t>(value));
    return *this;
  }
  Message& real32(int field, float value) {
    key(field, 5);
    bytes_ += little_endian(std::bit_cast<uint32_t>(value));
    return *this;
  }
  Message& text(int field, std::string_view value) {
    key(field, 2);
    varint(value.size());
    bytes_ += value;
    return *this;
  }
  Message& reals(int field, const std::vector<double>& values) {
    std::string packed;
    for (const double v : values) packed += little_endian(std::bit_cast<uint64_t>(v));
    return text(field, packed);
  }
  const std::string& bytes() const { return bytes_; }

 private:
  void key(int field, int wire_type) { varint(static_cast<uint64_t>(field << 3 | wire_type)); }
  void varint(uint64_t value) {
    for (; value > 127; value >>= 7) bytes_ += static_cast<char>((value & 127) | 128);
    bytes_ += static_cast<char>(value);
  }
  std::string bytes_;
};

// Fields of the messages, by their names in TensorFlow's files.
namespace event {
constexpr int kWallTime = 1, kStep = 2, kFileVersion = 3, kSummary = 5, kSessionLog = 7;
}
namespace summary_fields {
constexpr int kValue = 1;
constexpr int kTag = 1, kSimpleValue = 2, kImage = 4, kHistogram = 5;  // of a value
}  // namespace summary_fields
namespace histogram {
constexpr int kMin = 1, kMax = 2, kCount = 3, kSum = 4, kSumSquares = 5, kLimits = 6, kBuckets = 7;
}
namespace image {
constexpr int kHeight = 1, kWidth = 2, kColours = 3, kEncoded = 4;
}

Message new_event() {
  const std::chrono::duration<double> now = std::chrono::system_clock::now().time_since_epoch();
  Message e;
  e.real(event::kWallTime, now.count());
  return e;
}

void add_scalar(Message& s, const std::string& tag, double value) {
  Message v;
  v.text(summary_fields::kTag, tag).real32(summary_fields::kSimpleValue, static_cast<float>(value));
  s.text(summary_fields::kValue, v.bytes());
}

// A histogram of the log, in which channels that are pruned lie at zero.
void add_histogram(Message& s, const std::string& tag, const Json& gammas) {
  const double least = gammas.value("least", 0.0), per_octave = gammas.value("per_octave", 1.0);
  std::vector<double> limits = {0}, buckets = {gammas.value("zero", 0.0)};
  double sum = 0, squares = 0, count = buckets[0], largest = 0;
  for (const Json& counted : gammas.at("counts")) {
    const double n = counted.get<double>(), i = static_cast<double>(limits.size());
    const double limit = std::exp2(least + i / per_octave);
    const double middle = std::exp2(least + (i - 0.5) / per_octave);
    limits.push_back(limit);
    buckets.push_back(n);
    sum += n * middle;
    squares += n * middle * middle;
    count += n;
    if (n > 0) largest = limit;
  }
  Message h;
  h.real(histogram::kMin, 0).real(histogram::kMax, largest).real(histogram::kCount, count);
  h.real(histogram::kSum, sum).real(histogram::kSumSquares, squares);
  h.reals(histogram::kLimits, limits).reals(histogram::kBuckets, buckets);
  Message v;
  v.text(summary_fields::kTag, tag).text(summary_fields::kHistogram, h.bytes());
  s.text(summary_fields::kValue, v.bytes());
}

std::string summary_event(const Message& s, int step) {
  Message e = new_event();
  e.number(event::kStep, static_cast<uint64_t>(step)).text(event::kSummary, s.bytes());
  return e.bytes();
}

}  // namespace

uint32_t masked_crc32c(std::string_view bytes) {
  static const std::array<uint32_t, 256> table = [] {
    constexpr uint32_t kPolynomial = 0x82f63b78;  // bits from the lowest up
    std::array<uint32_t, 256> t{};
    for (uint32_t i = 0; i < t.size(); ++i) {
      t[i] = i;
      for (int bit = 0; bit < 8; ++bit) t[i] = t[i] >> 1 ^ (t[i] & 1 ? kPolynomial : 0);
    }
    return t;
  }();
  uint32_t crc = ~uint32_t{0};
  for (const char c : bytes) crc = crc >> 8 ^ table[(crc ^ static_cast<uint8_t>(c)) & 255];
  crc = ~crc;
  return (crc >> 15 | crc << 17) + 0xa282ead8;
}

void EventFiles::add(const Json& line) {
  const int step = line.at("total_step").get<int>();
  open(step);
  const std::string stage = line.at("stage").text() + "/";
  Message s;
  for (const auto& [key, value] : line.items())
    if (key != "step" && key != "total_step" && key != "seconds" && value.is_number())
      add_scalar(s, stage + key, value.get<double>());
  if (line.contains("channels"))
    add_scalar(s, stage + "channels", line.at("channels").value("kept", 0.0));
  if (line.contains("gammas")) add_histogram(s, stage + "gammas", line.at("gammas"));
  write(summary_event(s, step));
}

void EventFiles::add(const Image& sheet, const std::string& stage, int total_step) {
  constexpr int kRgb = 3;
  open(total_step);
  const std::vector<uint8_t> png = encode_png(sheet);
  Message i;
  i.number(image::kHeight, static_cast<uint64_t>(sheet.height));
  i.number(image::kWidth, static_cast<uint64_t>(sheet.width)).number(image::kColours, kRgb);
  i.text(image::kEncoded, {reinterpret_cast<const char*>(png.data()), png.size()});
  Message v, s;
  v.text(summary_fields::kTag, stage + "/samples").text(summary_fields::kImage, i.bytes());
  s.text(summary_fields::kValue, v.bytes());
  write(summary_event(s, total_step));
}

void EventFiles::open(int first_step) {
  if (out_.is_open()) return;
  const std::error_code error = make_folders(folder_);
  GSX_CHECK(!error, "--tensorboard: cannot make the folder ", folder_.string(), ": ",
            error.message());
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(
      std::chrono::system_clock::now().time_since_epoch());
  // Readers take files in the order of their names.
  path_ = folder_ / ("events.out.tfevents." + std::to_string(now.count()) + "." +
                     std::to_string(getpid()) + ".gsx");
  out_.open(path_, std::ios::binary | std::ios::app);
  GSX_CHECK(out_, "--tensorboard: cannot write ", path_.string(), ": ", std::strerror(errno));
  Message version = new_event();
  version.text(event::kFileVersion, "brain.Event:2");
  write(version.bytes());
  constexpr uint64_t kStarted = 1;
  Message session, start = new_event();
  session.number(1, kStarted);
  start.number(event::kStep, static_cast<uint64_t>(first_step));
  start.text(event::kSessionLog, session.bytes());
  write(start.bytes());
}

void EventFiles::write(const std::string& event) {
  const std::string length = little_endian(static_cast<uint64_t>(event.size()));
  out_ << length << little_endian(masked_crc32c(length)) << event
       << little_endian(masked_crc32c(event)) << std::flush;
  GSX_CHECK(out_, "--tensorboard: cannot write ", path_.string(), ": ", std::strerror(errno));
}

}  // namespace gsx::tools
