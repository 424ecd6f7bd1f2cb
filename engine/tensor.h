// Tensor: a cheap handle to storage with a shape. Copying shares storage, clone() copies data.
#pragma once
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "engine/context.h"
#include "engine/shape.h"
#include "kernels/view.h"

namespace gsx {

namespace kernels {
class PrepackedWeights;
}

enum class DType : uint8_t { f32, u8, s8, s16, i32 };  // only f32 carries gradients
size_t size_of(DType);
std::ostream& operator<<(std::ostream&, DType);

// How elements lie in memory. Shapes and from()/to_vector() always speak the logical order.
enum class Layout : uint8_t {
  dense,   // row-major, no padding: rank 0 to 3, and anything that is not an image or a filter
  image,   // rank 4, spoken N C H W, stored NHWC with padded channel stride (kernels/view.h)
  filter,  // rank 4, spoken K C R S (output channels first), stored R S C K, K padded
};

// The largest |value| of each channel of a filter, padding lanes included, as whoever wrote the
// values last found them on the way.
struct KeptLargest {
  std::vector<float> of_channel;
  bool valid = false;  // every value is still the one that was written then
};

// A number that nothing has had before, for whoever wants to know of changes.
uint64_t next_version();

class Tensor;
class Grads;
using Backward = std::function<void(const Tensor& gy, Grads& grads)>;

class Tensor {
 public:
  Tensor() = default;

  // Fresh tensors. Without a layout, rank 4 is an image and everything else dense. `empty` leaves
  // the elements unwritten but sets the padding lanes to zero.
  static Tensor empty(const ContextPtr&, const Shape&, DType = DType::f32);
  static Tensor empty(const ContextPtr&, const Shape&, Layout, DType = DType::f32);
  static Tensor zeros(const ContextPtr&, const Shape&, DType = DType::f32);
  static Tensor zeros(const ContextPtr&, const Shape&, Layout, DType = DType::f32);
  static Tensor full(const ContextPtr&, const Shape&, float value);
  static Tensor empty_like(const Tensor&);
  static Tensor zeros_like(const Tensor&);
  // Values in logical order (NCHW, KCRS).
  static Tensor from(const ContextPtr&, std::span<const float> values, const Shape&);
  static Tensor from(const ContextPtr&, std::span<const float> values, const Shape&, Layout);

  bool defined() const { return impl_ != nullptr; }
  const Shape& shape() const;
  int64_t dim(int i) const { return shape()[i]; }
  int64_t numel() const { return shape().numel(); }
  DType dtype() const;
  Layout layout() const;
  const ContextPtr& context() const;
  kernels::Exec& exec() const { return context()->exec(); }
  const kernels::Backend& backend() const { return context()->backend(); }
  Device device() const { return context()->device(); }

  kernels::View view() const;               // of an image tensor
  kernels::FilterView filter_view() const;  // of a filter tensor
  int64_t storage_size() const;             // elements including padding lanes
  kernels::Rows rows() const;               // any storage; one element per row without padding
  // The storage, for the host: an Error where only the device can reach it.
  template <class T>
  const T* data() const {
    return static_cast<const T*>(host_data());
  }
  // For writing at once: whoever writes again later asks again, so that changed() is called.
  template <class T>
  T* mutable_data() const {
    changed();
    return static_cast<T*>(host_data());
  }
  const float* f32() const { return data<float>(); }
  // The storage, for kernels of this tensor's backend() and nobody else. Where they write into a
  // tensor that had values, call changed() first.
  template <class T = float>
  T* device_data() const {
    return static_cast<T*>(raw());
  }

  float item() const;                                   // the only element
  float at(int64_t i) const;                            // element i of a dense f32 tensor
  std::vector<float> to_vector() const;                 // logical order, converted to float
  void put(int64_t i, float value) const;               // sets element i of a dense f32 tensor
  void copy_from(std::span<const float> values) const;  // logical order, in place
  void copy_from(const Tensor& same_shape) const;       // same shape, layout and dtype, in place
  void fill(float value) const;                         // padding lanes stay zero
  // The storage as it lies, padding lanes included, read and written through copies.
  template <class T = float>
  std::vector<T> read_storage() const {
    std::vector<T> all(static_cast<size_t>(storage_size()));
    read_bytes(all.data(), sizeof(T));
    return all;
  }
  template <class T>
  void write_storage(std::span<const T> all) const {
    write_bytes(all.data(), all.size(), sizeof(T));
  }
  Tensor clone() const;                // no gradient history
  Tensor to(const ContextPtr&) const;  // a copy there, no gradient history
  Tensor detach() const;               // shares storage, no gradient history
  Tensor retyped(DType) const;         // shares storage, as elements of the same size

  bool requires_grad() const;  // a trainable leaf, or computed from one
  const Tensor& set_requires_grad(bool) const;
  // Of a filter that will not change, as it is or packed in bytes: what convolutions make of it is
  // kept, where the context lets them (ContextOptions::prepack_weights). changed() starts over.
  void prepack_weights() const;
  kernels::PrepackedWeights* prepacked_weights() const;  // null: nothing is to be kept
  // Of a filter on the CPU: from now on Adam's steps also find its largest values, for
  // weight_scales. Elsewhere it does nothing, as captured work would not notice changes.
  void keep_largest() const;
  KeptLargest* kept_largest() const;  // null: nobody asked
  // Its values are about to change: what was kept of them is out of date.
  void changed() const;
  // Another number after every change, and for every storage another.
  uint64_t version() const;
  Tensor grad() const;                 // undefined when none has been accumulated
  void set_grad(const Tensor&) const;  // replaces; an undefined tensor clears
  void zero_grad() const { set_grad({}); }
  // Adds d(this)/d(leaf) to every trainable leaf's grad() and frees the graph. Without a seed the
  // tensor must have one element; with one it is the gradient of the loss for this tensor.
  void backward() const;
  void backward(const Tensor& seed) const;

  bool same(const Tensor& other) const { return impl_ == other.impl_; }

  struct Impl;

 private:
  explicit Tensor(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
  void* raw() const;
  void* host_data() const;
  void read_bytes(void* to, size_t element) const;
  void write_bytes(const void* from, size_t count, size_t element) const;
  std::shared_ptr<Impl> impl_;
  friend Tensor record(Tensor, const char*, std::vector<Tensor>, Backward);
  friend class Grads;
  friend class BackwardPass;
};

// The only element of each of these f32 tensors of one context, read in one copy.
std::vector<float> items(const std::vector<Tensor>& scalars);

}  // namespace gsx
