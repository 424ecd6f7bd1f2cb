// Who watches this thread's work; see profile_scope.h.
#include "engine/profile_scope.h"

namespace gsx {

namespace {
thread_local ProfileObserver* watching = nullptr;
}

ObserveProfile::ObserveProfile(ProfileObserver& observer) : before_(watching) {
  watching = &observer;
}
ObserveProfile::~ObserveProfile() { watching = before_; }

ProfileObserver* profile_observer() { return watching; }

}  // namespace gsx
