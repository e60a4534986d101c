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

#include "memory.hpp"
#include "parallel.hpp"

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

// Refuses what a kernel must never see; the Python layer has said it better before.
inline void require(bool good, const char* message) {
  if (!good) throw std::invalid_argument(message);
}

// indptr starts at 0, never falls and ends at nnz; every index lies in [0, n_cols), which is none
// for a negative n_cols.
inline void require_csr(const std::int64_t* indptr, std::int64_t n_rows, const std::int32_t* indices,
                        std::int64_t nnz, std::int64_t n_cols) {
  require(n_cols >= 0, "the number of columns must not be negative");
  require(indptr[0] == 0 && indptr[n_rows] == nnz, "indptr must start at 0 and end at len(indices)");
  for (std::int64_t row = 0; row < n_rows; ++row)
    require(indptr[row] <= indptr[row + 1], "indptr must not fall");
  std::uint32_t largest = 0;  // a negative index is a huge unsigned one
  for (std::int64_t k = 0; k < nnz; ++k) {
    const auto index = static_cast<std::uint32_t>(indices[k]);
    largest = index > largest ? index : largest;
  }
  require(nnz == 0 || largest < static_cast<std::uint64_t>(n_cols), "column index out of range");
}

// Asks Python whether Ctrl-C was pressed; kernels run without the GIL, so it is taken here.
inline Interrupt python_interrupt() {
  return [] {
    nb::gil_scoped_acquire hold;
    return PyErr_CheckSignals() != 0;
  };
}

// After a kernel returned false: the KeyboardInterrupt that stopped it is pending.
inline void raise_if_interrupted(bool finished) {
  if (!finished) throw nb::python_error();
}

}  // namespace lmf::bindings
