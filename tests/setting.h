// Environment variables of one test.
#pragma once
#include <cstdlib>

namespace gsx::test {

// An environment variable that is unset once this is gone.
class Setting {
 public:
  Setting(const char* name, const char* value) : name_(name) { setenv(name, value, 1); }
  ~Setting() { unsetenv(name_); }
  Setting(const Setting&) = delete;
  Setting& operator=(const Setting&) = delete;

 private:
  const char* name_;
};

}  // namespace gsx::test
