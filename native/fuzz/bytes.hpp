// A fuzzer's bytes read as a problem: sizes from the bytes, and when they run out, numbers from a
// generator seeded by all of them. So a short input is a whole problem, and the fuzzer's hold on it
// is where the branches are: in the sizes and the flags.
#pragma once

#include <bit>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <vector>

namespace lmf::fuzz {

class Bytes {
 public:
  Bytes(const std::uint8_t* data, std::size_t size) : at_(data), end_(data + size) {
    for (std::size_t k = 0; k < size; ++k) state_ = (state_ ^ data[k]) * 0x100000001b3ull;
  }
  std::uint8_t byte() { return at_ < end_ ? *at_++ : static_cast<std::uint8_t>(next() >> 56); }
  bool coin() { return byte() & 1; }
  std::uint64_t word() {
    std::uint64_t value = 0;
    for (int k = 0; k < 8; ++k) value = value << 8 | byte();
    return value;
  }
  // A whole number in [low, high].
  std::int64_t in(std::int64_t low, std::int64_t high) {
    const auto from = static_cast<std::uint64_t>(low), span = static_cast<std::uint64_t>(high) - from + 1;
    const std::uint64_t drawn = span - 1 < 256 ? byte() : word();
    return static_cast<std::int64_t>(from + (span ? drawn % span : drawn));
  }
  // True for one input in so many, whatever their bytes have in common: what is slow has a share of
  // the executions that mutation cannot raise.
  bool rarely(std::uint64_t one_in) { return next() % one_in == 0; }
  // Several in a small share of the executions: starting them costs more than most kernels do.
  int threads() { return rarely(256) ? 3 : 1; }
  // In [-4, 4).
  float small() { return static_cast<float>(static_cast<std::int8_t>(byte())) / 32; }
  // A whole number in [-3, 3]: sums of products of some are exact in float32, and tie.
  float whole() { return static_cast<float>(in(-3, 3)); }
  // Any float at all, the odd ones often.
  float wild() {
    constexpr float odd[] = {0.0f, -0.0f, 1e-45f, 1e38f, -1e38f, std::numeric_limits<float>::infinity(),
                             -std::numeric_limits<float>::infinity(),
                             std::numeric_limits<float>::quiet_NaN()};
    const std::uint8_t kind = byte();
    if (kind < 64) return odd[kind % 8];
    if (kind < 128) return small();
    return std::bit_cast<float>(static_cast<std::uint32_t>(word()));
  }
  template <class Make>
  std::vector<float> floats(std::int64_t n, Make&& make) {
    std::vector<float> values(static_cast<std::size_t>(n));
    for (float& value : values) value = make();
    return values;
  }

 private:
  std::uint64_t next() {  // splitmix64
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15ull;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
  }
  const std::uint8_t* at_;
  const std::uint8_t* end_;
  std::uint64_t state_ = 0xcbf29ce484222325ull;
};

// A promise of the kernel; a broken one ends the process, which the fuzzer keeps the input of.
inline void expect(bool good, const char* what) {
  if (good) return;
  std::fprintf(stderr, "BROKEN PROMISE: %s\n", what);
  std::abort();
}

}  // namespace lmf::fuzz
