// Making, reading and writing tensors in their layouts; see tensor.h.
#include "engine/tensor.h"

#include <algorithm>
#include <cmath>

#include "engine/tensor_impl.h"
#include "kernels/backend.h"

namespace gsx {

namespace {

Layout default_layout(const Shape& s) { return s.rank() == 4 ? Layout::image : Layout::dense; }

kernels::View view_of(const Shape& s) {
  return kernels::View::of(static_cast<int>(s[0]), static_cast<int>(s[2]), static_cast<int>(s[3]),
                           static_cast<int>(s[1]));
}
kernels::FilterView filter_of(const Shape& s) {
  return kernels::FilterView::of(static_cast<int>(s[0]), static_cast<int>(s[1]),
                                 static_cast<int>(s[2]), static_cast<int>(s[3]));
}

int64_t storage_elements(const Shape& s, Layout layout) {
  if (layout == Layout::image) return view_of(s).size();
  if (layout == Layout::filter) return filter_of(s).size();
  return s.numel();
}

// Calls f(logical index, storage index) for every element.
template <class F>
void for_each_element(const Shape& s, Layout layout, F&& f) {
  if (layout == Layout::dense) {
    for (int64_t i = 0, n = s.numel(); i < n; ++i) f(i, i);
    return;
  }
  int64_t logical = 0;
  if (layout == Layout::image) {
    const kernels::View v = view_of(s);
    for (int n = 0; n < v.n; ++n)
      for (int c = 0; c < v.c; ++c)
        for (int y = 0; y < v.h; ++y)
          for (int x = 0; x < v.w; ++x) f(logical++, v.offset(n, y, x) + c);
    return;
  }
  const kernels::FilterView v = filter_of(s);
  for (int k = 0; k < v.k; ++k)
    for (int c = 0; c < v.c; ++c)
      for (int r = 0; r < v.r; ++r)
        for (int q = 0; q < v.s; ++q) f(logical++, v.offset(r, q, c) + k);
}

// Any storage as rows of which the first c elements count.
kernels::Rows rows_of(const Shape& s, Layout layout) {
  const int64_t elements = storage_elements(s, layout);
  if (elements == s.numel()) return {elements, 1, 1};
  const int64_t c = layout == Layout::image ? s[1] : s[0];
  const int64_t cs = kernels::channel_stride(static_cast<int>(c));
  return {elements / cs, c, cs};
}

// Calls f with a null pointer of the type of t's elements.
template <class F>
auto with_type(DType t, F&& f) {
  switch (t) {
    case DType::f32: return f(static_cast<float*>(nullptr));
    case DType::u8: return f(static_cast<uint8_t*>(nullptr));
    case DType::s8: return f(static_cast<int8_t*>(nullptr));
    case DType::s16: return f(static_cast<int16_t*>(nullptr));
    case DType::i32: break;
  }
  return f(static_cast<int32_t*>(nullptr));
}

}  // namespace

size_t size_of(DType t) {
  switch (t) {
    case DType::f32:
    case DType::i32: return 4;
    case DType::s16: return 2;
    default: return 1;
  }
}

std::ostream& operator<<(std::ostream& out, DType t) {
  constexpr const char* kNames[] = {"f32", "u8", "s8", "s16", "i32"};
  return out << kNames[static_cast<int>(t)];
}

uint64_t next_version() {
  static std::atomic<uint64_t> last{0};
  return ++last;
}

Storage::Storage(ContextPtr c, size_t n)
    : context(std::move(c)), bytes(n), data(context->allocate(n)), version(next_version()) {}
Storage::~Storage() { context->deallocate(data); }

Tensor Tensor::empty(const ContextPtr& context, const Shape& shape, DType dtype) {
  return empty(context, shape, default_layout(shape), dtype);
}

Tensor Tensor::empty(const ContextPtr& context, const Shape& shape, Layout layout, DType dtype) {
  GSX_CHECK(context, "tensor: needs a context, got none");
  GSX_CHECK(layout == Layout::dense || shape.rank() == 4,
            "tensor: image and filter layouts need 4 dimensions, got shape ", shape);
  const size_t bytes = static_cast<size_t>(storage_elements(shape, layout)) * size_of(dtype);
  auto impl = std::make_shared<Impl>();
  impl->storage = std::make_shared<Storage>(context, bytes);
  impl->shape = shape;
  impl->layout = layout;
  impl->dtype = dtype;
  const kernels::Rows rows = rows_of(shape, layout);
  if (rows.cs > rows.c) {  // zero the padding lanes: the end of each pixel's or tap's row
    const size_t width = size_of(dtype);
    context->clear_rows(static_cast<std::byte*>(impl->storage->data) + rows.c * width,
                        rows.cs * width, (rows.cs - rows.c) * width, rows.rows);
  }
  return Tensor(std::move(impl));
}

Tensor Tensor::zeros(const ContextPtr& context, const Shape& shape, DType dtype) {
  return zeros(context, shape, default_layout(shape), dtype);
}

Tensor Tensor::zeros(const ContextPtr& context, const Shape& shape, Layout layout, DType dtype) {
  Tensor t = empty(context, shape, layout, dtype);
  context->clear(t.raw(), t.impl_->storage->bytes);
  return t;
}

Tensor Tensor::full(const ContextPtr& context, const Shape& shape, float value) {
  Tensor t = empty(context, shape);
  t.fill(value);
  return t;
}

Tensor Tensor::empty_like(const Tensor& t) {
  return empty(t.context(), t.shape(), t.layout(), t.dtype());
}
Tensor Tensor::zeros_like(const Tensor& t) {
  return zeros(t.context(), t.shape(), t.layout(), t.dtype());
}

Tensor Tensor::from(const ContextPtr& context, std::span<const float> values, const Shape& shape) {
  return from(context, values, shape, default_layout(shape));
}

Tensor Tensor::from(const ContextPtr& context, std::span<const float> values, const Shape& shape,
                    Layout layout) {
  Tensor t = empty(context, shape, layout);
  t.copy_from(values);
  return t;
}

const Shape& Tensor::shape() const {
  GSX_CHECK(defined(), "tensor: used before it was given a value");
  return impl_->shape;
}
DType Tensor::dtype() const { return impl_->dtype; }
Layout Tensor::layout() const { return impl_->layout; }
const ContextPtr& Tensor::context() const {
  GSX_CHECK(defined(), "tensor: used before it was given a value");
  return impl_->storage->context;
}

kernels::View Tensor::view() const {
  GSX_CHECK(defined() && layout() == Layout::image,
            "tensor: expected an image tensor N C H W, got ",
            defined() ? "another layout" : "an undefined tensor");
  return view_of(shape());
}

kernels::FilterView Tensor::filter_view() const {
  GSX_CHECK(defined() && layout() == Layout::filter,
            "tensor: expected a filter tensor K C R S, got ",
            defined() ? "another layout" : "an undefined tensor");
  return filter_of(shape());
}

int64_t Tensor::storage_size() const { return storage_elements(shape(), layout()); }
kernels::Rows Tensor::rows() const { return rows_of(shape(), layout()); }
void* Tensor::raw() const {
  GSX_CHECK(defined(), "tensor: used before it was given a value");
  return impl_->storage->data;
}
void* Tensor::host_data() const {
  GSX_CHECK(context()->host_accessible(), "tensor: the host cannot reach memory of device ",
            device(), "; copy it with to_vector()");
  return raw();
}

void Tensor::read_bytes(void* to, size_t element) const {
  GSX_CHECK(element == size_of(dtype()), "tensor: elements are ", dtype(), ", not of ", element,
            " bytes");
  context()->download(raw(), to, impl_->storage->bytes);
}

void Tensor::write_bytes(const void* from, size_t count, size_t element) const {
  GSX_CHECK(element == size_of(dtype()), "tensor: elements are ", dtype(), ", not of ", element,
            " bytes");
  GSX_CHECK(static_cast<int64_t>(count) == storage_size(), "tensor: the storage of shape ", shape(),
            " needs ", storage_size(), " values, got ", count);
  changed();
  context()->upload(from, raw(), impl_->storage->bytes);
}

float Tensor::item() const {
  GSX_CHECK(numel() == 1, "item: expected a tensor of one element, got shape ", shape());
  return to_vector()[0];
}

namespace {
void check_index(const Tensor& t, int64_t i) {
  GSX_CHECK(t.dtype() == DType::f32 && t.layout() == Layout::dense && i >= 0 && i < t.numel(),
            "tensor: expected element ", i, " of a dense f32 tensor, got shape ", t.shape());
}
}  // namespace

float Tensor::at(int64_t i) const {
  check_index(*this, i);
  float value = 0;
  context()->download(device_data() + i, &value, sizeof value);
  return value;
}

void Tensor::put(int64_t i, float value) const {
  check_index(*this, i);
  changed();
  context()->upload(&value, device_data() + i, sizeof value);
}

std::vector<float> Tensor::to_vector() const {
  return with_type(dtype(), [&]<class T>(T*) {
    std::vector<T> copy;
    if (!context()->host_accessible()) copy = read_storage<T>();
    const T* p = copy.empty() ? static_cast<const T*>(raw()) : copy.data();
    std::vector<float> out(static_cast<size_t>(numel()));
    for_each_element(shape(), layout(),
                     [&](int64_t i, int64_t at) { out[i] = static_cast<float>(p[at]); });
    return out;
  });
}

void Tensor::copy_from(std::span<const float> values) const {
  GSX_CHECK(static_cast<int64_t>(values.size()) == numel(), "tensor: shape ", shape(), " needs ",
            numel(), " values, got ", values.size());
  changed();
  with_type(dtype(), [&]<class T>(T*) {
    std::vector<T> copy;
    if (!context()->host_accessible()) copy.resize(static_cast<size_t>(storage_size()));
    T* p = copy.empty() ? static_cast<T*>(raw()) : copy.data();
    for_each_element(shape(), layout(),
                     [&](int64_t i, int64_t at) { p[at] = static_cast<T>(values[i]); });
    if (!copy.empty()) write_storage<T>(copy);
  });
}

void Tensor::copy_from(const Tensor& other) const {
  GSX_CHECK(shape() == other.shape() && layout() == other.layout() && dtype() == other.dtype(),
            "tensor: cannot copy shape ", other.shape(), " into shape ", shape());
  GSX_CHECK(device() == other.device(), "tensor: cannot copy from ", other.device(), " to ",
            device(), "; use to()");
  changed();
  if (other.context() != context()) other.context()->synchronize();  // its stream made the values
  context()->copy(other.raw(), raw(), impl_->storage->bytes);
}

void Tensor::fill(float value) const {
  GSX_CHECK(dtype() == DType::f32, "fill: expected an f32 tensor, got ", dtype());
  changed();
  backend().elementwise.fill(exec(), rows(), nullptr, value, device_data());
}

Tensor Tensor::clone() const {
  Tensor t = empty_like(*this);
  t.copy_from(*this);
  return t;
}

Tensor Tensor::to(const ContextPtr& other) const {
  Tensor t = empty(other, shape(), layout(), dtype());
  with_type(dtype(), [&]<class T>(T*) { t.write_storage<T>(read_storage<T>()); });
  return t;
}

Tensor Tensor::retyped(DType type) const {
  GSX_CHECK(defined() && size_of(type) == size_of(dtype()),
            "tensor: can only be retyped to elements of the same size, got ", type);
  auto impl = std::make_shared<Impl>();
  impl->storage = impl_->storage;
  impl->shape = impl_->shape;
  impl->layout = impl_->layout;
  impl->dtype = type;
  return Tensor(std::move(impl));
}

Tensor Tensor::detach() const {
  GSX_CHECK(defined(), "detach: the tensor has no value");
  auto impl = std::make_shared<Impl>();
  impl->storage = impl_->storage;
  impl->shape = impl_->shape;
  impl->layout = impl_->layout;
  impl->dtype = impl_->dtype;
  return Tensor(std::move(impl));
}

bool Tensor::requires_grad() const {
  return impl_ && (impl_->trainable || impl_->node || impl_->freed);
}

const Tensor& Tensor::set_requires_grad(bool on) const {
  GSX_CHECK(defined() && dtype() == DType::f32, "requires_grad: only f32 tensors carry gradients");
  GSX_CHECK(!impl_->node,
            "requires_grad: expected a leaf, got a computed tensor; detach() it first");
  impl_->trainable = on;
  if (on) impl_->storage->kept.reset();
  return *this;
}

void Tensor::prepack_weights() const {
  GSX_CHECK(defined() && (layout() == Layout::filter || dtype() == DType::s8),
            "prepack_weights: expected a filter tensor or packed quantised filters");
  if (context()->prepacks_weights() && !impl_->storage->kept)
    impl_->storage->kept = std::make_unique<kernels::PrepackedWeights>();
}

kernels::PrepackedWeights* Tensor::prepacked_weights() const { return impl_->storage->kept.get(); }

void Tensor::keep_largest() const {
  GSX_CHECK(defined() && layout() == Layout::filter && dtype() == DType::f32,
            "keep_largest: expected an f32 filter tensor");
  if (device().kind != Device::cpu || impl_->storage->largest) return;
  const auto channels = static_cast<size_t>(filter_view().ks);
  impl_->storage->largest =
      std::make_unique<KeptLargest>(KeptLargest{std::vector<float>(channels)});
}

KeptLargest* Tensor::kept_largest() const { return impl_->storage->largest.get(); }

void Tensor::changed() const {
  GSX_CHECK(defined(), "tensor: used before it was given a value");
  impl_->storage->version = next_version();
  if (impl_->storage->kept) impl_->storage->kept->clear();
  if (impl_->storage->largest) impl_->storage->largest->valid = false;
}

uint64_t Tensor::version() const {
  GSX_CHECK(defined(), "tensor: used before it was given a value");
  return impl_->storage->version;
}

Tensor Tensor::grad() const { return impl_ && impl_->grad ? Tensor(impl_->grad) : Tensor(); }

void Tensor::set_grad(const Tensor& g) const {
  GSX_CHECK(!g.defined() || g.shape() == shape(), "grad: expected shape ", shape(), ", got ",
            g.shape());
  impl_->grad = g.impl_;
}

std::vector<float> items(const std::vector<Tensor>& scalars) {
  if (scalars.empty()) return {};
  const ContextPtr& context = scalars[0].context();
  const Tensor all = Tensor::empty(context, {static_cast<int64_t>(scalars.size())});
  float* to = all.device_data();
  for (const Tensor& t : scalars) {
    GSX_CHECK(t.numel() == 1 && t.dtype() == DType::f32 && t.context() == context,
              "items: expected f32 tensors of one element in one context, got shape ", t.shape());
    context->copy(t.device_data(), to++, sizeof(float));
  }
  return all.to_vector();
}

}  // namespace gsx
