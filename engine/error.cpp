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
  throw Error(message.str());
}

}  // namespace gsx::error_detail
