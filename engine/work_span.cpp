// Who watches this thread's work; see work_span.h.
#include "engine/work_span.h"

namespace gsx {

namespace {
thread_local WorkObserver* watching = nullptr;
}

WatchWork::WatchWork(WorkObserver& observer) : before_(watching) { watching = &observer; }
WatchWork::~WatchWork() { watching = before_; }

WorkObserver* work_observer() { return watching; }

}  // namespace gsx
