// What every binding shares: array types that accept no conversion, owned results, Ctrl-C.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>

#include <cstdint>
#include <cstdlib>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>

#include "checks.hpp"
#include "gil.hpp"
#include "memory.hpp"

namespace lmf::bindings {

namespace nb = nanobind;

// C-contiguous, on the CPU, of exactly this dtype. Read-only arrays are welcome as `const T`.
template <class T>
using In1 = nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T>
using In2 = nb::ndarray<const T, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
template <class T>
using In3 = nb::ndarray<const T, nb::ndim<3>, nb::c_contig, nb::device::cpu>;
template <class T>
using InOut1 = nb::ndarray<T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T>
using InOut2 = nb::ndarray<T, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
template <class T>
using Out1 = nb::ndarray<nb::numpy, T, nb::ndim<1>>;
template <class T>
using Out2 = nb::ndarray<nb::numpy, T, nb::ndim<2>>;

template <class T, class Array>
const T* data_or_null(const std::optional<Array>& array) {
  return array ? array->data() : nullptr;
}

// Memory for a result, 64-byte aligned, owned by the NumPy array made of it.
template <class T>
class Owned {
 public:
  explicit Owned(std::size_t size) : Owned(Buffer<T>(size)) {}
  // A buffer that a kernel allocated and filled.
  explicit Owned(Buffer<T>&& buffer) : size_(buffer.size()), data_(buffer.release()) {}
  Owned(Owned&& other) noexcept : size_(other.size_), data_(other.data_) { other.data_ = nullptr; }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  ~Owned() { std::free(data_); }
  T* data() { return data_; }
  T& operator[](std::size_t k) { return data_[k]; }
  std::size_t size() const { return size_; }
  void shrink(std::size_t size) { size_ = size; }

  Out1<T> vector() {
    T* data = release();
    return Out1<T>(data, {size_}, owner(data));
  }
  Out2<T> matrix(std::size_t rows, std::size_t columns) {
    T* data = release();
    return Out2<T>(data, {rows, columns}, owner(data));
  }

 private:
  T* release() {
    T* data = data_;
    data_ = nullptr;
    return data;
  }
  static nb::capsule owner(T* data) {
    return nb::capsule(data, [](void* p) noexcept { std::free(p); });
  }
  std::size_t size_;
  T* data_;
};

// After a kernel returned false: what the signal's handler raised, such as KeyboardInterrupt, is pending.
inline void raise_if_interrupted(bool finished) {
  if (!finished) throw nb::python_error();
}

}  // namespace lmf::bindings
