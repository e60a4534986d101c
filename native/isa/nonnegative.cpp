// Non-negative rows by coordinate descent, one build per instruction set. The equations stand in
// native/nonnegative.hpp; there are two forms, as rows share one matrix H or have one each.
#include "nonnegative.hpp"

#include "isa/nonnegative_block.hpp"
#include "isa/nonnegative_row.hpp"

namespace lmf::LMF_ISA {
extern const NonnegativeKernels nonnegative_kernels;

namespace {

std::size_t workspace_bytes(int d) {
  return Workspace::bytes(d) + Block::bytes(d);
}

// Whether no interaction of the row weighs more or less than an unobserved one: then H is shared.
bool shares(const RowProblem& rows, std::int64_t index) {
  const Row row(rows, index);
  if (!row.weights) return row.n == 0 || row.excess(0) == 0;
  for (std::int64_t e = 0; e < row.n; ++e)
    if (row.excess(e) != 0) return false;
  return true;
}

void solve(const NonnegativeProblem& problem, std::int64_t begin, std::int64_t end, void* memory) {
  const RowProblem& rows = problem.rows;
  Workspace work;
  const std::size_t used = work.lay_out(memory, rows.d);
  const Block block(static_cast<unsigned char*>(memory) + used, rows.d);
  for (std::int64_t index = begin; index < end;) {
    std::int64_t alike = index;
    while (alike < end && alike - index < block_rows && shares(rows, alike)) ++alike;
    if (alike > index) {
      solve_block(problem, index, alike, block, work.right);
      index = alike;
    } else {
      solve_row(problem, index++, work);
    }
  }
}

}  // namespace

const NonnegativeKernels nonnegative_kernels = {block_rows, workspace_bytes, solve};

}  // namespace lmf::LMF_ISA
