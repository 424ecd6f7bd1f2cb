// When to capture and when to replay; see captured.h.
#include "engine/captured.h"

#include "engine/profile_scope.h"

namespace gsx {

void Captured::run(const ContextPtr& context, const std::string& key,
                   const std::function<void()>& work) {
  const bool may = !key.empty() && context->can_capture() && !profile_observer();
  // Work done in between would leave its results elsewhere: the capture is of no use any more.
  if (!may || context != context_ || key != key_) {
    capture_.reset();
    runs_ = 0;
    context_ = context;
    key_ = key;
  }
  if (!may || runs_ < kOrdinaryRuns) {
    ++runs_;
    return work();
  }
  if (!capture_) capture_ = Context::capture(context, work);
  context->replay(*capture_);
}

}  // namespace gsx
