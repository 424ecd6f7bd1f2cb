// Putting messages together; see error.h.
#include "engine/error.h"

#include <sstream>

namespace gsx::error_detail {

void Part::write(std::ostream& out) const {
  switch (kind_) {
    case Kind::text: out << text_; break;
    case Kind::real: out << real_; break;
    case Kind::integer: out << integer_; break;
    case Kind::natural: out << natural_; break;
    case Kind::other: stream_(out, other_); break;
  }
}

void fail(std::initializer_list<Part> parts) {
  std::ostringstream message;
  for (const Part& part : parts) part.write(message);
  // Parts may come from files: none of them ends the line or steers a terminal.
  std::string text = message.str();
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 32 || c == 127) c = '?';
  throw Error(text);
}

}  // namespace gsx::error_detail
