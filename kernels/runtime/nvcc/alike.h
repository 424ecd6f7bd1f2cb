// Whether a function is what we say of it: for holding our views of libraries against their
// headers.
#pragma once
#include <type_traits>

namespace gsx::kernels {

// Whether the same registers and stack pass an A and a B: enumerators are ints, pointers pointers.
template <class A, class B>
constexpr bool kAlike = sizeof(A) == sizeof(B) && std::is_pointer_v<A> == std::is_pointer_v<B>;

template <class R, class... A, class S, class... B>
constexpr bool alike(R (*)(A...), S (*)(B...)) {
  if constexpr (sizeof...(A) != sizeof...(B)) return false;
  else return kAlike<R, S> && (kAlike<A, B> && ...);
}

}  // namespace gsx::kernels
