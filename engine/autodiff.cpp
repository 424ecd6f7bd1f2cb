// The tape: recording operations and walking them backward; see autodiff.h.
#include "engine/autodiff.h"

#include <atomic>
#include <map>

#include "engine/profile_scope.h"
#include "engine/tensor_impl.h"
#include "kernels/backend.h"

namespace gsx {

namespace {
thread_local bool no_grad = false;
std::atomic<uint64_t> next_order{0};

void add_in_place(const Tensor& into, const Tensor& g) {
  into.changed();
  into.backend().elementwise.accumulate(into.exec(), into.storage_size(), g.device_data(),
                                        into.device_data());
}

// True when nobody else can see g's elements, so that they may be added to.
bool exclusive(const std::shared_ptr<Tensor::Impl>& g) {
  return g.use_count() == 1 && g->storage.use_count() == 1;
}
}  // namespace

NoGrad::NoGrad() : before_(no_grad) { no_grad = true; }
NoGrad::~NoGrad() { no_grad = before_; }

bool recording(const std::vector<Tensor>& inputs) {
  if (no_grad) return false;
  for (const Tensor& t : inputs)
    if (t.requires_grad()) return true;
  return false;
}

Tensor record(Tensor y, const char* op, std::vector<Tensor> inputs, Backward backward) {
  if (!recording(inputs)) return y;
  y.impl_->node = std::make_unique<GraphNode>(
      GraphNode{op, next_order++, std::move(inputs), std::move(backward),
                profile_observer() ? profile_observer()->current() : ""});
  return y;
}

// A node's inputs, and what its closure saved, let go of their nodes while it is destroyed: these
// wait in a line, which only the outermost call works off.
void let_go(std::unique_ptr<GraphNode> node) noexcept {
  thread_local GraphNode* line = nullptr;  // raw: tensors may outlive a thread's other objects
  thread_local bool working = false;
  if (!node) return;
  node->next = line;
  line = node.release();
  if (working) return;
  working = true;
  while (line) {
    const std::unique_ptr<GraphNode> first(line);
    line = first->next;
  }
  working = false;
}

// One walk from a loss back to the leaves, newest operation first.
class BackwardPass {
 public:
  struct Pending {
    std::shared_ptr<Tensor::Impl> tensor;
    Tensor grad;
  };

  void seed(const Tensor& root, const Tensor& g) { push(root, g); }

  void run() {
    while (!pending_.empty()) {
      auto it = std::prev(pending_.end());
      Pending p = std::move(it->second);
      pending_.erase(it);
      const std::unique_ptr<GraphNode> node = std::move(p.tensor->node);
      p.tensor->freed = true;
      p.tensor.reset();
      const ProfileScope span([&] { return node->made_in.empty() ? node->op : node->made_in; });
      Grads grads(*this, node->inputs, p.grad);
      node->backward(p.grad, grads);
    }
  }

  void push(const Tensor& t, Tensor g) {
    GSX_CHECK(g.shape() == t.shape() && g.layout() == t.layout(), "backward: gradient shape ",
              g.shape(), " does not match its tensor ", t.shape());
    auto& impl = t.impl_;
    if (!impl->node) {
      GSX_CHECK(!impl->freed,
                "backward: a part of this graph was freed by an earlier backward(); sum the losses "
                "and call it once");
      if (impl->grad) add_in_place(Tensor(impl->grad), g);
      else impl->grad = exclusive(g.impl_) ? std::move(g.impl_) : std::move(g.clone().impl_);
      return;
    }
    auto it = pending_.find(impl->node->order);
    if (it == pending_.end()) {
      pending_.emplace(impl->node->order, Pending{impl, std::move(g)});
      return;
    }
    Tensor& sum = it->second.grad;
    if (!exclusive(sum.impl_)) sum = sum.clone();
    add_in_place(sum, g);
  }

  Grads::Target target(const Tensor& t) {
    auto& impl = t.impl_;
    if (!impl->node) {
      const bool accumulate = impl->grad != nullptr;
      if (!accumulate) impl->grad = Tensor::empty_like(t).impl_;
      return {Tensor(impl->grad), accumulate};
    }
    auto it = pending_.find(impl->node->order);
    if (it != pending_.end()) {
      if (!exclusive(it->second.grad.impl_)) it->second.grad = it->second.grad.clone();
      return {it->second.grad, true};
    }
    Tensor buffer = Tensor::empty_like(t);
    pending_.try_emplace(impl->node->order, Pending{impl, buffer});
    return {buffer, false};
  }

 private:
  std::map<uint64_t, Pending> pending_;  // by creation order
};

bool Grads::wants(int i) const { return inputs_[i].requires_grad(); }
void Grads::add(int i, Tensor g) {
  if (wants(i)) pass_.push(inputs_[i], std::move(g));
}
void Grads::hand_on(int i) { add(i, std::move(gy_)); }
Grads::Target Grads::accumulate_into(int i) { return pass_.target(inputs_[i]); }

void Tensor::backward() const {
  GSX_CHECK(numel() == 1, "backward: without a seed the tensor must have one element, got shape ",
            shape());
  Tensor one = empty_like(*this);
  one.fill(1.0f);
  backward(one);
}

void Tensor::backward(const Tensor& seed) const {
  GSX_CHECK(requires_grad(), "backward: the tensor was not computed from anything trainable");
  NoGrad guard;
  BackwardPass pass;
  pass.seed(*this, seed);
  pass.run();
}

}  // namespace gsx
