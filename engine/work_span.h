// Named spans of work, nested, for those who measure where time goes. Nobody watching, a span costs
// one look at a thread-local pointer.
#pragma once
#include <string>

namespace gsx {

class WorkObserver {
 public:
  virtual ~WorkObserver() = default;
  virtual void begin(const std::string& name) = 0;
  virtual void end() = 0;  // the span that began last
  // What backward calls the work that undoes an operation done now; empty: by the operation's name.
  virtual std::string current() const = 0;
};

// While one lives, the observer is told of the current thread's spans.
class WatchWork {
 public:
  explicit WatchWork(WorkObserver&);
  ~WatchWork();
  WatchWork(const WatchWork&) = delete;
  WatchWork& operator=(const WatchWork&) = delete;

 private:
  WorkObserver* before_;
};

WorkObserver* work_observer();  // of the current thread, or null

class WorkSpan {
 public:
  // name(): a string, asked only when somebody watches.
  template <class Name>
  explicit WorkSpan(const Name& name) : observer_(work_observer()) {
    if (observer_) observer_->begin(name());
  }
  explicit WorkSpan(const char* name) : observer_(work_observer()) {
    if (observer_) observer_->begin(name);
  }
  ~WorkSpan() {
    if (observer_) observer_->end();
  }
  WorkSpan(const WorkSpan&) = delete;
  WorkSpan& operator=(const WorkSpan&) = delete;

 private:
  WorkObserver* observer_;
};

}  // namespace gsx
