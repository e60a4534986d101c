// encode_integers: the distinct values in rising order, and each value found again by its code.
#include "encode.hpp"
#include "rows_of.hpp"

using namespace lmf;
using namespace lmf::fuzz;

namespace {

template <class T>
void encode(Bytes& bytes) {
  constexpr T least = std::numeric_limits<T>::min(), most = std::numeric_limits<T>::max();
  constexpr std::int64_t widest = sizeof(T) * 8 - 2;
  const std::int64_t n = bytes.in(0, bytes.rarely(16) ? 60 : 20);
  // From 2^8 to 2^16 there is a table of all values between.
  const std::int64_t spread = std::int64_t{1} << (bytes.rarely(32) ? bytes.in(8, 16)
                                                  : bytes.coin()   ? bytes.in(0, 7)
                                                                   : bytes.in(17, widest));
  const T odds[] = {least, most, 0, -1, static_cast<T>(most - 1), static_cast<T>(least + 1)};
  std::vector<T> values;
  for (std::int64_t k = 0; k < n; ++k)
    values.push_back(bytes.in(0, 15) ? static_cast<T>(bytes.in(-spread, spread)) : odds[bytes.in(0, 5)]);
  std::vector<Run<T>> runs;
  for (std::int64_t begin = 0; begin < n || runs.empty();) {
    const std::int64_t some = std::min<std::int64_t>(n - begin, bytes.in(0, 20));
    runs.push_back({some ? values.data() + begin : nullptr, some});
    begin += some;
  }
  std::vector<T> expected = values;
  std::sort(expected.begin(), expected.end());
  expected.erase(std::unique(expected.begin(), expected.end()), expected.end());
  std::vector<std::int32_t> codes(n, -7);
  const auto found = encode_integers(runs, codes.data(), bytes.threads());
  expect(std::equal(found.begin(), found.end(), expected.begin(), expected.end()), "distinct values, rising");
  for (std::int64_t k = 0; k < n; ++k)
    expect(codes[k] >= 0 && codes[k] < std::ssize(found) && found[codes[k]] == values[k], "a code gives its value");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes bytes(data, size);
  if (bytes.coin()) encode<std::int32_t>(bytes);
  else encode<std::int64_t>(bytes);
  return 0;
}
