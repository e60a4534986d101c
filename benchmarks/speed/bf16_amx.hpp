// bf16x3 by AMX tiles: an instruction adds the products of 16 pairs of rows to 16 x 16 sums.
//
// The right operand is a block of the pair panel as it lies; the left one is such a block transposed,
// which the packing writes besides. With -DEMULATE_AMX the tiles are plain arrays, so that the
// order of blocks and words can be tested on any CPU.
#pragma once

#include <sys/syscall.h>
#include <unistd.h>

#include "bf16_kernels.hpp"

#if defined(EMULATE_AMX)

inline std::uint32_t emulated[8][16][16];
inline float as_float(std::uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}
inline void emulate_load(int tile, const float* from, std::int64_t bytes) {
  for (int r = 0; r < 16; ++r) std::memcpy(emulated[tile][r], from + r * bytes / 4, 64);
}
inline void emulate_store(int tile, float* to, std::int64_t bytes) {
  for (int r = 0; r < 16; ++r) std::memcpy(to + r * bytes / 4, emulated[tile][r], 64);
}
inline void emulate_product(int c, int a, int b) {
  for (int m = 0; m < 16; ++m)
    for (int n = 0; n < 16; ++n) {
      float sum = as_float(emulated[c][m][n]);
      for (int k = 0; k < 16; ++k) {
        const std::uint32_t x = emulated[a][m][k], y = emulated[b][k][n];
        sum += as_float(x << 16) * as_float(y << 16);
        sum += as_float(x & 0xffff0000u) * as_float(y & 0xffff0000u);
      }
      std::memcpy(&emulated[c][m][n], &sum, sizeof(sum));
    }
}
#undef _tile_loadd
#undef _tile_stored
#undef _tile_dpbf16ps
#define _tile_loadd emulate_load
#define _tile_stored emulate_store
#define _tile_dpbf16ps emulate_product
inline bool amx_begin() { return true; }

#else

// Asks Linux for the tiles and makes all eight of them 16 rows of 64 bytes; false where it refuses.
inline bool amx_begin() {
  constexpr int request_permission = 0x1023, tile_data = 18;  // ARCH_REQ_XCOMP_PERM, XTILEDATA
  if (syscall(SYS_arch_prctl, request_permission, tile_data)) return false;
  struct alignas(64) {
    std::uint8_t palette = 1, start = 0, reserved[14] = {};
    std::uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
    std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
  } layout;
  static_assert(sizeof(layout) == 64);
  __asm__ volatile("" : : "r"(&layout) : "memory");
  _tile_loadconfig(&layout);
  return true;
}

#endif

// The pair panel, then high and low blocks transposed: word (i, k) of a block of 16 x 16 is column i.
struct Amx : PairPanel {
  static constexpr const char* name = "bf16x3-amx";
  static constexpr std::int64_t depth(std::int64_t d) { return panel_depth(d); }
  static constexpr std::int64_t words(std::int64_t d) { return 2 * PairPanel::words(d); }
  static constexpr std::int64_t turned(std::int64_t d) { return PairPanel::words(d); }

  static void pack(const float* p, std::int64_t rows, std::int64_t d, float* panel) {
    PairPanel::pack(p, rows, d, panel);
    const std::int64_t stride = stride_of(d), blocks = (rows + 31) / 32;
    for (std::int64_t part = 0; part < 2; ++part) {
      float* words = panel + part * low(d);
      for (std::int64_t k = (rows + 1) / 2; k < blocks * 16; ++k)  // the rest of a block is zero
        std::memset(words + k * stride, 0, static_cast<std::size_t>(d) * sizeof(float));
      for (std::int64_t block = 0; block < blocks; ++block)
        for (std::int64_t i = 0; i < d; i += 16)
          transpose(words + block * 16 * stride + i, stride, left(panel, d, part, block, i));
    }
    __asm__ volatile("" : : : "memory");  // GCC's tile loads do not say that they read
  }

  static void update(float* c, std::int64_t d, const float* panel, std::int64_t rows) {
    const std::int64_t blocks = (rows + 31) / 32;
    for (std::int64_t i = 0; i < d; i += 32)
      for (std::int64_t j = i; j < d; j += 32) tile(c + i * d + j, d, panel, i, j, blocks);
  }

 private:
  static const float* left(const float* panel, std::int64_t d, std::int64_t part, std::int64_t block,
                           std::int64_t i) {
    return panel + turned(d) + part * low(d) + block * 16 * d + i * 16;
  }
  static float* left(float* panel, std::int64_t d, std::int64_t part, std::int64_t block,
                     std::int64_t i) {
    return panel + turned(d) + part * low(d) + block * 16 * d + i * 16;
  }
  static void transpose(const float* from, std::int64_t stride, float* to) {
    const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i apart = _mm512_mullo_epi32(lane, _mm512_set1_epi32(16));
    for (int k = 0; k < 16; ++k)
      _mm512_i32scatter_epi32(to + k, apart, _mm512_loadu_si512(from + k * stride), 4);
  }

  // 32 x 32 of C: four tiles of sums, and two operands of each side at a time.
  static void tile(float* c, std::int64_t d, const float* panel, std::int64_t i, std::int64_t j,
                   std::int64_t blocks) {
    const std::int64_t row = d * 4, line = 64, step = stride_of(d) * 4;
    _tile_loadd(0, c, row);
    _tile_loadd(1, c + 16, row);
    _tile_loadd(2, c + 16 * d, row);
    _tile_loadd(3, c + 16 * d + 16, row);
    for (std::int64_t block = 0; block < blocks; ++block) {
      const float* right = panel + block * 16 * stride_of(d) + j;
      _tile_loadd(6, right, step);
      _tile_loadd(7, right + 16, step);
      for (std::int64_t part : {1, 0}) {  // low high, then high high
        _tile_loadd(4, left(panel, d, part, block, i), line);
        _tile_loadd(5, left(panel, d, part, block, i + 16), line);
        products();
      }
      _tile_loadd(6, right + low(d), step);
      _tile_loadd(7, right + low(d) + 16, step);
      products();  // high low
    }
    _tile_stored(0, c, row);
    _tile_stored(1, c + 16, row);
    _tile_stored(2, c + 16 * d, row);
    _tile_stored(3, c + 16 * d + 16, row);
  }
  static LMF_INLINE void products() {
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
};
