// When to record and when to replay; see captured.h.
#include "engine/captured.h"

#include "engine/work_span.h"

namespace gsx {

void Captured::run(const ContextPtr& context, const std::string& key,
                   const std::function<void()>& work) {
  const bool may = !key.empty() && context->records() && !work_observer();
  // Work done in between would leave its results elsewhere: the recording is of no use any more.
  if (!may || context != context_ || key != key_) {
    recording_.reset();
    runs_ = 0;
    context_ = context;
    key_ = key;
  }
  if (!may || runs_ < kOrdinaryRuns) {
    ++runs_;
    return work();
  }
  if (!recording_) recording_ = Context::record(context, work);
  context->replay(*recording_);
}

}  // namespace gsx
