// Large arrays without a first value: written once by the kernel that asked for them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <type_traits>
#include <utility>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace lmf {

// 64-byte aligned memory of at least one byte, for std::free. From 4 MiB on the kernel is asked for
// huge pages: the first touch of 4 KiB pages costs more than most of the work done on them.
inline void* allocate(std::size_t bytes) {
  const std::size_t rounded = bytes ? (bytes + 63) / 64 * 64 : 64;
  if (rounded < bytes) throw std::bad_alloc();
  void* data = std::aligned_alloc(64, rounded);
  if (!data) throw std::bad_alloc();
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  if (rounded >= std::size_t{4} << 20) {
    constexpr std::uintptr_t page = 4096;
    const auto address = reinterpret_cast<std::uintptr_t>(data);
    const std::uintptr_t first = (address + page - 1) / page * page;
    // Refused where huge pages are switched off or pages are larger; then nothing is lost.
    madvise(reinterpret_cast<void*>(first), rounded - (first - address), MADV_HUGEPAGE);
  }
#endif
  return data;
}

// `size` elements of a plain type, uninitialised.
template <class T>
class Buffer {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  Buffer() = default;
  explicit Buffer(std::size_t size) : size_(size) {
    if (size > SIZE_MAX / sizeof(T)) throw std::bad_alloc();
    data_ = static_cast<T*>(allocate(size * sizeof(T)));
  }
  Buffer(Buffer&& other) noexcept : data_(other.data_), size_(other.size_) {
    other.data_ = nullptr;
    other.size_ = 0;
  }
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Buffer() { std::free(data_); }
  T* data() { return data_; }
  const T* data() const { return data_; }
  T& operator[](std::size_t k) { return data_[k]; }
  const T& operator[](std::size_t k) const { return data_[k]; }
  std::size_t size() const { return size_; }
  // The memory, for std::free by whoever takes it; nothing remains here.
  T* release() {
    size_ = 0;
    return std::exchange(data_, nullptr);
  }

 private:
  T* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace lmf
