// Loops whose sums fit into registers, are too many for them, or lie in memory: what the test of
// the kernels must tell apart.

namespace planted {

using Vector = float __attribute__((vector_size(16)));

// y[i] += sum over j of x[j*kSums + i] * w[j]
template <int kSums>
void sum_products(const Vector* x, const Vector* w, int count, Vector* y) {
  Vector sums[kSums];
#pragma GCC unroll 64
  for (int i = 0; i < kSums; ++i) sums[i] = y[i];
  for (int j = 0; j < count; ++j) {
#pragma GCC unroll 64
    for (int i = 0; i < kSums; ++i) sums[i] += x[j * kSums + i] * w[j];
  }
#pragma GCC unroll 64
  for (int i = 0; i < kSums; ++i) y[i] = sums[i];
}

template void sum_products<8>(const Vector*, const Vector*, int, Vector*);
template void sum_products<48>(const Vector*, const Vector*, int, Vector*);

// Few enough, but indexed by a number that only running tells.
void sum_into_memory(const Vector* x, const Vector* w, int count, const int* which, Vector* y) {
  Vector sums[8] = {};
  for (int j = 0; j < count; ++j) sums[which[j] & 7] += x[j] * w[j];
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) y[i] = sums[i];
}

}  // namespace planted
