// Named spans of work, nested, for those who measure where time goes. Nobody watching, a span costs
// one look at a thread-local pointer.
#pragma once
#include <string>

namespace gsx {

class ProfileObserver {
 public:
  virtual ~ProfileObserver() = default;
  virtual void begin(const std::string& name) = 0;
  virtual void end() = 0;  // the span that began last
  // What backward calls the work that undoes an operation done now; empty: by the operation's name.
  virtual std::string current() const = 0;
};

// While one lives, the observer is told of the current thread's spans.
class ObserveProfile {
 public:
  explicit ObserveProfile(ProfileObserver&);
  ~ObserveProfile();
  ObserveProfile(const ObserveProfile&) = delete;
  ObserveProfile& operator=(const ObserveProfile&) = delete;

 private:
  ProfileObserver* before_;
};

ProfileObserver* profile_observer();  // of the current thread, or null

class ProfileScope {
 public:
  // name(): a string, asked only when somebody watches.
  template <class Name>
  explicit ProfileScope(const Name& name) : observer_(profile_observer()) {
    if (observer_) observer_->begin(name());
  }
  explicit ProfileScope(const char* name) : observer_(profile_observer()) {
    if (observer_) observer_->begin(name);
  }
  ~ProfileScope() {
    if (observer_) observer_->end();
  }
  ProfileScope(const ProfileScope&) = delete;
  ProfileScope& operator=(const ProfileScope&) = delete;

 private:
  ProfileObserver* observer_;
};

}  // namespace gsx
